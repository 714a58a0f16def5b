"""Changes that routers make to packets under way; checksums follow without reading the payload (RFC 1624)."""

from __future__ import annotations

from probe_lab.wire.packet import ACK, ICMP6, RST, TCP, UDP, Packet, checksum, pack_address, update_checksum

_CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP6: 2}
"""Where a transport that sums the addresses too keeps its checksum."""
_UDP_NONE = b"\0\0"


def is_ip(raw: bytes) -> bool:
    """Whether the bytes are long enough for the header that they begin with."""
    if not raw:
        return False
    return len(raw) >= (40 if raw[0] >> 4 == 6 else 20) and raw[0] >> 4 in (4, 6)


def read_source(raw: bytes) -> bytes:
    """The packed address that an IP packet comes from."""
    return raw[12:16] if raw[0] >> 4 == 4 else raw[8:24]


def read_target(raw: bytes) -> bytes:
    """The packed address that an IP packet is for."""
    return raw[16:20] if raw[0] >> 4 == 4 else raw[24:40]


def read_ttl(raw: bytes) -> int:
    """TTL or hop limit of a packet that `is_ip`."""
    return raw[8] if raw[0] >> 4 == 4 else raw[7]


def lower_ttl(raw: bytes, hops: int) -> bytes:
    """The packet after so many routers, of one that `is_ip` and lives through them (`read_ttl(raw) > hops`)."""
    if not hops:
        return raw
    if raw[0] >> 4 == 6:
        return raw[:7] + bytes((raw[7] - hops,)) + raw[8:]
    # TTL is the high byte of its word, and what the sum loses there its complement gains.
    sum_ = ((raw[10] << 8 | raw[11]) + (hops << 8)) % 0xFFFF or 0xFFFF
    return raw[:8] + bytes((raw[8] - hops, raw[9], sum_ >> 8, sum_ & 0xFF)) + raw[12:]


def rewrite_packet(packet: Packet, *, src: str = "", dst: str = "", sport: int = 0, dport: int = 0) -> bytes:
    """The packet with other addresses or ports of the same family; empty and zero leave a field as it is."""
    new = bytearray(packet.raw)
    first, size = (12, 4) if packet.version == 4 else (8, 16)
    before = bytes(new[first : first + 2 * size])
    after = (pack_address(src) if src else before[:size]) + (pack_address(dst) if dst else before[size:])
    new[first : first + 2 * size] = after
    if packet.version == 4:
        new[10:12] = update_checksum(int.from_bytes(new[10:12]), before=before, after=after).to_bytes(2)
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
    sum_ = update_checksum(int.from_bytes(held), before=before, after=after)
    new[at + where : at + where + 2] = sum_.to_bytes(2)


def make_reset(packet: Packet, *, window: int) -> bytes:
    """A TCP segment turned into RST+ACK without payload; its headers stay as they were, options too."""
    at = packet.offset
    end = at + 20 + len(packet.options)
    new = bytearray(packet.raw[:end])
    new[at + 13] = RST | ACK
    new[at + 14 : at + 18] = window.to_bytes(2) + b"\0\0"
    new[at + 18 : at + 20] = b"\0\0"  # urgent pointer
    if packet.version == 4:
        new[2:4] = end.to_bytes(2)
        new[10:12] = b"\0\0"
        new[10:12] = checksum(bytes(new[:at])).to_bytes(2)
    else:
        new[4:6] = (end - 40).to_bytes(2)
    pseudo = pack_address(packet.src) + pack_address(packet.dst) + (end - at).to_bytes(4) + TCP.to_bytes(4)
    new[at + 16 : at + 18] = checksum(pseudo + bytes(new[at:])).to_bytes(2)
    return bytes(new)
