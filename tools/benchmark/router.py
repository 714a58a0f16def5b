"""How many packets a second the laboratory's router forwards, beside a loop that does nothing but copy them."""

from __future__ import annotations

import ssl
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from benchmark.figure import Figure
from benchmark.inside import clean_world
from probe.lab.packet import ACK, PSH, SYN, IpHeader, build_tcp
from probe.lab.router import Router
from probe.lab.truth import TruthLog
from probe.lab.types import Rule, World

FLOWS = 150
ANSWERS = 12
"""Segments of a server in each flow."""
SEGMENT_BYTES = 1400
ROUNDS = 5
RULES = (
    Rule(trigger="sni", match=("blocked.example",), action="reset"),
    Rule(trigger="address", match=("203.0.113.1",), action="drop"),
    Rule(trigger="qname", match=("blocked.example",), action="drop"),
)
"""None of them fires: what is measured is looking."""


def measure() -> list[Figure]:
    """Medians over several passes of the same packets, the three ways in turns."""
    world = replace(clean_world(rtt_ms=0).world, client_delay_ms=0.0)
    packets = [packet for number in range(FLOWS) for packet in flow(world, number)]
    rates: dict[str, list[float]] = {"copy": [], "plain": [], "rules": []}
    with tempfile.TemporaryDirectory() as folder:
        truth = TruthLog(str(Path(folder) / "truth.jsonl"))
        for _ in range(ROUNDS):
            rates["copy"].append(_rate(packets, _copier()))
            rates["plain"].append(_rate(packets, _forwarder(world, (), truth)))
            rates["rules"].append(_rate(packets, _forwarder(world, RULES, truth)))
        truth.close()
    copy, plain, rules = (median(rates[name]) for name in ("copy", "plain", "rules"))
    return [
        Figure(label="without rules", value=plain, unit="packets/s", note=f"a copy loop: {copy / plain:.0f} x that"),
        Figure(label=f"with {len(RULES)} rules", value=rules, unit="packets/s", note=f"1/{plain / rules:.1f} of that"),
    ]


def flow(world: World, number: int) -> list[tuple[str, bytes]]:
    """A TLS connection's packets, each with the leg that it comes from."""
    port, server = 20_000 + number, f"8.8.{number // 250}.{number % 250 + 1}"
    hello = _client_hello()

    def out(flags: int, payload: bytes = b"", sent: int = 0) -> tuple[str, bytes]:
        header = IpHeader(src=world.client4, dst=server, ttl=64, ip_id=number, df=True)
        return "client", build_tcp(header, sport=port, dport=443, flags=flags, seq=1000 + sent, ack=1, window=500,
                                   payload=payload)

    def back(flags: int, payload: bytes = b"", sent: int = 0) -> tuple[str, bytes]:
        header = IpHeader(src=server, dst=world.client4, ttl=64, ip_id=0, df=True)
        return "servers", build_tcp(header, sport=443, dport=port, flags=flags, seq=sent, ack=1001, window=500,
                                    payload=payload)

    body = [back(ACK, bytes(SEGMENT_BYTES), 1 + n * SEGMENT_BYTES) for n in range(ANSWERS)]
    acks = [out(ACK, sent=1 + len(hello)) for _ in range(ANSWERS // 2)]
    return [out(SYN), back(SYN | ACK), out(ACK, sent=1), out(ACK | PSH, hello, 1), *body, *acks]


def _client_hello() -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="innocent.example")
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise RuntimeError("a handshake cannot end before it began")


def _copier() -> Callable[[str, bytes], None]:
    out: list[bytes] = []
    return lambda leg, raw: out.append(bytes(memoryview(raw)))


def _forwarder(world: World, rules: Sequence[Rule], truth: TruthLog) -> Callable[[str, bytes], None]:
    out: list[bytes] = []
    router = Router(world, rules, faults=(), truth=truth,
                    deliver={name: out.append for name in ("client", "vantage", "servers")})

    def forward(leg: str, raw: bytes) -> None:
        router.take(leg, raw, 0.0)
        router.run_due(0.0)

    return forward


def _rate(packets: Sequence[tuple[str, bytes]], handle: Callable[[str, bytes], None]) -> float:
    begin = time.perf_counter()
    for leg, raw in packets:
        handle(leg, raw)
    return len(packets) / (time.perf_counter() - begin)
