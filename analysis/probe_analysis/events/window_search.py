"""The windows of every series of a table, and of the networks of each country together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from probe_analysis.events.cell_series import CellPlace, CellSeries, CellTable
from probe_analysis.events.flaky_habits import find_habits
from probe_analysis.events.pooled_networks import pool_series
from probe_analysis.events.series_windows import (
    STEADY,
    SeriesFinding,
    WindowHabit,
    find_windows,
    suspicion_threshold,
    window_threshold,
)


def find_all_windows(cells: CellTable) -> list[SeriesFinding]:
    """What each series shows, those of single networks first."""
    known = find_habits(cells)
    found = _windows([habit.series for habit in known], cells, Counter(series.place for series in cells.series), known)
    pooled = pool_series(found)
    return found + _windows(pooled, cells, Counter(series.place for series in pooled), [STEADY] * len(pooled))


def _windows(series: Sequence[CellSeries], cells: CellTable, count: Mapping[CellPlace, int],
             habits: Sequence[WindowHabit]) -> list[SeriesFinding]:
    """The windows of many series; `count` says how many there are at each place."""
    return find_windows(series, cells, habits=habits,
                        needed=[window_threshold(cells, count[each.place]) for each in series],
                        hasty=[suspicion_threshold(cells, count[each.place]) for each in series])
