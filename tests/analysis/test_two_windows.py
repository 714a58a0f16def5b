"""Blocks that come back twice a day: one episode, with both windows and its true strength."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from made_cells import quiet, struck
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import detect_events
from probe_analysis.events.hours_of_blocks import find_best_hours

PAIRS = [(range(8, 10), range(20, 22)), (range(6, 9), range(18, 21)), (range(1, 4), range(12, 15)),
         (range(22, 26), range(10, 12)), (range(7, 9), range(17, 23))]
BLOCKED = range(120, 432)


def find(pair: tuple[range, range], strength: float, seed: int) -> list[Event]:
    table = quiet(n=10, seed=seed)
    for number, hours in enumerate(pair):
        table = struck(table, BLOCKED, daily=hours, strength=strength, asns=(64501, 64502), seed=seed + number)
    return detect_events(table)


@pytest.mark.parametrize(("pair", "strength"), list(product(PAIRS, (1.0, 0.7, 0.4))))
def test_two_windows_a_day_are_one_episode_of_their_strength(pair: tuple[range, range], strength: float) -> None:
    (event,) = find(pair, strength, 11)
    assert event.daily_windows == tuple(sorted((hours.start, (hours.stop - 1) % 24) for hours in pair))
    assert event.status == "confirmed"
    assert event.strength == pytest.approx(strength, abs=0.05)


def test_one_window_stays_one() -> None:
    (event,) = find((range(18, 21), range(20, 23)), 0.7, 3)
    assert event.daily_windows == ((18, 22),)


@pytest.mark.parametrize(("failed", "windows"), [
    ({}, None), ({8: 9, 9: 9}, ((8, 9),)), ({8: 9, 9: 9, 20: 9}, ((8, 9), (20, 20))),
    ({8: 9, 9: 9, 20: 1}, ((8, 9),)), ({23: 9, 0: 9, 10: 9}, ((10, 10), (23, 0)))])
def test_hours_that_divide_counts(failed: dict[int, int], windows: object) -> None:
    hour = np.tile(np.arange(24), 10)
    blocked = np.array([failed.get(each, 0) for each in hour.tolist()])
    assert find_best_hours(hour, blocked, np.full(240, 10)) == windows
