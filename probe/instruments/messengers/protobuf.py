"""As much of protocol buffers as a handshake needs: the length-delimited fields of one message. Pure."""

from __future__ import annotations

_BYTES, _VARINT = 2, 0
_MAX_VARINT_BYTES = 10


def read_fields(data: bytes) -> dict[int, bytes]:
    """Number -> content of the length-delimited fields; numbers are skipped. Empty when the bytes are no message, or
    hold a field twice."""
    found: dict[int, bytes] = {}
    while data:
        tag, data = varint(data)
        length, data = varint(data)
        if tag >> 3 == 0 or tag & 7 not in (_BYTES, _VARINT) or length < 0:
            return {}
        if tag & 7 == _VARINT:
            continue
        if tag >> 3 in found or length > len(data):
            return {}
        found[tag >> 3], data = data[:length], data[length:]
    return found


def varint(data: bytes) -> tuple[int, bytes]:
    """A number and what follows it; -1 where there is none."""
    value = 0
    for index, byte in enumerate(data[:_MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, data[index + 1 :]
    return -1, b""
