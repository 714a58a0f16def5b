"""Which windows stand, and what explains the others: every window is asked about, and some once more.

A long window elsewhere usually says nothing about a failure that begins now, so it is not compared. One that a defect
of the service or the probe explains is compared all the same: it shows the cause of the newest cells, of what comes
back soon after, and of the network that the defect reaches last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from probe_analysis.events.cell_series import CONTROL, CellSeries
from probe_analysis.events.check_answers import CheckAnswer
from probe_analysis.events.crosscheck import HABIT, WORLD, WindowChecks, check_window
from probe_analysis.events.joint_windows import JudgedWindow
from probe_analysis.events.neighbours import Neighbours, sort_neighbours
from probe_analysis.events.outage_curves import NO_CURVES, OutageCurves
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.service_hosting import FindHosting, find_hosting
from probe_analysis.events.window import BurstJudgement, EventWindow
from probe_analysis.tables.event_checks import EventCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedWindow:
    """A window that is no event, and everything that was asked of it."""

    window: EventWindow
    explained_by: EventCheck
    checks: WindowChecks


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedWindows:
    """All windows of a table."""

    kept: tuple[JudgedWindow, ...]
    explained: tuple[ExplainedWindow, ...]


def judge_windows(found: Sequence[SeriesFinding], hosting: FindHosting = find_hosting,
                  block_types: Sequence[str] = (), curves: OutageCurves = NO_CURVES) -> JudgedWindows:
    """Asks about every window of every series; control targets have none of their own. `block_types`: of the series'
    numbers."""
    services = [each for each in found if each.series.role != CONTROL]
    by_name = frozenset(number for number, text in enumerate(block_types) if _is_by_name(text))
    by_hello = frozenset(number for number, text in enumerate(block_types) if text.endswith(".sni"))
    around = sort_neighbours(found, hosting=hosting, by_name=by_name, by_hello=by_hello, curves=curves)
    kept = [_judge(window, around, each.needed) for each in services for window in each.windows]
    explained = [explain_window(judged) for judged in kept if not judged.stands]
    kept = [judged for judged in kept if judged.stands]
    explained += [_habitual(*habitual) for each in services for habitual in each.habitual]
    world = [entry.window for entry in explained if entry.explained_by == WORLD]
    around = _without(found, world, around)
    kept = [_once_more(judged, around, world) for judged in kept] if world else kept
    explained += [explain_window(judged) for judged in kept if not judged.stands]
    kept = [judged for judged in kept if judged.stands]
    newest = [judged for each in services if (judged := _judge_newest(each, around, kept, explained))]
    said = [judged for judged in newest if judged.stands]
    left = [entry for entry in explained if not any(_may_say(judged.window, entry) for judged in said)]
    left += [explain_window(judged) for judged in newest
             if not judged.stands and not any(_may_say(judged.window, entry) for entry in explained)]
    return JudgedWindows(kept=(*kept, *said), explained=tuple(left))


def _judge(window: EventWindow, around: Neighbours, needed: float, *, sure: bool = True,
           fading: bool = False) -> JudgedWindow:
    checks = check_window(window, around, needed, sure=sure, fading=fading)
    return JudgedWindow(window=window, checks=checks, needed=needed, sure=sure)


def _is_by_name(block_type: str) -> bool:
    first, *_, last = block_type.split(".") if "." in block_type else (block_type, "")
    return first in ("dns", "http") or last in ("sni", "protocol")


def explain_window(judged: JudgedWindow) -> ExplainedWindow:
    """A window that something explains, as what it is."""
    word = judged.checks.explained_by
    assert word
    return ExplainedWindow(window=judged.window, explained_by=word, checks=judged.checks)


def _habitual(window: EventWindow, judgement: BurstJudgement) -> ExplainedWindow:
    numbers = {"bursts_beside": judgement.bursts, "cells": window.end - window.onset + 1,
               "cells_of_a_long_burst": round(judgement.longest, 1)}
    checks = WindowChecks(answers={HABIT: CheckAnswer(answer="explains", numbers=numbers)}, network_rate=0.0)
    return ExplainedWindow(window=window, explained_by=HABIT, checks=checks)


def _without(found: Sequence[SeriesFinding], windows: Iterable[EventWindow], before: Neighbours) -> Neighbours:
    """Neighbours in which these windows keep nobody from speaking."""
    gone = {id(window) for window in windows}
    freed = [replace(each, windows=tuple(window for window in each.windows if id(window) not in gone),
                     weak=(*each.weak, *(window for window in each.windows if id(window) in gone))) for each in found]
    return sort_neighbours(freed, before.sums, before.hosting, before.by_name, before.by_hello, before.curves)


def _once_more(judged: JudgedWindow, around: Neighbours, world: Sequence[EventWindow]) -> JudgedWindow:
    """Asks again about what is of a service that is broken elsewhere, now that those speak who are in it."""
    window, series = judged.window, judged.window.series
    alike = [other for other in world if _same_service(other.series, series)]
    if not any(other.meets(window) or _is_tail(window, other) for other in alike):
        return judged
    fading = any(_is_tail(window, other) for other in alike)
    return _judge(window, around, judged.needed, fading=fading)


def _same_service(one: CellSeries, other: CellSeries) -> bool:
    return (one.place.lab, one.service) == (other.place.lab, other.service)


def _is_tail(window: EventWindow, explained: EventWindow) -> bool:
    """Whether it lies in a window of the same series, or soon after it."""
    return explained.series is window.series and (window.meets(explained) or window.follows(explained))


def _judge_newest(each: SeriesFinding, around: Neighbours, kept: Sequence[JudgedWindow],
                  explained: Sequence[ExplainedWindow]) -> JudgedWindow | None:
    """What the newest cells suggest, where no window says it already, nor lies about them and is explained.

    Newest cells may be strong enough for a window, but not above what their neighbours failed. They are then judged
    as a suspicion like weaker ones: the lower score is enough, and the neighbours must be well. Otherwise weak failures
    would be suspected sooner than strong ones.

    Newest cells in a window that a defect explains are never a suspicion: nobody can tell yet whether the defect only
    spreads.
    """
    newest = each.newest
    if newest is None or any(judged.window.series is each.series and judged.window.meets(newest) for judged in kept):
        return None
    own = [entry for entry in explained if _is_tail(newest, entry.window) and not _may_say(newest, entry)]
    if any(entry.window.meets(newest) for entry in own):
        return None
    fading = any(entry.explained_by == WORLD for entry in own)
    judged = _judge(newest, around, each.hasty, sure=False, fading=fading)
    return judged if judged.checks.alone or not judged.stands else None


def _may_say(newest: EventWindow, entry: ExplainedWindow) -> bool:
    """Whether a window lies all in the newest cells of its series, and only is not sure beside its neighbours."""
    window = entry.window
    return entry.checks.is_unsure and window.series is newest.series and newest.onset <= window.onset
