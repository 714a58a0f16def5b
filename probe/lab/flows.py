"""Flows as a middlebox on the client's path remembers them: bounded in number, in age, and in bytes of each."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.lab.dissect import MAX_STREAM_BYTES
from probe.lab.packet import ACK, SYN, TCP, Packet
from probe.lab.rulebook import BoxRule

MAX_FLOWS = 16_384
IDLE_S = 600.0
_MAX_HELD_SEGMENTS = 16
_WINDOW = 1 << 31


class FlowKey(NamedTuple):
    """Protocol and both ends; ports are zero where the protocol has none."""

    proto: int
    client: str
    cport: int
    server: str
    sport: int


class FirstBytes:
    """The first bytes that one side of a TCP flow sends, put in order (a bounded reassembly)."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._held: dict[int, bytes] = {}
        self.data = bytearray()

    def restart(self, seq: int) -> None:
        """Forget everything; the stream begins with this sequence number."""
        self._next = seq & 0xFFFFFFFF
        self._held.clear()
        self.data.clear()

    def add(self, seq: int, payload: bytes) -> bool:
        """Take a segment; True when bytes in order were added. A stream without a known start begins here."""
        if self._next is None:
            self._next = seq
        grew = self._append(seq, payload)
        if not grew and self._ahead(seq) > 0 and len(self._held) < _MAX_HELD_SEGMENTS:
            self._held[seq] = payload
        while grew and self._held and any(self._append(seq, self._held.pop(seq)) for seq in self._ripe()):
            pass
        return grew

    @property
    def next_seq(self) -> int:
        """Sequence number of the byte after the last in order."""
        return self._next or 0

    def _ahead(self, seq: int) -> int:
        """Distance from the next byte expected; negative for bytes already seen."""
        return (seq - self.next_seq + _WINDOW) % (2 * _WINDOW) - _WINDOW

    def _ripe(self) -> list[int]:
        return [seq for seq in self._held if self._ahead(seq) <= 0]

    def _append(self, seq: int, payload: bytes) -> bool:
        ahead = self._ahead(seq)
        fresh = payload[-ahead:] if ahead <= 0 else b""
        if not fresh or len(self.data) >= MAX_STREAM_BYTES:
            return False
        self.data += fresh[: MAX_STREAM_BYTES - len(self.data)]
        self._next = (self.next_seq + len(fresh)) & 0xFFFFFFFF
        return True


@dataclass(slots=True)
class Standing:
    """What a rule that fired goes on doing to the flow."""

    rule: BoxRule
    kind: str
    """drop, drop_to_client, reset, or cut."""
    allowance: int = 0
    """Packets that still pass."""
    acted_s: float = 0.0
    """When it last sent something."""


@dataclass(slots=True)
class Flow:
    """The state of one flow; changed by every packet of it."""

    key: FlowKey
    opened_by: int
    """Sequence number of the client's SYN; -1 when it was not seen."""
    seen_s: float
    stream: FirstBytes = field(default_factory=FirstBytes)
    decided: bool = False
    """The client's first bytes have been judged."""
    speaks_http: bool = False
    client_ip_id: int = 0
    """IP ID of the client's last packet."""
    server_ttl: int = 0
    """TTL at the box of the server's last packet; 0: none seen."""
    rolls: dict[int, bool] = field(default_factory=dict)
    """Rule number -> whether it takes notice of this flow."""
    logged: dict[int, int] = field(default_factory=dict)
    """Rule number -> entries in the truth log."""
    standing: list[Standing] = field(default_factory=list)


class FlowTable:
    """All flows, by key; the one longest unseen makes room."""

    def __init__(self) -> None:
        self._flows: OrderedDict[FlowKey, Flow] = OrderedDict()

    def find(self, packet: Packet, *, to_server: bool, now_s: float) -> Flow:
        """The flow of this packet, updated by it. A new SYN of the client, or long silence, begins it anew."""
        key = key_of(packet, to_server=to_server)
        flow = self._flows.get(key)
        opens = to_server and packet.proto == TCP and packet.flags & (SYN | ACK) == SYN
        if flow is None or now_s - flow.seen_s > IDLE_S or (opens and flow.opened_by != packet.seq):
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
