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
from benchmark.inside import SEED, clean_world, endpoints
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import list_scenario_names, load_scenario
from probe_lab.lab_types import Rule, World
from probe_lab.path.router import Router
from probe_lab.truth import TruthLog
from probe_lab.wire.packet import ACK, PSH, SYN, IpHeader, build_tcp

FLOWS = 150
ANSWERS = 12
"""Segments of a server in each flow."""
SEGMENT_BYTES = 1400
ROUNDS = 5
LEAST_PLAIN, LEAST_WITH_RULES = 60_000, 12_000
"""Packets a second that the router owes: it must never be what a measurement waits for."""
EVERYWHERE = frozenset(("all", "not_address", "port", "udp53", "not_protocol"))
"""Triggers of rules that single nobody out; some of them silence every flow of this measurement at once."""


def measure() -> list[Figure]:
    """Medians over several passes of the same packets, the ways in turns."""
    world = replace(clean_world(rtt_ms=0).world, client_delay_ms=0.0)
    packets = [packet for number in range(FLOWS) for packet in flow(world, number)]
    every = every_rule()
    some = tuple(rule for rule in every if rule.trigger not in EVERYWHERE and "*" not in rule.match)
    rates: dict[str, list[float]] = {"copy": [], "plain": [], "some": [], "every": []}
    with tempfile.TemporaryDirectory() as folder:
        truth = TruthLog(str(Path(folder) / "truth.jsonl"))
        for _ in range(ROUNDS):
            rates["copy"].append(_rate(packets, _copier()))
            for name, rules in (("plain", ()), ("some", some), ("every", every)):
                rates[name].append(_rate(packets, _forwarder(world, rules, truth)))
        truth.close()
    copy, plain, named, all_ = (median(rates[name]) for name in ("copy", "plain", "some", "every"))
    return [
        Figure(label="without rules", value=plain, unit="packets/s", at_least=LEAST_PLAIN,
               note=f"a copy loop: {copy / plain:.0f} x that"),
        Figure(label=f"with the {len(some)} rules of all scenarios that single something out", value=named,
               unit="packets/s", at_least=LEAST_WITH_RULES, note=f"1/{plain / named:.1f} of that without"),
        Figure(label=f"with all {len(every)}", value=all_, unit="packets/s", at_least=LEAST_WITH_RULES,
               note=f"1/{plain / all_:.1f} of that without"),
    ]


def every_rule() -> tuple[Rule, ...]:
    """The rules of every packaged scenario, drawn with one seed."""
    known = endpoints()
    return tuple(rule for name in list_scenario_names()
                 for rule in draw_scenario(load_scenario(name), seed=SEED, endpoints=known).rules)


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
    """Packets in a second of processor time, in which other programs on the machine have no part."""
    begin = time.process_time()
    for leg, raw in packets:
        handle(leg, raw)
    return len(packets) / (time.process_time() - begin)
