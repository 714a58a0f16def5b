"""Address translation for redirected flows: out to another server, and back as if from the one that was meant."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from probe_lab.box.flows import FlowKey
from probe_lab.wire.icmp_errors import read_quoted
from probe_lab.wire.packet import IpHeader, Packet, build_icmp, parse_packet
from probe_lab.wire.packet_edit import rewrite_packet

MAX_MAPPINGS = 4096
_FIRST_ALIAS = 61_000
"""Source ports that Linux does not give to clients (its default range ends at 60999): none can clash."""
_ALIASES = 65_536 - _FIRST_ALIAS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mapping:
    flow: FlowKey
    to: str
    to_port: int
    alias: int
    """The client's port as the other server sees it."""

    @property
    def outer(self) -> FlowKey:
        return FlowKey(self.flow.proto, self.flow.client, self.alias, self.to, self.to_port)


class Translations:
    """Redirected flows; the one longest unused makes room."""

    def __init__(self) -> None:
        self._by_flow: OrderedDict[FlowKey, _Mapping] = OrderedDict()
        self._by_outer: dict[FlowKey, _Mapping] = {}
        self._opened = 0

    def open(self, flow: FlowKey, *, to: str, to_port: int) -> bool:
        """Redirect a flow from now on; False when it already is."""
        if flow in self._by_flow:
            return False
        self._opened += 1
        alias = _FIRST_ALIAS + self._opened % _ALIASES if flow.cport else 0
        mapping = _Mapping(flow=flow, to=to, to_port=to_port, alias=alias)
        if stale := self._by_outer.get(mapping.outer):
            self._by_flow.pop(stale.flow, None)
        self._by_flow[flow] = self._by_outer[mapping.outer] = mapping
        if len(self._by_flow) > MAX_MAPPINGS:
            _, oldest = self._by_flow.popitem(last=False)
            del self._by_outer[oldest.outer]
        return True

    def has(self, flow: FlowKey) -> bool:
        """Whether a flow is redirected."""
        return flow in self._by_flow

    def outward(self, packet: Packet, flow: FlowKey) -> bytes | None:
        """A client's packet as it leaves for the other server; None for a flow that is not redirected."""
        mapping = self._by_flow.get(flow)
        if mapping is None:
            return None
        self._by_flow.move_to_end(flow)
        return rewrite_packet(packet, dst=mapping.to, sport=mapping.alias, dport=mapping.to_port)

    def inward(self, packet: Packet) -> Packet:
        """A packet for the client as it must look to it: replies, and ICMP errors about redirected packets."""
        if not self._by_outer:
            return packet
        outer = FlowKey(packet.proto, packet.dst, packet.dport, packet.src, packet.sport)
        mapping = self._by_outer.get(outer)
        if mapping is not None:
            raw = rewrite_packet(packet, src=mapping.flow.server, sport=mapping.flow.sport, dport=mapping.flow.cport)
            return parse_packet(raw) or packet
        return self._inward_error(packet)

    def _inward_error(self, packet: Packet) -> Packet:
        about = read_quoted(packet)
        if about is None:
            return packet
        outer = FlowKey(about.proto, about.src, about.sport, about.dst, about.dport)
        mapping = self._by_outer.get(outer)
        if mapping is None:
            return packet
        quote = rewrite_packet(about, dst=mapping.flow.server, sport=mapping.flow.cport, dport=mapping.flow.sport)
        sender = mapping.flow.server if packet.src == mapping.to else packet.src
        header = IpHeader(src=sender, dst=packet.dst, ttl=packet.ttl, ip_id=packet.ip_id, df=packet.df)
        rest = packet.raw[packet.offset + 4 : packet.offset + 8]
        raw = build_icmp(header, kind=packet.icmp_type, code=packet.icmp_code, rest=rest, payload=quote)
        return parse_packet(raw) or packet
