"""What else may explain a window: the network, the service or the instrument, one device, a new version.

Nothing is called a block of a service before its neighbours were asked: other services on the same network and the same
service in other countries, in the same hours. What was in a long window of its own already can tell nothing and is not
counted on either side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from probe.research.events.cell_series import CONTROL, POOLED, CellPlace, CellSeries
from probe.research.events.segments import PRIOR_DECIDED, estimate_strength, log_likelihood_ratio
from probe.research.events.series_windows import SeriesFinding
from probe.research.events.window import EventWindow

NETWORK, WORLD, DEVICE, MOMENT, VERSION = "network", "service_or_instrument", "one_device", "one_interval", "version"
"""What would explain the failures without any block of the service; docs/events.md tells what is asked for each."""

_LEAST_SERVICES, _SERVICE_SHARE = 4, 0.3
_MANY_SERVICES, _MANY_SHARE = 6, 0.5
"""Where control targets were well in the same hours, or several devices saw it, it takes more to blame the network."""
_LEAST_COUNTRIES, _COUNTRY_SHARE = 2, 0.5
_LEAST_STRENGTH, _LIKE_SHARE, _LEAST_SCORE = 0.1, 0.3, 3.0
_LONGER = 1 / _LIKE_SHARE
_LEAST_PAIR = 0.01
"""No share of cells is believed to be surer than that: a device may be two, and a network may spare one."""
_CONTROL_VERDICTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChecks:
    """What was asked of one window."""

    explained_by: str
    """A confounder that explains it; empty: none does."""
    ruled_out: tuple[str, ...]
    open: tuple[str, ...]
    """Confounders that nobody could be asked about."""
    doubts: tuple[str, ...]
    """Confounders that something speaks for, though not enough to explain it."""
    network_rate: float
    """Blocked share of the other services of the network in the window's hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Series by network and by service, to ask about any window."""

    by_place: Mapping[CellPlace, Sequence[SeriesFinding]]
    by_service: Mapping[tuple[bool, str], Sequence[SeriesFinding]]


def sort_neighbours(found: Iterable[SeriesFinding]) -> Neighbours:
    """Sorts series by what they have in common; pooled ones are no witnesses of their own for other countries."""
    by_place: dict[CellPlace, list[SeriesFinding]] = {}
    by_service: dict[tuple[bool, str], list[SeriesFinding]] = {}
    for each in found:
        by_place.setdefault(each.series.place, []).append(each)
        if each.series.place.asn != POOLED:
            by_service.setdefault((each.series.place.lab, each.series.service), []).append(each)
    return Neighbours(by_place=by_place, by_service=by_service)


def check_window(window: EventWindow, around: Neighbours, needed: float, *, fading: bool = False) -> WindowChecks:
    """Asks about every confounder; the first that explains the window ends it.

    `fading`: service or instrument explain an earlier window of the series, so it is enough if they still show in
    two countries, however many have got over it.

    A window must also score `needed` over what its neighbours show in the same hours: the base that it is held against
    is its own together with theirs.
    """
    series = window.series
    here = [each for each in around.by_place[series.place] if each.series.service != series.service]
    alike = [each for each in around.by_service.get((series.place.lab, series.service), ())
             if each.series.place.cc != series.place.cc and _same_part(series, each.series)]
    near, far = _beside(window, here), _beside(window, alike)
    rates = {NETWORK: _rate(near), WORLD: _rate(far)}
    device = _device(window)
    answers = {
        NETWORK: _network(window, here, near, several=device == "out"),
        WORLD: _judge(_like(window, far, lambda series: series.place.cc), _LEAST_COUNTRIES,
                      0 if fading else _COUNTRY_SHARE),
        DEVICE: device,
        MOMENT: "out" if window.cells > 1 else "explains",
        VERSION: _version(window),
    }
    base = 1 - (1 - window.base) * (1 - rates[NETWORK]) * (1 - rates[WORLD])
    less = (log_likelihood_ratio(window.blocked, window.decided, window.base)
            - log_likelihood_ratio(window.blocked, window.decided, base)) / window.inflation
    if window.rate <= base or window.score - less < needed:
        answers[max(rates, key=lambda word: rates[word])] = "explains"
    return WindowChecks(
        network_rate=rates[NETWORK],
        explained_by=next((word for word, answer in answers.items() if answer == "explains"), ""),
        ruled_out=tuple(word for word, answer in answers.items() if answer == "out"),
        open=tuple(word for word, answer in answers.items() if answer == "open"),
        doubts=tuple(word for word, answer in answers.items() if answer == "doubt"),
    )


_Beside: TypeAlias = tuple[SeriesFinding, int, int]


def _beside(window: EventWindow, others: Iterable[SeriesFinding]) -> list[_Beside]:
    """What can be compared with the window, and its blocked and decided verdicts in the window's hours."""
    seen = ((each, *_count_verdicts(each.series, window)) for each in others)
    return [(each, blocked, decided) for each, blocked, decided in seen if decided and not _busy(each, window)]


