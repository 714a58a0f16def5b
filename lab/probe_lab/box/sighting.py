"""What the middlebox sees of one packet, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from probe_lab.box.dissect import HttpRequest, Question
from probe_lab.box.flows import Flow
from probe_lab.box.hello_shape import HelloShape
from probe_lab.box.progress import Moment
from probe_lab.box.tls_hello import Hello
from probe_lab.wire.packet import FIN, SYN, TCP, Packet


@dataclass(slots=True)
class SegmentSighting:
    """What one TCP segment shows to a box that puts no stream together."""

    hello: Hello
    request: HttpRequest | None


@dataclass(slots=True, kw_only=True)
class PacketSighting:
    """One packet in its flow. What it gives away is filled at the packet that completes it."""

    packet: Packet
    flow: Flow
    to_server: bool
    now_s: float
    moment: Moment
    """How long the router has run, and how far the client has come; schedules run by it."""
    speaks: bool = False
    """Whether this packet gave anything away that a rule may look for."""
    in_order: bool = False
    """Whether it completed bytes of the stream, which may be more than its own."""
    sni: str = ""
    shape: HelloShape | None = None
    """Of a ClientHello that is whole now."""
    encrypted_hello: bool = False
    """A ClientHello with an encrypted one inside; its outer name is the flow's."""
    request: HttpRequest | None = None
    alone: SegmentSighting | None = None
    protocol: str = ""
    carried: str = ""
    """What that is HTTP of says that it carries, if a box knows it."""
    quic_name: str = ""
    quic_version: str = ""
    question: Question | None = None
    more_questions: list[Question] = field(default_factory=list)
    """Further ones that the same segment completed."""

    @property
    def name(self) -> str:
        """The name that this packet, or one before it in the flow, gave away; empty when none did."""
        return self.question.name if self.question else self.flow.name

    @property
    def is_tcp(self) -> bool:
        """Whether this is a TCP segment."""
        return self.packet.proto == TCP

    @property
    def client_next(self) -> int:
        """Sequence number of what the client sends next, as far as the box can know."""
        if self.in_order:
            return self.flow.stream.next_seq
        return (self.packet.seq + len(self.packet.payload) + bool(self.packet.flags & (SYN | FIN))) & 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectedPacket:
    """A packet that the box itself sends."""

    packet: bytes
    to_client: bool
    delay_s: float = 0.0
    """After the packet that it answers came by."""


@dataclass(slots=True)
class PacketFate:
    """What becomes of one packet: passed on, perhaps changed, or None; and what the box sends."""

    forward: bytes | None
    injected: list[InjectedPacket] = field(default_factory=list)
    redirected: bool = False
    forward_delay_s: float = 0.0
    """How long the box keeps the packet, and what goes before it, in a queue."""
    earlier: tuple[bytes, ...] = ()
    """Fragments of the same packet that the box held until it was whole; they leave before `forward`."""
