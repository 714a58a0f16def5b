"""A line whose volume is used up: nothing passes any more, or only what leads to the operator's page."""

from __future__ import annotations

from probe_lab.box.flows import FlowKey
from probe_lab.lab_types import Fault, World
from probe_lab.path.nat import Translations
from probe_lab.servers.faults import number, text
from probe_lab.wire.packet import TCP, Packet, parse_packet

_HTTP = 80
_DNS = 53


class Quota:
    """The volume of one `quota` fault."""

    def __init__(self, fault: Fault, *, world: World) -> None:
        """`after_bytes` of IP packets in both directions; `reply` portal or drop (the default)."""
        self._left_bytes = number(fault.params, "after_bytes", 0)
        self._portal = world.portal if text(fault.params, "reply", "drop") == "portal" else ""
        self._translations = Translations()

    @property
    def used_up(self) -> bool:
        """Whether nothing is left."""
        return self._left_bytes <= 0

    def outward(self, raw: bytes) -> bytes | None:
        """A packet of the client as it goes on; None when it vanishes."""
        if not self.used_up:
            self._left_bytes -= len(raw)
            return raw
        packet = parse_packet(raw) if self._portal else None
        if packet is None:
            return None
        if packet.dport == _DNS:
            return raw
        if packet.proto != TCP or packet.dport != _HTTP or packet.version != 4:
            return None
        flow = FlowKey(TCP, packet.src, packet.sport, packet.dst, packet.dport)
        self._translations.open(flow, to=self._portal, to_port=_HTTP)
        return self._translations.outward(packet, flow)

    def inward(self, raw: bytes) -> bytes | None:
        """A packet for the client as it goes on; None when it vanishes."""
        if not self.used_up:
            self._left_bytes -= len(raw)
            return raw
        packet = parse_packet(raw) if self._portal else None
        return self._from_portal(packet) if packet else None

    def _from_portal(self, packet: Packet) -> bytes | None:
        seen = self._translations.inward(packet)
        return seen.raw if seen is not packet or packet.sport == _DNS else None