def _rate(beside: Iterable[_Beside]) -> float:
    """Blocked share, above their own bases, of what can be compared with the window."""
    blocked = decided = expected = 0.0
    for each, k, n in beside:
        blocked, decided, expected = blocked + k, decided + n, expected + n * each.base
    return max(0.0, blocked - expected) / (decided + PRIOR_DECIDED)


def _network(window: EventWindow, others: Iterable[SeriesFinding], beside: Sequence[_Beside], *, several: bool) -> str:
    heard = [_count_verdicts(each.series, window) for each in others if each.series.role == CONTROL]
    like = _like(window, [told for told in beside if told[0].series.role != CONTROL], lambda series: series.service)
    if sum(n for _, n in heard) >= _CONTROL_VERDICTS:
        controls = [told for told in beside if told[0].series.role == CONTROL]
        if any(_like(window, controls, lambda series: series.service).values()):
            return "explains"
    elif not several:
        return _judge(like, _LEAST_SERVICES, _SERVICE_SHARE)
    return _judge(like, _MANY_SERVICES, _MANY_SHARE)


def _same_part(one: CellSeries, other: CellSeries) -> bool:
    return (one.role, one.target_id) == (other.role, other.target_id)


def _judge(like: Mapping[Hashable, bool], least: int, share: float) -> str:
    """`explains` where enough of those that can be compared failed alike, `open` where they are too few to tell."""
    hits = sum(like.values())
    if hits >= max(least, share * len(like)):
        return "explains"
    if hits and hits >= share * len(like):
        return "doubt"
    if len(like) >= least:
        return "out"
    return "open"


def _like(window: EventWindow, beside: Iterable[_Beside],
          group: Callable[[CellSeries], Hashable]) -> dict[Hashable, bool]:
    """Group -> whether it failed in the window's hours as well."""
    sums: dict[Hashable, list[float]] = {}
    alike: dict[Hashable, bool] = {}
    for each, blocked, decided in beside:
        name = group(each.series)
        total = sums.setdefault(name, [0.0, 0.0, 0.0])
        for at, value in enumerate((blocked, decided, decided * each.base)):
            total[at] += value
        alike[name] = alike.get(name, False) or _alike(window, blocked, decided, each)
    for name, (failed, of, expected) in sums.items():
        rate = expected / of
        strong = float(estimate_strength(failed / of, rate)) >= max(_LEAST_STRENGTH, _LIKE_SHARE * window.strength)
        score = log_likelihood_ratio(failed, of, rate)
        alike[name] = alike[name] or (strong and score >= _LEAST_SCORE)
    return alike


def _alike(window: EventWindow, blocked: int, decided: int, each: SeriesFinding) -> bool:
    strong = float(estimate_strength(blocked / decided, each.base)) >= max(_LEAST_STRENGTH,
                                                                           _LIKE_SHARE * window.strength)
    score = log_likelihood_ratio(blocked, decided, each.base) / each.inflation
    return strong and score >= _LEAST_SCORE


def _busy(each: SeriesFinding, window: EventWindow) -> bool:
    """In a window of its own that is much longer and began long before: it cannot say what began with this one."""
    length = window.end - window.onset + 1
    return any(
        other.onset <= window.end and window.onset <= other.end and other.end - other.onset + 1 > _LONGER * length
        and other.onset < window.onset - max(length, 2 * window.day) for other in each.windows
    )


def _count_verdicts(series: CellSeries, window: EventWindow) -> tuple[int, int]:
    """Blocked and decided verdicts of another series in the window's hours."""
    first, stop = series.times.searchsorted((window.onset, window.end + 1))
    inside = slice(first, stop)
    return int(np.add.reduce(series.blocked[inside])), int(np.add.reduce(series.decided[inside]))


def _device(window: EventWindow) -> str:
    """One device that always fails spoils one verdict of several in each cell; a network often spoils two.

    Beside the one device a second verdict fails at the base; whichever of the two makes the cells with two likelier.
    """
    inside = slice(window.first, window.last + 1)
    blocked, decided = window.series.blocked[inside], window.series.decided[inside]
    telling = (decided >= 2) & (decided <= window.series.witnesses[inside]) & (blocked > 0)
    n, rate, count = decided[telling], window.rate, int(np.count_nonzero(telling))
    if count:
        several = 1 - (1 - rate) ** n
        network = _probability(np.mean((several - n * rate * (1 - rate) ** (n - 1)) / several))
        device = _probability(np.mean(1 - (1 - window.base) ** (n - 1)))
        seen = int(np.count_nonzero(blocked[telling] >= 2))
        if seen * math.log(network / device) > (count - seen) * math.log((1 - device) / (1 - network)):
            return "out"
    return "explains" if 2 * count > np.count_nonzero(blocked) else "open"


def _probability(value: float | np.floating[Any]) -> float:
    return min(max(float(value), _LEAST_PAIR), 1 - _LEAST_PAIR)


def _version(window: EventWindow) -> str:
    versions = window.series.versions
    if window.first == 0 or versions[window.first] < 0:
        return "open"
    return "doubt" if versions[window.first] != versions[window.first - 1] else "out"
