"""What else may explain a window: the network, the service or the instrument, one device, a new version, new hellos.

Nothing is called a block of a service before its neighbours were asked: other services on the same network and the same
service in other countries, in the same hours. What was in a long window of its own already can tell nothing and is not
counted on either side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from probe_analysis.events.cell_series import CellSeries
from probe_analysis.events.check_answers import Answer, CheckAnswer
from probe_analysis.events.devices import compare_devices
from probe_analysis.events.failing_alike import find_alike, is_no_chance, judge_alike
from probe_analysis.events.hello_check import NO_HELLOS, HelloFindings, compare_hellos
from probe_analysis.events.neighbours import Neighbours, SeriesBeside
from probe_analysis.events.network_check import LEAST_SERVICES, ask_network
from probe_analysis.events.segments import PRIOR_DECIDED, estimate_strength, log_likelihood_ratio
from probe_analysis.events.window import EventWindow
from probe_analysis.tables.event_checks import EventCheck

NETWORK: EventCheck = "network"
WORLD: EventCheck = "service_or_instrument"
DEVICE: EventCheck = "one_device"
MOMENT: EventCheck = "one_interval"
VERSION: EventCheck = "version"
HABIT: EventCheck = "habit"
CHANCE: EventCheck = "chance"
REFUSAL: EventCheck = "refusal"
FRESH: EventCheck = "fresh_names"
HELLO: EventCheck = "own_hello"
OUTAGE: EventCheck = "outage"

RATE_BESIDE = "rate_beside"
"""Number of an answer that rests on what all neighbours together failed, and on none that failed alike."""
LEAST_COUNTRIES, COUNTRY_SHARE = 2, 0.5
LEAST_CELLS = 2
"""Measured cells that a confirmed event takes."""
WITNESSES_AT_ONCE = 3
"""Probes in another country that must speak before one cause is seen to strike there at the same time."""
_LEAD_SPREADS, _LEAD_SHARE = 3.0, 0.5
"""What begins before a defect of others by so many of their own median differences, and a day, at such a share of its
strength, is no part of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowChecks:
    """What was asked of one window."""

    answers: Mapping[EventCheck, CheckAnswer]
    network_rate: float
    """Blocked share of the other services of the network in the window's hours."""
    hellos: HelloFindings = NO_HELLOS
    """What the shapes of the volunteers' own hellos show."""
    score: float = 0.0
    """Nats that are left of the window's score above what its neighbours failed in the same hours."""
    alone: bool = True
    """No other service of the network failed alike, unless others show that these were chosen; and the same fails in
    other countries no more than by chance."""
    failed: frozenset[str] = frozenset()
    """Services of the network that failed alike, the window's own among them."""
    spared: frozenset[str] = frozenset()
    """Services of the network that surely did not."""
    is_chosen: bool = False
    """Some fail, and who is spared shows that the line is well."""
    at_once: frozenset[str] = frozenset()
    """Other countries in which the same failed alike from the same time on: one cause strikes both, such as routes."""

    @property
    def explained_by(self) -> EventCheck | Literal[""]:
        """A confounder that explains it; empty: none does."""
        return next(iter(self.explanations), "")

    @property
    def explanations(self) -> tuple[EventCheck, ...]:
        """All confounders that explain it by themselves."""
        return self._answered("explains")

    @property
    def is_unsure(self) -> bool:
        """Whether nothing explains it but that its score is too low above what its neighbours failed in the same hours:
        of the newest cells a lower one may be enough."""
        word = self.explained_by
        return word != "" and RATE_BESIDE in self.answers[word].numbers

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
        return tuple(word for word, given in self.answers.items() if given.answer == answer)


