"""Runs that are in the folders of several days: of these nothing is used, so a day must know what others hold.

Names of runs are kept as hashes of 64 bits, sorted: of 400 million names two are alike by chance in one of 200 results,
and a name that somebody makes alike does what that very name would do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RunNumbers: TypeAlias = NDArray[np.uint64]
"""Sorted, each once."""

NO_RUNS: RunNumbers = np.zeros(0, dtype=np.uint64)


def number_runs(run_ids: NDArray[np.object_]) -> RunNumbers:
    """A number for each name."""
    return np.unique(np.asarray(pd.util.hash_array(run_ids, categorize=False), dtype=np.uint64))


def find_crossings(days: Iterable[str], numbers_of: Callable[[str], RunNumbers], fresh: Iterable[str],
                   before: Mapping[str, RunNumbers]) -> dict[str, RunNumbers]:
    """Day -> the numbers of its runs that are in other days too; no entry where there are none.

    `before` says the same of the last time, `fresh` are the days whose runs may be others since; what neither names
    cannot have changed. Each day's numbers are asked for once or twice, and held one day at a time.
    """
    asked = [numbers_of(day) for day in fresh]
    wanted = np.unique(np.concatenate([NO_RUNS, *asked, *before.values()]))
    if not wanted.size:
        return {}
    seen = np.zeros(len(wanted), dtype=np.uint32)
    listed = list(days)
    hits: dict[str, NDArray[np.int64]] = {}
    for day in listed:
        hits[day] = _places(wanted, numbers_of(day))
        seen[hits[day]] += 1
    return {day: wanted[places[seen[places] > 1]] for day, places in hits.items() if (seen[places] > 1).any()}


def _places(wanted: RunNumbers, numbers: RunNumbers) -> NDArray[np.int64]:
    """Where in `wanted` the numbers of a day are; the shorter is looked up in the longer."""
    if len(numbers) < len(wanted):
        at = np.searchsorted(wanted, numbers)
        inside = at < len(wanted)
        inside[inside] = wanted[at[inside]] == numbers[inside]
        return np.asarray(at[inside], dtype=np.int64)
    at = np.searchsorted(numbers, wanted)
    inside = at < len(numbers)
    inside[inside] = numbers[at[inside]] == wanted[inside]
    return np.asarray(np.flatnonzero(inside), dtype=np.int64)
