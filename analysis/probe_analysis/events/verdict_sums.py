"""Verdicts of many series in the hours of a window, from sums that are made once: two look-ups for each series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import CellSeries
from probe_analysis.events.segments import Ints
from probe_analysis.events.window import EventWindow

_Sums: TypeAlias = NDArray[np.signedinteger[Any]]
_Kind: TypeAlias = type[np.int32] | type[np.int64]
_MOST = (1 << 31) - 1


def count_verdicts(series: CellSeries, window: EventWindow, *, fresh: bool = True) -> tuple[int, int]:
    """Blocked and decided verdicts of another series in the window's hours; `fresh`: those of fresh names as well."""
    first, stop = series.times.searchsorted((window.onset, window.end + 1))
    inside = slice(first, stop)
    blocked, decided = series.blocked[inside], series.decided[inside]
    if window.daily:
        within = window.covered(series.times[inside])
        blocked, decided = blocked[within], decided[within]
    if not fresh and series.fresh is not None:
        old = ~series.fresh[inside]
        old = old[within] if window.daily else old
        blocked, decided = blocked[old], decided[old]
    return int(np.add.reduce(blocked)), int(np.add.reduce(decided))


class VerdictSums:
    """The sums of some series, made when they are asked for first."""

    def __init__(self, series: Iterable[CellSeries]) -> None:
        self._series = tuple(each for each in series if len(each.times))

    @cached_property
    def _sums(self) -> _JoinedSums:
        return _JoinedSums(self._series)

    def count(self, series: Sequence[CellSeries], window: EventWindow, *, fresh: bool) -> tuple[Ints, Ints]:
        """Blocked and decided verdicts of each series, as `count_verdicts` counts them."""
        return self.of(series).count(np.arange(len(series)), window, fresh=fresh)

    def of(self, series: Sequence[CellSeries]) -> GroupSums:
        """Those of some series that are asked about again and again."""
        known = self._sums
        rows = [known.rows.get(each, -1) for each in series]
        return GroupSums(series=series, sums=known, rows=np.array(rows, dtype=np.int64))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupSums:
    """The sums of a group of series."""

    series: Sequence[CellSeries]
    sums: _JoinedSums
    rows: Ints
    """Place of each among all that are summed up; -1 of others."""

    def count(self, at: Ints, window: EventWindow, *, fresh: bool) -> tuple[Ints, Ints]:
        """Blocked and decided verdicts of the series at these places, as `count_verdicts` counts them."""
        rows = self.rows[at]
        if window.daily or (rows < 0).any():
            counts = [count_verdicts(self.series[number], window, fresh=fresh) for number in at.tolist()]
            blocked, decided = np.array(counts, dtype=np.int64).reshape(-1, 2).T
            return blocked, decided
        first, stop = (self.sums.find(rows, cell) for cell in (window.onset, window.end + 1))
        blocked, decided = (sums[stop] - sums[first] for sums in (self.sums.whole if fresh else self.sums.old))
        return blocked.astype(np.int64), decided.astype(np.int64)


class _JoinedSums:
    """The series one after another, each with a stretch of numbers of its own for its times."""

    def __init__(self, series: Sequence[CellSeries]) -> None:
        self.rows = {each: row for row, each in enumerate(series)}
        self._first = min((int(each.times[0]) for each in series), default=0)
        # More than the cells between the first time and the last, so that no row reaches into the next.
        self._span = max((int(each.times[-1]) for each in series), default=0) - self._first + 2
        kind: _Kind = np.int32 if len(series) * self._span <= _MOST else np.int64
        self._keys = _join([each.times for each in series], kind)
        begin = (np.arange(len(series), dtype=np.int64) * self._span - self._first).astype(kind)
        self._keys += np.repeat(begin, [len(each.times) for each in series])
        counts = [[each.blocked for each in series], [each.decided for each in series]]
        self.whole = [_sum_up(every) for every in counts]
        # Without the cells of fresh names.
        self.old = self.whole if all(each.fresh is None for each in series) else [
            _sum_up([part if each.fresh is None else part * ~each.fresh
                     for part, each in zip(every, series, strict=True)]) for every in counts]

    def find(self, rows: Ints, cell: int) -> Ints:
        """Where the first cell of each series lies that is not before this one."""
        wanted = rows * self._span + min(max(cell - self._first, 0), self._span - 1)
        return self._keys.searchsorted(wanted.astype(self._keys.dtype, copy=False))


def _join(parts: Sequence[Ints], kind: _Kind) -> _Sums:
    """All parts as one, in numbers of this kind; those that do not fit go round, and come back in a difference."""
    made: _Sums = np.empty(sum(map(len, parts)), dtype=kind)
    if parts:
        np.concatenate(parts, out=made, casting="unsafe")
    return made


def _sum_up(parts: Sequence[Ints]) -> _Sums:
    """What comes before each cell, and before the end."""
    kind: _Kind = np.int32 if sum(int(part.sum()) for part in parts) <= _MOST else np.int64
    sums: _Sums = np.zeros(sum(map(len, parts)) + 1, dtype=kind)
    if parts:
        np.concatenate(parts, out=sums[1:], casting="unsafe")
        np.cumsum(sums[1:], dtype=kind, out=sums[1:])
    return sums
