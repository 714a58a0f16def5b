"""Translation between the client's IPv6 and the world's IPv4 under the well-known prefix (RFC 6052, RFC 7915).

The client's IPv6 address stands for one IPv4 address and keeps its ports, so nothing needs to be remembered. The
router that the translator is lowers the TTL by itself.
"""

from __future__ import annotations

import struct
import zlib

from probe_lab.lab_types import World
from probe_lab.path.nat64_icmp import PREFIX, Ends, icmp_to4, icmp_to6
from probe_lab.wire.fragments import FRAGMENT, fragment_header, fragments6
from probe_lab.wire.icmp_errors import make_packet_too_big
from probe_lab.wire.packet import ICMP, ICMP6, TCP, UDP, checksum, pack_address, update_checksum

LINK_BYTES = 1500
"""What the client's link carries."""

_GROWTH_BYTES = 20
_MINIMUM4_BYTES = 1260
"""Up to this size a translated packet may be fragmented on its way (RFC 7915 5.1)."""
_DF, _MF, _OFFSET = 0x4000, 0x2000, 0x1FFF
_CHECKSUM_AT = {TCP: 16, UDP: 6}
_EXTENSIONS = (0, 43, 60)
_ROUTING = 43
_MAX_EXTENSIONS = 4


class Nat64:
    """The translator of one network, between the client and the first router."""

    def __init__(self, world: World) -> None:
        self._client4, self._client6 = pack_address(world.client4), pack_address(world.client6)
        self._identification = 0

    def outward(self, raw: bytes) -> bytes | None:
        """A packet of the client as it goes on: IPv6 that is not for the prefix as it is, no IPv4 at all."""
        if raw[0] >> 4 != 6:
            return None
        # One that dies at the first router dies as what it was.
        if raw[24:36] != PREFIX or raw[7] <= 1:
            return raw
        return to4(raw, src=self._client4, dst=raw[36:40])

    def inward(self, raw: bytes) -> tuple[bytes, ...]:
        """A packet for the client as it reaches it, in fragments where it has become too long."""
        if raw[0] >> 4 == 6:
            return (raw,)
        translated = to6(raw, src=PREFIX + raw[12:16], dst=self._client6)
        if translated is None:
            return ()
        if len(translated) <= LINK_BYTES or translated[6] == FRAGMENT:
            return (translated,)
        self._identification = (self._identification + 1) & 0xFFFFFFFF
        return fragments6(translated, mtu=LINK_BYTES, identification=self._identification)

    def too_big(self, raw: bytes, *, sender: str) -> bytes | None:
        """The ICMP error to an IPv4 packet that would become too long and may not be fragmented; None: it may pass."""
        if raw[0] >> 4 == 6 or len(raw) + _GROWTH_BYTES <= LINK_BYTES or not int.from_bytes(raw[6:8]) & _DF:
            return None
        return make_packet_too_big(raw, sender=sender, mtu=LINK_BYTES - _GROWTH_BYTES)


def to4(raw: bytes, *, src: bytes, dst: bytes, cut: bool = False) -> bytes | None:
    """An IPv6 packet as an IPv4 one; None for what has no translation. `cut`: quoted, so the end may be missing."""
    chain = _skip_extensions(raw)
    if chain is None:
        return None
    proto, at, fragment = chain
    length = struct.unpack_from("!H", raw, 4)[0] + 40
    if not cut and length > len(raw):
        return None
    payload = raw[at : min(length, len(raw))]
    whole = length - at
    if fragment is None:
        df = _DF if whole + 20 > _MINIMUM4_BYTES else 0
        # What may be fragmented later needs a number that is not the next packet's.
        ip_id, offset = 0 if df else zlib.crc32(payload) & 0xFFFF, df
    else:
        ip_id, offset = fragment[0] & 0xFFFF, fragment[1] // 8 | (_MF if fragment[2] else 0)
    ends = Ends(before=raw[8:40], after=src + dst)
    fragmented = bool(offset & (_OFFSET | _MF))
    translated = _payload4(proto, payload, ends, first=not offset & _OFFSET, whole=not fragmented, cut=cut)
    if translated is None:
        return None
    total = 20 + (whole if cut else len(translated))
    proto4 = ICMP if proto == ICMP6 else proto
    tos = int.from_bytes(raw[:2]) >> 4 & 0xFF
    header = struct.pack("!BBHHHBBH", 0x45, tos, total & 0xFFFF, ip_id, offset, raw[7], proto4, 0) + src + dst
    return header[:10] + checksum(header).to_bytes(2) + header[12:] + translated


