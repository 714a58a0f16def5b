"""ICMP between the families (RFC 7915 4.2, 4.3, 5.2, 5.3): echoes, and errors with the packet that they are about."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from probe_lab.wire.packet import ICMP6, checksum, pack_address

PREFIX = pack_address("64:ff9b::")[:12]
"""The well-known prefix, before the 32 bits of an IPv4 address (RFC 6052)."""

_ECHO4, _ECHO_REPLY4 = 8, 0
_ECHO6, _ECHO_REPLY6 = 128, 129
_MINIMUM6_BYTES = 1280
_LARGEST4_BYTES = 65_535
_QUOTE_BYTES = _MINIMUM6_BYTES - 48

_ECHOES_TO6 = {_ECHO4: _ECHO6, _ECHO_REPLY4: _ECHO_REPLY6}
_ECHOES_TO4 = {_ECHO6: _ECHO4, _ECHO_REPLY6: _ECHO_REPLY4}

_UNREACHABLE_TO6 = {
    **dict.fromkeys((0, 1, 5, 6, 7, 8, 11, 12), (1, 0)),
    **dict.fromkeys((9, 10, 13, 15), (1, 1)),
    3: (1, 4),
}
"""Code of an IPv4 `destination unreachable` -> IPv6 type and code, but for 2 and 4, which carry a number."""
_UNREACHABLE_TO4 = {0: (3, 1), 1: (3, 10), 2: (3, 1), 3: (3, 1), 4: (3, 3)}

_POINTERS_TO6 = {
    0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, **dict.fromkeys(range(12, 16), 8), **dict.fromkeys(range(16, 20), 24),
}
"""Byte of the IPv4 header -> byte of the IPv6 header that says the same."""
_POINTERS_TO4 = {
    0: 0, 1: 1, 4: 2, 5: 2, 6: 9, 7: 8, **dict.fromkeys(range(8, 24), 12), **dict.fromkeys(range(24, 40), 16),
}
_NEXT_HEADER_AT = 6

Head = tuple[int, int, bytes]
"""Type, code and the second half of an ICMP header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Source and destination of one packet in both families, packed one after the other."""

    before: bytes
    after: bytes


class _Translate(Protocol):
    def __call__(self, raw: bytes, *, src: bytes, dst: bytes, cut: bool) -> bytes | None: ...


def icmp_to6(message: bytes, ends: Ends, *, translate: _Translate, cut: bool) -> bytes | None:
    """An ICMP message as ICMPv6, with its checksum; None for what has no translation."""
    return _translated(
        message, echoes=_ECHOES_TO6, head=_head6, cut=cut,
        inner=lambda quote: _inner6(quote, ends, translate), seal=lambda head, body: _sealed6(head, body, ends),
    )


def icmp_to4(message: bytes, ends: Ends, *, translate: _Translate, cut: bool) -> bytes | None:
    """An ICMPv6 message as ICMP, with its checksum; None for what has no translation."""
    return _translated(
        message, echoes=_ECHOES_TO4, head=_head4, cut=cut,
        inner=lambda quote: _inner4(quote, ends, translate), seal=_sealed4,
    )


def _translated(
    message: bytes,
    *,
    echoes: dict[int, int],
    head: Callable[[int, int, bytes], Head | None],
    cut: bool,
    inner: Callable[[bytes], bytes | None],
    seal: Callable[[Head, bytes], bytes],
) -> bytes | None:
    if len(message) < 8:
        return None
    kind, code, rest, body = message[0], message[1], message[4:8], message[8:]
    if kind in echoes:
        # The whole of a quoted message is not at hand, so its checksum cannot be right anyway.
        return seal((echoes[kind], code, rest), body)
    changed = None if cut else head(kind, code, rest)  # an error is never about an error
    quote = inner(body) if changed else None
    return seal(changed, quote[:_QUOTE_BYTES]) if changed and quote is not None else None


def _head6(kind: int, code: int, rest: bytes) -> Head | None:
    if kind == 3 and code == 4:
        mtu = max(_MINIMUM6_BYTES, int.from_bytes(rest[2:]) + 20)
        return 2, 0, mtu.to_bytes(4)
    if kind == 3 and code == 2:
        return 4, 1, _NEXT_HEADER_AT.to_bytes(4)
    if kind == 3 and code in _UNREACHABLE_TO6:
        return *_UNREACHABLE_TO6[code], bytes(4)
    if kind == 11:
        return 3, code, bytes(4)
    if kind == 12 and code in (0, 2) and rest[0] in _POINTERS_TO6:
        return 4, 0, _POINTERS_TO6[rest[0]].to_bytes(4)
    return None


def _head4(kind: int, code: int, rest: bytes) -> Head | None:
    if kind == 2:
        mtu = max(68, min(int.from_bytes(rest), _LARGEST4_BYTES) - 20)
        return 3, 4, struct.pack("!HH", 0, mtu)
    if kind == 1 and code in _UNREACHABLE_TO4:
        return *_UNREACHABLE_TO4[code], bytes(4)
    if kind == 3:
        return 11, code, bytes(4)
    if kind == 4 and code == 1:
        return 3, 2, bytes(4)
    pointer = int.from_bytes(rest)
    if kind == 4 and code == 0 and pointer in _POINTERS_TO4:
        return 12, 0, bytes((_POINTERS_TO4[pointer], 0, 0, 0))
    return None


def _inner6(quote: bytes, ends: Ends, translate: _Translate) -> bytes | None:
    """The quoted IPv4 packet, which the client sent, as the client sent it."""
    if len(quote) < 20 or quote[0] >> 4 != 4:
        return None
    return translate(quote, src=ends.after[16:], dst=PREFIX + quote[16:20], cut=True)


def _inner4(quote: bytes, ends: Ends, translate: _Translate) -> bytes | None:
    """The quoted IPv6 packet, which was sent to the client, as its sender sent it."""
    if len(quote) < 40 or quote[0] >> 4 != 6 or quote[8:20] != PREFIX:
        return None
    return translate(quote, src=quote[20:24], dst=ends.after[:4], cut=True)


def _sealed6(head: Head, body: bytes, ends: Ends) -> bytes:
    kind, code, rest = head
    message = bytes((kind, code, 0, 0)) + rest + body
    sum_ = checksum(ends.after + struct.pack("!II", len(message), ICMP6) + message)
    return message[:2] + sum_.to_bytes(2) + message[4:]


def _sealed4(head: Head, body: bytes) -> bytes:
    kind, code, rest = head
    message = bytes((kind, code, 0, 0)) + rest + body
    return message[:2] + checksum(message).to_bytes(2) + message[4:]
