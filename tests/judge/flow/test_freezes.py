"""How often a site's transfers froze, and what so few may hide."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import HERE4, TIMEOUT, observation
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import Purpose
from probe.judge.flow.freezes import Freezes, gather_freezes

STOPPED, CAME, SLOWLY = 16_800, 131_000, 6.0


def transfer(size: int = CAME, took_s: float = 0.4, *, purpose: Purpose = "sample", method: str = "GET") -> Observation:
    failure: Failure = "" if size >= CAME else TIMEOUT
    return observation(operation="transfer", purpose=purpose, address=HERE4, method=method, bytes_read=size,
                       flow_s=took_s, failure=failure, t_s=took_s + (6.0 if failure else 0.0))


def page(*, failure: Failure = TIMEOUT, flow_s: float = 0.5) -> Observation:
    return observation(operation="http_round_trip", purpose="target", address=HERE4, bytes_read=STOPPED, t_s=8.0,
                       failure=failure, flow_s=flow_s)


def test_one_that_stopped_among_several_is_counted_whoever_it_was_made_for() -> None:
    own = [transfer(STOPPED), *[transfer()] * 3]
    assert gather_freezes([], own, []) == Freezes(froze=1, tries=4, looked=True)
    assert gather_freezes([], own[1:], [transfer(STOPPED, purpose="yardstick")]) == Freezes(froze=1, tries=4,
                                                                                            looked=True)


def test_a_page_that_stops_once_has_had_a_bad_moment() -> None:
    one, three = [page()], [replace(page(), attempt=n) for n in (1, 2, 3)]
    assert gather_freezes(one, [], []) == Freezes(froze=1, tries=1)
    assert not gather_freezes(one, [transfer()] * 3, []).may_be_often
    assert gather_freezes(three, [transfer()], []).may_be_often
    assert gather_freezes(one, [transfer(STOPPED), transfer()], []) == Freezes(froze=2, tries=3, looked=True)


def test_others_yardsticks_requests_in_pieces_and_slow_pages_say_nothing_of_it() -> None:
    own = [transfer()] * 3
    for strange in (transfer(STOPPED, purpose="yardstick"), transfer(STOPPED, method="HEAD")):
        assert not gather_freezes([], [*own, strange], []).froze
    assert not gather_freezes([page(flow_s=7.9)], own, []).froze


def test_transfers_that_stopped_anywhere_are_no_box() -> None:
    assert not gather_freezes([], [transfer(11_000), transfer(30_000), transfer()], []).froze


def test_on_a_line_that_carries_little_the_first_may_be_our_own_doing() -> None:
    alone, crowded = ([transfer(STOPPED, 1.2), *[transfer(took_s=took_s)] * 6] for took_s in (0.4, SLOWLY))
    assert gather_freezes([], alone, []).may_be_often
    assert gather_freezes([], crowded, []).crowded
    assert not gather_freezes([], crowded, []).may_be_often
    assert gather_freezes([], crowded[:4], []).may_be_often, "three are too few to clear it"


@pytest.mark.parametrize(("froze", "tries", "often"), [
    (0, 7, False), (1, 1, True), (1, 7, True), (1, 10, False), (2, 7, True), (2, 14, False), (7, 7, True)])
def test_few_stalls_among_many_transfers_are_let_go(froze: int, tries: int, often: bool) -> None:
    assert Freezes(froze=froze, tries=tries, looked=froze > 0).may_be_often == often


@given(froze=st.integers(0, 12), more=st.integers(0, 12), crowded=st.booleans())
def test_more_that_come_never_make_it_likelier(froze: int, more: int, crowded: bool) -> None:
    now, later = (Freezes(froze=froze, tries=froze + n, looked=froze > 0, crowded=crowded).may_be_often
                  for n in (more, more + 1))
    assert now >= later
    assert not (froze == 0 and now)