def check_window(window: EventWindow, around: Neighbours, needed: float, *, sure: bool = True,
                 fading: bool = False) -> WindowChecks:
    """Asks about every confounder; the first that explains the window ends it.

    `fading`: service or instrument explain an earlier window of the series, so it is enough if they still show in
    two countries, however many have got over it.

    A window must also score `needed` over what its neighbours show in the same hours: the base that it is held against
    is its own together with theirs. Services of the network that are in a sure window of their own are not part of it
    where few of them are, and the same is well elsewhere: a censor blocks several at once, and so does a defect. Of the
    newest cells (not `sure`) all are part of it: a few verdicts do not show that the rest of the network is well.
    """
    age = ask_age(window, needed)
    near, far = around.beside(window, fresh=age.answer == "doubt")
    device, hellos = _device(window), compare_hellos(window)
    network = ask_network(window, near, around, several=device.answer == "out")
    elsewhere = _fails(far)
    others_well = bool(far.found) and not elsewhere
    if network.is_chosen and not others_well:
        network = replace(network, is_chosen=False, answer=replace(network.answer, answer="doubt"))
    if network.is_chosen:
        beside = near.take(np.flatnonzero([each.series.service in network.spared for each in near.found]))
    elif sure and network.answer.answer == "out" and others_well:
        beside = _leave_out_struck(near)
    else:
        beside = near
    rates = {NETWORK: _rate(beside), WORLD: _rate(far)}
    world, at_once = _world(window, far, needed, sure=sure, fading=fading)
    outage = around.curves.ask(window, around.list_networks(window.series.place), several=len(network.failed) > 1)
    answers: dict[EventCheck, CheckAnswer] = {
        **({OUTAGE: outage} if outage else {}),
        NETWORK: _rule_out_line(network.answer, outage),
        WORLD: world,
        DEVICE: device,
        MOMENT: CheckAnswer(answer="out" if window.cells > 1 else "explains", numbers={"cells": window.cells}),
        VERSION: CheckAnswer(answer=_version(window)),
        FRESH: age,
        HELLO: CheckAnswer(answer=hellos.answer, numbers=hellos.numbers),
    }
    base = 1 - (1 - window.base) * (1 - rates[NETWORK]) * (1 - rates[WORLD])
    less = (log_likelihood_ratio(window.blocked, window.decided, window.base)
            - log_likelihood_ratio(window.blocked, window.decided, base)) / window.inflation
    left = max(0.0, window.score - less)
    if window.rate <= base or left < needed:
        word = max(rates, key=lambda word: rates[word])
        numbers = {"rate": window.rate, RATE_BESIDE: base, "score": left, "needed": needed}
        if answers[word].answer != "explains":
            alike = rates[word] and (word != NETWORK or len(network.failed) > 1)
            said = CheckAnswer(answer="explains", numbers=numbers)
            answers = {**answers, word: said} if alike else {CHANCE: said, **answers}
    alone = not elsewhere and (network.is_chosen or not network.answer.numbers["alike"])
    return WindowChecks(answers=answers, network_rate=_rate(near), hellos=hellos, score=left, alone=alone,
                        failed=network.failed, spared=network.spared, is_chosen=network.is_chosen, at_once=at_once)


def _rule_out_line(answer: CheckAnswer, outage: CheckAnswer | None) -> CheckAnswer:
    """A line over which all traffic goes as usual is well, where no other service was there to say so."""
    return replace(answer, answer="out") if answer.answer == "open" and outage and outage.answer == "out" else answer


def _rate(beside: SeriesBeside) -> float:
    """Blocked share, above their own bases, of what can be compared with the window."""
    decided = float(beside.decided.sum())
    return max(0.0, float(beside.blocked.sum()) - _expect(beside)) / (decided + PRIOR_DECIDED)


def _fails(beside: SeriesBeside) -> bool:
    """Whether what can be compared with the window failed beyond chance in its hours, all together."""
    blocked, decided, expected = float(beside.blocked.sum()), float(beside.decided.sum()), _expect(beside)
    return blocked > expected and is_no_chance(blocked, decided, expected / decided)


def _expect(beside: SeriesBeside) -> float:
    """Blocked verdicts of what can be compared with the window if each fails at its base."""
    # One after another, so that the sum is the same everywhere.
    return float(np.cumsum(beside.decided * beside.base)[-1]) if beside.found else 0.0


def _leave_out_struck(near: SeriesBeside) -> SeriesBeside:
    """The services of a network without those in a sure window of their own, if enough are left: a trouble of the
    network shows in these as well."""
    kept = ~np.isin(near.groups, near.groups[near.in_window])
    enough = len(np.unique(near.groups[kept & ~near.is_control])) >= LEAST_SERVICES
    return near.take(np.flatnonzero(kept)) if enough else near


