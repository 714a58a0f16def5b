"""Sums of many series at once are those of each by itself."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from probe_analysis.events.cell_series import CellPlace, CellSeries
from probe_analysis.events.verdict_sums import VerdictSums, count_verdicts
from probe_analysis.events.window import DayHours, EventWindow, is_within_any

CELLS = st.dictionaries(st.integers(480_000, 480_060), st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()),
                        max_size=20)


def series_of(cells: dict[int, tuple[int, int, bool]], *, aged: bool) -> CellSeries:
    times = sorted(cells)
    blocked, passed, fresh = (np.array([cells[time][at] for time in times], dtype=np.int64) for at in range(3))
    none = np.full(len(times), -1, dtype=np.int32)
    return CellSeries(place=CellPlace(lab=False, cc="RU", asn=1), service="s", role="r", target_id="",
                      times=np.array(times, dtype=np.int64), blocked=blocked, decided=blocked + passed,
                      witnesses=blocked, confirmed=blocked, types=none, versions=none,
                      fresh=fresh.astype(np.bool_) if aged else None)


def window_of(onset: int, cells: int, daily: tuple[DayHours, ...]) -> EventWindow:
    """As much of a window as is asked."""
    window = SimpleNamespace(onset=onset, end=onset + cells - 1, daily=daily, day=24)
    window.covered = lambda times: ((times >= window.onset) & (times <= window.end)
                                    & (is_within_any(times, daily, 24) if daily else True))
    return cast("EventWindow", window)


@settings(max_examples=150)
@given(st.lists(st.tuples(CELLS, st.booleans()), max_size=6), st.integers(479_990, 480_070), st.integers(1, 80),
       st.lists(st.tuples(st.integers(0, 23), st.integers(0, 23)), max_size=2).map(tuple), st.booleans())
def test_all_at_once_are_as_one_by_one(
    told: list[tuple[dict[int, tuple[int, int, bool]], bool]], onset: int, cells: int,
    daily: tuple[DayHours, ...], fresh: bool,
) -> None:
    series = [series_of(rows, aged=aged) for rows, aged in told]
    window = window_of(onset, cells, daily)
    one_by_one: list[Any] = [count_verdicts(each, window, fresh=fresh) for each in series]
    blocked, decided = VerdictSums(series).count(series, window, fresh=fresh)
    assert list(zip(blocked.tolist(), decided.tolist(), strict=True)) == one_by_one


def test_another_series_is_counted_all_the_same() -> None:
    known = series_of({480_000: (1, 2, False)}, aged=False)
    other = replace(known, blocked=known.blocked + 4, decided=known.decided + 4)
    blocked, decided = VerdictSums([known]).count([known, other], window_of(480_000, 1, ()), fresh=True)
    assert (blocked.tolist(), decided.tolist()) == ([1, 5], [3, 7])
