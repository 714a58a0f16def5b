"""STUN and the beginning of TURN, on the server's side (RFC 8489, RFC 8656). Nothing here does IO."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

from probe_lab.wire.packet import pack_address

MAGIC_COOKIE = 0x2112A442

_BINDING = 0x0001
_ALLOCATE = 0x0003
_SUCCESS = 0x0100
_ERROR = 0x0110
"""Class bits of a response, to be added to the method (RFC 8489 5)."""

_MAPPED_ADDRESS = 0x0001
_ERROR_CODE = 0x0009
_UNKNOWN_ATTRIBUTES = 0x000A
_REALM = 0x0014
_NONCE = 0x0015
_XOR_MAPPED_ADDRESS = 0x0020
_FINGERPRINT = 0x8028
_FINGERPRINT_MASK = 0x5354554E

_UNDERSTOOD = frozenset((0x0001, 0x0003, 0x0006, 0x0008, 0x000D, 0x0014, 0x0015, 0x0017, 0x0018, 0x0019, 0x001A,
                         0x001C, 0x001D, 0x001E, 0x0020, 0x0022, 0x0024, 0x0025))
"""Attributes below 0x8000 that a server of both protocols knows; any other must be answered with an error."""

Attributes = dict[int, bytes]


def stun_reply(message: bytes, *, client: str, client_port: int, realm: str) -> bytes | None:
    """The answer to one datagram, or None where a server stays silent: to anything that is no request of its own.

    A request without the magic cookie comes from a client of the first STUN (RFC 3489) and gets the plain address.
    """
    attributes = _read(message)
    if attributes is None:
        return None
    kind = int.from_bytes(message[:2])
    make = _METHODS.get(kind)
    if make is None:
        return None
    modern = int.from_bytes(message[4:8]) == MAGIC_COOKIE
    unknown = [number for number in attributes if number < 0x8000 and number not in _UNDERSTOOD]
    if unknown and modern:
        listed = b"".join(number.to_bytes(2) for number in unknown)
        response, values = _ERROR, [(_ERROR_CODE, _error(420, "Unknown Attribute")), (_UNKNOWN_ATTRIBUTES, listed)]
    else:
        response, values = make(message[4:20], pack_address(client), client_port, realm, modern)
    return _write(kind | response, message[4:20], values, fingerprint=_FINGERPRINT in attributes)


def _read(message: bytes) -> Attributes | None:
    """The attributes of a message; None for what is no STUN message."""
    if len(message) < 20 or message[0] & 0xC0 or len(message) != 20 + int.from_bytes(message[2:4]):
        return None
    found: Attributes = {}
    at = 20
    while at + 4 <= len(message):
        kind, length = struct.unpack_from("!HH", message, at)
        if at + 4 + length > len(message):
            return None
        found.setdefault(kind, message[at + 4 : at + 4 + length])
        at += 4 + length + -length % 4
    return found if at == len(message) else None


def _write(kind: int, transaction: bytes, values: list[tuple[int, bytes]], *, fingerprint: bool) -> bytes:
    """A message; `transaction` is the cookie and the identifier of the request."""
    body = b"".join(struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4) for number, value in values)
    if not fingerprint:
        return struct.pack("!HH", kind, len(body)) + transaction + body
    message = struct.pack("!HH", kind, len(body) + 8) + transaction + body
    return message + struct.pack("!HHI", _FINGERPRINT, 4, zlib.crc32(message) ^ _FINGERPRINT_MASK)


def _error(code: int, reason: str) -> bytes:
    return bytes((0, 0, code // 100, code % 100)) + reason.encode()


def _xor(value: bytes, key: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(value, key, strict=False))


Made = tuple[int, list[tuple[int, bytes]]]


def _binding(transaction: bytes, address: bytes, port: int, realm: str, modern: bool) -> Made:
    family = bytes((0, 1 if len(address) == 4 else 2))
    if not modern:
        return _SUCCESS, [(_MAPPED_ADDRESS, family + port.to_bytes(2) + address)]
    hidden = _xor(port.to_bytes(2), transaction[:2]) + _xor(address, transaction)
    return _SUCCESS, [(_XOR_MAPPED_ADDRESS, family + hidden)]


def _allocate(transaction: bytes, address: bytes, port: int, realm: str, modern: bool) -> Made:
    """A relay wants credentials first: 401 with what is needed to make them (RFC 8489 9.2.4)."""
    nonce = zlib.crc32(address + port.to_bytes(2)).to_bytes(4).hex() * 2
    values = [(_ERROR_CODE, _error(401, "Unauthorized")), (_REALM, realm.encode()), (_NONCE, nonce.encode())]
    return _ERROR, values


_METHODS: dict[int, Callable[[bytes, bytes, int, str, bool], Made]] = {_BINDING: _binding, _ALLOCATE: _allocate}
