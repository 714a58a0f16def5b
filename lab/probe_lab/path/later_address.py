"""A client whose public address changes: what it sends leaves under the later one, and what was under way is lost."""

from __future__ import annotations

from probe_lab.lab_types import Fault, World
from probe_lab.servers.faults import number
from probe_lab.wire.icmp_errors import is_error, read_quoted
from probe_lab.wire.packet import IpHeader, build_icmp, pack_address, parse_packet
from probe_lab.wire.packet_edit import read_source, read_target, rewrite_packet


class LaterAddress:
    """One `address_changes` fault: a translator outside the client's line that gets another IPv4 address."""

    def __init__(self, fault: Fault, *, world: World, started_s: float) -> None:
        """Raises ValueError for a world in which the client has no later address."""
        if not world.client4_later:
            raise ValueError("address_changes: this world has no later address")
        self._first, self._later = world.client4, world.client4_later
        self._packed = pack_address(self._first), pack_address(self._later)
        self._begins_s = started_s + number(fault.params, "after_s", 0.0)

    def outward(self, raw: bytes, now_s: float) -> bytes:
        """A packet of the client as it goes on."""
        packet = parse_packet(raw) if now_s >= self._begins_s and read_source(raw) == self._packed[0] else None
        return rewrite_packet(packet, src=self._later) if packet else raw

    def inward(self, raw: bytes, now_s: float) -> bytes | None:
        """A packet for the client as it goes on; None when nobody has its address any more, or not yet."""
        target = read_target(raw)
        if target not in self._packed:
            return raw
        if (target == self._packed[1]) != (now_s >= self._begins_s):
            return None
        packet = parse_packet(raw) if target == self._packed[1] else None
        if packet is None:
            return raw
        quoted = read_quoted(packet) if is_error(packet) else None
        if quoted is None:
            return rewrite_packet(packet, dst=self._first)
        header = IpHeader(src=packet.src, dst=self._first, ttl=packet.ttl, ip_id=packet.ip_id, df=packet.df)
        return build_icmp(header, kind=packet.icmp_type, code=packet.icmp_code,
                          rest=packet.raw[packet.offset + 4 : packet.offset + 8],
                          payload=rewrite_packet(quoted, src=self._first))
