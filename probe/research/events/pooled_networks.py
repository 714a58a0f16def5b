"""The networks of a country together: short and weak blocks show there first, where each network has one witness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from probe.research.events.cell_series import POOLED, CellPlace, CellSeries
from probe.research.events.series_windows import UNSTEADY, SeriesFinding


def pool_series(found: Sequence[SeriesFinding]) -> list[CellSeries]:
    """One series per country, service, role and target that at least two networks measure steadily.

    What fails by itself now and then is left out: volunteers who come and go would move the sum.
    """
    groups: dict[tuple[bool, str, str, str, str], list[SeriesFinding]] = {}
    for each in found:
        series = each.series
        if not each.flaky and each.base <= UNSTEADY:
            key = (series.place.lab, series.place.cc, series.service, series.role, series.target_id)
            groups.setdefault(key, []).append(each)
    return [_pool([each.series for each in group]) for group in groups.values() if len(group) > 1]


def _pool(parts: Sequence[CellSeries]) -> CellSeries:
    times, at = np.unique(np.concatenate([part.times for part in parts]), return_inverse=True)
    hit = np.concatenate([part.blocked for part in parts])

    def summed(counts: Sequence[np.ndarray]) -> np.ndarray:
        return np.bincount(at, weights=np.concatenate(counts), minlength=len(times)).astype(np.int64)

    types, versions = (np.full(len(times), -1, dtype=np.int32) for _ in range(2))
    types[at[hit > 0]] = np.concatenate([part.types for part in parts])[hit > 0]
    versions[at] = np.concatenate([part.versions for part in parts])
    head = parts[0]
    return CellSeries(
        place=CellPlace(lab=head.place.lab, cc=head.place.cc, asn=POOLED), service=head.service, role=head.role,
        target_id=head.target_id, times=times, blocked=summed([part.blocked for part in parts]),
        decided=summed([part.decided for part in parts]), witnesses=summed([part.witnesses for part in parts]),
        confirmed=summed([part.confirmed for part in parts]),
        types=types, versions=versions, witnesses_told=head.witnesses_told,
    )
