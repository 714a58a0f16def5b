"""A window of one series, and blocks that keep hours of the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from probe.research.events.cell_series import CellSeries, CellTable
from probe.research.events.segments import LEAST_STRENGTH, Floats, Ints, estimate_strength, log_likelihood_ratio

_DAY = timedelta(days=1)
_PAUSE, _SPAN, _DAYS = timedelta(days=7), timedelta(days=2.5), 3
_LONGEST = 18
"""Hours: what is blocked for longer each day is blocked all the time, with breaks."""
_OUTSIDE = 0.3
"""Most strength outside the hours, as a share of that inside."""
_GAIN = 14.0
"""Log-likelihood ratio (nats) by which two rates must be better than one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventWindow:
    """A time in which one series stands above its base. Times are numbers of cells, see `CellTable.time`."""

    series: CellSeries
    first: int
    last: int
    """Index of the first and last cell."""
    onset: int
    onset_from: int | None
    """Last cell before which the window did not begin, None: it began before anything was measured."""
    onset_until: int
    end: int
    end_from: int
    end_until: int | None
    """First cell by which it had ended, None: nothing was measured since."""
    blocked: int
    decided: int
    base: float
    score: float
    """Log-likelihood ratio (nats) over the base, after variance inflation; of confirmed verdicts if that says more."""
    inflation: float
    day: int
    """Cells of a day, at least one."""
    daily: tuple[int, int] | None = None
    """Hours of the day (UTC), first and last, of a block that comes back every day."""

    @property
    def rate(self) -> float:
        return self.blocked / self.decided

    @property
    def strength(self) -> float:
        return float(estimate_strength(self.rate, self.base))

    @property
    def cells(self) -> int:
        return self.last - self.first + 1

    def follows(self, other: EventWindow) -> bool:
        """Whether it is shorter than a window of the same series, and begins before as long a time has passed again."""
        length = other.end - other.onset + 1
        return self.end - self.onset + 1 < length and other.end < self.onset <= other.end + length


def merge_daily_windows(cells: CellTable, windows: Sequence[EventWindow]) -> list[EventWindow]:
    """Windows, with those that follow each other and keep to hours of the day made one.

    Windows at most a week apart are folded onto one day: the hours that divide it best must hold nearly all of the
    strength. That finds partial blocks too, whose daily windows begin anywhere within the hours.
    """
    if _DAY / cells.step < 4:
        return list(windows)
    runs: list[list[EventWindow]] = []
    for window in windows:
        if runs and (window.onset - runs[-1][-1].end) * cells.step <= _PAUSE:
            runs[-1].append(window)
        else:
            runs.append([window])
    made = []
    for run in runs:
        whole = _daily(cells, run)
        made += [whole] if whole else run
    return made


def _daily(cells: CellTable, run: Sequence[EventWindow]) -> EventWindow | None:
    head, tail = run[0], run[-1]
    if (tail.end - head.onset + 1) * cells.step < _SPAN:
        return None
    extent = slice(head.first, tail.last + 1)
    times, blocked, decided = (part[extent] for part in (head.series.times, head.series.blocked, head.series.decided))
    hours = _best_hours(_hour(times, cells), blocked, decided)
    if hours is None:
        return None
    inside = is_within_hours(times, hours, cells)
    days = np.unique(times[inside & (blocked > 0)] // round(_DAY / cells.step))
    within, without = (float(blocked[part].sum() / max(1, decided[part].sum())) for part in (inside, ~inside))
    strong, weak = (float(estimate_strength(rate, head.base)) for rate in (within, without))
    if len(days) < _DAYS or strong < LEAST_STRENGTH or weak > _OUTSIDE * strong:
        return None
    first = head.first + int(np.flatnonzero(inside)[0])
    k, n = int(blocked[inside].sum()), int(decided[inside].sum())
    every = head.series.times
    return replace(
        head, first=first, last=tail.last, onset=int(every[first]),
        onset_from=int(every[first - 1]) if first else None, onset_until=max(head.onset_until, int(every[first])),
        end=tail.end, end_from=tail.end_from, end_until=tail.end_until, daily=hours, blocked=k, decided=n,
        score=log_likelihood_ratio(k, n, head.base) / head.inflation,
    )


def _best_hours(hour: Ints, blocked: Ints, decided: Ints) -> tuple[int, int] | None:
    """First and last of the hours of the day that divide the counts best, None where no division is worth it."""
    k, n = (_sums_by_hours(hour, counts) for counts in (blocked, decided))
    all_k, all_n = float(blocked.sum()), float(decided.sum())
    best, gain = None, _GAIN
    # Lengths rise, and among equals the shortest stays.
    for length, start in np.argwhere((n > 0) & (n < all_n) & (k * all_n > n * all_k)):
        in_k, in_n = float(k[length, start]), float(n[length, start])
        won = log_likelihood_ratio(in_k, in_n, all_k / all_n) + log_likelihood_ratio(all_k - in_k, all_n - in_n,
                                                                                     all_k / all_n)
        if won > gain:
            best, gain = (int(start), int(start + length) % 24), won
    return best


def _sums_by_hours(hour: Ints, counts: Ints) -> Floats:
    """Sums over the hours of the day that begin with each: a row for each length from one hour on."""
    sums = np.concatenate(([0.0], np.cumsum(np.tile(np.bincount(hour, weights=counts, minlength=24), 2))))
    return np.array([sums[length:length + 24] - sums[:24] for length in range(1, _LONGEST + 1)])


def _hour(times: Ints, cells: CellTable) -> Ints:
    day = _DAY / cells.step
    return np.asarray(np.floor(times % day * (24 / day)), dtype=np.int64)


def is_within_hours(times: Ints, hours: tuple[int, int], cells: CellTable) -> NDArray[np.bool_]:
    """Which cells lie within hours of the day, both included, over midnight if need be."""
    first, last = hours
    return np.asarray((_hour(times, cells) - first) % 24 <= (last - first) % 24, dtype=np.bool_)
