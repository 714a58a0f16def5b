"""What else may explain a window: the network, the service or the instrument, one device, a new version, new hellos.

Nothing is called a block of a service before its neighbours were asked: other services on the same network and the same
service in other countries, in the same hours. What was in a long window of its own already can tell nothing and is not
counted on either side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from probe_analysis.events.check_answers import Answer, CheckAnswer
from probe_analysis.events.devices import compare_devices
from probe_analysis.events.hello_check import NO_HELLOS, HelloFindings, compare_hellos
from probe_analysis.events.neighbours import LIKE_SHARE, Neighbours, SeriesBeside
from probe_analysis.events.segments import PRIOR_DECIDED, Floats, estimate_strength, log_likelihood_ratio
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

RATE_BESIDE = "rate_beside"
"""Number of an answer that rests on what all neighbours together failed, and on none that failed alike."""
LEAST_SERVICES, _SERVICE_SHARE = 4, 0.3
_MANY_SERVICES, _MANY_SHARE = 6, 0.5
"""Where control targets were well in the same hours, or several devices saw it, it takes more to blame the network."""
LEAST_COUNTRIES, COUNTRY_SHARE = 2, 0.5
_LEAST_STRENGTH, _LEAST_SCORE = 0.1, 3.0
_CONTROL_VERDICTS = 3
LEAST_CELLS = 2
"""Measured cells that a confirmed event takes."""
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
    """No other service of the network failed alike, and the same fails in other countries no more than by chance."""

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
    network = _network(window, near, several=device.answer == "out")
    elsewhere = _fails(far)
    together = sure and network.answer == "out" and bool(far.found) and not elsewhere
    rates = {NETWORK: _rate(_leave_out_struck(near) if together else near), WORLD: _rate(far)}
    answers = {
        NETWORK: network,
        WORLD: _world(window, far, needed, fading=fading),
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
            answers[word if rates[word] else CHANCE] = CheckAnswer(answer="explains", numbers=numbers)
    alone = not elsewhere and not network.numbers["alike"]
    return WindowChecks(answers=answers, network_rate=rates[NETWORK], hellos=hellos, score=left, alone=alone)


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


def _network(window: EventWindow, beside: SeriesBeside, *, several: bool) -> CheckAnswer:
    services = beside.choose(controls=False)
    like = _like(window, services)
    if beside.controls >= _CONTROL_VERDICTS:
        failed = _like(window, beside.choose(controls=True))
        if any(failed.values()):
            return CheckAnswer(answer="explains", numbers={"controls": len(failed), "alike": sum(failed.values())})
        answer = _judge(like, _MANY_SERVICES, _MANY_SHARE)
    else:
        answer = _judge(like, *((_MANY_SERVICES, _MANY_SHARE) if several else (LEAST_SERVICES, _SERVICE_SHARE)))
    if answer.answer != "explains":
        return answer
    # What stops some services for everybody and leaves more of them alone is no trouble of the line.
    well = _count_well(services, like)
    chosen = well > answer.numbers["alike"]
    return CheckAnswer(answer="doubt" if chosen else "explains", numbers={**answer.numbers, "well": well})


def _count_well(beside: SeriesBeside, like: Mapping[int, bool]) -> int:
    """Groups that do not fail, where all of these together surely do not: one alone may be measured too seldom."""
    failed, of, base = _sum_groups(beside)
    well = [at for at, alike in enumerate(like.values()) if not alike and (
        failed[at] <= base[at] * of[at] or not is_no_chance(float(failed[at]), float(of[at]), float(base[at])))]
    blocked, decided, usual = (float(part[well].sum()) for part in (failed, of, base * of))
    if not decided:
        return 0
    rate = usual / decided
    rate += (1 - rate) * _LEAST_STRENGTH
    return len(well) if blocked < rate * decided and is_no_chance(blocked, decided, rate) else 0


def _world(window: EventWindow, far: SeriesBeside, needed: float, *, fading: bool) -> CheckAnswer:
    like = _like(window, far)
    answer = _judge(like, LEAST_COUNTRIES, 0 if fading else COUNTRY_SHARE)
    if answer.answer != "explains":
        return answer
    lead = _lead(window, far, {group for group, failed in like.items() if failed}, needed)
    return CheckAnswer(answer="out" if lead else "explains", numbers={**answer.numbers, "cells_before_others": lead})


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


def _judge(like: Mapping[int, bool], least: int, share: float) -> CheckAnswer:
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


def _like(window: EventWindow, beside: SeriesBeside) -> dict[int, bool]:
    """Group -> whether it failed in the window's hours as well, by the word of one series or of all together."""
    least = least_strength_alike(window)
    strong = np.asarray(estimate_strength(beside.blocked / beside.decided, beside.base)) >= least
    alike: set[int] = set()
    for at in np.flatnonzero(strong).tolist():
        group = int(beside.groups[at])
        if group not in alike and is_no_chance(int(beside.blocked[at]), int(beside.decided[at]),
                                                beside.found[at].base, beside.found[at].inflation):
            alike.add(group)
    groups = np.unique(beside.groups)
    failed, of, base = _sum_groups(beside)
    together = np.asarray(estimate_strength(failed / of, base)) >= least
    alike.update(int(groups[at]) for at in np.flatnonzero(together).tolist() if int(groups[at]) not in alike
                 and is_no_chance(float(failed[at]), float(of[at]), float(base[at])))
    return {group: group in alike for group in groups.tolist()}


def _sum_groups(beside: SeriesBeside) -> tuple[Floats, Floats, Floats]:
    """Blocked and decided verdicts of each group, in the order of their numbers, and its base."""
    groups = np.unique(beside.groups)
    failed, of, expected = (np.bincount(beside.groups, weights=counts)[groups].astype(np.float64) for counts in (
        beside.blocked, beside.decided, beside.decided * beside.base))
    return failed, of, expected / of


def least_strength_alike(window: EventWindow) -> float:
    """How strong what fails like a window must be."""
    return max(_LEAST_STRENGTH, LIKE_SHARE * window.strength)


def is_no_chance(blocked: float, decided: float, base: float, inflation: float = 1.0) -> bool:
    """Whether counts are surely of another rate than this one."""
    return log_likelihood_ratio(blocked, decided, base) / inflation >= _LEAST_SCORE


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
