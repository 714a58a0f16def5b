"""What fails by itself again and again: told by how often, beside the other services of its network.

A block is long or rare; a service that fails in bursts is told by the many bursts that are too short or too weak to be
a window by themselves. So they are counted at a score that noise alone reaches about once in a series, and what the
other services of the network usually show there, its congestion and its broken lines, is taken off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from probe.research.events.cell_series import CellPlace, CellSeries, CellTable
from probe.research.events.segments import Ints
from probe.research.events.series_windows import find_raised_windows, segment_many
from probe.research.events.window import EventWindow

_MANY, _EVERY = 8, timedelta(days=21)
"""A series that failed so many times, and once in less than this time, fails by itself."""
_OFTEN, _OFTEN_EACH, _OFTEN_A_YEAR = 3, 2, 4.0
"""No censor blocks a service so often in so many networks: more times than that in a series, and a year of each."""
_DAY, _BY_CHANCE_DAILY = timedelta(days=1), timedelta(days=7)
_BURST_USUAL, _BURST_TIMES = 0.95, 3.0
"""Bursts of exponential length are three times as long as nineteen in twenty of them once in eight thousand."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FailureHabit:
    """How often one series fails."""

    series: CellSeries
    lengths: tuple[int, ...]
    """Cells of each time that it failed, from first to last."""
    beyond: int
    """Times beyond those of the usual other service of its network."""
    flaky: bool
    """It fails by itself again and again, or its service does."""
    longest: float
    """Cells that bursts of this service hardly ever last; 0 where it is not flaky."""

    def explains(self, window: EventWindow, cells: CellTable) -> bool:
        """Whether bursts explain a window. By the clock they come on some days in a row by chance, not for a week."""
        most = max(self.longest, cells.cells_in(_BY_CHANCE_DAILY)) if self.flaky and window.daily else self.longest
        return window.end - window.onset + 1 < most


def find_habits(cells: CellTable) -> list[FailureHabit]:
    """One for each series in which anything was decided, in their order."""
    series = [each for each in cells.series if len(each.times)]
    once = [max(1.0, math.log(len(each.times))) for each in series]
    lengths = [_lengths(each, cells, starts, least)
               for each, starts, least in zip(series, segment_many(series, once), once, strict=True)]
    counts = [_Count(times=len(each), usual=usual) for each, usual in
              zip(lengths, _usual(series, [len(each) for each in lengths]), strict=True)]
    services: dict[tuple[bool, str], list[int]] = {}
    for at, each in enumerate(series):
        services.setdefault((each.place.lab, each.service), []).append(at)
    flaky, longest = np.zeros(len(series), dtype=np.bool_), np.zeros(len(series))
    for parts in services.values():
        alone = [at for at in parts if _fails_by_itself(series[at], counts[at], cells)]
        every = parts if _fails_everywhere(series, counts, parts, alone, cells) else alone
        bursts = [length for at in every for length in lengths[at]]
        flaky[every] = True
        longest[every] = _BURST_TIMES * float(np.quantile(bursts, _BURST_USUAL)) if bursts else 0.0
    return [FailureHabit(series=each, lengths=lengths[at], beyond=counts[at].beyond, flaky=bool(flaky[at]),
                         longest=float(longest[at])) for at, each in enumerate(series)]


def _lengths(series: CellSeries, cells: CellTable, starts: Ints, least: float) -> tuple[int, ...]:
    return tuple(window.end - window.onset + 1 for window in find_raised_windows(series, cells, starts)
                 if window.score >= least)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """How often something failed, and how often the usual other service of the network did."""

    times: int
    usual: int

    @property
    def beyond(self) -> int:
        return self.times - self.usual

    def is_no_chance(self, series: int) -> bool:
        """So many are seen in none of so many series that fail as often as the usual one (Poisson, Chernoff)."""
        usual = max(1, self.usual)
        return self.times > usual and self.times * math.log(self.times / usual) - self.times + usual >= math.log(series)


def _usual(series: Sequence[CellSeries], counts: Sequence[int]) -> list[int]:
    """The median of the network's other services for each series; 0 where there are none."""
    places: dict[CellPlace, list[int]] = {}
    for at, each in enumerate(series):
        places.setdefault(each.place, []).append(at)
    made = []
    for each in series:
        others = sorted(counts[other] for other in places[each.place] if series[other].service != each.service)
        made.append(others[(len(others) - 1) // 2] if others else 0)
    return made


def _fails_by_itself(series: CellSeries, count: _Count, cells: CellTable) -> bool:
    days = len(np.unique(series.times // max(1, round(_DAY / cells.step))))
    often = count.beyond >= _MANY and count.beyond * _EVERY > timedelta(days=days)
    return often and count.is_no_chance(len(cells.series))


def _fails_everywhere(series: Sequence[CellSeries], counts: Sequence[_Count], parts: Sequence[int],
                      alone: Sequence[int], cells: CellTable) -> bool:
    """A service that is flaky in two countries, or that fails three times a series in two and often on the whole."""
    if len({series[at].place.cc for at in alone}) > 1:
        return True
    if len({series[at].place.cc for at in parts if at in alone or counts[at].beyond >= _OFTEN}) < 2:
        return False
    years = sum(int(series[at].times[-1] - series[at].times[0]) + 1 for at in parts) / cells.steps_per_year
    whole = _Count(times=sum(counts[at].times for at in parts), usual=sum(counts[at].usual for at in parts))
    often = whole.beyond >= max(_OFTEN_A_YEAR * years, _OFTEN_EACH * len(parts))
    return often and whole.is_no_chance(len(cells.series))
