"""Blocks with pauses, whole seasons of them, and defects that are still going on: nothing excuses itself."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from made_cells import BEGIN, SERVICES, at, hours_of, quiet, struck
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.series_reading import read_cells

FEW = SERVICES[:4]
PLACES = (("RU", 64501), ("RU", 64502), ("IR", 64511), ("TR", 64521), ("IN", 64531))
ALL = tuple(asn for _, asn in PLACES)
Spans = list[tuple[int, int]]


def fleet(days: int, seed: int, *, n: int = 4) -> pd.DataFrame:
    return quiet(24 * days, n=n, services=FEW, places=PLACES, noise=0.003, seed=seed)


def with_spans(table: pd.DataFrame, spans: Spans, seed: int, strength: float = 0.9) -> pd.DataFrame:
    for begin, stop in spans:
        table = struck(table, range(begin, stop), asns=(64501, 64502), strength=strength, seed=seed + begin)
    return table


def covered(events: list[Event], spans: Spans) -> float:
    """Share of the spans' hours that lie in an event."""
    hours = [hour for begin, stop in spans for hour in range(begin, stop)]
    return float(np.mean([any(event.onset <= at(hour) < event.end_from for event in events) for hour in hours]))


def pieces(seed: int, begin: int) -> Spans:
    """Eight pieces of very different length, hours apart."""
    rng = np.random.default_rng(seed)
    spans, hour = [], begin
    for length in rng.permutation([2, 3, 3, 4, 5, 6, 42, 278]).tolist():
        spans.append((hour, hour + length))
        hour += length + int(rng.integers(3, 15))
    return spans


def season(begin: int) -> Spans:
    """Two weeks, from four to fourteen o'clock, with two days off."""
    return [(begin + 24 * day + 4, begin + 24 * day + 14) for day in range(14) if day not in (5, 6)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_block_in_pieces_does_not_excuse_itself(seed: int) -> None:
    spans = pieces(seed, 900)
    events = detect_events(with_spans(fleet(60, seed), spans, seed))
    assert covered(events, spans) >= 0.9
    assert {event.place for event in events} == {"RU"}
    assert all(event.onset >= at(spans[0][0] - 3) and event.end_from <= at(spans[-1][1] + 3) for event in events)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_two_seasons_are_two_events_that_keep_hours(seed: int) -> None:
    first, second = season(24 * 20), season(24 * 60)
    events = detect_events(with_spans(fleet(90, seed), first + second, seed, strength=0.95))
    assert [event.daily_hours for event in events] == [(4, 13), (4, 13)]
    for event, spans in zip(events, (first, second), strict=True):
        assert abs(event.onset - at(spans[0][0])) <= timedelta(hours=2)
        assert abs(event.end_from - at(spans[-1][1])) <= timedelta(hours=2)
        assert [reach.daily_hours for reach in event.networks] == [(4, 13)] * 2


@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_an_hour_a_day_for_twenty_days(noise: float) -> None:
    table = struck(quiet(24 * 60, n=10, services=FEW, noise=noise), range(480, 960), daily=range(18, 19))
    (event,) = detect_events(table)
    assert (event.daily_hours, event.onset, event.end_from) == ((18, 18), at(498), at(955))


@pytest.mark.slow
def test_hours_are_kept_over_years() -> None:
    hours = 24 * 365 * 3
    table = quiet(hours, n=4, services=FEW[:2], places=PLACES[:3], noise=0.001)
    (event,) = [found for found in detect_events(struck(table, range(480, hours - 100), daily=range(18, 23)))
                if found.daily_hours]
    assert (event.daily_hours, event.onset) == ((18, 22), at(498))
    assert abs(event.end_from - at(hours - 100)) <= timedelta(days=1)


def test_hours_of_failing_by_chance_before_and_after_are_not_of_the_block() -> None:
    """Lone failures within a week of a block by the clock used to stretch it, from one to the next."""
    table = fleet(60, 3)
    for start in (200, 320, 1000, 1150):
        table = struck(table, range(start, start + 2), seed=start)
    (event,) = [found for found in detect_events(struck(table, range(480, 960), daily=range(4, 14)))
                if found.daily_hours]
    assert (event.onset, event.end_from) == (at(484), at(950))


def defect(days: int, seed: int) -> pd.DataFrame:
    """It reaches one network after the other from the twelfth day on, and is everywhere from the fifteenth on."""
    table, rng = fleet(days, seed), np.random.default_rng(seed)
    for asn in ALL:
        begin = 24 * 12 + int(rng.integers(0, 60))
        table = struck(table, range(begin, 24 * days), asns=(asn,), strength=0.7, seed=seed + asn)
    return table


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_defect_that_still_goes_on_is_dismissed_for_good(seed: int) -> None:
    """Looked at again and again while it goes on: its newest cells are no suspicion."""
    table = defect(25, seed)
    hour = hours_of(table)
    for last in range(24 * 15, 24 * 25, 29):
        found = examine_cells(read_cells(table[hour <= last]))
        assert found.events == ()
        assert {told.explained_by for told in found.dismissed} == {"service_or_instrument"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_block_that_began_long_before_a_defect_is_none_of_it(seed: int) -> None:
    table = struck(fleet(40, seed), range(24 * 10, 24 * 40), strength=0.9, seed=seed)
    rng = np.random.default_rng(seed)
    for asn in ALL[2:]:
        begin = 24 * 20 + int(rng.integers(0, 12))
        table = struck(table, range(begin, begin + 24 * 12), asns=(asn,), strength=0.8, seed=seed + asn)
    (event,) = detect_events(table)
    assert (event.place, event.onset) == ("RU", at(24 * 10))
    assert event.onset - BEGIN == timedelta(days=10)
