"""The days of one series: numbers as they were read, made into values of a day only where a page needs them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Counts: TypeAlias = tuple[int, ...]
"""One number for each of `probe.research.counting.cell_view.COUNTED`."""
Ints: TypeAlias = NDArray[np.int64]


class DayLine(Mapping[int, Counts]):
    """Number of the day -> sums of that day. Its `repr` is a digest of them all: two that agree in it are alike."""

    def __init__(self, digest: str, days: Ints, last: tuple[int, Counts] | None,
                 make: Callable[[], dict[int, Counts]]) -> None:
        self._digest, self._days, self._make, self._last = digest, days, make, last
        self._held: dict[int, Counts] | None = None

    def __getitem__(self, day: int) -> Counts:
        return self._values()[day]

    def __iter__(self) -> Iterator[int]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    def __repr__(self) -> str:
        return self._digest

    def has_day(self, first: int, last: int) -> bool:
        """Whether something was counted on one of these days."""
        return bool(np.any((self._days >= first) & (self._days <= last)))

    @property
    def days(self) -> Ints:
        """The days on which something was counted; some may come more than once."""
        return self._days

    @property
    def last(self) -> tuple[int, Counts] | None:
        """The last day on which something was counted, and its sums."""
        return self._last

    def _values(self) -> dict[int, Counts]:
        if self._held is None:
            self._held = self._make()
        return self._held


def make_day_line(days: Ints, counts: NDArray[np.int64]) -> DayLine:
    """From the days in their order, and a row of counts for each."""
    last = (int(days[-1]), tuple(counts[-1].tolist())) if len(days) else None
    seen = hashlib.sha256(np.ascontiguousarray(days).tobytes() + np.ascontiguousarray(counts).tobytes())
    return DayLine(seen.hexdigest(), days, last,
                   lambda: dict(zip(days.tolist(), map(tuple, counts.tolist()), strict=True)))


def add_day_lines(lines: Sequence[DayLine]) -> DayLine:
    """Day by day, the sums of several series."""
    if len(lines) == 1:
        return lines[0]

    def add() -> dict[int, Counts]:
        found: dict[int, list[Counts]] = {}
        for line in lines:
            for day, counts in line.items():
                found.setdefault(day, []).append(counts)
        return {day: _sum(each) for day, each in found.items()}

    ends = [line.last for line in lines if line.last]
    latest = max((day for day, _ in ends), default=0)
    last = (latest, _sum([counts for day, counts in ends if day == latest])) if ends else None
    return DayLine(hashlib.sha256(repr(list(lines)).encode()).hexdigest(),
                   np.concatenate([line.days for line in lines]), last, add)


def _sum(many: Sequence[Counts]) -> Counts:
    return tuple(map(sum, zip(*many, strict=True)))


def split_day_lines(keys: Sequence[NDArray[Any]], days: Ints, counts: NDArray[np.int64],
                    ) -> dict[tuple[Any, ...], DayLine]:
    """Rows in order of their keys as series: key -> its days."""
    if not len(days):
        return {}
    changed = np.zeros(len(days), dtype=np.bool_)
    changed[0] = True
    for column in keys:
        changed[1:] |= column[1:] != column[:-1]
    starts = np.flatnonzero(changed)
    ends = np.append(starts[1:], len(days))
    names = zip(*(column[starts].tolist() for column in keys), strict=True)
    return {name: make_day_line(days[start:end], counts[start:end])
            for name, start, end in zip(names, starts.tolist(), ends.tolist(), strict=True)}
