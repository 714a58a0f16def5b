"""Whether the network explains a window: other services that failed in its hours, those that were spared, controls.

That many fail together is no proof of a broken line: censors block many at once. A line is well that reaches services
abroad which share neither owner nor front; and what fails was chosen unless it has something in common that may break.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from probe_analysis.events.check_answers import CheckAnswer
from probe_analysis.events.failing_alike import (
    LEAST_STRENGTH_ALIKE,
    find_alike,
    find_well,
    is_no_chance,
    judge_alike,
    sum_groups,
)
from probe_analysis.events.neighbours import Neighbours, SeriesBeside
from probe_analysis.events.service_hosting import are_unrelated_abroad, find_common_cause
from probe_analysis.events.window import EventWindow

LEAST_SERVICES, _SERVICE_SHARE = 4, 0.3
_MANY_SERVICES, _MANY_SHARE = 6, 0.5
"""Where control targets were well in the same hours, or several devices saw it, it takes more to blame the network."""
_CONTROL_VERDICTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkAnswer:
    """What the other services of a network show."""

    answer: CheckAnswer
    failed: frozenset[str] = frozenset()
    """Services that failed alike, the window's own among them."""
    spared: frozenset[str] = frozenset()
    """Services that surely did not."""
    is_chosen: bool = False
    """Some fail, and who is spared shows that the line is well."""


def ask_network(window: EventWindow, beside: SeriesBeside, around: Neighbours, *, several: bool) -> NetworkAnswer:
    """`several`: more than one device saw it."""
    services = beside.choose(controls=False)
    like = find_alike(window, services)
    names = {int(group): each.series.service for group, each in zip(services.groups, services.found, strict=True)}
    well = find_well(window, services)
    failed = frozenset({window.series.service, *(names[group] for group, alike in like.items() if alike)})
    spared = frozenset(names[group] for group in well if not like[group])
    found = NetworkAnswer(answer=_judge(window, beside, like, several=several), failed=failed, spared=spared)
    if found.answer.answer == "explains" and "controls" in found.answer.numbers:
        return found
    seen_from = window.series.place.cc
    hosts, others = ([around.hosting(name, seen_from) for name in sorted(part)] for part in (failed, spared))
    numbers = {**found.answer.numbers, "well": len(spared)}
    line_well = beside.controls >= _CONTROL_VERDICTS and bool(find_well(window, beside.choose(controls=True)))
    if find_common_cause(hosts, others, line_well=line_well, by_name=_are_most(window, around.by_name),
                         by_hello=_are_most(window, around.by_hello)):
        return replace(found, answer=CheckAnswer(answer="explains", numbers={**numbers, "common_cause": 1}))
    if len(failed) > 1 and are_unrelated_abroad(others):
        return replace(found, answer=CheckAnswer(answer="out", numbers=numbers), is_chosen=True)
    if found.answer.answer != "explains":
        return found
    # What stops some services for everybody and leaves more of them alone is no trouble of the line.
    count = _count_well(services, like)
    return replace(found, answer=CheckAnswer(answer="doubt" if count > numbers["alike"] else "explains",
                                            numbers={**numbers, "well": count}))


def _judge(window: EventWindow, beside: SeriesBeside, like: Mapping[int, bool], *, several: bool) -> CheckAnswer:
    if beside.controls < _CONTROL_VERDICTS:
        return judge_alike(like, *((_MANY_SERVICES, _MANY_SHARE) if several else (LEAST_SERVICES, _SERVICE_SHARE)))
    failed = find_alike(window, beside.choose(controls=True))
    if any(failed.values()):
        return CheckAnswer(answer="explains", numbers={"controls": len(failed), "alike": sum(failed.values())})
    return judge_alike(like, _MANY_SERVICES, _MANY_SHARE)


def _are_most(window: EventWindow, types: frozenset[int]) -> bool:
    """Whether most of what a window's cells say of the cause is one of these block types."""
    codes = window.series.types[window.first:window.last + 1]
    said = codes[codes >= 0].tolist()
    return 2 * sum(code in types for code in said) > len(said)


def _count_well(beside: SeriesBeside, like: Mapping[int, bool]) -> int:
    """Groups that do not fail, where all of these together surely do not: one alone may be measured too seldom."""
    failed, of, base = sum_groups(beside)
    well = [at for at, alike in enumerate(like.values()) if not alike and (
        failed[at] <= base[at] * of[at] or not is_no_chance(float(failed[at]), float(of[at]), float(base[at])))]
    blocked, decided, usual = (float(part[well].sum()) for part in (failed, of, base * of))
    if not decided:
        return 0
    rate = usual / decided
    rate += (1 - rate) * LEAST_STRENGTH_ALIKE
    return len(well) if blocked < rate * decided and is_no_chance(blocked, decided, rate) else 0
