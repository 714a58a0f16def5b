"""A name server is asked as fast as it answers."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.instruments.names.dns_room import AT_ONCE, HOLD_S, LEAST_AT_ONCE, ResolverPace

SERVER = "93.184.0.53"


def room(*delays_s: float) -> ResolverPace:
    made = ResolverPace()
    for delay_s in delays_s:
        made.note_answer(SERVER, delay_s)
    return made


@pytest.mark.parametrize(("delays_s", "at_once", "hold_s"), [
    pytest.param([], AT_ONCE, HOLD_S, id="of whom nothing is known"),
    pytest.param([0.05, 0.1], AT_ONCE, HOLD_S, id="that is quick"),
    pytest.param([0.3], AT_ONCE, 0.9, id="that is far away"),
    pytest.param([2.0], AT_ONCE // 2, 6.0, id="that is slow"),
    pytest.param([60.0], LEAST_AT_ONCE, 180.0, id="that is very slow"),
])
def test_a_server(delays_s: list[float], at_once: int, hold_s: float) -> None:
    made = room(*delays_s)
    assert made.at_once(SERVER) == at_once
    assert made.hold_s(SERVER) == pytest.approx(hold_s)
    assert (made.at_once("93.184.1.53"), made.hold_s("93.184.1.53")) == (AT_ONCE, HOLD_S)


@given(st.lists(st.floats(0, 60), max_size=50))
def test_it_has_room_for_some_and_never_for_more_than_it_had(delays_s: list[float]) -> None:
    assert LEAST_AT_ONCE <= room(*delays_s).at_once(SERVER) <= AT_ONCE
    assert room(*delays_s).hold_s(SERVER) >= HOLD_S


def test_a_server_that_got_over_it_is_asked_as_before() -> None:
    assert room(*[3.0] * 5, *[0.05] * 20).at_once(SERVER) == AT_ONCE


@pytest.mark.parametrize("service_s", [0.001, 0.02, 0.05])
def test_a_server_that_answers_one_after_another_answers_all(service_s: float) -> None:
    """Six hundred questions at a server that drops what it has no room for; nobody waits for longer than 5 s."""
    made, waiting, held = ResolverPace(), 600, deque[float]()
    now_s, free_s, answered = 0.0, 0.0, 0
    open_s: deque[float] = deque()
    while waiting or held:
        while open_s and now_s - open_s[0] >= made.hold_s(SERVER):
            open_s.popleft()
        while waiting and len(open_s) < made.at_once(SERVER):
            waiting -= 1
            open_s.append(now_s)
            held.append(now_s)
        free_s = max(free_s, now_s) + service_s
        now_s = free_s
        sent_s = held.popleft()
        if now_s - sent_s <= 5:
            answered += 1
            made.note_answer(SERVER, now_s - sent_s)
            if sent_s in open_s:
                open_s.remove(sent_s)
    assert answered == 600
