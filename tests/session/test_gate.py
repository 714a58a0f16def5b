"""When a step may start: few TLS connections per address, one visit at a time per port, a steady pace."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observations import HERE4, HOST, NEAR4
from probe.instruments.steps import AskControl, FollowRedirect, Lookup, Step, Visit
from probe.session.pacer import TLS_PER_ADDRESS, TLS_WINDOW_S, Pacer


def going_to(address: str = HERE4, *, port: int = 443, sni: str = HOST, attempt: int = 1) -> Visit:
    return Visit(purpose="target", address=address, port=port, hostname=HOST, sni=sni, attempt=attempt)


LOOKUP = Lookup(channel="system", name=HOST)
STEPS: st.SearchStrategy[Step] = st.builds(
    going_to, st.sampled_from([HERE4, NEAR4]), port=st.sampled_from([80, 443, 5222]), sni=st.sampled_from(["", HOST]),
) | st.just(LOOKUP)


def test_a_connection_on_which_nothing_is_said_keeps_nobody_waiting() -> None:
    gate, bare = fast(), replace(going_to(sni=""), ends_stream=True)
    gate.start(going_to(), 0.0)
    assert gate.ready_at_s(bare, 0.0) is not None
    gate.start(bare, 0.0)
    gate.end(going_to())
    assert gate.ready_at_s(going_to(attempt=2), 0.0) is not None
    gate.start(going_to(attempt=2), 0.0)
    gate.end(bare)
    assert gate.ready_at_s(going_to(attempt=3), 0.0) is None


def fast(seed: int = 0) -> Pacer:
    return Pacer(interval_s=0.0, rng=random.Random(seed))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(STEPS, st.floats(0, 6), st.booleans()), max_size=40), st.sampled_from([0.0, 0.7]))
def test_an_obedient_runner_never_crowds_an_address(plan: list[tuple[Step, float, bool]], interval_s: float) -> None:
    gate = Pacer(interval_s=interval_s, rng=random.Random(1))
    now_s, running = 0.0, set[Visit]()
    shakes: dict[str, list[float]] = {}
    for step, pause_s, ends in plan:
        now_s += pause_s
        ready_s = gate.ready_at_s(step, now_s)
        if isinstance(step, Visit):
            taken = any((r.address, r.port) == (step.address, step.port) for r in running)
            assert (ready_s is None) == taken
        if ready_s is None:
            continue
        now_s = max(now_s, ready_s)
        gate.start(step, now_s)
        if isinstance(step, Visit):
            running.add(step)
            if step.sni:
                shakes.setdefault(step.address, []).append(now_s)
            if ends:
                gate.end(step)
                running.discard(step)
    for times in shakes.values():
        for early, late in zip(times, times[TLS_PER_ADDRESS:], strict=False):
            assert late - early >= TLS_WINDOW_S - 1e-9


def test_the_fourth_handshake_waits_for_the_first_to_be_old() -> None:
    gate = fast()
    for now_s in (1.0, 2.0, 3.0):
        step = going_to(port=440 + int(now_s))
        assert gate.ready_at_s(step, now_s) == now_s
        gate.start(step, now_s)
        gate.end(step)
    assert gate.ready_at_s(going_to(), 4.0) == 11.0
    assert gate.ready_at_s(going_to(NEAR4), 4.0) == 4.0
    assert gate.ready_at_s(going_to(sni=""), 4.0) == 4.0
    assert gate.ready_at_s(going_to(), 12.0) == 12.0


def test_one_visit_at_a_time_has_an_address_and_port() -> None:
    gate = fast()
    gate.start(going_to(), 0.0)
    assert gate.ready_at_s(going_to(attempt=2), 0.0) is None
    assert gate.ready_at_s(going_to(port=80), 0.0) is not None
    gate.end(going_to())
    assert gate.ready_at_s(going_to(attempt=2), 0.0) is not None


@pytest.mark.parametrize("step", [
    LOOKUP, AskControl(control_id="a", input="x", addresses=()),
    FollowRedirect(input="x", target_id="t", url="http://a.example/"),
])
def test_what_visits_no_address_waits_for_none(step: Step) -> None:
    gate = fast()
    gate.start(going_to(), 0.0)
    assert gate.ready_at_s(step, 5.0) == 5.0
    gate.end(step)
    assert gate.ready_at_s(going_to(), 5.0) is None


def test_a_timed_run_keeps_its_pace(seed: int) -> None:
    gate = Pacer(interval_s=2.0, rng=random.Random(seed))
    now_s, pauses = 0.0, []
    for n in range(200):
        step = Lookup(channel="system", name=f"{n}.example")
        ready_s = gate.ready_at_s(step, now_s)
        assert ready_s is not None
        pauses.append(ready_s - now_s)
        now_s = ready_s
        gate.start(step, now_s)
    assert pauses[0] == 0.0
    assert all(1.0 <= p <= 3.0 + 1e-9 for p in pauses[1:])
    assert 1.8 < sum(pauses) / len(pauses) < 2.2
    assert len({round(p, 6) for p in pauses}) > 100  # no metronome: a regular beat is a signature


def test_the_same_seed_keeps_the_same_pace(seed: int) -> None:
    first, second = (Pacer(interval_s=1.0, rng=random.Random(seed)) for _ in range(2))
    for gate in (first, second):
        gate.start(LOOKUP, 0.0)
    assert first.ready_at_s(LOOKUP, 0.0) == second.ready_at_s(LOOKUP, 0.0) != 0.0
