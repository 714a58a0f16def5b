"""The days of one series: numbers as they were read, made into values of a day only where a page needs them.

A page of a year has thousands of days, and all pages of places have them together: one value a day took most of the
time in which an hour's news were written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.pages.strip_rows import StripRow
from probe_analysis.pages.time_buckets import COUNTED_DECIDED, MIN_DECIDED, MIXED_FROM, MOST_FROM

Counts: TypeAlias = tuple[int, ...]
"""One number for each of `probe_analysis.counting.cell_view.COUNTED`."""
Ints: TypeAlias = NDArray[np.int64]
_DECIDING = [COUNTED.index(name) for name in COUNTED_DECIDED if name in COUNTED]
_OTHERS = [at for at in range(len(COUNTED)) if at not in _DECIDING]
_BLOCKED, _DOWN, _NETWORK = (COUNTED.index(name) for name in ("blocked", "down", "network"))


class DayLine(Mapping[int, Counts]):
    """Number of the day -> sums of that day. Its `repr` is a digest of them all: two that agree in it are alike."""

    def __init__(self, days: Ints, counts: Ints) -> None:
        """From the days on which something was counted, each once and in their order, and a row of counts for each."""
        self.days, self.counts = days, counts

    def __getitem__(self, day: int) -> Counts:
        return self._by_day[day]

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_day)

    def __len__(self) -> int:
        return len(self.days)

    def __repr__(self) -> str:
        return self._digest

    def has_day(self, first: int, last: int) -> bool:
        """Whether something was counted on one of these days."""
        at, after = np.searchsorted(self.days, (first, last + 1))
        return bool(at < after)

    @property
    def last(self) -> tuple[int, Counts] | None:
        """The last day on which something was counted, and its sums."""
        return (int(self.days[-1]), tuple(self.counts[-1].tolist())) if len(self.days) else None

    def lay_out(self, first: int, count: int) -> Ints:
        """A row of counts for each of so many days from the first on; zeros where nothing was counted."""
        made = np.zeros((count, self.counts.shape[1]), dtype=np.int64)
        at, after = np.searchsorted(self.days, (first, first + count))
        made[self.days[at:after] - first] = self.counts[at:after]
        return made

    @cached_property
    def _by_day(self) -> dict[int, Counts]:
        return dict(zip(self.days.tolist(), map(tuple, self.counts.tolist()), strict=True))

    @cached_property
    def _digest(self) -> str:
        return hashlib.sha256(self.days.tobytes() + self.counts.tobytes()).hexdigest()


def add_day_lines(lines: Sequence[DayLine]) -> DayLine:
    """Day by day, the sums of several series."""
    if len(lines) == 1:
        return lines[0]
    days, place = np.unique(np.concatenate([line.days for line in lines]), return_inverse=True)
    counts = np.zeros((len(days), lines[0].counts.shape[1]), dtype=np.int64)
    np.add.at(counts, place, np.concatenate([line.counts for line in lines]))
    return DayLine(days, counts)


def split_day_lines(keys: Sequence[NDArray[Any]], days: Ints, counts: Ints) -> dict[tuple[Any, ...], DayLine]:
    """Rows in order of their keys and days as series: key -> its days."""
    if not len(days):
        return {}
    changed = np.zeros(len(days), dtype=np.bool_)
    changed[0] = True
    for column in keys:
        changed[1:] |= column[1:] != column[:-1]
    starts = np.flatnonzero(changed)
    ends = np.append(starts[1:], len(days))
    names = zip(*(column[starts].tolist() for column in keys), strict=True)
    return {name: DayLine(days[start:end], counts[start:end])
            for name, start, end in zip(names, starts.tolist(), ends.tolist(), strict=True)}


def make_day_row(counts: Ints) -> StripRow:
    """Days as one row of a chart, from a row of `COUNTED` for each: what `make_fleet_cell` says, for all at once."""
    totals = dict(zip(COUNTED, counts.sum(axis=0).tolist(), strict=True))
    return StripRow(states=name_states(counts).tolist(), decided=int(counts[:, _DECIDING].sum()),
                    outcomes=sorted(((name, n) for name, n in totals.items() if n), key=lambda one: -one[1]))


def name_states(counts: Ints) -> NDArray[np.str_]:
    """How each day is called, as `BucketCell.state`."""
    decided, others = counts[:, _DECIDING].sum(axis=1), counts[:, _OTHERS]
    share = counts[:, _BLOCKED] / np.maximum(decided, 1)
    most = others.argmax(axis=1)
    decides, most_told = decided >= MIN_DECIDED, others.max(axis=1) > decided
    return np.select(
        [~counts.any(axis=1), decides & (share >= MOST_FROM), decides & (share >= MIXED_FROM),
         counts[:, _NETWORK] > decided, ~decides & most_told, ~decides, counts[:, _DOWN] >= decided * MOST_FROM],
        ["none", "blocked", "mixed", "network", np.array(COUNTED)[_OTHERS][most], "few", "down"], default="ok")
