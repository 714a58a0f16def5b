"""WhatsApp's Noise handshake: our ephemeral key, answered by a ServerHello with theirs and a sealed certificate.

Framing and messages as whatsmeow and Baileys have them: `WA`, a version of the protocol and of its dictionary, then
frames of a 24-bit length and a protobuf `HandshakeMessage` (field 2 ClientHello, field 3 ServerHello). The certificate
is sealed, and only its length is looked at; so the answer has a shape of its own, and is not proven.
"""

from __future__ import annotations

from probe.measure.app.speech import MORE, Asked, Speech, Turn, begins
from probe.tables.handshakes import ANSWERED, FOREIGN

_PROLOGUE = b"WA\x06\x03"
KEY_BYTES = 32
_SEALED_KEY_BYTES = KEY_BYTES + 16
_MIN_FRAME, _MAX_FRAME = 100, 2048


def hello(asked: Asked) -> bytes:
    """Prologue and ClientHello; any 32 bytes are a public key of X25519 (RFC 7748)."""
    client_hello = b"\x0a" + bytes([KEY_BYTES]) + asked.random[:KEY_BYTES]
    message = b"\x12" + bytes([len(client_hello)]) + client_hello
    return _PROLOGUE + len(message).to_bytes(3, "big") + message


def hear(data: bytes, asked: Asked) -> str:
    """One frame with a ServerHello whose parts fill it exactly, and whose key is not our own come back."""
    if len(data) < 3:
        return MORE
    length = int.from_bytes(data[:3], "big")
    frame = data[3:]
    if not _MIN_FRAME <= length <= _MAX_FRAME or not begins(frame[:1], b"\x1a") or len(frame) > length:
        return FOREIGN
    if len(frame) < length:
        return MORE
    message = _fields(frame)
    server = _fields(message.get(3, b""))
    key, sealed, certificate = server.get(1, b""), server.get(2, b""), server.get(3, b"")
    whole = len(key) == KEY_BYTES and len(sealed) == _SEALED_KEY_BYTES and len(certificate) > 16
    return ANSWERED if whole and key != asked.random[:KEY_BYTES] and set(message) == {3} else FOREIGN


def _fields(data: bytes) -> dict[int, bytes]:
    """The length-delimited fields of a protobuf message; empty when it is none, or holds a field twice."""
    found: dict[int, bytes] = {}
    while data:
        tag, data = _varint(data)
        length, data = _varint(data)
        if tag & 7 != 2 or tag >> 3 in found or length > len(data):
            return {}
        found[tag >> 3], data = data[:length], data[length:]
    return found


def _varint(data: bytes) -> tuple[int, bytes]:
    value = 0
    for index, byte in enumerate(data[:4]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, data[index + 1 :]
    return 0, b""  # tag 0 is of no kind that is looked for


SPEECH = Speech(turns=(Turn(say=hello, hear=hear),), random_bytes=KEY_BYTES, max_bytes=_MAX_FRAME + 3)
