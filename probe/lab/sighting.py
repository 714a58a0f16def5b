"""What the middlebox sees of one packet, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from probe.lab.dissect import HttpRequest, Question
from probe.lab.flows import Flow
from probe.lab.packet import FIN, SYN, TCP, Packet


@dataclass(slots=True, kw_only=True)
class Sighting:
    """One packet in its flow."""

    packet: Packet
    flow: Flow
    to_server: bool
    now_s: float
    sni: str = ""
    """Filled at the packet that completes it, and so the next two."""
    request: HttpRequest | None = None
    question: Question | None = None

    @property
    def name(self) -> str:
        """The name that this packet gave away; empty when none."""
        if self.question:
            return self.question.name
        return self.sni or (self.request.host if self.request else "")

    @property
    def is_tcp(self) -> bool:
        """Whether this is a TCP segment."""
        return self.packet.proto == TCP

    @property
    def client_next(self) -> int:
        """Sequence number of what the client sends next, as far as the box can know."""
        if self.sni or self.request:
            return self.flow.stream.next_seq
        return (self.packet.seq + len(self.packet.payload) + bool(self.packet.flags & (SYN | FIN))) & 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """A packet that the box itself sends."""

    packet: bytes
    to_client: bool
    delay_s: float = 0.0
    """After the packet that it answers came by."""


@dataclass(slots=True)
class Passage:
    """What becomes of one packet: passed on, perhaps changed, or None; and what the box sends."""

    forward: bytes | None
    injected: list[Injection] = field(default_factory=list)
    redirected: bool = False
