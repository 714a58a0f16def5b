"""How many names of a network were known before, counted as a release counts them, from what an analysis keeps of days.

The rule is that of `probe_analysis.exports.established_probes`, here for names that are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from probe.core.tables.name_ages import HISTORY_DAYS
from probe_analysis.cells.name_standing import (
    NO_NAMES,
    DayNames,
    VouchedNumbers,
    find_vouched,
    number_network,
    pair_numbers,
)


class KnownNames:
    """Names of days, to be asked how many of a network were known by then."""

    def __init__(self, names_of: Callable[[str], DayNames], vouched: VouchedNumbers | None = None) -> None:
        """`names_of`: the names of a day (YYYY-MM-DD); `vouched`: the collector's record, where there is one."""
        self._names_of, self._vouched = names_of, vouched
        self._counts: dict[date, Mapping[int, int]] = {}

    def count(self, cc: str, asn: int, until: date) -> int:
        """Established names among those that measured in the network in the 30 days up to `until`; none where no record
        speaks of that day: times of runs can be made up."""
        if until not in self._counts:
            self._counts[until] = self._count_all(until)
        return self._counts[until].get(number_network(cc, asn), 0)

    def _count_all(self, until: date) -> Mapping[int, int]:
        """Number of the network -> names. A name lasts a month: of two months that with more of them counts."""
        if self._vouched is None or not self._vouched.speaks_of(until):
            return {}
        months: dict[tuple[int, int], list[DayNames]] = {}
        for back in range(HISTORY_DAYS):
            day = until - timedelta(days=back)
            months.setdefault((day.year, day.month), []).append(self._names_of(day.isoformat()))
        found: dict[int, int] = {}
        for days in months.values():
            names = np.unique(np.concatenate([NO_NAMES, *days]), axis=0)
            kept = np.isin(pair_numbers(names), find_vouched(names, until, self._vouched))
            for network, count in _count_each(names[kept, 1]):
                found[network] = max(found.get(network, 0), count)
        return found


def _count_each(numbers: NDArray[np.uint64]) -> list[tuple[int, int]]:
    values, counts = np.unique(numbers, return_counts=True)
    return list(zip(values.tolist(), counts.tolist(), strict=True))
