"""Networks that swallow packets: a run must end at its deadline, whatever still hangs."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from benchmark.figure import Figure
from benchmark.inside import Ran, clean_world, endpoints, run_probe, with_resolvers
from probe_lab.draw import resolve_addresses
from probe_lab.lab_types import DrawnScenario, Fault, Rule
from probe_lab.laboratory import Laboratory

DEADLINE_S = 60.0
GRACE_S = 2.0
FAST = ("--fast", "--deadline-s", str(DEADLINE_S))
RTT_MS = 50.0
DEAD_RESOLVERS = ("198.18.0.53", "198.18.1.53", "198.18.2.53")
"""Addresses for benchmarks of network equipment (RFC 2544), where nobody answers."""


def measure() -> list[Figure]:
    """The whole line dead with three dead resolvers; then a line that is well but drops every target's address."""
    drawn = clean_world(rtt_ms=RTT_MS)
    dead = replace(drawn, faults=(Fault(kind="blackhole"),))
    with Laboratory(dead, helpers=False) as laboratory:
        all_dead = run_probe(laboratory, *FAST, before=with_resolvers(*DEAD_RESOLVERS))
    with Laboratory(targets_dropped(drawn), helpers=False) as laboratory:
        targets_dead = run_probe(laboratory, *FAST)
    return [
        _ending("everything dropped, three dead resolvers: wall", all_dead),
        _ending("every target's address dropped: wall", targets_dead),
    ]


def targets_dropped(drawn: DrawnScenario) -> DrawnScenario:
    """The world with every address of the core tier's targets swallowed, the ladder's controls left alone."""
    rows = endpoints()
    controls = {a for e in rows if e.role == "control" for a in resolve_addresses(e, drawn.world)}
    aims = {a for e in rows if e.tier == 1 and e.role != "control" for a in resolve_addresses(e, drawn.world)}
    rule = Rule(trigger="address", match=tuple(sorted(aims - controls)), action="drop", block_type="ip.blackhole")
    return replace(drawn, rules=(rule,))


def _ending(label: str, ran: Ran) -> Figure:
    outcomes = Counter(v.outcome for v in ran.result.verdicts)
    run = ran.result.run
    says = f"resolvers: {run.vantage.resolver_count}; run: {run.outcome} {run.block_type}".strip()
    return Figure(label=label, value=ran.wall_s, unit="s", at_most=DEADLINE_S + GRACE_S,
                  note=f"{says}; targets: " + ", ".join(f"{n} {outcome}" for outcome, n in outcomes.most_common()))
