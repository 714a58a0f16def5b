"""The inner loop of a partition, compiled by numba. Import it when there is something to cut.

A candidate is a block before which the last segment may begin. What it costs is a function of the segment's rate, and
convex. At each block every rate belongs to the candidate that is cheapest there: to a few stretches of rates, in order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np

from probe_analysis.events.segments import Floats, Ints

_MOST_STEPS = 60
"""Of a search for a boundary between two candidates. It takes four to ten; a double holds no more than 60 halvings."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compile(function: _Function) -> _Function:
    """The function compiled, and kept on the disk where there is a place for it."""
    try:
        return cast("_Function", numba.njit(cache=True, nogil=True)(function))
    except RuntimeError:  # no folder that numba may write to
        return cast("_Function", numba.njit(nogil=True)(function))


@_compile
def _cost(blocked: float, passed: float, rate: float) -> float:
    """Negative log-likelihood (nats) of counts at a rate; infinite where the rate makes them impossible."""
    cost = 0.0
    if blocked > 0:
        cost = -blocked * math.log(rate) if rate > 0 else math.inf
    if passed > 0:
        cost += -passed * math.log(1 - rate) if rate < 1 else math.inf
    return cost


@_compile
def _slope(blocked: float, passed: float, rate: float) -> float:
    """Of the cost, at a rate at which it is finite."""
    slope = 0.0
    if blocked > 0:
        slope -= blocked / rate
    if passed > 0:
        slope += passed / (1 - rate)
    return slope


@_compile
def _leave_end(blocked: float, passed: float, limit: float, outer: float, inner: float) -> tuple[float, float]:
    """The same two rates, nearer each other: the outer one at which counts cost a finite sum, where a double tells it
    from 0 and 1."""
    for _ in range(_MOST_STEPS):
        if _cost(blocked, passed, outer) < math.inf:
            break
        middle = 0.5 * (outer + inner)
        if _cost(blocked, passed, middle) > limit:
            outer = middle
        else:
            inner = middle
    return outer, inner


@_compile
def _crossing(blocked: float, passed: float, limit: float, outer: float, inner: float) -> float:
    """The rate between `outer`, where the counts cost more than the limit, and `inner`, where less, where just that.

    The cost is convex, so Newton's method never passes the crossing if it starts where the counts cost more.
    """
    outer, inner = _leave_end(blocked, passed, limit, outer, inner)
    if not _cost(blocked, passed, outer) < math.inf:
        return inner
    for _ in range(_MOST_STEPS):
        excess, slope = _cost(blocked, passed, outer) - limit, _slope(blocked, passed, outer)
        if excess <= 0 or slope == 0:
            break
        nearer = outer - excess / slope
        if nearer == outer or (nearer > outer) != (inner > outer):
            break
        if (nearer > inner) != (outer > inner):  # rounded past it
            return inner
        outer = nearer
    return outer


@_compile
def partition(blocked: Floats, passed: Floats, penalty: float) -> Ints:
    """Where the segment begins that ends before each block, from 0 to all of them, given what was counted in each.

    Returns one number more than there are blocks; the first means nothing.
    """
    size = len(blocked)
    last = np.zeros(size + 1, dtype=np.int64)
    hit, past = np.zeros(size + 1), np.zeros(size + 1)
    start = np.zeros(size + 1)  # what everything before each candidate costs, its own penalty included
    lows, owners = np.zeros(2 * size + 4), np.zeros(2 * size + 4, dtype=np.int64)
    new_lows, new_owners = np.zeros(2 * size + 4), np.zeros(2 * size + 4, dtype=np.int64)
    pieces = 1
    for end in range(1, size + 1):
        hit[end], past[end] = hit[end - 1] + blocked[end - 1], past[end - 1] + passed[end - 1]
        best = math.inf
        for piece in range(pieces):
            low, high = lows[piece], lows[piece + 1] if piece + 1 < pieces else 1.0
            owner = owners[piece]
            k, p = hit[end] - hit[owner], past[end] - past[owner]
            cost = start[owner] + _cost(k, p, min(max(k / (k + p), low), high))
            if cost < best:
                best, last[end] = cost, owner
        if end == size:
            break
        start[end] = best + penalty
        made = 0
        for piece in range(pieces):
            low, high = lows[piece], lows[piece + 1] if piece + 1 < pieces else 1.0
            owner = owners[piece]
            k, p, limit = hit[end] - hit[owner], past[end] - past[owner], start[end] - start[owner]
            middle = min(max(k / (k + p), low), high)
            if _cost(k, p, middle) > limit:
                left, right = high, high
            else:
                left = low if _cost(k, p, low) <= limit else _crossing(k, p, limit, low, middle)
                right = high if _cost(k, p, high) <= limit else _crossing(k, p, limit, high, middle)
            if left > low and (made == 0 or new_owners[made - 1] != end):
                new_lows[made], new_owners[made] = low, end
                made += 1
            if right > left:
                new_lows[made], new_owners[made] = left, owner
                made += 1
            if right < high and (made == 0 or new_owners[made - 1] != end):
                new_lows[made], new_owners[made] = right, end
                made += 1
        lows, new_lows, owners, new_owners, pieces = new_lows, lows, new_owners, owners, made
    return last
