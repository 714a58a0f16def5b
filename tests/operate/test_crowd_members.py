"""Who counts in a crowd's feed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowds_made import NOW, history, run_of, volunteers
from probe.core.runs import Run
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe_operate.feeds.crowd_members import (
    HISTORY_DAYS,
    MOST_OF_COUNTRY,
    MOST_OF_NETWORK,
    Member,
    choose_members,
    find_member,
)

DAY, SECRET = NOW.date(), b"s" * 32
ONE = Member(probe_id="a", cc="DE", asn=64_500)


def chosen(*runs: Run, secret: bytes = SECRET) -> tuple[Member, ...]:
    return choose_members(runs, day=DAY, secret=secret)


@pytest.mark.parametrize(("days", "counts"), [
    (range(1, ESTABLISHED_DAYS + 1), True), (range(1, ESTABLISHED_DAYS), False),
    (range(ESTABLISHED_DAYS), False),  # today is no day of history
    ((1, 1, 1, 1), False), ((1, 5, HISTORY_DAYS), True), ((1, 5, HISTORY_DAYS + 1), False), ((), False),
])
def test_who_measured_on_several_days_before_counts(days: Any, counts: bool) -> None:
    assert bool(chosen(*history(ONE, days=days))) is counts


def test_a_name_counts_in_the_network_that_it_is_known_in() -> None:
    elsewhere = replace(run_of(ONE, NOW - timedelta(days=1)).vantage, probe_cc="FR", probe_asn=64_501)
    moved = [replace(run, vantage=elsewhere) for run in history(ONE, days=(1, 2))]
    assert chosen(*moved, *history(ONE, days=(3,))) == ()
    assert chosen(*history(ONE), *moved) == (ONE,)


@pytest.mark.parametrize("changes", [
    {"probe_id": ""}, {"probe_cc": "ZZ"}, {"probe_asn": 0}, {"tunnel": "full"}, {"network_type": "vpn"},
    {"vantage_doubt": ("country",)}, {"vantage_doubt": ("network",)},
])
def test_a_run_of_nobody_or_from_nowhere_counts_for_nothing(changes: dict[str, Any]) -> None:
    run = run_of(ONE, NOW)
    assert find_member(run) == ONE
    assert find_member(replace(run, vantage=replace(run.vantage, **changes))) is None


def test_other_programs_measurements_and_runs_without_a_time_count_for_nothing() -> None:
    assert find_member(replace(run_of(ONE, NOW), engine="ooni")) is None
    assert chosen(*(replace(run, measurement_start_time="soon") for run in history(ONE))) == ()


def test_no_network_and_no_country_fills_the_crowd() -> None:
    one_network = [Member(probe_id=f"n{n}", cc="DE", asn=64_500) for n in range(50)]
    one_country = [Member(probe_id=f"c{n}", cc="FR", asn=64_600 + n) for n in range(100)]
    found = chosen(*(run for member in (*one_network, *one_country) for run in history(member)))
    assert Counter(member.cc for member in found) == {"DE": MOST_OF_NETWORK, "FR": MOST_OF_COUNTRY}
    assert found != chosen(*(run for member in one_country + one_network for run in history(member)), secret=b"o" * 32)


@given(st.permutations([run for member in volunteers(2) for run in history(member)]))
def test_the_order_of_runs_changes_nothing(runs: list[Run]) -> None:
    assert chosen(*runs) == tuple(sorted(volunteers(2)))
