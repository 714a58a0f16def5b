"""Blocks of pcapng, the capture format that every analyser opens (draft-ietf-opsawg-pcapng): bytes out. Pure.

A file is one section, one interface, then packets. All numbers are little-endian, all times nanoseconds since 1970
(UTC), and every packet begins with its IPv4 or IPv6 header.
"""

from __future__ import annotations

import struct

SECTION_HEADER, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
"""Types of blocks; the packet's is the enhanced one."""
END, COMMENT = 0, 1
"""Codes of options that every block may carry."""
INBOUND, OUTBOUND = 1, 2
"""Direction of a packet as the host at the end of the wire sees it."""
PACKET_HEAD = struct.Struct("<5I")
"""Number of the interface, both halves of the time, bytes that are kept, bytes on the wire."""
_MAGIC, _UNKNOWN_LENGTH = 0x1A2B3C4D, 2**64 - 1
_PROGRAM, _NAME, _RESOLUTION, _FLAGS = 4, 2, 9, 2
_NANOSECONDS = b"\x09"  # ten to the power of minus nine
_RAW_IP = 101


def padded(data: bytes) -> bytes:
    """Filled up to a multiple of four bytes."""
    return data + bytes(-len(data) % 4)


def section(*, comment: str | None = None, program: str | None = None) -> bytes:
    """The block that a file begins with; `program` is what wrote it."""
    said = [(code, text.encode()) for code, text in ((COMMENT, comment), (_PROGRAM, program)) if text is not None]
    return _block(SECTION_HEADER, struct.pack("<IHHQ", _MAGIC, 1, 0, _UNKNOWN_LENGTH) + _options(*said))


def interface(name: str, *, snap_bytes: int) -> bytes:
    """The block of the one interface; of each packet no more than `snap_bytes` are kept."""
    options = _options((_NAME, name.encode()), (_RESOLUTION, _NANOSECONDS))
    return _block(INTERFACE, struct.pack("<HHI", _RAW_IP, 0, snap_bytes) + options)


def packet(data: bytes, *, time_ns: int, wire_bytes: int, direction: int, comment: str | None = None) -> bytes:
    """The block of one packet, of which `data` is kept and which was `wire_bytes` long."""
    head = PACKET_HEAD.pack(0, time_ns >> 32, time_ns & 0xFFFF_FFFF, len(data), wire_bytes)
    said = [] if comment is None else [(COMMENT, comment.encode())]
    return _block(PACKET, head + padded(data) + _options(*said, (_FLAGS, struct.pack("<I", direction))))


def _options(*options: tuple[int, bytes]) -> bytes:
    """Codes and values, and the end that must follow where there are any."""
    if not options:
        return b""
    return b"".join(struct.pack("<HH", code, len(value)) + padded(value) for code, value in (*options, (END, b"")))


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length
