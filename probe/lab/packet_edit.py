"""Changes that routers make to packets under way; checksums follow without reading the payload (RFC 1624)."""

from __future__ import annotations

from probe.lab.packet import ICMP6, TCP, UDP, Packet, changed_checksum, packed

_CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP6: 2}
"""Where a transport that sums the addresses too keeps its checksum."""
_UDP_NONE = b"\0\0"


def is_ip(raw: bytes) -> bool:
    """Whether the bytes are long enough for the header that they begin with."""
    if not raw:
        return False
    return len(raw) >= (40 if raw[0] >> 4 == 6 else 20) and raw[0] >> 4 in (4, 6)


def ttl_of(raw: bytes) -> int:
    """TTL or hop limit of a packet that `is_ip`."""
    return raw[8] if raw[0] >> 4 == 4 else raw[7]


def lower_ttl(raw: bytes, hops: int) -> bytes:
    """The packet after so many routers, of one that `is_ip` and lives through them (`ttl_of(raw) > hops`)."""
    if not hops:
        return raw
    if raw[0] >> 4 == 6:
        return raw[:7] + bytes((raw[7] - hops,)) + raw[8:]
    after = bytes((raw[8] - hops, raw[9]))
    sum_ = changed_checksum(int.from_bytes(raw[10:12]), before=raw[8:10], after=after)
    return raw[:8] + after + sum_.to_bytes(2) + raw[12:]


def rewritten(packet: Packet, *, src: str = "", dst: str = "", sport: int = 0, dport: int = 0) -> bytes:
    """The packet with other addresses or ports of the same family; empty and zero leave a field as it is."""
    new = bytearray(packet.raw)
    first, size = (12, 4) if packet.version == 4 else (8, 16)
    before = bytes(new[first : first + 2 * size])
    after = (packed(src) if src else before[:size]) + (packed(dst) if dst else before[size:])
    new[first : first + 2 * size] = after
    if packet.version == 4:
        new[10:12] = changed_checksum(int.from_bytes(new[10:12]), before=before, after=after).to_bytes(2)
    _rewrite_transport(new, packet, before=before, after=after, ports=(sport, dport))
    return bytes(new)


def _rewrite_transport(
    new: bytearray, packet: Packet, *, before: bytes, after: bytes, ports: tuple[int, int]
) -> None:
    at = packet.offset
    if packet.sport or packet.dport:
        before += bytes(new[at : at + 4])
        new[at : at + 4] = (ports[0] or packet.sport).to_bytes(2) + (ports[1] or packet.dport).to_bytes(2)
        after += bytes(new[at : at + 4])
    where = _CHECKSUM_AT.get(packet.proto)
    has_header = packet.sport or packet.dport or packet.icmp_type >= 0
    if where is None or not has_header or at + where + 2 > len(new):
        return
    held = bytes(new[at + where : at + where + 2])
    if packet.proto == UDP and held == _UDP_NONE:
        return
    sum_ = changed_checksum(int.from_bytes(held), before=before, after=after)
    new[at + where : at + where + 2] = sum_.to_bytes(2)
