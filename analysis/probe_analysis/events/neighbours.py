"""What a window is compared with: series of its network, and of its service, and what they show in its hours."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import CONTROL, POOLED, CellPlace
from probe_analysis.events.outage_curves import NO_CURVES, OutageCurves
from probe_analysis.events.segments import Floats, Ints
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.service_hosting import FindHosting, find_hosting
from probe_analysis.events.verdict_sums import VerdictSums
from probe_analysis.events.window import EventWindow

LIKE_SHARE = 0.3
"""What fails like a window has at least such a share of its strength."""
_LONGER = 1 / LIKE_SHARE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesBeside:
    """Series that can be compared with a window, and their verdicts in its hours, of which each has some."""

    found: tuple[SeriesFinding, ...]
    blocked: Ints
    decided: Ints
    base: Floats
    """Of each series."""
    groups: Ints
    """Number of the service of each, or of its country: what is asked together."""
    is_control: NDArray[np.bool_]
    in_window: NDArray[np.bool_]
    """Which of them are in a sure window of their own in some of its hours."""
    controls: int
    """Verdicts of control targets, also of those that cannot be compared."""

    def choose(self, *, controls: bool) -> SeriesBeside:
        """The control targets among them, or the others."""
        return self.take(np.flatnonzero(self.is_control == controls))

    def take(self, at: Ints) -> SeriesBeside:
        """Those at these places."""
        if len(at) == len(self.found):
            return self
        return SeriesBeside(found=tuple([self.found[number] for number in at.tolist()]), blocked=self.blocked[at],
                            decided=self.decided[at], base=self.base[at], groups=self.groups[at],
                            is_control=self.is_control[at], in_window=self.in_window[at], controls=self.controls)


class _Named:
    """Names of series as numbers."""

    def __init__(self, names: Iterable[Hashable]) -> None:
        self._numbers: dict[Hashable, int] = {}
        self.codes = np.array([self._numbers.setdefault(name, len(self._numbers)) for name in names], dtype=np.int64)

    def is_called(self, name: Hashable) -> NDArray[np.bool_]:
        """Which of them have this name."""
        return np.asarray(self.codes == self._numbers.get(name, -1))


class _Group:
    """Series with something in common."""

    def __init__(self, found: Sequence[SeriesFinding], sums: VerdictSums) -> None:
        self._found, self._sums = found, sums.of([each.series for each in found])
        self._services = _Named(each.series.service for each in found)
        self._countries = _Named(each.series.place.cc for each in found)
        self._parts = _Named((each.series.role, each.series.target_id) for each in found)
        self._controls = np.array([each.series.role == CONTROL for each in found], dtype=np.bool_)
        self._base = np.array([each.base for each in found], dtype=np.float64)
        spans = [(at, window.onset, window.end) for at, each in enumerate(found) for window in each.windows]
        self._owner, self._onset, self._end = np.array(spans, dtype=np.int64).reshape(-1, 3).T

    def of_other_services(self, window: EventWindow, *, fresh: bool) -> SeriesBeside:
        """Those of other services than the window's."""
        wanted = ~self._services.is_called(window.series.service)
        return self._compare(window, wanted, self._services.codes, fresh=fresh)

    def elsewhere(self, window: EventWindow, *, fresh: bool) -> SeriesBeside:
        """Those of the window's role and target in other countries."""
        series = window.series
        same = self._parts.is_called((series.role, series.target_id))
        wanted = same & ~self._countries.is_called(series.place.cc)
        return self._compare(window, wanted, self._countries.codes, fresh=fresh)

    def _compare(self, window: EventWindow, wanted: NDArray[np.bool_], groups: Ints, *, fresh: bool) -> SeriesBeside:
        at = np.flatnonzero(wanted)
        blocked, decided = self._sums.count(at, window, fresh=fresh)
        in_window, busy = self._list_struck(window)
        kept = (decided > 0) & ~busy[at]
        controls = int(decided[self._controls[at]].sum())
        at = at[kept]
        return SeriesBeside(found=tuple([self._found[number] for number in at.tolist()]), blocked=blocked[kept],
                            decided=decided[kept], base=self._base[at], groups=groups[at],
                            is_control=self._controls[at], in_window=in_window[at], controls=controls)

    def _list_struck(self, window: EventWindow) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which are in a window of their own, and which in one that is much longer and began long before: these cannot
        say what began with this one."""
        length = window.end - window.onset + 1
        meets = (self._onset <= window.end) & (window.onset <= self._end)
        busy = (meets & (self._end - self._onset + 1 > _LONGER * length)
                & (self._onset < window.onset - max(length, 2 * window.day)))
        return self._own(meets), self._own(busy)

    def _own(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which have one of these windows."""
        has_one = np.zeros(len(self._found), dtype=np.bool_)
        has_one[self._owner[chosen]] = True
        return has_one


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Series by network and by service, to ask about any window."""

    by_place: Mapping[CellPlace, Sequence[SeriesFinding]]
    by_service: Mapping[tuple[bool, str], Sequence[SeriesFinding]]
    sums: VerdictSums
    groups: dict[Hashable, _Group] = field(default_factory=dict)
    """Those that were asked about already."""
    hosting: FindHosting = find_hosting
    by_name: frozenset[int] = frozenset()
    """Numbers of the block types that show a name to be stopped."""
    by_hello: frozenset[int] = frozenset()
    """Those that show the name in a hello to be stopped, while others at its address are served."""
    curves: OutageCurves = NO_CURVES
    """The whole traffic, as somebody outside counts it."""

    def beside(self, window: EventWindow, *, fresh: bool) -> tuple[SeriesBeside, SeriesBeside]:
        """What can be compared with the window: other services of its network, and its service in other countries.
        Verdicts of fresh names count only where they are wanted."""
        place = window.series.place
        service = (place.lab, window.series.service)
        here = self._group(place, self.by_place[place])
        alike = self._group(service, self.by_service.get(service, ()))
        return here.of_other_services(window, fresh=fresh), alike.elsewhere(window, fresh=fresh)

    def list_networks(self, place: CellPlace) -> list[int]:
        """Numbers of the networks of a place: of a country's networks together, all of these."""
        return [place.asn] if place.asn != POOLED else [
            other.asn for other in self.by_place if (other.lab, other.cc) == (place.lab, place.cc)]

    def _group(self, name: Hashable, found: Sequence[SeriesFinding]) -> _Group:
        if name not in self.groups:
            self.groups[name] = _Group(found, self.sums)
        return self.groups[name]


def sort_neighbours(found: Sequence[SeriesFinding], sums: VerdictSums | None = None,
                    hosting: FindHosting = find_hosting, by_name: frozenset[int] = frozenset(),
                    by_hello: frozenset[int] = frozenset(), curves: OutageCurves = NO_CURVES) -> Neighbours:
    """Sorts series by what they have in common; pooled ones are no witnesses of their own for other countries. `sums`:
    of these series, where they were made already."""
    by_place: dict[CellPlace, list[SeriesFinding]] = {}
    by_service: dict[tuple[bool, str], list[SeriesFinding]] = {}
    for each in found:
        by_place.setdefault(each.series.place, []).append(each)
        if each.series.place.asn != POOLED:
            by_service.setdefault((each.series.place.lab, each.series.service), []).append(each)
    return Neighbours(by_place=by_place, by_service=by_service, hosting=hosting, by_name=by_name, by_hello=by_hello,
                      curves=curves, sums=sums or VerdictSums(each.series for each in found))
