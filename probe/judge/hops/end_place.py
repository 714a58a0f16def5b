"""Whether an early end came from before the place where an operator's own network may begin.

An end that came sooner than the service can answer (`probe.judge.packets.end_timing`) came from nearer than the
service. An operator's guard stands nearer, too, where it guards the border of a wide network. What paths to unrelated
owners pass is no operator's own: so the end must have come sooner than the furthest router that is shared with them
can have answered.

A router answers a packet that has run out no sooner than its distance, and often later, since its processor has other
work. So its distance is at most the lowest delay of any packet that ran out there or further on, on any path. A busy
device of ours reads answers late: by as much as the address itself seems later in the trace than TCP's own clock says,
the others seem so as well. Of an address that was not traced itself, the way to another of the site's is the best
guess, if it is of the same family: one guard serves them all. Where nobody traced a way (the run was over, the system
cannot), or no router that is shared answered, nothing shows that it was no guard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from probe.catalogue.owners import may_share_network
from probe.core.addresses import family_of
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import EndWhere
from probe.judge.packets.end_timing import SOONER, SOONER_MS, EndTiming


def place_end(timing: EndTiming, traces: Sequence[Observation], address: str, port: int) -> EndTiming:
    """The same with where it came from, if it came too soon. `traces`: of purpose `route` to addresses of the site, and
    of purpose `reference` to others."""
    return replace(timing, where=_find_where(timing, traces, address, port)) if timing.is_sooner else timing


def _find_where(timing: EndTiming, traces: Sequence[Observation], address: str, port: int) -> EndWhere:
    traced = _choose_traced(traces, address, port)
    lines = [line for o in traces if o.purpose == "route" and (o.address, o.port) == (traced, port)
             for line in o.trace.lines]
    others = [o for o in traces if o.purpose == "reference" and family_of(o.address) == family_of(traced)
              and not may_share_network(o.address, traced)]
    theirs = {(line.ttl, line.router) for o in others for line in o.trace.lines if line.router}
    shared = [line.ttl for line in lines if (line.ttl, line.router) in theirs]
    if not shared:
        return "unknown"
    beyond = [line for line in lines if line.ttl >= max(shared)]
    routers = {(line.ttl, line.router) for line in beyond if line.router}
    there = [line for o in others for line in o.trace.lines if (line.ttl, line.router) in routers]
    farthest_ms = min(_delays(beyond + there), default=0.0) - _find_lateness(lines, timing)
    end_ms = timing.middle_end_ms
    sooner = end_ms < SOONER * farthest_ms and farthest_ms - end_ms >= SOONER_MS
    return "before" if sooner else "unknown"


def _choose_traced(traces: Sequence[Observation], address: str, port: int) -> str:
    """The address itself, or where nobody traced it another of the site's, of its family: ways of the other pass other
    guards."""
    found = (o.address for o in traces if o.purpose == "route" and o.port == port
             and family_of(o.address) == family_of(address))
    return min(found, key=lambda traced: traced != address, default=address)


def _find_lateness(lines: Sequence[TraceLine], timing: EndTiming) -> float:
    """By how much the address itself answered later in the trace than TCP has measured elsewhere."""
    opened = _delays([line for line in lines if line.word == "open"])
    return max(0.0, min(opened) - timing.lowest_rtt_ms) if opened else 0.0


def _delays(lines: Sequence[TraceLine]) -> list[float]:
    return [line.delay_ms for line in lines if line.delay_ms is not None]
