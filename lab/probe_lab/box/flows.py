"""Flows as a middlebox on the client's path remembers them: bounded in number, in age, and in bytes of each."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from probe_lab.box.first_bytes import FirstBytes
from probe_lab.box.rulebook import BoxRule
from probe_lab.wire.packet import ACK, SYN, TCP, UDP, Packet

MAX_FLOWS = 16_384
IDLE_S = 600.0
IDLE_UDP_S = 60.0
"""A four-tuple of UDP that was silent for so long begins anew."""


class FlowKey(NamedTuple):
    """Protocol and both ends; ports are zero where the protocol has none."""

    proto: int
    client: str
    cport: int
    server: str
    sport: int


@dataclass(slots=True)
class ActiveEffect:
    """What a rule that fired goes on doing to the flow."""

    rule: BoxRule
    kind: str
    """A measure of `probe_lab.box.active_effects`."""
    allowance: int = 0
    """Packets that still pass."""
    begins_s: float = 0.0
    acted_s: float = 0.0
    """When it last sent something."""
    felt: bool = False
    """It has acted, and that is written down."""
    passed_bytes: int = 0
    passed_packets: int = 0
    ended_by: set[bool] = field(default_factory=set)
    """Who has closed the connection: the client (True), the server."""
    losing: bool = False
    """A burst of losses is under way."""
    left_s: dict[bool, float] = field(default_factory=dict)
    """When the last packet of each direction that was held back leaves."""


@dataclass(slots=True)
class Flow:
    """The state of one flow; changed by every packet of it."""

    key: FlowKey
    opened_by: int
    """Sequence number of the client's SYN; -1 when it was not seen."""
    seen_s: float
    places: tuple[BoxRule, ...] | None = None
    """Rules that concern the flow by where it goes; None: not looked up yet."""
    wants: frozenset[str] = frozenset()
    """Triggers about what is said, of rules that may concern the flow."""
    stream: FirstBytes = field(default_factory=FirstBytes)
    decided: bool = False
    """The client's first bytes have been judged."""
    reported: frozenset[str] = frozenset()
    """What of them has been told already."""
    name: str = ""
    """The name that the client gave away last."""
    protocol: str = ""
    """What its first payload looked like; empty: it has said nothing yet."""
    speaks_http: bool = False
    client_ip_id: int = 0
    """IP ID of the client's last packet."""
    server_ttl: int = 0
    """TTL at the box of the server's last packet; 0: none seen."""
    rolls: dict[int, bool] = field(default_factory=dict)
    """Rule number -> whether it takes notice of this flow."""
    logged: dict[int, int] = field(default_factory=dict)
    """Rule number -> entries in the truth log."""
    counted: set[int] = field(default_factory=set)
    """Numbers of rules that have counted this connection."""
    standing: list[ActiveEffect] = field(default_factory=list)


def idle_s(proto: int) -> float:
    """How long a flow may be silent before it is forgotten."""
    return IDLE_UDP_S if proto == UDP else IDLE_S


class FlowTable:
    """All flows, by key; the one longest unseen makes room."""

    def __init__(self) -> None:
        self._flows: OrderedDict[FlowKey, Flow] = OrderedDict()

    def find(self, packet: Packet, *, to_server: bool, now_s: float) -> Flow:
        """The flow of this packet, updated by it. A new SYN of the client, or long silence, begins it anew."""
        key = key_of(packet, to_server=to_server)
        flow = self._flows.get(key)
        opens = to_server and packet.proto == TCP and packet.flags & (SYN | ACK) == SYN
        if flow is None or now_s - flow.seen_s > idle_s(key.proto) or (opens and flow.opened_by != packet.seq):
            flow = self._flows[key] = Flow(key=key, opened_by=packet.seq if opens else -1, seen_s=now_s)
            if opens:
                flow.stream.restart(packet.seq + 1)
            if len(self._flows) > MAX_FLOWS:
                self._flows.popitem(last=False)
        self._flows.move_to_end(key)
        flow.seen_s = now_s
        if to_server:
            flow.client_ip_id = packet.ip_id
        else:
            flow.server_ttl = packet.ttl
        return flow


def key_of(packet: Packet, *, to_server: bool) -> FlowKey:
    """The key of a packet's flow, seen from the client."""
    if to_server:
        return FlowKey(packet.proto, packet.src, packet.sport, packet.dst, packet.dport)
    return FlowKey(packet.proto, packet.dst, packet.dport, packet.src, packet.sport)
