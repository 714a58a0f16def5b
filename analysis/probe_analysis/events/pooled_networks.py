"""The networks of a country together: short and weak blocks show there first, where each network has one witness."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import POOLED, CellPlace, CellSeries
from probe_analysis.events.hello_tracks import choose_cells
from probe_analysis.events.segments import Ints
from probe_analysis.events.series_windows import UNSTEADY, SeriesFinding


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
    fresh, settled = (_concatenate(parts, name) for name in ("fresh", "settled"))
    times, at = _number_times(np.concatenate([part.times for part in parts]))
    # Fresh names of one network count beside no other's: whoever made them up would move the sum.
    heard = ~fresh | ~np.isin(at, at[~fresh]) if fresh.any() else ~fresh
    at, fresh, settled = at[heard], fresh[heard], settled[heard]

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])[heard]

    def summed(name: str) -> np.ndarray:
        return np.bincount(at, weights=joined(name), minlength=len(times)).astype(np.int64)

    hit = joined("blocked")
    types, versions = (np.full(len(times), -1, dtype=np.int32) for _ in range(2))
    types[at[hit > 0]] = joined("types")[hit > 0]
    versions[at] = joined("versions")
    head = parts[0]
    return CellSeries(
        place=CellPlace(lab=head.place.lab, cc=head.place.cc, asn=POOLED), service=head.service, role=head.role,
        target_id=head.target_id, times=times, blocked=summed("blocked"),
        decided=summed("decided"), witnesses=summed("witnesses"), confirmed=summed("confirmed"),
        types=types, versions=versions, witnesses_told=head.witnesses_told,
        fresh=_mark(at, fresh, len(times)), settled=_mark(at, settled, len(times)),
        hellos=tuple(choose_cells(track, own) for part, own in zip(parts, _split(heard, parts), strict=True)
                     for track in part.hellos),
    )


def _number_times(times: Ints) -> tuple[Ints, Ints]:
    """Each time once, in order, and the place of every time among these: without sorting, since times lie near."""
    first = int(times.min())
    own = np.flatnonzero(np.bincount(times - first))
    place = np.zeros(int(own[-1]) + 1, dtype=np.int64)
    place[own] = np.arange(len(own))
    return own + first, place[times - first]


def _split(cells: NDArray[np.bool_], parts: Sequence[CellSeries]) -> list[NDArray[np.bool_]]:
    """Marks of the cells of all parts, which lie one after another, part by part."""
    return np.split(cells, np.cumsum([len(part.times) for part in parts])[:-1])


def _concatenate(parts: Sequence[CellSeries], name: str) -> NDArray[np.bool_]:
    """Which cells of all parts, one after another, are `fresh`, or `settled`."""
    return np.concatenate([np.zeros(len(part.times), dtype=np.bool_) if getattr(part, name) is None
                           else getattr(part, name) for part in parts])


def _mark(at: Ints, chosen: NDArray[np.bool_], size: int) -> NDArray[np.bool_] | None:
    made = np.zeros(size, dtype=np.bool_)
    made[at[chosen]] = True
    return made if chosen.any() else None