def to6(raw: bytes, *, src: bytes, dst: bytes, cut: bool = False) -> bytes | None:
    """An IPv4 packet as an IPv6 one; None for what has no translation. `cut`: quoted, so the end may be missing."""
    first, tos, total, ip_id, offset, ttl, proto = struct.unpack_from("!BBHHHBB", raw)
    at = (first & 15) * 4
    if at < 20 or total < at or (not cut and total > len(raw)) or len(raw) < at:
        return None
    payload, whole = raw[at : min(total, len(raw))], total - at
    ends = Ends(before=raw[12:20], after=src + dst)
    fragmented = bool(offset & (_OFFSET | _MF))
    translated = _payload6(proto, payload, ends, first=not offset & _OFFSET, whole=not fragmented, cut=cut)
    if translated is None:
        return None
    proto6 = ICMP6 if proto == ICMP else proto
    extension = b""
    if fragmented:
        place = (offset & _OFFSET) * 8
        extension = fragment_header(proto6, offset_bytes=place, more=bool(offset & _MF), identification=ip_id)
        proto6 = FRAGMENT
    length = len(extension) + (whole if cut else len(translated))
    header = struct.pack("!IHBB", 6 << 28 | tos << 20, length & 0xFFFF, proto6, ttl)
    return header + src + dst + extension + translated


def _skip_extensions(raw: bytes) -> tuple[int, int, tuple[int, int, bool] | None] | None:
    """Protocol, where it begins, and the fragment header (identification, offset in bytes, more) of an IPv6 packet.

    None for a packet that ends too early or still has places to visit (a routing header with segments left).
    """
    proto, at = raw[6], 40
    for _ in range(_MAX_EXTENSIONS):
        if proto not in _EXTENSIONS:
            break
        if at + 8 > len(raw) or (proto == _ROUTING and raw[at + 3]):
            return None
        proto, at = raw[at], at + 8 * (raw[at + 1] + 1)
    if proto != FRAGMENT:
        return (proto, at, None) if at <= len(raw) else None
    if at + 8 > len(raw):
        return None
    proto, _, place, identification = struct.unpack_from("!BBHI", raw, at)
    return proto, at + 8, (identification, place & 0xFFF8, bool(place & 1))


def _payload4(proto: int, payload: bytes, ends: Ends, *, first: bool, whole: bool, cut: bool) -> bytes | None:
    if proto == ICMP6:
        return icmp_to4(payload, ends, translate=to4, cut=cut) if whole else None
    return _ported(proto, payload, ends, cut=cut) if first else payload


def _payload6(proto: int, payload: bytes, ends: Ends, *, first: bool, whole: bool, cut: bool) -> bytes | None:
    if proto == ICMP:
        return icmp_to6(payload, ends, translate=to6, cut=cut) if whole else None
    if proto == UDP and first and len(payload) >= 8 and payload[6:8] == b"\0\0":
        return _summed(payload, ends) if whole and not cut else None
    return _ported(proto, payload, ends, cut=cut) if first else payload


def _ported(proto: int, payload: bytes, ends: Ends, *, cut: bool) -> bytes | None:
    """A transport whose checksum covers the addresses, after they have changed; others as they are."""
    at = _CHECKSUM_AT.get(proto)
    if at is None:
        return payload
    if len(payload) < at + 2:
        return payload if cut else None
    sum_ = update_checksum(int.from_bytes(payload[at : at + 2]), before=ends.before, after=ends.after)
    return payload[:at] + sum_.to_bytes(2) + payload[at + 2 :]


def _summed(payload: bytes, ends: Ends) -> bytes:
    """A UDP datagram that had no checksum with one, which IPv6 demands."""
    sum_ = checksum(ends.after + struct.pack("!II", len(payload), UDP) + payload) or 0xFFFF
    return payload[:6] + sum_.to_bytes(2) + payload[8:]
