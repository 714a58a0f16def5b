"""The manners of a timed run: how many new flows it begins in a second once the network is known to be there."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.chain import different_hosts
from benchmark.figure import Figure
from benchmark.inside import clean_world, endpoints, run_probe
from probe.core.observations import Observation
from probe_lab.laboratory import Laboratory

SITES = 4
DEADLINE_S = 40
FLOWS = ("resolve", "dns_round_trip", "connect")
"""Operations that begin a flow; a handshake or a page goes on with one."""


def measure() -> list[Figure]:
    """Flows a second of a run of a few sites, the ladder at its start apart."""
    inputs = [word for url in different_hosts(endpoints())[:SITES] for word in ("--input", url)]
    with Laboratory(clean_world(rtt_ms=50), helpers=False) as laboratory:
        result = run_probe(laboratory, "--timed", "--deadline-s", str(DEADLINE_S), *inputs).result
    starts = flow_starts(result.observations)
    ladder = [o.t0_s for o in result.observations if o.purpose == "ladder" and o.operation in FLOWS]
    seconds = starts[-1] - starts[0]
    return [
        Figure(label="most new flows in any one second", value=busiest(starts),
               note="a step may be two: the questions for IPv4 and IPv6"),
        Figure(label="flows a second over the run", value=len(starts) / max(seconds, 1.0),
               note=f"{len(starts)} flows in {seconds:.0f} s for {SITES} sites, deadline {DEADLINE_S} s"),
        Figure(label="flows of the ladder", value=len(ladder), note="all at once when the run starts"),
    ]


def flow_starts(observations: Sequence[Observation]) -> list[float]:
    """When each flow for the targets' sake began, in order."""
    return sorted(o.t0_s for o in observations if o.purpose != "ladder" and o.operation in FLOWS and not o.reason)


def busiest(starts: Sequence[float], *, window_s: float = 1.0) -> int:
    """The largest number of these moments (in order) that lie within one window."""
    most = first = 0
    for last, moment in enumerate(starts):
        while moment - starts[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