def _world(window: EventWindow, far: SeriesBeside, needed: float, *, sure: bool,
           fading: bool) -> tuple[CheckAnswer, frozenset[str]]:
    """What other countries say, and in which of them it began at once."""
    like = find_alike(window, far)
    answer = judge_alike(like, LEAST_COUNTRIES, 0 if fading else COUNTRY_SHARE)
    if answer.answer != "explains":
        # Routes that leak, and what one provider does for two countries, begin in both at once.
        together = [other for each, country in zip(far.found, far.groups.tolist(), strict=True) if like[country]
                    for other in (*each.windows, None if sure else each.newest)
                    if other and _begin_together(window, other)]
        doubt = replace(answer, answer="doubt", numbers={**answer.numbers, "at_once": 1}) if together else answer
        return doubt, frozenset(other.series.place.cc for other in together
                                if _has_witnesses(other.series) and _is_no_coincidence(window, other))
    lead = _lead(window, far, {group for group, failed in like.items() if failed}, needed)
    numbers = {**answer.numbers, "cells_before_others": lead}
    return CheckAnswer(answer="out" if lead else "explains", numbers=numbers), frozenset()


def _has_witnesses(series: CellSeries) -> bool:
    """Whether more people speak than one who lies, where anybody counted them."""
    return not series.witnesses_told or int(series.witnesses.max()) >= WITNESSES_AT_ONCE


def _begin_together(window: EventWindow, other: EventWindow) -> bool:
    return (window.onset_from is not None and other.onset_from is not None
            and other.onset_from < window.onset_until and window.onset_from < other.onset_until)


def _is_no_coincidence(window: EventWindow, other: EventWindow) -> bool:
    """Whether the time at which both began is known well enough: to a quarter of a day, or two cells."""
    near = max(2, window.day // 4)
    return all(one.onset_until - one.onset_from <= near for one in (window, other) if one.onset_from is not None)


def _lead(window: EventWindow, far: SeriesBeside, countries: set[int], needed: float) -> int:
    """Cells by which a window surely began before what strikes others; 0 where it may have begun with them.

    A defect reaches one country after the other. So the window must begin before the median onset of the others, by
    more than a day and `_LEAD_SPREADS` times the median distance of their onsets from it. The cells before that median
    must be strong enough by themselves, and score `needed`.
    """
    onsets: dict[int, int] = {}
    for each, cc in zip(far.found, far.groups.tolist(), strict=True):
        if cc in countries:
            onsets_here = [other.onset for other in (*each.windows, *each.weak) if other.meets(window)]
            onsets[cc] = min([*onsets_here, onsets.get(cc, window.end)])
    if len(onsets) < LEAST_COUNTRIES:
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


def ask_age(window: EventWindow, needed: float) -> CheckAnswer:
    """`doubt` where the window is not as sure without the cells in which fresh names alone speak, and in two cells at
    least; `open` where nobody knows how old the names are."""
    series, inside = window.series, slice(window.first, window.last + 1)
    settled = series.settled is not None and bool(series.settled[inside].any())
    answer: Answer = "out" if settled else "open"
    if series.fresh is None or not series.fresh[inside].any():
        return CheckAnswer(answer=answer)
    old = window.covered(series.times) & ~series.fresh
    blocked, decided = int(series.blocked[old].sum()), int(series.decided[old].sum())
    score = log_likelihood_ratio(blocked, decided, window.base) / window.inflation if decided else 0.0
    stands = decided and blocked / decided > window.base and score >= needed
    cells = int(np.count_nonzero(series.blocked[old]))
    numbers = {"score_of_others": round(score, 1), "needed": round(needed, 1), "cells_of_others": cells}
    return CheckAnswer(answer=answer if stands and cells >= LEAST_CELLS else "doubt", numbers=numbers)


def _device(window: EventWindow) -> CheckAnswer:
    """`explains` where most of the struck cells can tell, and one device makes them likelier than the network does."""
    compared = compare_devices(window)
    numbers = {"nats_for_the_network": round(compared.nats, 1), "cells_with_several": compared.cells,
               "struck": compared.struck}
    if compared.nats > 0:
        return CheckAnswer(answer="out" if window.series.witnesses_told else "open", numbers=numbers)
    return CheckAnswer(answer="explains" if 2 * compared.struck_telling > compared.struck else "open", numbers=numbers)


def _version(window: EventWindow) -> Answer:
    versions = window.series.versions
    if window.first == 0 or versions[window.first] < 0:
        return "open"
    return "doubt" if versions[window.first] != versions[window.first - 1] else "out"
