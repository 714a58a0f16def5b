"""WeChat's mmtls, the long link: a ClientHello with two P-256 points, answered by a ServerHello with one.

Layout as gommtls has it and Citizen Lab recorded it ("Should We Chat, Too?", 2024): records `16 F1 04` with a 16-bit
length, within them messages with a 32-bit length. The server's signature is not checked: an answer is not proven.
"""

from __future__ import annotations

from probe.core.tables.handshakes import ANSWERED, FOREIGN, Proof
from probe.core.tables.words import Empty
from probe.instruments.messengers.speech import Speech, SpeechContext, Turn, judge_beginning

_CURVE_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_CURVE_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_CURVE_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_RANDOM_BYTES, _SCALAR_BYTES, _POINT_BYTES = 32, 32, 65
_KEY_IDS = (5, 6)
_MAX_RECORD = 1024
_RECORDS = (b"\x16\xf1\x03", b"\x16\xf1\x04")
_CHOSEN = (b"\x02\x03\xf1\xc0\x2b", b"\x02\x04\xf1\xc0\x2b")
"""ServerHello, version 3 or 4, ECDHE with ECDSA and AES-128-GCM; we offer no other."""


def make_client_hello(asked: SpeechContext) -> bytes:
    """The ClientHello as a record; `random` is its random value and the two secret numbers behind its points."""
    keys = b"".join(
        _add_length(index.to_bytes(4, "big") + _POINT_BYTES.to_bytes(2, "big") + _point(asked, nth))
        for nth, index in enumerate(_KEY_IDS)
    )
    extension = b"\x00\x10\x02" + keys + bytes.fromhex("00000000020000000300000004")
    extensions = _add_length(b"\x01" + _add_length(extension))
    body = _add_length(b"\x01\x04\xf1\x01\xc0\x2b" + asked.random[:_RANDOM_BYTES] + asked.now_s.to_bytes(4, "big")
                       + extensions)
    return b"\x16\xf1\x04" + len(body).to_bytes(2, "big") + body


def _add_length(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _point(asked: SpeechContext, nth: int) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    start = _RANDOM_BYTES + nth * _SCALAR_BYTES
    scalar = int.from_bytes(asked.random[start : start + _SCALAR_BYTES], "big") % (_CURVE_N - 1) + 1
    key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def judge_server_hello(data: bytes, asked: SpeechContext) -> Proof | Empty:
    """A first record that holds one ServerHello: our cipher suite, and a point that lies on the curve."""
    if len(data) < 5:
        return judge_beginning(data[:3], *_RECORDS)
    length = int.from_bytes(data[3:5], "big")
    body = data[5:]
    if data[:3] not in _RECORDS or not 4 < length <= _MAX_RECORD:
        return FOREIGN
    if len(body) < length:
        return judge_beginning(body[4:9], *_CHOSEN)
    body = body[:length]
    whole = int.from_bytes(body[:4], "big") == length - 4 and body[4:9] in _CHOSEN
    server_random = body[9 : 9 + _RANDOM_BYTES]
    return ANSWERED if whole and server_random != asked.random[:_RANDOM_BYTES] and _has_point(body[41:]) else FOREIGN


def _has_point(extensions: bytes) -> bool:
    """Whether the key share (extension 0x0011: index, length, point) is there and holds a point of the curve."""
    at = extensions.find(b"\x00\x11")
    point = extensions[at + 8 : at + 8 + _POINT_BYTES]
    if at < 0 or len(point) != _POINT_BYTES or point[0] != 4 or extensions[at + 6 : at + 8] != b"\x00\x41":
        return False
    x, y = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    return x < _CURVE_P and y < _CURVE_P and (y * y - x * x * x + 3 * x - _CURVE_B) % _CURVE_P == 0


RANDOM_BYTES = _RANDOM_BYTES + 2 * _SCALAR_BYTES
FORMS = (Speech(turns=(Turn(say=make_client_hello, hear=judge_server_hello),), random_bytes=RANDOM_BYTES,
                max_bytes=8192),)
