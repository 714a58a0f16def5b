"""Curves of a country's or a network's whole traffic, as somebody outside counts it, held against windows. Pure.

A curve is compared with itself: an hour with the same hours of the two weeks before, without those that were low. Of a
network its own curve is asked, else that of its country; of several sources' curves of one place the lowest. All
networks of a country together are down where each of them is.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from probe_analysis.events.cell_series import POOLED, CellPlace
from probe_analysis.events.check_answers import CheckAnswer
from probe_analysis.events.window import EventWindow

DOWN, USUAL = 0.5, 0.8
"""Shares of the usual traffic: at most so much is down, at least so much is as usual. Between them nothing is said."""
_PAST, _LEAST_PAST = 14, 3
"""Days that say what is usual, and the fewest that can."""
_MOST_DOWN, _MOST_USUAL = 0.5, 0.8
"""Share of a window's blocked verdicts that must lie in hours in which traffic is down, or as usual."""
_HOUR_S, _DAY_H = 3600, 24

CurvePlace: TypeAlias = tuple[str, int]
"""Country (empty: the network's number alone was told) and number of the network (0: the whole country)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageCurves:
    """All curves that were given: hour since 1970 -> share of the usual traffic, where that is known."""

    by_place: Mapping[CurvePlace, Mapping[int, float]] = field(default_factory=dict)

    def ask(self, window: EventWindow, networks: Iterable[int], *, several: bool) -> CheckAnswer | None:
        """What they say of a window's hours, None where nobody gave one: `explains` where traffic is down and
        `several` services fail, `doubt` where it is down and one fails, `out` where it is as usual. `networks`: those
        that the window is of."""
        if not self.by_place:
            return None
        series = window.series
        struck = np.flatnonzero(window.covered(series.times) & (series.blocked > 0))
        curves = self._choose(series.place, networks)
        shares = np.array([_list_shares(curve, series.times[struck].tolist(), _DAY_H / window.day)
                           for curve in curves]).reshape(len(curves), len(struck))
        known = ~np.isnan(shares)
        if not known.any():
            return None
        blocked = series.blocked[struck]
        numbers = {"share_of_usual_traffic": round(float(np.median(shares[known])), 3)}
        total = float(blocked.sum())
        is_down = known.any(axis=0) & (np.where(known, shares, 0.0).max(axis=0) <= DOWN)
        if float(blocked[is_down].sum()) >= _MOST_DOWN * total:
            return CheckAnswer(answer="explains" if several else "doubt", numbers=numbers)
        is_usual = known.any(axis=0) & (np.where(known, shares, USUAL).min(axis=0) >= USUAL)
        usual = float(blocked[is_usual].sum()) >= _MOST_USUAL * total
        return CheckAnswer(answer="out" if usual else "open", numbers=numbers)

    def _choose(self, place: CellPlace, networks: Iterable[int]) -> list[Mapping[int, float]]:
        """That of a network, or of its country; of a country's networks together those of all that have one."""
        country = [self.by_place[place.cc, 0]] if (place.cc, 0) in self.by_place else []
        if place.lab:
            return []  # nobody outside counts a laboratory
        if place.asn == POOLED and country:
            return country
        own = [self.by_place[name] for asn in networks if asn > 0 for name in ((place.cc, asn), ("", asn))
               if name in self.by_place]
        return own if place.asn == POOLED else (own or country)


def _list_shares(curve: Mapping[int, float], times: Sequence[int], hours: float) -> list[float]:
    """The share of the usual traffic in each cell, of so many hours; not a number where nobody knows."""
    made = []
    for cell in times:
        begin = int(cell * hours)
        known = [curve[hour] for hour in range(begin, max(begin + 1, int((cell + 1) * hours))) if hour in curve]
        made.append(sum(known) / len(known) if known else math.nan)
    return made


NO_CURVES = OutageCurves()


def make_curves(given: Iterable[Mapping[CurvePlace, Mapping[int, float]]]) -> OutageCurves:
    """Curves from the traffic by second since 1970 that each source counted, in units of its own."""
    made: dict[CurvePlace, dict[int, float]] = {}
    for source in given:
        for place, values in source.items():
            known = made.setdefault(place, {})
            for hour, share in _compare_with_usual(_sum_hours(values)).items():
                known[hour] = min(share, known.get(hour, share))
    return OutageCurves(by_place=made)


def _sum_hours(values: Mapping[int, float]) -> dict[int, float]:
    """The mean of each hour, in order; where each value is of several hours, in all of them."""
    hours: dict[int, list[float]] = {}
    for second in sorted(values):
        hours.setdefault(second // _HOUR_S, []).append(values[second])
    known = list(hours)
    step = int(np.clip(np.median(np.diff(known)), 1, _DAY_H)) if len(known) > 1 else 1
    made: dict[int, float] = {}
    for hour, found in hours.items():
        for at in range(hour, hour + step):
            if at == hour or at not in hours:
                made[at] = sum(found) / len(found)
    return dict(sorted(made.items()))


def _compare_with_usual(values: Mapping[int, float]) -> dict[int, float]:
    """Each hour's share of the median of the same hours before that were not down."""
    past: dict[int, deque[float]] = {}
    made: dict[int, float] = {}
    for hour, value in values.items():
        before = past.setdefault(hour % _DAY_H, deque(maxlen=_PAST))
        usual = float(np.median(before)) if len(before) >= _LEAST_PAST else 0.0
        if usual > 0:
            made[hour] = value / usual
        if not usual or value > DOWN * usual:
            before.append(value)
    return made
