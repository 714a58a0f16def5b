"""What fails by itself again and again is known by its habits, and the network's own troubles are taken off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from made_cells import BEGIN, PLACES, SERVICES, at, hours_of, quiet, rows_of, struck, turned
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.flaky_habits import FailureHabit, find_habits
from probe_analysis.events.series_reading import read_cells

pytestmark = pytest.mark.slow

HOURS = 24 * 120
ASNS = tuple(asn for _, asn in PLACES)


def bursts(table: pd.DataFrame, *, asns: Sequence[int] = ASNS, services: Sequence[str] = SERVICES[:1],
           strength: float = 0.5, every_h: int = 60, mean_h: float = 2.0, seed: int = 5) -> pd.DataFrame:
    """The table with bursts of exponential length in each of the networks, at times of its own."""
    rng = np.random.default_rng(seed)
    hour, hits = hours_of(table), []
    for asn in asns:
        within = rows_of(table, services=services, asns=(asn,))
        for start in np.flatnonzero(rng.random(HOURS) < 1 / every_h):
            stop = start + 1 + int(rng.exponential(mean_h))
            hits.append((within[(hour[within] >= start) & (hour[within] < stop)], int(start)))
    return turned(table, hits, strength=strength)


def of(service: str, table: pd.DataFrame) -> list[FailureHabit]:
    return [habit for habit in find_habits(read_cells(table)) if habit.series.service == service]


@pytest.mark.parametrize("seed", range(4))
def test_faint_bursts_in_every_country_are_no_events(seed: int) -> None:
    table = bursts(quiet(HOURS, n=3, seed=seed), strength=0.2, every_h=60, mean_h=1.2, seed=seed)
    assert detect_events(table) == []


@pytest.mark.parametrize("seed", range(4))
def test_bursts_on_one_network_are_no_events(seed: int) -> None:
    table = bursts(quiet(HOURS, n=2, seed=seed), asns=ASNS[:1], strength=0.4, seed=seed)
    assert detect_events(table) == []


def test_bursts_do_not_hide_a_long_block() -> None:
    table = bursts(quiet(HOURS, n=3))
    (event,) = detect_events(struck(table, range(1000, 1200), strength=0.9))
    assert abs((event.onset - at(1000)).total_seconds()) <= 6 * 3600
    assert [reach.asn for reach in event.networks] == [ASNS[0]]


def test_what_strikes_the_whole_network_is_no_habit_of_a_service() -> None:
    table = bursts(quiet(HOURS, n=3), services=SERVICES, strength=0.3, every_h=96)
    assert not any(habit.flaky for habit in find_habits(read_cells(table)))
    assert all(len(habit.lengths) > 4 for habit in of(SERVICES[1], table))
    events = detect_events(struck(table, range(1000, 1024)))
    assert [event.service for event in events if event.kind == "service"] == [SERVICES[0]]
    assert {event.status for event in events if event.kind == "network"} <= {"suspected"}


def test_a_few_blocks_are_no_habit() -> None:
    table = quiet(HOURS)
    for start in (300, 900, 1500, 2400):
        table = struck(table, range(start, start + 12))
    assert len(detect_events(table)) == 4
    assert examine_cells(read_cells(table)).flaky == ()


def test_a_service_alone_on_its_networks_has_its_habits_too() -> None:
    table = bursts(quiet(HOURS, n=3, services=SERVICES[:1]), asns=ASNS[:1], every_h=40)
    (flaky,) = (habit for habit in of(SERVICES[0], table) if habit.flaky)
    assert flaky.series.place.asn == ASNS[0]
    assert flaky.beyond == len(flaky.lengths) > 20
    assert 3 < flaky.longest < 48


def test_one_device_of_a_flaky_service_is_not_the_network() -> None:
    table = struck(quiet(HOURS, n=5), range(HOURS), asns=ASNS, strength=0.07)
    hour = ((table["cell_start"] - BEGIN) // pd.Timedelta(hours=1)).to_numpy()
    mine = (table["service"] == SERVICES[0]).to_numpy() & (table["probe_asn"] == ASNS[0]).to_numpy()
    hit = mine & (hour >= 1000) & (hour < 1100) & (table["ok"] > 0).to_numpy()
    table = table.assign(ok=table["ok"] - hit, blocked=table["blocked"] + hit)
    assert detect_events(table) == []
    assert {dismissed.explained_by for dismissed in examine_cells(read_cells(table)).dismissed} == {"one_device"}


@pytest.mark.parametrize(("days", "found"), [(5, False), (12, True)])
def test_bursts_at_like_hours_on_a_few_days_are_no_curfew(days: int, found: bool) -> None:
    """What is found of a curfew, amid bursts that hide it more or less, is told as one; a few days are none."""
    events = []
    for seed in range(6):
        table = bursts(quiet(HOURS, n=3), asns=ASNS[:1], every_h=60, strength=0.9, seed=seed)
        for day in range(days):
            table = struck(table, range(1000 + 24 * day, 1009 + 24 * day), strength=0.9, seed=day)
        of_this = detect_events(table)
        assert len(of_this) <= 1
        events += of_this
    assert bool(events) == found
    assert all(event.daily_hours for event in events)


def flaky_month(seed: int) -> pd.DataFrame:
    """Two months in which one network's service fails in eight bursts, a week from each other."""
    rng = np.random.default_rng(seed)
    table = quiet(24 * 60, n=4, seed=seed)
    for number, length in enumerate(rng.exponential(4.0, size=8).astype(int)):
        start = 60 + 170 * number
        table = struck(table, range(start, start + 2 + int(length)), strength=0.35, seed=10 * seed + number)
    return table


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_bursts_that_come_near_each_other_are_no_event(seed: int) -> None:
    """They are one window, and without it there were too few bursts to call the service flaky."""
    table = flaky_month(seed)
    for start, hours in ((430, 8), (451, 8), (473, 24)):
        table = struck(table, range(start, start + hours), strength=0.35, seed=seed + 99)
    found = examine_cells(read_cells(table))
    assert found.events == ()
    assert any(told.explained_by == "habit" and told.onset <= at(440) and told.end >= at(490)
               for told in found.dismissed)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_block_with_pauses_is_told_of_what_fails_in_bursts(seed: int) -> None:
    """Its parts are as short as bursts, and lie much nearer each other."""
    table = flaky_month(seed)
    for number in range(12):
        table = struck(table, range(740 + number * 12, 748 + number * 12), strength=0.8, seed=seed + number)
    met = [event for event in detect_events(table) if event.onset < at(890) and event.end_from > at(740)]
    assert met
    assert max(event.end_from - event.onset for event in met) > pd.Timedelta(hours=24)


def test_a_service_that_failed_nine_times_in_half_a_year_is_flaky() -> None:
    table = quiet(24 * 180, n=3)
    for start in range(200, 24 * 180 - 10, 24 * 20):
        table = struck(table, range(start, start + 3), strength=0.6, seed=start)
    assert [habit.flaky for habit in of(SERVICES[0], table) if habit.series.place.asn == ASNS[0]] == [True]
