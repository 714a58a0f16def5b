"""IP fragments (RFC 791, RFC 8200 4.5): held until their packet is whole, so that the box can look at all of it.

What the box then lets pass leaves as the fragments that came. Memory is bounded in packets, bytes and time; what
is never completed is lost, as it would be at its destination.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from dataclasses import dataclass, field

from probe_lab.wire.packet import checksum

MAX_PACKETS = 64
"""Packets that may be incomplete at one time."""
MAX_PARTS = 128
"""Fragments of one packet; even the longest needs no more than 120 at the smallest usual MTU of IPv6 tunnels."""
HOLD_S = 30.0

_LONGEST = 65_535
_MORE, _OFFSET = 0x2000, 0x1FFF
_FRAGMENT_HEADER = 44
_EXTENSIONS = frozenset((0, 43, 60))
_MAX_EXTENSIONS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One fragment."""

    whose: bytes
    """What all fragments of one packet share."""
    head: bytes
    """The headers that the whole packet begins with, their lengths and sums not yet right."""
    offset: int
    data: bytes
    last: bool


@dataclass(slots=True)
class _Pending:
    began_s: float
    parts: dict[int, Fragment] = field(default_factory=dict)
    raws: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WholePacket:
    """A packet put together."""

    raw: bytes
    parts: tuple[bytes, ...]
    """The fragments that it came in, in the order of their coming."""


def parse_fragment(raw: bytes) -> Fragment | None:
    """The fragment that these bytes are; None for a whole packet and for what is malformed."""
    version = raw[0] >> 4 if raw else 0
    if version == 4 and len(raw) >= 20 and (raw[6] & 0x3F or raw[7]):
        return _part4(raw)
    if version == 6 and len(raw) >= 48 and (raw[6] == _FRAGMENT_HEADER or raw[6] in _EXTENSIONS):
        return _part6(raw)
    return None


def _part4(raw: bytes) -> Fragment | None:
    size, total = (raw[0] & 15) * 4, int.from_bytes(raw[2:4])
    if size < 20 or not size <= total <= len(raw):
        return None
    field_ = int.from_bytes(raw[6:8])
    head = bytearray(raw[:size])
    head[6:8] = (field_ & ~(_MORE | _OFFSET)).to_bytes(2)
    return Fragment(
        whose=raw[12:20] + raw[4:6] + raw[9:10], head=bytes(head), offset=(field_ & _OFFSET) * 8,
        data=raw[size:total], last=not field_ & _MORE,
    )


def _part6(raw: bytes) -> Fragment | None:
    kind, kind_at, at, end = raw[6], 6, 40, 40 + int.from_bytes(raw[4:6])
    for _ in range(_MAX_EXTENSIONS):
        if kind not in _EXTENSIONS or at + 2 > len(raw):
            break
        kind, kind_at, at = raw[at], at, at + 8 * (raw[at + 1] + 1)
    if kind != _FRAGMENT_HEADER or not at + 8 <= end <= len(raw):
        return None
    inner, _, field_, identification = struct.unpack_from("!BBH4s", raw, at)
    head = bytearray(raw[:at])
    head[kind_at] = inner
    return Fragment(
        whose=raw[8:40] + identification, head=bytes(head), offset=field_ & 0xFFF8, data=raw[at + 8 : end],
        last=not field_ & 1,
    )


class Fragments:
    """The packets that are not whole yet; the oldest make room."""

    def __init__(self) -> None:
        self._pending: OrderedDict[bytes, _Pending] = OrderedDict()

    def take(self, part: Fragment, raw: bytes, now_s: float) -> WholePacket | None:
        """Hold a fragment; the packet when this one completes it."""
        pending = self._pending.get(part.whose)
        if pending is None or now_s - pending.began_s > HOLD_S:
            self._pending.pop(part.whose, None)
            pending = self._pending[part.whose] = _Pending(now_s)
            if len(self._pending) > MAX_PACKETS:
                self._pending.popitem(last=False)
        if len(pending.raws) >= MAX_PARTS or part.offset + len(part.data) > _LONGEST:
            del self._pending[part.whose]
            return None
        pending.raws.append(raw)
        pending.parts.setdefault(part.offset, part)
        whole = _join_parts(pending.parts)
        if whole is None:
            return None
        del self._pending[part.whose]
        return WholePacket(whole, tuple(pending.raws))


def _join_parts(parts: dict[int, Fragment]) -> bytes | None:
    """The packet, or None while something is missing. Where fragments overlap, what lies further in front counts."""
    data = bytearray()
    for offset in sorted(parts):
        part = parts[offset]
        if offset > len(data):
            return None
        data += part.data[len(data) - offset :]
        if part.last:
            return _with_lengths(parts[0].head, bytes(data))
    return None


def _with_lengths(head: bytes, data: bytes) -> bytes | None:
    total = len(head) + len(data)
    new = bytearray(head)
    if head[0] >> 4 == 6:
        if total - 40 > _LONGEST:
            return None
        new[4:6] = (total - 40).to_bytes(2)
    else:
        if total > _LONGEST:
            return None
        new[2:4] = total.to_bytes(2)
        new[10:12] = b"\0\0"
        new[10:12] = checksum(bytes(new)).to_bytes(2)
    return bytes(new) + data


def fragment_packet(raw: bytes, *, mtu: int, identification: int) -> tuple[bytes, ...]:
    """A packet that `is_ip` and has no extension headers, in fragments that are no longer than the MTU."""
    if len(raw) <= mtu:
        return (raw,)
    is6 = raw[0] >> 4 == 6
    head = raw[:40] if is6 else raw[: (raw[0] & 15) * 4]
    room = (mtu - len(head) - (8 if is6 else 0)) // 8 * 8
    body = raw[len(head) :]
    make = _fragment6 if is6 else _fragment4
    return tuple(
        make(head, body[at : at + room], at, more=at + room < len(body), identification=identification)
        for at in range(0, len(body), room)
    )


def _fragment4(head: bytes, data: bytes, offset: int, *, more: bool, identification: int) -> bytes:
    new = bytearray(head)
    new[2:4] = (len(head) + len(data)).to_bytes(2)
    new[4:6] = (identification & 0xFFFF).to_bytes(2)
    new[6:8] = (offset // 8 | (_MORE if more else 0)).to_bytes(2)
    new[10:12] = b"\0\0"
    new[10:12] = checksum(bytes(new)).to_bytes(2)
    return bytes(new) + data


def _fragment6(head: bytes, data: bytes, offset: int, *, more: bool, identification: int) -> bytes:
    new = bytearray(head)
    new[4:6] = (8 + len(data)).to_bytes(2)
    inner, new[6] = new[6], _FRAGMENT_HEADER
    return bytes(new) + struct.pack("!BBHI", inner, 0, offset | more, identification) + data
