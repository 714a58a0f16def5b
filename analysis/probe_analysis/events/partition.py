"""Where the rate of a series of counts changes: exact optimal partitioning, in a time that hardly grows with pruning.

A partition minimises the sum over its segments of their negative binomial log-likelihood, plus a penalty for each
(Jackson et al. 2005). Candidates for the last change are pruned by function (FPOP: Maidstone, Hocking, Rigaill and
Fearnhead 2017): one is kept for those rates alone at which no other is cheaper. Pruning by cost (PELT: Killick et al.
2012) keeps nearly all of them in a series in which nothing happens; this keeps about as many as the logarithm of its
length. The work is compiled by numba. Ten years of hourly cells of one series take about a tenth of a second; memory
grows with cells, not with verdicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from probe_analysis.events.segments import Ints

_FEW, _THREADS = 64, 2
"""Fewer series than that are done before a thread has begun."""


def segment_series(series: Sequence[tuple[Ints, Ints]], penalties: Sequence[float]) -> list[Ints]:
    """First indices of the segments of each series that maximise its binomial log-likelihood minus its penalty (nats)
    for each of them. A series is its `blocked` and `decided`.

    Neighbouring cells with the same observed rate are one block: the likelihood is linear along such a run, so no best
    boundary lies inside it.
    """
    from probe_analysis.events.partition_kernel import partition  # whose compiler takes a second to load

    def segment(asked: tuple[tuple[Ints, Ints], float]) -> Ints:
        (blocked, decided), penalty = asked
        starts = _blocks(blocked, decided)
        if starts.size > 1:
            hit, all_of = (np.add.reduceat(part, starts).astype(np.float64) for part in (blocked, decided))
            starts = starts[_cuts(partition(hit, all_of - hit, float(penalty)))]
        return starts

    wanted = list(zip(series, penalties, strict=True))
    if len(wanted) < _FEW:
        return list(map(segment, wanted))
    with ThreadPoolExecutor(max_workers=_THREADS) as pool:  # what is compiled lets other threads run
        return list(pool.map(segment, wanted))


def _blocks(blocked: Ints, decided: Ints) -> Ints:
    """Where runs of cells with equal rates begin."""
    if blocked.size == 0:
        return np.zeros(0, dtype=np.int64)
    same = blocked[1:] * decided[:-1] == blocked[:-1] * decided[1:]
    return np.concatenate(([0], np.flatnonzero(~same) + 1)).astype(np.int64)


def _cuts(last: Ints) -> list[int]:
    """The blocks at which segments begin."""
    cuts, end = [], len(last) - 1
    while end:
        end = int(last[end])
        cuts.append(end)
    return cuts[::-1]
