"""Every fifth service is blocked, each in one of several ways: what the run costs then, and whether it ends in time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from benchmark.figure import Figure
from benchmark.inside import clean_world, endpoints, run_probe
from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe_lab.draw import resolve_addresses
from probe_lab.lab_types import DrawnScenario, Rule
from probe_lab.laboratory import Laboratory

DEADLINE_S = 60.0
GRACE_S = 2.0
RTT_MS = 50.0
ONE_IN = 5


def measure() -> list[Figure]:
    """Wall time and traffic of the core tier in a clean world, and with every fifth service blocked."""
    drawn = clean_world(rtt_ms=RTT_MS)
    with Laboratory(drawn, helpers=True) as laboratory:
        clean = run_probe(laboratory, "--fast", "--tier", "1", helpers=True)
    with Laboratory(fifth_blocked(drawn), helpers=True) as laboratory:
        run = run_probe(laboratory, "--fast", "--deadline-s", str(DEADLINE_S), "--tier", "1", helpers=True)
    outcomes = Counter(v.outcome for v in run.result.verdicts)
    return [
        Figure(label="every fifth service blocked: wall", value=run.wall_s, unit="s", at_most=DEADLINE_S + GRACE_S,
               note=", ".join(f"{n} {word}" for word, n in outcomes.most_common())),
        Figure(label="  wall, of a clean run's", value=run.wall_s / clean.wall_s, unit="x"),
        Figure(label="  connections and questions, of a clean run's",
               value=_flows(run.result.observations) / _flows(clean.result.observations), unit="x"),
        Figure(label="  IP packets, of a clean run's", value=run.packet_bytes / clean.packet_bytes, unit="x"),
    ]


def fifth_blocked(drawn: DrawnScenario) -> DrawnScenario:
    """The world in which every fifth service of the core tier has its names reset, its ClientHellos swallowed, or its
    addresses dropped, by turns."""
    rows = [e for e in endpoints() if e.tier == 1 and e.role != "control"]
    chosen = sorted({e.service for e in rows})[::ONE_IN]
    rules = tuple(rule for n, service in enumerate(chosen)
                  if (rule := _rule(n, [e for e in rows if e.service == service], drawn)) is not None)
    return replace(drawn, rules=rules)


def _rule(number: int, rows: list[Endpoint], drawn: DrawnScenario) -> Rule | None:
    names = tuple(sorted({e.sni for e in rows if e.sni}))
    addresses = tuple(sorted({a for e in rows for a in resolve_addresses(e, drawn.world)}))
    rule = (
        Rule(match=names, trigger="sni", action="reset", block_type="tls.reset.sni"),
        Rule(match=names, trigger="sni", action="drop", block_type="tls.drop.sni"),
        Rule(match=addresses, trigger="address", action="drop", block_type="ip.blackhole"),
    )[number % 3]
    return rule if rule.match else None


def _flows(observations: tuple[Observation, ...]) -> int:
    return sum(o.operation in ("connect", "dns_round_trip", "resolve", "trace") for o in observations)
