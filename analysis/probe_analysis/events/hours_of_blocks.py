"""Which hours of the day divide counts best: one window of them, or two."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.segments import Floats, Ints
from probe_analysis.events.window import DayHours

Flags: TypeAlias = NDArray[np.bool_]
"""A mark for each hour of the day."""
_HOURS = 24
_LONGEST = 18
"""Hours: what is blocked for longer each day is blocked all the time, with breaks."""
_GAIN = 14.0
"""Log-likelihood ratio (nats) by which two rates must be better than one, and two windows better than one."""
_LIKE = 0.5
"""Two windows are of one block where the weaker has such a share of the rate of the stronger."""


def find_best_hours(hour: Ints, blocked: Ints, decided: Ints) -> tuple[DayHours, ...] | None:
    """The windows of the day that divide the counts best, None where no division is worth it."""
    k, n = (np.asarray(np.bincount(hour, weights=counts, minlength=_HOURS), dtype=np.float64)
            for counts in (blocked, decided))
    if k.sum() == 0:
        return None
    one = _choose(k, n, _list_windows())
    if one is None or one[0] <= _GAIN:
        return None
    won, chosen = one
    two = _choose(k, n, np.array(list(_list_pairs(chosen)), dtype=np.bool_).reshape(-1, _HOURS))
    better = two is not None and two[0] - won > _GAIN and _are_alike(k, n, two[1])
    return _name_windows(two[1] if two and better else chosen)


@cache
def _list_windows() -> Flags:
    """All windows of the day; lengths rise, and among equals the shortest stays."""
    return np.array([_mark(start, length) for length in range(1, _LONGEST + 1) for start in range(_HOURS)])


def _list_pairs(chosen: Flags) -> Iterator[Flags]:
    """A window with hours in its middle left out, and a window with another beside it."""
    (start, last), = _name_windows(chosen)
    length = (last - start) % _HOURS + 1
    for begin in range(1, length - 1):
        for gap in range(1, length - begin):
            yield chosen & ~_mark(start + begin, gap)
    rest = _HOURS - length
    for begin in range(1, rest - 1):
        for more in range(1, min(rest - begin, _LONGEST - length + 1)):
            yield chosen | _mark(last + 1 + begin, more)


def _mark(start: int, length: int) -> Flags:
    marked = np.zeros(_HOURS, dtype=np.bool_)
    marked[np.arange(start, start + length) % _HOURS] = True
    return marked


def _are_alike(k: Floats, n: Floats, chosen: Flags) -> bool:
    """Whether both windows fail alike, each beyond what lies outside of them."""
    rates = []
    for first, last in _name_windows(chosen):
        part = _mark(first, (last - first) % _HOURS + 1)
        rates.append(float(k[part].sum() / max(1.0, n[part].sum())))
    outside = float(k[~chosen].sum() / max(1.0, n[~chosen].sum()))
    return len(rates) > 1 and min(rates) - outside >= _LIKE * (max(rates) - outside)


def _choose(k: Floats, n: Floats, choices: Flags) -> tuple[float, Flags] | None:
    """The choice of hours that divides the counts best, and by how many nats two rates are better than one."""
    inside_k, inside_n = choices @ k, choices @ n
    all_k, all_n = float(k.sum()), float(n.sum())
    fit = np.flatnonzero((inside_n > 0) & (inside_n < all_n) & (inside_k * all_n > inside_n * all_k))
    if not fit.size:
        return None
    inside_k, inside_n = inside_k[fit], inside_n[fit]
    won = (_likelihood_ratios(inside_k, inside_n, all_k / all_n)
           + _likelihood_ratios(all_k - inside_k, all_n - inside_n, all_k / all_n))
    best = int(np.argmax(won))
    return float(won[best]), choices[fit[best]]


def _likelihood_ratios(k: Floats, n: Floats, base: float) -> Floats:
    """`log_likelihood_ratio` of many counts at once, against a base above 0 and below 1."""
    passed = n - k
    hit = k * np.log(np.where(k > 0, k, n) / n / base)
    return np.maximum(0.0, hit + passed * np.log(np.where(passed > 0, passed, n) / n / (1 - base)))


def _name_windows(chosen: Flags) -> tuple[DayHours, ...]:
    """First and last hour of each window, by the hour at which they begin."""
    begins = np.flatnonzero(chosen & ~np.roll(chosen, 1)).tolist()
    ends = np.flatnonzero(chosen & ~np.roll(chosen, -1)).tolist()
    return tuple((begin, min(ends, key=lambda end: (end - begin) % _HOURS)) for begin in begins)
