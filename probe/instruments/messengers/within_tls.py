"""KakaoTalk's LOCO, MAX, MQTT and SimpleX's SMP: short exchanges within TLS.

Layouts: node-kakao (LOCO header of 22 bytes, little-endian, and BSON), PyMax (10 bytes, big-endian, and msgpack),
MQTT 3.1.1 sections 3.1 and 3.2, simplexmq's description of its transport (blocks of 16384 bytes).
"""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, PROVEN, REFUSED, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning, say_nothing

# ---- LOCO
_LOCO_HEADER = 22
_LOCO_METHOD = b"GETCONF\0\0\0\0"
_LOCO_MAX = 16384


def loco_request(asked: SpeechContext) -> bytes:
    """GETCONF of a device without a network operator; `random` is the packet id."""
    elements = b"".join(_bson_text(key, value) for key, value in (("MCCMNC", "999"), ("model", ""), ("os", "win32")))
    body = (len(elements) + 5).to_bytes(4, "little") + elements + b"\0"
    return asked.random[:4] + bytes(2) + _LOCO_METHOD + b"\0" + len(body).to_bytes(4, "little") + body


def _bson_text(key: str, value: str) -> bytes:
    raw = value.encode() + b"\0"
    return b"\x02" + key.encode() + b"\0" + len(raw).to_bytes(4, "little") + raw


def hear_loco(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The same packet id and method, and a document of its stated length that is not our own come back."""
    if judge_beginning(data[:4], asked.random[:4]) or judge_beginning(data[6:17], _LOCO_METHOD):
        return FOREIGN
    if len(data) < _LOCO_HEADER + 4:
        return INCOMPLETE
    length = int.from_bytes(data[18:22], "little")
    body = data[_LOCO_HEADER:]
    if not 5 <= length <= _LOCO_MAX or int.from_bytes(body[:4], "little") != length or len(body) > length:
        return FOREIGN
    if len(body) < length:
        return INCOMPLETE
    return PROVEN if body[-1] == 0 and data != loco_request(asked) and len(asked.random) >= 4 else FOREIGN


LOCO = Speech(turns=(Turn(say=loco_request, hear=hear_loco),), random_bytes=4, max_bytes=_LOCO_MAX + _LOCO_HEADER,
              marks=lambda asked: {"id4": asked.random[:4]})

# ---- MAX
_MAX_HEADER = 10
_SESSION_INIT = (6).to_bytes(2, "big")
_MAX_BODY = 65536
_RESPONSE, _ERROR = 1, 3


def max_request(asked: SpeechContext) -> bytes:
    """SESSION_INIT with an empty map; `random` is the sequence number."""
    return b"\x0a" + bytes(2) + asked.random[:1] + _SESSION_INIT + (1).to_bytes(4, "big") + b"\x80"


def hear_max(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """A response or an error to our sequence number and opcode. Clients differ on how wide the command is."""
    if judge_beginning(data[3:6], asked.random[:1] + _SESSION_INIT) or (len(data) > 2 and not _max_command(data)):
        return FOREIGN
    if len(data) < _MAX_HEADER:
        return INCOMPLETE
    length = int.from_bytes(data[7:10], "big")  # the byte before it says how the body is compressed
    if length > _MAX_BODY or len(data) - _MAX_HEADER > length:
        return FOREIGN
    if len(data) - _MAX_HEADER < length:
        return INCOMPLETE
    return (REFUSED if _max_command(data) == _ERROR else ANSWERED) if asked.random else FOREIGN


def _max_command(data: bytes) -> int:
    high, low = data[1], data[2]
    word = high or low
    return word if word in (_RESPONSE, _ERROR) else 0


MAX = Speech(turns=(Turn(say=max_request, hear=hear_max),), random_bytes=1, max_bytes=_MAX_BODY + _MAX_HEADER,
             marks=lambda asked: {"seq": asked.random[:1], "opcode": _SESSION_INIT})

# ---- MQTT
_KEEP_ALIVE_S = 60


def mqtt_connect(asked: SpeechContext) -> bytes:
    """CONNECT with a clean session and a random client id; no name, no password."""
    client = asked.random.hex().encode()
    variable = b"\0\4MQTT\4\2" + _KEEP_ALIVE_S.to_bytes(2, "big")
    payload = len(client).to_bytes(2, "big") + client
    return b"\x10" + bytes([len(variable) + len(payload)]) + variable + payload


def hear_mqtt(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """CONNACK: one flag, and a return code of 0 to 5, of which only the first accepts."""
    if judge_beginning(data, b"\x20\x02") or (len(data) > 2 and data[2] > 1) or (len(data) > 3 and data[3] > 5):
        return FOREIGN
    if len(data) < 4:
        return INCOMPLETE
    return (REFUSED if data[3] else ANSWERED) if len(data) == 4 else FOREIGN


MQTT = Speech(turns=(Turn(say=mqtt_connect, hear=hear_mqtt),), random_bytes=8, max_bytes=64)

# ---- SMP
_BLOCK = 16384
_HIGHEST_VERSION = 1000


def judge_smp(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The server's first block: versions, a session id and padding, under the authority that the catalogue names."""
    if len(data) < _BLOCK:
        return INCOMPLETE
    length = int.from_bytes(data[:2], "big")
    content = data[2 : 2 + length]
    low, high = int.from_bytes(content[:2], "big"), int.from_bytes(content[2:4], "big")
    shaped = len(data) == _BLOCK and 5 <= length <= _BLOCK - 2 and 0 < low <= high < _HIGHEST_VERSION
    if not shaped or data[2 + length :].strip(b"#"):
        return FOREIGN
    if not asked.identity:
        return ANSWERED
    return PROVEN if asked.identity in asked.authorities else FOREIGN


SMP = Speech(turns=(Turn(say=say_nothing, hear=judge_smp),), max_bytes=_BLOCK + 1024)
