"""Whether an early end came from before all that may be the operator's own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from observations import observation
from probe.core.observation_parts import TracePart
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import EndWhere
from probe.core.tables.purposes import Purpose
from probe.judge.hops.end_place import place_end
from probe.judge.packets.end_timing import EndTiming

HERE, BESIDE, OTHER, THIRD = "93.184.0.1", "93.184.9.9", "198.51.100.7", "203.0.113.80"
BY_SIX, OTHER_BY_SIX = "2606:2800::1", "2001:db8:7::7"
"""Of the site, and of somebody else, in the other family."""
HOP_MS = 10.0
REACHED = 10
"""Hops to the address: its round trip is 100 ms."""


def timing(end_ms: float) -> EndTiming:
    return EndTiming(attempts=3, sooner=3, middle_end_ms=end_ms, lowest_rtt_ms=HOP_MS * REACHED,
                     answered=1, served_after=True)


def way(address: str, routers: str, *, purpose: Purpose = "reference", late_ms: float = 0.0,
        slow: int = 0) -> Observation:
    """A trace: a letter for each router, `.` for a silent one. `late_ms`: our own lateness; `slow`: a router that
    takes a quarter of a second for it."""
    lines = [TraceLine(ttl=ttl, word="exceeded", router=name, delay_ms=ttl * HOP_MS + late_ms + 250 * (ttl == slow))
             for ttl, name in enumerate(routers, 1) if name != "."]
    end = TraceLine(ttl=len(routers) + 1, word="open", delay_ms=(len(routers) + 1) * HOP_MS + late_ms)
    made = observation(operation="trace", purpose=purpose, address=address, port=443, hostname="", family=4)
    return replace(made, trace=TracePart(lines=(*lines, end)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was traced, and when the connections ended."""

    end_ms: float
    traces: tuple[Observation, ...]
    where: EndWhere


OURS = way(HERE, "abcdefxyz", purpose="route")
CASES: dict[str, Case] = {
    "a box where all paths pass": Case(end_ms=30, traces=(OURS, way(OTHER, "abcdefgh")), where="before"),
    "the operator's guard at the border of its network": Case(
        end_ms=70, traces=(OURS, way(OTHER, "abcdefgh")), where="unknown"),
    "a box so near that border that time does not tell": Case(
        end_ms=50, traces=(OURS, way(OTHER, "abcdefgh")), where="unknown"),
    "paths that part at once": Case(end_ms=30, traces=(OURS, way(OTHER, "aopqrst")), where="unknown"),
    "nobody else was traced": Case(end_ms=30, traces=(OURS,), where="unknown"),
    "the operator's other address says nothing": Case(
        end_ms=30, traces=(OURS, way(BESIDE, "abcdefxyz")), where="unknown"),
    "silent routers": Case(
        end_ms=30, traces=(way(HERE, ".........", purpose="route"), way(OTHER, "abc")), where="unknown"),
    "nothing was traced": Case(end_ms=30, traces=(), where="unknown"),
    "the furthest of several paths counts": Case(
        end_ms=40, traces=(OURS, way(OTHER, "abopqr"), way(THIRD, "abcdefgh")), where="before"),
    "the last shared router is slow to complain": Case(
        end_ms=60, traces=(way(HERE, "abcdefxyz", purpose="route", slow=6), way(OTHER, "abcdefgh", slow=6)),
        where="unknown"),
    "this device reads late": Case(
        end_ms=55, traces=(way(HERE, "abcdefxyz", purpose="route", late_ms=60), way(OTHER, "abcdefgh", late_ms=60)),
        where="unknown"),
    "the site's other address was traced": Case(
        end_ms=70, traces=(way(BESIDE, "abcdefxyz", purpose="route"), way(OTHER, "abcdefgh")), where="unknown"),
    "another box, and the site's other address was traced": Case(
        end_ms=30, traces=(way(BESIDE, "abcdefxyz", purpose="route"), way(OTHER, "abcdefgh")), where="before"),
    "only its other family was traced": Case(
        end_ms=30, traces=(way(BY_SIX, "abcdefxyz", purpose="route"), way(OTHER, "abcdefgh"),
                           way(OTHER_BY_SIX, "abcdefgh")), where="unknown"),
    "another port": Case(end_ms=30, traces=(replace(OURS, port=80), way(OTHER, "abcdefgh")), where="unknown"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_end_is_placed_by_the_routers_that_others_pass(case: Case) -> None:
    assert place_end(timing(case.end_ms), case.traces, HERE, 443).where == case.where


def test_what_was_not_sooner_has_no_place() -> None:
    late = replace(timing(30), sooner=2)
    assert place_end(late, (OURS, way(OTHER, "abcdefgh")), HERE, 443) == late


def test_a_border_guard_is_no_ground_for_an_accusation() -> None:
    assert replace(timing(70), where="before").is_before_door
    assert not replace(timing(70), where="unknown").is_before_door
    assert not timing(70).is_before_door
