"""KakaoTalk's LOCO within TLS: a header of 22 bytes, little-endian, and BSON (node-kakao)."""

from __future__ import annotations

from probe.core.tables.handshakes import FOREIGN, PROVEN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import INCOMPLETE, Speech, SpeechContext, Turn, judge_beginning

_HEADER = 22
_METHOD = b"GETCONF\0\0\0\0"
_MAX = 16384


def loco_request(asked: SpeechContext) -> bytes:
    """GETCONF of a device without a network operator; `random` is the packet id."""
    elements = b"".join(_bson_text(key, value) for key, value in (("MCCMNC", "999"), ("model", ""), ("os", "win32")))
    body = (len(elements) + 5).to_bytes(4, "little") + elements + b"\0"
    return asked.random[:4] + bytes(2) + _METHOD + b"\0" + len(body).to_bytes(4, "little") + body


def _bson_text(key: str, value: str) -> bytes:
    raw = value.encode() + b"\0"
    return b"\x02" + key.encode() + b"\0" + len(raw).to_bytes(4, "little") + raw


def hear_loco(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """The same packet id and method, and a document of its stated length that is not our own come back."""
    if judge_beginning(data[:4], asked.random[:4]) or judge_beginning(data[6:17], _METHOD):
        return FOREIGN
    if len(data) < _HEADER + 4:
        return INCOMPLETE
    length = int.from_bytes(data[18:22], "little")
    body = data[_HEADER:]
    if not 5 <= length <= _MAX or int.from_bytes(body[:4], "little") != length or len(body) > length:
        return FOREIGN
    if len(body) < length:
        return INCOMPLETE
    return PROVEN if body[-1] == 0 and data != loco_request(asked) and len(asked.random) >= 4 else FOREIGN


FORMS = (Speech(turns=(Turn(say=loco_request, hear=hear_loco),), random_bytes=4, max_bytes=_MAX + _HEADER,
                marks=lambda asked: {"id4": asked.random[:4]}),)
