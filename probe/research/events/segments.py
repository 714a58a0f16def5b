"""Where the rate of a series of counts changes: exact segmentation, and windows in which it stands above its base.

A series is two arrays: `blocked[i]` of `decided[i]` verdicts in its i-th measured cell. Hours without a measurement are
no cells and carry no weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
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
_TABLE_LIMIT = 1 << 22
_TOGETHER = 1 << 15
"""Blocks of series that take their steps together: what is computed in one fits a processor's cache."""


def segment_series(series: Sequence[tuple[Ints, Ints]], penalties: Sequence[float]) -> list[Ints]:
    """First indices of the segments of each series that maximise its binomial log-likelihood minus its penalty (nats)
    for each of them. A series is its `blocked` and `decided`.

    Optimal partitioning (Jackson et al. 2005), exact. Neighbouring cells with the same observed rate are one block: the
    likelihood is linear along such a run, so no best boundary lies inside it. Series of about as many blocks take their
    steps together: one step of one series is too little work to be worth a call.
    """
    starts = [_blocks(blocked, decided) for blocked, decided in series]
    found: list[Ints] = list(starts)
    order = [at for at in sorted(range(len(starts)), key=lambda at: -starts[at].size) if starts[at].size]
    while order:
        most = starts[order[0]].size + 1
        group, order = order[:max(1, _TOGETHER // most)], order[max(1, _TOGETHER // most):]
        sums = np.zeros((2, len(group), most), dtype=np.int64)
        for row, at in enumerate(group):
            for counts, into in zip(series[at], sums[:, row], strict=True):
                into[1:starts[at].size + 1] = np.cumsum(np.add.reduceat(counts, starts[at]))
        sizes = np.array([starts[at].size for at in group])
        last = _partition(sums[0], sums[1], sizes, np.array([penalties[at] for at in group]))
        for row, at in enumerate(group):
            found[at] = starts[at][_cuts(last[row], int(sizes[row]))]
    return found


def _blocks(blocked: Ints, decided: Ints) -> Ints:
    """Where runs of cells with equal rates begin."""
    if blocked.size == 0:
        return np.zeros(0, dtype=np.int64)
    same = blocked[1:] * decided[:-1] == blocked[:-1] * decided[1:]
    return np.concatenate(([0], np.flatnonzero(~same) + 1)).astype(np.int64)


def _partition(k: Ints, n: Ints, sizes: Ints, penalties: Floats) -> Ints:
    """The dynamic programme over cumulative counts, a row a series, by falling size: where the segment begins that ends
    before each block."""
    rows, most = k.shape
    logs = _x_log_x(int(n.max()))
    best, last = np.zeros((rows, most)), np.zeros((rows, most), dtype=np.int64)
    best[:, 0] = -penalties
    for end in range(1, most):
        live = int(np.searchsorted(-sizes, -end, side="right"))
        kk, nn = k[:live, end, None] - k[:live, :end], n[:live, end, None] - n[:live, :end]
        scores = best[:live, :end] + (logs[nn] - logs[kk] - logs[nn - kk])
        chosen = scores.argmin(axis=1)
        last[:live, end] = chosen
        best[:live, end] = scores[np.arange(live), chosen] + penalties[:live]
    return last


def _cuts(last: Ints, end: int) -> Ints:
    """The blocks at which segments begin."""
    cuts = []
    while end:
        end = int(last[end])
        cuts.append(end)
    return np.array(cuts[::-1], dtype=np.int64)


_logs: Floats = np.zeros(1)


def _x_log_x(most: int) -> Floats:
    """x log x for the whole numbers up to `most`; kept, for thousands of series ask for it."""
    global _logs
    if most >= len(_logs):
        numbers = np.arange(max(2, min(2 * most, _TABLE_LIMIT), most + 1), dtype=np.float64)
        made = numbers * np.log(np.maximum(numbers, 1.0))
        if len(made) > _TABLE_LIMIT:
            return made
        _logs = made
    return _logs


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


def find_raised_spans(blocked: Ints, decided: Ints, starts: Ints, base: float,
                      least: float = LEAST_STRENGTH) -> list[SegmentSpan]:
    """Runs of segments whose rate stands above the base by a strength of `least` or more."""
    if starts.size == 0:
        return []
    k, n = np.add.reduceat(blocked, starts), np.add.reduceat(decided, starts)
    raised = np.asarray(estimate_strength(k / n, base)) >= least
    edges = np.flatnonzero(np.diff(np.concatenate(([False], raised, [False])).astype(np.int8)))
    stops = np.append(starts[1:], len(blocked))
    return [
        SegmentSpan(first=int(starts[a]), last=int(stops[b - 1]) - 1, blocked=int(k[a:b].sum()),
                    decided=int(n[a:b].sum()))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


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
        group = np.flatnonzero(np.diff(t // width, prepend=t[0] // width - 1))
        kk, nn = np.add.reduceat(k, group).astype(np.float64), np.add.reduceat(n, group).astype(np.float64)
        seen, expected = float(((kk - nn * rate) ** 2).sum()), float((nn * rate * (1 - rate)).sum())
        worst = max(worst, (seen + _DISPERSION_PRIOR) / (expected + _DISPERSION_PRIOR))
    return worst


_DISPERSION_PRIOR = 20.0


def find_boundary(gain: Floats, at: int, last: int, loss: float = 2.0, reach: int = 48) -> tuple[int, int]:
    """Where else a boundary may lie: earliest and latest first index of the window at most `loss` nats worse.

    `gain[i]` is the log-likelihood ratio of cell i for being inside the window rather than outside; `at` is the best
    first index, `last` the last index of the window. 2 nats is about 95 % (Wilks).
    """
    before = np.cumsum(gain[max(0, at - reach):at][::-1])
    after = np.cumsum(gain[at:min(at + reach, last)])
    earlier, later = np.flatnonzero(before >= -loss), np.flatnonzero(after <= loss)
    return at - (int(earlier[-1]) + 1 if earlier.size else 0), at + (int(later[-1]) + 1 if later.size else 0)
