"""Censors and neighbours by the clock: what is struck while a rule is awake, and passes while it sleeps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lab_fidelity import Flow, Watched, seed_of, watched
from lab_fidelity_checks import assert_answered
from lab_hellos import hello

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

SLACK_S = 0.1
SOON_S = 1.0
"""How long a try waits: three times the longest round trip."""

Span = tuple[float, float]


class Clock:
    """The router starts at some moment while a laboratory is built; this tells what is certain all the same."""

    def __init__(self, begun_s: float, ready_s: float, spans: list[Span]) -> None:
        self._begun_s, self._ready_s, self.spans = begun_s, ready_s, spans

    def awake(self, flow: Flow) -> bool | None:
        """Whether a rule was awake during the flow; None where it may have been."""
        earliest, latest = flow.begin_s - self._ready_s - SLACK_S, flow.end_s - self._begun_s + SLACK_S
        if any(begin <= earliest and latest < (end or float("inf")) for begin, end in self.spans):
            return True
        if all(latest < begin or (0 < end <= earliest) for begin, end in self.spans):
            return False
        return None

    def is_over(self, now_s: float) -> bool:
        """Whether nothing more changes."""
        return now_s > self._ready_s + max(max(span) for span in self.spans) + SOON_S


@contextmanager
def begun(name: str) -> Iterator[tuple[Watched, Clock]]:
    """A laboratory, and its clock."""
    begun_s = time.monotonic()
    with watched(name, seed_of(name)) as w:
        numbers = [w.params(rule) for rule in range(len(w.drawn.rules))]
        spans = [(p.number("from_s"), p.number("until_s")) for p in numbers]
        yield w, Clock(begun_s, time.monotonic(), spans)


def watch(clock: Clock, attempt: Callable[[], Flow]) -> list[Flow]:
    """Try until the last change is past."""
    flows: list[Flow] = []
    while not flows or not clock.is_over(flows[-1].begin_s):
        flows.append(attempt())
    return flows


def assert_by_the_clock(clock: Clock, flows: list[Flow], failure: str) -> None:
    """Each try ended as the clock wants it, where that is certain; of the end at least it is."""
    for flow in flows:
        awake = clock.awake(flow)
        assert awake is None or flow.failure == (failure if awake else ""), flow
    assert clock.awake(flows[-1]) is not None
    assert failure in {flow.failure for flow in flows}


def test_a_name_begins_to_be_reset_or_ceases() -> None:
    with begun("sni-mid") as (w, clock):
        t, other = w.target("t"), w.innocent()
        flows = watch(clock, lambda: w.tcp(t, hello(t.sni), read_bytes=1))
        assert_by_the_clock(clock, flows, "ECONNRESET")
        assert {e.block_type for e in w.truth()} == {"tls.reset.sni"}
        assert_answered(w, w.tcp(other, hello(other.sni), read_bytes=1))


def test_addresses_begin_to_vanish_or_cease() -> None:
    with begun("sched-mid") as (w, clock):
        t = w.target("t")
        flows = watch(clock, lambda: w.connect(t, timeout_s=SOON_S))
        assert_by_the_clock(clock, flows, "timeout")
        assert {e.block_type for e in w.truth()} == {"ip.blackhole"}
        assert w.connect(w.innocent()).failure == ""


def test_a_neighbour_sets_it_off_twice() -> None:
    with begun("neighbour-again") as (w, clock):
        t, other = w.target("t"), w.innocent()
        flows = watch(clock, lambda: w.tcp(t, hello(other.sni), read_bytes=1))
        assert_by_the_clock(clock, flows, "ECONNRESET")
        outcomes = [flow.failure for flow in flows]
        assert "" in outcomes[: len(outcomes) - outcomes[::-1].index("ECONNRESET")], "in between the address answers"
        resets = w.from_server(flows[-1], flags="R")
        assert [(p.flags, p.ip.ttl) for p in resets[:3]] == [("RA", w.ttl_at_client(w.number("ttl", rule=1)))] * 3
        assert {e.block_type for e in w.truth()} == {""}, "nobody censors"
        assert_answered(w, w.tcp(other, hello(other.sni), read_bytes=1))
