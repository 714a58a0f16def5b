"""What else may explain a window: the network, the service or the instrument, one device, a new version.

Nothing is called a block of a service before its neighbours were asked: other services on the same network and the same
service in other countries, in the same hours. What was in a long window of its own already can tell nothing and is not
counted on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np

from probe.core.tables.event_checks import EventCheck
from probe.research.events.cell_series import CONTROL, POOLED, CellPlace, CellSeries
from probe.research.events.devices import compare_devices
from probe.research.events.segments import PRIOR_DECIDED, estimate_strength, log_likelihood_ratio
from probe.research.events.series_windows import SeriesFinding
from probe.research.events.window import EventWindow

NETWORK: EventCheck = "network"
WORLD: EventCheck = "service_or_instrument"
DEVICE: EventCheck = "one_device"
MOMENT: EventCheck = "one_interval"
VERSION: EventCheck = "version"
HABIT: EventCheck = "habit"
CHANCE: EventCheck = "chance"
REFUSAL: EventCheck = "refusal"

Answer: TypeAlias = Literal["explains", "out", "open", "doubt"]
Numbers: TypeAlias = Mapping[str, float]

LEAST_SERVICES, _SERVICE_SHARE = 4, 0.3
_MANY_SERVICES, _MANY_SHARE = 6, 0.5
"""Where control targets were well in the same hours, or several devices saw it, it takes more to blame the network."""
_LEAST_COUNTRIES, _COUNTRY_SHARE = 2, 0.5
_LEAST_STRENGTH, _LIKE_SHARE, _LEAST_SCORE = 0.1, 0.3, 3.0
_LONGER = 1 / _LIKE_SHARE
_CONTROL_VERDICTS = 3
_LEAD_SPREADS, _LEAD_SHARE = 3.0, 0.5
"""What begins before a defect of others by so many of their own median differences, and a day, at such a share of its
strength, is no part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckAnswer:
    """What came of one question, and what was counted for it."""

    answer: Answer
    numbers: Numbers = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChecks:
    """What was asked of one window."""

    answers: Mapping[EventCheck, CheckAnswer]
    network_rate: float
    """Blocked share of the other services of the network in the window's hours."""

    @property
    def explained_by(self) -> EventCheck | Literal[""]:
        """A confounder that explains it; empty: none does."""
        return next((word for word, told in self.answers.items() if told.answer == "explains"), "")

    @property
    def ruled_out(self) -> tuple[EventCheck, ...]:
        """Confounders that it cannot be."""
        return self._answered("out")

    @property
    def open(self) -> tuple[EventCheck, ...]:
        """Confounders that nobody could be asked about."""
        return self._answered("open")

    @property
    def doubts(self) -> tuple[EventCheck, ...]:
        """Confounders that something speaks for, though not enough to explain it."""
        return self._answered("doubt")

    def _answered(self, answer: Answer) -> tuple[EventCheck, ...]:
        return tuple(word for word, told in self.answers.items() if told.answer == answer)


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
        NETWORK: _network(window, here, near, several=device.answer == "out"),
        WORLD: _world(window, far, needed, fading=fading),
        DEVICE: device,
        MOMENT: CheckAnswer(answer="out" if window.cells > 1 else "explains", numbers={"cells": window.cells}),
        VERSION: CheckAnswer(answer=_version(window)),
    }
    base = 1 - (1 - window.base) * (1 - rates[NETWORK]) * (1 - rates[WORLD])
    less = (log_likelihood_ratio(window.blocked, window.decided, window.base)
            - log_likelihood_ratio(window.blocked, window.decided, base)) / window.inflation
    if window.rate <= base or window.score - less < needed:
        word = max(rates, key=lambda word: rates[word])
        numbers = {"rate": window.rate, "rate_beside": base, "score": max(0.0, window.score - less), "needed": needed}
        if answers[word].answer != "explains":
            answers[word if rates[word] else CHANCE] = CheckAnswer(answer="explains", numbers=numbers)
    return WindowChecks(answers=answers, network_rate=rates[NETWORK])


_Beside: TypeAlias = tuple[SeriesFinding, int, int]


def _beside(window: EventWindow, others: Iterable[SeriesFinding]) -> list[_Beside]:
    """What can be compared with the window, and its blocked and decided verdicts in the window's hours."""
    seen = ((each, *count_verdicts(each.series, window)) for each in others)
    return [(each, blocked, decided) for each, blocked, decided in seen if decided and not _busy(each, window)]


def _rate(beside: Iterable[_Beside]) -> float:
    """Blocked share, above their own bases, of what can be compared with the window."""
    blocked = decided = expected = 0.0
    for each, k, n in beside:
        blocked, decided, expected = blocked + k, decided + n, expected + n * each.base
    return max(0.0, blocked - expected) / (decided + PRIOR_DECIDED)


