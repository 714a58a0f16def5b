"""Cutting IP packets into fragments (RFC 791 3.2, RFC 8200 4.5)."""

from __future__ import annotations

import struct

FRAGMENT = 44
"""Next header of an IPv6 fragment header."""

_MORE = 1


def fragment_header(proto: int, *, offset_bytes: int, more: bool, identification: int) -> bytes:
    """An IPv6 fragment header before a payload of this protocol."""
    return struct.pack("!BBHI", proto, 0, offset_bytes | (_MORE if more else 0), identification)


def fragments6(packet: bytes, *, mtu: int, identification: int) -> tuple[bytes, ...]:
    """An IPv6 packet without extension headers in pieces of at most `mtu` bytes; itself where it fits."""
    if len(packet) <= mtu:
        return (packet,)
    header, payload = packet[:40], packet[40:]
    room = (mtu - 48) // 8 * 8
    return tuple(
        _fragment6(header, payload, start=start, size=room, identification=identification)
        for start in range(0, len(payload), room)
    )


def _fragment6(header: bytes, payload: bytes, *, start: int, size: int, identification: int) -> bytes:
    piece = payload[start : start + size]
    more = start + size < len(payload)
    extension = fragment_header(header[6], offset_bytes=start, more=more, identification=identification)
    length = len(extension) + len(piece)
    return header[:4] + length.to_bytes(2) + bytes((FRAGMENT,)) + header[7:] + extension + piece
