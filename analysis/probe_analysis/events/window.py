"""A window of one series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import CellSeries
from probe_analysis.events.segments import Ints, estimate_strength

DayHours: TypeAlias = tuple[int, int]
"""First and last hour of the day, both included, over midnight if need be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeTimes:
    """Between which cells a window may have begun, and ended; see the properties of `EventWindow`."""

    onset_from: int | None
    onset_until: int
    end_from: int
    end_until: int | None


class WindowEdges:
    """The same, found when they are asked for first: most windows are bursts, or are explained, and nobody asks."""

    def __init__(self, find: Callable[[], EdgeTimes]) -> None:
        self._find = find

    @cached_property
    def times(self) -> EdgeTimes:
        """The times."""
        return self._find()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventWindow:
    """A time in which one series stands above its base. Times are numbers of cells, see `CellTable.time`."""

    series: CellSeries
    first: int
    last: int
    """Index of the first and last cell."""
    onset: int
    end: int
    edges: WindowEdges
    blocked: int
    decided: int
    base: float
    score: float
    """Log-likelihood ratio (nats) over the base, after variance inflation; of confirmed verdicts if that says more."""
    inflation: float
    day: int
    """Cells of a day, at least one."""
    daily: tuple[DayHours, ...] = ()
    """Hours of the day (UTC) of a block that comes back every day: once, or several times."""
    has_onset: bool = True
    """It was surely otherwise before: of a block by the clock, at the same hours."""
    has_end: bool = True
    """It was surely otherwise since."""

    @property
    def daily_hours(self) -> DayHours | None:
        """The first of its hours of the day, None where it keeps none."""
        return self.daily[0] if self.daily else None

    @property
    def onset_from(self) -> int | None:
        """Last cell before which the window did not begin, None: it began before anything was measured."""
        return self.edges.times.onset_from

    @property
    def onset_until(self) -> int:
        """Last cell at which it may have begun."""
        return self.edges.times.onset_until

    @property
    def end_from(self) -> int:
        """First cell that may have been its last."""
        return self.edges.times.end_from

    @property
    def end_until(self) -> int | None:
        """First cell by which it had ended, None: nothing was measured since."""
        return self.edges.times.end_until

    @property
    def rate(self) -> float:
        return self.blocked / self.decided

    @property
    def strength(self) -> float:
        return float(estimate_strength(self.rate, self.base))

    @property
    def cells(self) -> int:
        return self.last - self.first + 1

    def covered(self, times: Ints) -> NDArray[np.bool_]:
        """Which cells lie within it, and within its hours of the day."""
        inside = np.asarray((times >= self.onset) & (times <= self.end), dtype=np.bool_)
        return inside & is_within_any(times, self.daily, self.day) if self.daily else inside

    def meets(self, other: EventWindow) -> bool:
        """Whether they have a time in common."""
        return self.onset <= other.end and other.onset <= self.end

    def follows(self, other: EventWindow) -> bool:
        """Whether it is shorter than a window of the same series, and begins before as long a time has passed again."""
        length = other.end - other.onset + 1
        return self.end - self.onset + 1 < length and other.end < self.onset <= other.end + length


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstJudgement:
    """Whether a window is one of the times at which its series fails by itself."""

    flaky: bool
    """It does so without the window as well."""
    bursts: int
    """How often it failed beside the window, beyond the usual other service of the network."""
    longest: float
    """Cells that its other bursts hardly ever last; 0 where it is not flaky."""
    explained: bool


NO_BURST = BurstJudgement(flaky=False, bursts=0, longest=0.0, explained=False)


def hours_of_day(times: Ints, day: int) -> Ints:
    """The hour (UTC) in which each cell begins, where a day has so many cells."""
    return np.asarray(times % day * 24 // day, dtype=np.int64)


def is_within_hours(times: Ints, hours: DayHours, day: int) -> NDArray[np.bool_]:
    """Which cells lie within hours of the day, both included, over midnight if need be; a day has so many cells."""
    first, last = hours
    return np.asarray((hours_of_day(times, day) - first) % 24 <= (last - first) % 24, dtype=np.bool_)


def is_within_any(times: Ints, windows: Sequence[DayHours], day: int) -> NDArray[np.bool_]:
    """Which cells lie within any of several windows of the day."""
    return np.asarray(np.logical_or.reduce([is_within_hours(times, hours, day) for hours in windows]), dtype=np.bool_)