def _network(window: EventWindow, others: Iterable[SeriesFinding], beside: Sequence[_Beside], *,
             several: bool) -> CheckAnswer:
    heard = [count_verdicts(each.series, window) for each in others if each.series.role == CONTROL]
    like = _like(window, [told for told in beside if told[0].series.role != CONTROL], lambda series: series.service)
    if sum(n for _, n in heard) >= _CONTROL_VERDICTS:
        controls = [told for told in beside if told[0].series.role == CONTROL]
        failed = _like(window, controls, lambda series: series.service)
        if any(failed.values()):
            return CheckAnswer(answer="explains", numbers={"controls": len(failed), "alike": sum(failed.values())})
    elif not several:
        return _judge(like, LEAST_SERVICES, _SERVICE_SHARE)
    return _judge(like, _MANY_SERVICES, _MANY_SHARE)


def _world(window: EventWindow, far: Sequence[_Beside], needed: float, *, fading: bool) -> CheckAnswer:
    like = _like(window, far, lambda series: series.place.cc)
    told = _judge(like, _LEAST_COUNTRIES, 0 if fading else _COUNTRY_SHARE)
    if told.answer != "explains":
        return told
    lead = _lead(window, far, {name for name, failed in like.items() if failed}, needed)
    return CheckAnswer(answer="out" if lead else "explains", numbers={**told.numbers, "cells_before_others": lead})


def _lead(window: EventWindow, far: Sequence[_Beside], countries: set[Hashable], needed: float) -> int:
    """Cells by which a window surely began before what strikes others; 0 where it may have begun with them.

    A defect reaches one country after the other, so what is asked is whether this one lies apart from their onsets.
    """
    onsets: dict[Hashable, int] = {}
    for each, _, _ in far:
        cc = each.series.place.cc
        if cc in countries:
            told = [other.onset for other in (*each.windows, *each.weak) if other.meets(window)]
            onsets[cc] = min([*told, onsets.get(cc, window.end)])
    if len(onsets) < _LEAST_COUNTRIES:
        return 0
    begun = np.array(list(onsets.values()))
    middle = float(np.median(begun))
    lead = int(middle) - window.onset
    if lead <= _LEAD_SPREADS * float(np.median(np.abs(begun - middle))) + window.day:
        return 0
    part = window.covered(window.series.times) & (window.series.times < middle)
    blocked, decided = int(window.series.blocked[part].sum()), int(window.series.decided[part].sum())
    strong = decided and estimate_strength(blocked / decided, window.base) >= _LEAD_SHARE * window.strength
    score = log_likelihood_ratio(blocked, decided, window.base) / window.inflation if strong else 0.0
    return lead if score >= needed else 0


def _same_part(one: CellSeries, other: CellSeries) -> bool:
    return (one.role, one.target_id) == (other.role, other.target_id)


def _judge(like: Mapping[Hashable, bool], least: int, share: float) -> CheckAnswer:
    """`explains` where enough of those that can be compared failed alike, `open` where they are too few to tell."""
    hits, needed = sum(like.values()), max(least, share * len(like))
    answer: Answer = "open"
    if hits >= needed:
        answer = "explains"
    elif hits and hits >= share * len(like):
        answer = "doubt"
    elif len(like) >= least:
        answer = "out"
    return CheckAnswer(answer=answer, numbers={"compared": len(like), "alike": hits, "needed": needed})


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
        alike[name] = alike.get(name, False) or _alike(window, blocked, decided, each.base, each.inflation)
    for name, (failed, of, expected) in sums.items():
        alike[name] = alike[name] or _alike(window, failed, of, expected / of)
    return alike


def _alike(window: EventWindow, blocked: float, decided: float, base: float, inflation: float = 1.0) -> bool:
    strong = float(estimate_strength(blocked / decided, base)) >= max(_LEAST_STRENGTH, _LIKE_SHARE * window.strength)
    return strong and log_likelihood_ratio(blocked, decided, base) / inflation >= _LEAST_SCORE


def _busy(each: SeriesFinding, window: EventWindow) -> bool:
    """In a window of its own that is much longer and began long before: it cannot say what began with this one."""
    length = window.end - window.onset + 1
    return any(
        other.meets(window) and other.end - other.onset + 1 > _LONGER * length
        and other.onset < window.onset - max(length, 2 * window.day) for other in each.windows
    )


def count_verdicts(series: CellSeries, window: EventWindow) -> tuple[int, int]:
    """Blocked and decided verdicts of another series in the window's hours."""
    first, stop = series.times.searchsorted((window.onset, window.end + 1))
    inside = slice(first, stop)
    blocked, decided = series.blocked[inside], series.decided[inside]
    if window.daily:
        within = window.covered(series.times[inside])
        blocked, decided = blocked[within], decided[within]
    return int(np.add.reduce(blocked)), int(np.add.reduce(decided))


def _device(window: EventWindow) -> CheckAnswer:
    """`explains` where most of the struck cells can tell, and one device makes them likelier than the network does."""
    told = compare_devices(window)
    numbers = {"nats_for_the_network": round(told.nats, 1), "cells_with_several": told.cells, "struck": told.struck}
    if told.nats > 0:
        return CheckAnswer(answer="out" if window.series.witnesses_told else "open", numbers=numbers)
    return CheckAnswer(answer="explains" if 2 * told.struck_telling > told.struck else "open", numbers=numbers)


def _version(window: EventWindow) -> Answer:
    versions = window.series.versions
    if window.first == 0 or versions[window.first] < 0:
        return "open"
    return "doubt" if versions[window.first] != versions[window.first - 1] else "out"
