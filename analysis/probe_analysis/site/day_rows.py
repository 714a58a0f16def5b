"""Days of a series as one row of a chart: what `make_fleet_cell` says of each day, for all days at once. Pure.

A page of a year has thousands of days, and all pages of places have them together: one value a day took most of the
time in which an hour's news were written.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.pages.strip_rows import StripRow
from probe_analysis.pages.time_buckets import COUNTED_DECIDED, MIN_DECIDED, MIXED_FROM, MOST_FROM
from probe_analysis.site.day_lines import Ints

_DECIDING = [COUNTED.index(name) for name in COUNTED_DECIDED if name in COUNTED]
_OTHERS = [at for at in range(len(COUNTED)) if at not in _DECIDING]
_BLOCKED, _DOWN, _NETWORK = (COUNTED.index(name) for name in ("blocked", "down", "network"))


def make_day_row(counts: Ints) -> StripRow:
    """From a row of `COUNTED` for each day."""
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
