"""Traffic of one client, packet by packet, for tests of the middlebox and of the router."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import dns.message
import pytest

from probe_lab.box.middlebox import Middlebox
from probe_lab.box.sighting import PacketFate
from probe_lab.lab_types import Rule, Value
from probe_lab.truth import TruthEntry, TruthLog, read_log
from probe_lab.wire.packet import ACK, PSH, SYN, IpHeader, Packet, build_tcp, build_udp, parse_packet

CLIENT, CLIENT6 = "100.1.2.3", "2a02:100::3"
SERVER, SERVER6 = "151.101.1.10", "2a04:4e42::10"
RESOLVER = "62.40.1.53"
ROUTER, ROUTER6 = "62.9.9.9", "2a03::9"
CLIENT_TTL = 61
"""What is left of it at the box."""
SERVER_TTL = 57
CLIENT_ISN, SERVER_ISN = 4_294_967_000, 7_000
"""The client's sequence numbers pass zero in the middle of a ClientHello."""


def client_hello(name: str) -> bytes:
    """A real ClientHello."""
    context = ssl.create_default_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


HELLO = client_hello("t.example")
INNOCENT = client_hello("c.example")


def get(host: str, method: str = "GET") -> bytes:
    """An HTTP request."""
    return f"{method} / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


def read(raw: bytes | None) -> Packet:
    """A packet that must be there and be one."""
    packet = parse_packet(raw) if raw is not None else None
    assert packet is not None
    return packet


@dataclass(slots=True, kw_only=True)
class Flow:
    """A TCP flow of the client; sequence numbers as both ends would use them."""

    cport: int = 40_000
    client: str = CLIENT
    server: str = SERVER
    sport: int = 443
    sent: int = 0
    ip_id: int = 500

    def _header(self) -> IpHeader:
        self.ip_id += 1
        return IpHeader(src=self.client, dst=self.server, ttl=CLIENT_TTL, ip_id=self.ip_id, df=True)

    def syn(self) -> bytes:
        """The client's first packet."""
        return build_tcp(self._header(), sport=self.cport, dport=self.sport, flags=SYN, seq=CLIENT_ISN, window=64240)

    def data(self, payload: bytes, *, flags: int = PSH | ACK) -> bytes:
        """The client's next data, or with none an acknowledgement."""
        raw = build_tcp(
            self._header(), sport=self.cport, dport=self.sport, flags=flags, seq=self.next_seq, ack=SERVER_ISN + 1,
            window=502, payload=payload,
        )
        self.sent += len(payload)
        return raw

    def answer(self, payload: bytes = b"", *, flags: int = ACK) -> bytes:
        """A segment of the server."""
        header = IpHeader(src=self.server, dst=self.client, ttl=SERVER_TTL, ip_id=0, df=True)
        return build_tcp(
            header, sport=self.sport, dport=self.cport, flags=flags, seq=SERVER_ISN + 1, ack=self.next_seq,
            window=500, payload=payload,
        )

    @property
    def next_seq(self) -> int:
        """What the client will send next."""
        return (CLIENT_ISN + 1 + self.sent) % 2**32


def flow_of(version: int, *, cport: int = 40_000) -> Flow:
    """A flow between the same hosts over either family."""
    return Flow(cport=cport, client=CLIENT6, server=SERVER6) if version == 6 else Flow(cport=cport)


def query(name: str, kind: str = "A", *, to: str = RESOLVER, cport: int = 5353) -> bytes:
    """A DNS question over UDP."""
    src = CLIENT6 if ":" in to else CLIENT
    header = IpHeader(src=src, dst=to, ttl=CLIENT_TTL, ip_id=9)
    return build_udp(header, sport=cport, dport=53, payload=dns.message.make_query(name, kind, id=77).to_wire())


class Scene:
    """A middlebox with its log, and a clock that stands still unless moved."""

    def __init__(self, directory: Path, *rules: Rule, seed: int = 1) -> None:
        self._path = directory / "truth.jsonl"
        self.box = Middlebox(
            rules, truth=TruthLog(self._path), seed=seed, address4=ROUTER, address6=ROUTER6, server_ttl=SERVER_TTL
        )
        self.now_s = 1000.0

    def out(self, raw: bytes) -> PacketFate:
        """A packet of the client passes."""
        return self.box.handle(raw, to_server=True, now_s=self.now_s)

    def back(self, raw: bytes) -> PacketFate:
        """A packet for the client passes."""
        return self.box.handle(raw, to_server=False, now_s=self.now_s)

    def open(self, flow: Flow) -> Flow:
        """A handshake that nobody disturbs."""
        steps = (self.out(flow.syn()), self.back(flow.answer(flags=SYN | ACK)), self.out(flow.data(b"", flags=ACK)))
        for passage in steps:
            assert passage.forward is not None
            assert passage.injected == []
        return flow

    @property
    def log(self) -> tuple[TruthEntry, ...]:
        """What the box has written down."""
        return read_log(self._path)


def rule(trigger: str, match: tuple[str, ...] | str, action: str, **params: Value) -> Rule:
    """A rule with a block type that tells it apart."""
    matches = (match,) if isinstance(match, str) else match
    return Rule(trigger=trigger, match=matches, action=action, params=params, block_type=f"x.{action}", alias="t")


def sent(passage: PacketFate, *, to_client: bool) -> list[Packet]:
    """What the box itself sends to one side."""
    return [read(injection.packet) for injection in passage.injected if injection.to_client == to_client]


def untouched(passage: PacketFate, raw: bytes) -> bool:
    """Whether a packet passed as it was, and nothing else happened."""
    return passage.forward == raw and not passage.injected


def assert_untouched(scene: Scene, flow: Flow, payload: bytes) -> None:
    """These data of the client must pass as they are."""
    raw = flow.data(payload)
    assert untouched(scene.out(raw), raw)
