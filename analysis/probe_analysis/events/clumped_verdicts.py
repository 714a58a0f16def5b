"""Verdicts of one cell that fail together, in counts of which nobody says how many devices made them.

Five tests of one hour may be five devices, or one device that tries five times and fails five times. Which it is, the
cells beside the windows show: how often a verdict fails beside another of its cell that fails. Windows are worth as
many independent verdicts as that leaves (the design effect: Kish 1965).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import CellSeries
from probe_analysis.events.segments import Floats, Ints, log_likelihood_ratio, shrink_rate
from probe_analysis.events.window import EventWindow

_STRUCK = 3
"""Struck cells of what may be a block: in fewer it may be failures that come together."""
_USUAL = 10.0
"""Struck cells that what all series show is worth, beside what one of them shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clumping:
    """How one series fails beside what may be a block."""

    share: float
    """0 where the verdicts of a cell are independent of each other, 1 where all of them fail together."""
    base: float
    """Rate of failures, those of single struck cells included."""


NO_CLUMPING = Clumping(share=0.0, base=0.0)


def estimate_clumpings(examined: Sequence[tuple[CellSeries, float, Sequence[EventWindow]]]) -> list[Clumping]:
    """The clumping of series of one table, each given with its base and its windows: all were counted in the same way,
    so what all show counts beside what each does."""
    beside = [_list_beside(series, windows) for series, _, windows in examined]
    counts = [(series.blocked[cells], series.decided[cells])
              for (series, *_), cells in zip(examined, beside, strict=True)]
    clumps = [_count_clumps(blocked, decided, base)
              for (blocked, decided), (_, base, _) in zip(counts, examined, strict=True)]
    usual = sum(beyond for beyond, _ in clumps) / (sum(cells for _, cells in clumps) + _USUAL)
    return [Clumping(share=max(0.0, beyond + _USUAL * usual) / (cells + _USUAL),
                     base=shrink_rate(float(blocked.sum()), float(decided.sum())))
            for (beyond, cells), (blocked, decided) in zip(clumps, counts, strict=True)]


def discount_window(window: EventWindow, clumping: Clumping) -> EventWindow:
    """The window with the score of as many verdicts as its cells are worth."""
    if not clumping.share:
        return window
    measured = window.covered(window.series.times[window.first:window.last + 1])
    verdicts = window.decided / np.count_nonzero(measured)
    inflation = max(window.inflation, 1 + clumping.share * (verdicts - 1))
    base = max(window.base, clumping.base)
    score = log_likelihood_ratio(window.blocked, window.decided, base) / inflation if window.rate > base else 0.0
    return replace(window, base=base, inflation=inflation, score=min(score, window.score))


def _list_beside(series: CellSeries, windows: Sequence[EventWindow]) -> NDArray[np.bool_]:
    """Cells beside what may be a block."""
    beside = np.ones(len(series.times), dtype=np.bool_)
    for window in windows:
        part = slice(window.first, window.last + 1)
        beside[part] &= np.count_nonzero(series.blocked[part]) < _STRUCK
    return beside


def _count_clumps(blocked: Ints, decided: Ints, base: float) -> tuple[float, int]:
    """How often beyond chance a verdict fails beside another of its cell that fails, summed over the struck cells that
    can tell, and how many these are.

    Each struck cell has one vote, or a single outage would outweigh all that the counts show.
    """
    telling = (blocked > 0) & (decided > 1)
    k: Floats = blocked[telling].astype(np.float64)
    n: Floats = decided[telling].astype(np.float64)
    return float(((k - 1) / (n - 1) - base).sum()) / (1 - base), len(k)
