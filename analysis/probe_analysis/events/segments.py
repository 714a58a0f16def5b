"""Counts against a base rate: how likely they are, how strong, and which segments of a series stand above it.

A series is two arrays: `blocked[i]` of `decided[i]` verdicts in its i-th measured cell. Hours without a measurement are
no cells and carry no weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

LEAST_STRENGTH = 0.15
"""A window in which less than this share of what used to pass is stopped is no window."""
PRIOR_BLOCKED, PRIOR_DECIDED = 0.25, 50.0
"""What is believed of a base rate before the first verdict: half a per cent, worth fifty verdicts."""
_BASE_SCORE = 25.0


def log_likelihood_ratio(blocked: float, decided: float, base: float) -> float:
    """Log-likelihood ratio (nats) of counts under their own rate against the rate `base`: n KL(k/n || base)."""
    passed = decided - blocked
    if not 0 < base < 1:
        return 0.0 if blocked == base * decided else math.inf
    hit = blocked * math.log(blocked / decided / base) if blocked else 0.0
    return max(0.0, hit + (passed * math.log(passed / decided / (1 - base)) if passed else 0.0))


def estimate_strength(rate: Floats | float, base: Floats | float) -> Floats | float:
    """The share of what used to pass that is stopped: 0 at the base rate, 1 when nothing passes."""
    return (rate - base) / (1.0 - base)


def shrink_rate(blocked: float, decided: float) -> float:
    """A base rate from counts, drawn towards half a per cent where they are few."""
    return (blocked + PRIOR_BLOCKED) / (decided + PRIOR_DECIDED)


def estimate_base_rate(blocked: Floats, decided: Floats) -> float:
    """The rate of a series when nothing special happens, from the counts of its segments.

    Segments are pooled from the lowest rate up to the first step of `LEAST_STRENGTH` that is beyond chance: a series
    that is blocked for most of its life still has the base that it began with, and a lucky hour of a flaky one is no
    base. Shrunk, so never 0.
    """
    order = np.argsort(blocked / decided, kind="stable")
    k = n = 0.0
    rest_blocked, rest_decided = float(blocked.sum()), float(decided.sum())
    for at in order:
        step = n > 0 and estimate_strength(blocked[at] / decided[at], k / n) > LEAST_STRENGTH
        if step and log_likelihood_ratio(k, n, (rest_blocked - k) / (rest_decided - n)) >= _BASE_SCORE:
            break
        k, n = k + float(blocked[at]), n + float(decided[at])
    return shrink_rate(k, n)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSpan:
    """Consecutive measured cells, by index, both ends included, and what was counted in them."""

    first: int
    last: int
    blocked: int
    decided: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SegmentSums:
    """What was counted in each segment of a series."""

    starts: Ints
    """First index of each."""
    size: int
    """Cells of the series."""
    blocked: Ints
    decided: Ints


def sum_segments(blocked: Ints, decided: Ints, starts: Ints) -> SegmentSums:
    """The counts of a series that begins its segments there."""
    return SegmentSums(starts=starts, size=len(blocked), blocked=np.add.reduceat(blocked, starts),
                       decided=np.add.reduceat(decided, starts))


def find_raised_spans(sums: SegmentSums, base: float, least: float = LEAST_STRENGTH) -> list[SegmentSpan]:
    """Runs of segments whose rate stands above the base by a strength of `least` or more."""
    # Most series have few segments: lists are quicker than arrays then.
    starts, blocked, decided = sums.starts.tolist(), sums.blocked.tolist(), sums.decided.tolist()
    stops = [*starts[1:], sums.size]
    raised = [estimate_strength(k / n, base) >= least for k, n in zip(blocked, decided, strict=True)]
    spans, first = [], 0
    for is_raised, group in groupby(raised):
        stop = first + len(list(group))
        if is_raised:
            spans.append(SegmentSpan(first=starts[first], last=stops[stop - 1] - 1, blocked=sum(blocked[first:stop]),
                                     decided=sum(decided[first:stop])))
        first = stop
    return spans


def estimate_dispersion(times: Ints, blocked: Ints, decided: Ints, without: NDArray[np.bool_], block: int) -> float:
    """Variance inflation of the counts beside a series' windows: 1 when verdicts fail independently of each other.

    Pearson's statistic of sums over one cell and over `block` cells, whichever is larger, since what fails in one hour
    tends to fail in the next; drawn towards 1 where few failures are seen.
    """
    kept = ~without
    t, k, n = times[kept], blocked[kept], decided[kept]
    if k.size == 0:
        return 1.0
    rate = shrink_rate(float(k.sum()), float(n.sum()))
    worst = 1.0
    for width in (1, block):
        if width > 1:  # times rise: each cell is a group of its own
            group = np.flatnonzero(np.diff(t // width, prepend=t[0] // width - 1))
            k, n = np.add.reduceat(k, group), np.add.reduceat(n, group)
        kk, nn = k.astype(np.float64), n.astype(np.float64)
        seen, expected = float(((kk - nn * rate) ** 2).sum()), float((nn * rate * (1 - rate)).sum())
        worst = max(worst, (seen + _DISPERSION_PRIOR) / (expected + _DISPERSION_PRIOR))
    return worst


_DISPERSION_PRIOR = 20.0


def count_days(times: Ints, day: int) -> int:
    """On how many days the cells lie, whose times rise; a day has so many cells."""
    return int(np.count_nonzero(np.diff(times // day))) + 1 if times.size else 0


REACH = 48
"""Cells to either side in which a boundary is looked for, if nothing else is said."""


def find_boundary(gain: Floats, at: int, last: int, loss: float = 2.0, reach: int = REACH) -> tuple[int, int]:
    """Where else a boundary may lie: earliest and latest first index of the window at most `loss` nats worse.

    `gain[i]` is the log-likelihood ratio of cell i for being inside the window rather than outside; `at` is the best
    first index, `last` the last index of the window. 2 nats is about 95 % (Wilks).
    """
    before = np.cumsum(gain[max(0, at - reach):at][::-1])
    after = np.cumsum(gain[at:min(at + reach, last)])
    earlier, later = np.flatnonzero(before >= -loss), np.flatnonzero(after <= loss)
    return at - (int(earlier[-1]) + 1 if earlier.size else 0), at + (int(later[-1]) + 1 if later.size else 0)
