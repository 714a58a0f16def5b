"""STUN Binding (RFC 8489): the request, and whether a datagram answers it.

A success holds the asker's public address, which here is the volunteer's. So the reader walks over attributes by type
and length and does not look into the one with the address. `read_mapped_address` alone does: for who looks up the
network that it belongs to and forgets it. It goes into no observation.
"""

from __future__ import annotations

import ipaddress
import os
import struct
import zlib

from probe.core.tables.failures import Failure, open_failure

COOKIE = bytes.fromhex("2112a442")
MAX_BYTES = 2048
_BINDING, _SUCCESS, _ERROR = 0x0001, 0x0101, 0x0111
_MAPPED = frozenset((0x0001, 0x0020, 0x8020))
"""MAPPED-ADDRESS, XOR-MAPPED-ADDRESS, and its number in an old draft that servers still use."""
_PLAIN = 0x0001
_MAPPED_BEST_FIRST = (0x0020, 0x8020, _PLAIN)
"""Translators rewrite what looks like an address; the two first are hidden from them (RFC 8489 section 14.2)."""
_SIZES = {b"\x00\x08\x01": 4, b"\x00\x14\x02": 16}
"""Length of the attribute and family -> bytes of the address."""
_ERROR_CODE, _FINGERPRINT, _MASK = 0x0009, 0x8028, 0x5354554E
_HEADER = 20


def make_binding_request(transaction: bytes) -> bytes:
    """A Binding request with FINGERPRINT; `transaction` are twelve random bytes."""
    message = struct.pack("!HH", _BINDING, 8) + COOKIE + transaction
    return message + struct.pack("!HHI", _FINGERPRINT, 4, zlib.crc32(message) ^ _MASK)


def make_transaction() -> bytes:
    """An identifier that nobody off the path can guess (RFC 8489 section 5)."""
    return os.urandom(12)


def read_transaction(data: bytes) -> bytes:
    """The transaction that a datagram claims to answer; empty for what is no STUN response at all."""
    if not _HEADER <= len(data) <= MAX_BYTES or data[0] & 0xC0 or data[4:8] != COOKIE:
        return b""
    if struct.unpack_from("!HH", data) not in ((_SUCCESS, len(data) - _HEADER), (_ERROR, len(data) - _HEADER)):
        return b""
    return data[8:20]


def judge_answer(data: bytes, transaction: bytes) -> Failure | None:
    """What a datagram says to the request: empty for a success, a failure word for an error or a malformed answer,
    None where it answers no request of this transaction. Raises nothing, whatever the bytes."""
    if not transaction or read_transaction(data) != transaction:
        return None
    kinds = _attributes(data)
    if kinds is None:
        return open_failure("unknown_failure: malformed stun answer")
    if data[1] == _ERROR & 0xFF:
        return open_failure(f"unknown_failure: stun error {_error_code(data, kinds)}")
    if kinds.keys().isdisjoint(_MAPPED):
        return open_failure("unknown_failure: stun answer without address")
    return ""


def read_mapped_address(data: bytes, transaction: bytes) -> str:
    """The address from which the server heard the request; empty where the datagram is no success of this transaction,
    or holds none. Never to be stored or told. Raises nothing."""
    if judge_answer(data, transaction) != "":
        return ""
    kinds = _attributes(data) or {}
    at, hidden = next(((kinds[kind], kind != _PLAIN) for kind in _MAPPED_BEST_FIRST if kind in kinds), (0, False))
    size = _SIZES.get(data[at - 2:at] + data[at + 1:at + 2], 0) if at else 0
    raw = data[at + 4:at + 4 + size]
    if hidden:
        raw = bytes(one ^ other for one, other in zip(raw, COOKIE + transaction, strict=False))
    return str(ipaddress.ip_address(raw)) if size and len(raw) == size else ""


def _attributes(data: bytes) -> dict[int, int] | None:
    """Type -> where its value begins; None where lengths do not add up, or the fingerprint is wrong."""
    found: dict[int, int] = {}
    at = _HEADER
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("!HH", data, at)
        end = at + 4 + size + -size % 4
        if end > len(data):
            return None
        if kind == _FINGERPRINT and not _fits(data, at, size):
            return None
        found.setdefault(kind, at + 4)
        at = end
    return found if at == len(data) else None


def _fits(data: bytes, at: int, size: int) -> bool:
    """FINGERPRINT is the last attribute and covers all before it (RFC 8489 section 14.7)."""
    return size == 4 and at + 8 == len(data) and (
        struct.unpack_from("!I", data, at + 4)[0] == zlib.crc32(data[:at]) ^ _MASK)


def _error_code(data: bytes, kinds: dict[int, int]) -> int:
    at = kinds.get(_ERROR_CODE, 0)
    return (data[at + 2] & 7) * 100 + data[at + 3] % 100 if at and at + 4 <= len(data) else 0
