"""Events from all that failed, where verdicts alone show none.

What a run suspects, and leaves open for want of a place, convicts nobody. Yet a service that always answered on a
network and then fails there for days, while other services answer there, is reported: as `unplaced`, for it may be the
service that refuses, or as `confirmed` where a population's verdict says that it is not. The checks are those of all
windows (`probe_analysis.events.crosscheck`), and one more: the line must be seen to be well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from probe_analysis.events.cell_series import POOLED, CellSeries, CellTable
from probe_analysis.events.check_answers import Answer, CheckAnswer, Numbers
from probe_analysis.events.crosscheck import CHANCE, MOMENT, NETWORK, REFUSAL
from probe_analysis.events.episodes import join_episodes
from probe_analysis.events.event import Event
from probe_analysis.events.event_making import EventSources, find_cluster_cause, make_event
from probe_analysis.events.joint_services import MadeEvent
from probe_analysis.events.joint_windows import JudgedWindow, cluster_windows
from probe_analysis.events.neighbours import Neighbours, sort_neighbours
from probe_analysis.events.network_check import LEAST_SERVICES
from probe_analysis.events.outage_curves import NO_CURVES, OutageCurves
from probe_analysis.events.placed_stretches import PlacedStretch, is_placed
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.service_hosting import FindHosting, find_hosting
from probe_analysis.events.verdict_sums import count_verdicts
from probe_analysis.events.window import EventWindow
from probe_analysis.events.window_judging import ExplainedWindow, explain_window, judge_windows
from probe_analysis.events.window_search import find_all_windows
from probe_analysis.tables.event_checks import EventCheck

LASTING = timedelta(days=1)
"""A line that is out is mended within so long, mostly: where nothing shows that the line is well it takes more."""
_WELL_SHARE = 2
"""A line is well where at least one in three verdicts of its other services is."""
_KNOWN_SHARE = 0.5
"""Of a window's cells that another window must cover to tell the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureFindings:
    """What the failures show beyond what the verdicts do."""

    events: tuple[Event, ...] = ()
    explained: tuple[ExplainedWindow, ...] = ()
    flaky: tuple[SeriesFinding, ...] = ()


def find_failure_events(cells: CellTable, known: Iterable[EventWindow], placed: Callable[[], Sequence[PlacedStretch]],
                        hosting: FindHosting = find_hosting,
                        curves: OutageCurves = NO_CURVES) -> FailureFindings:
    """Events and dismissed windows of series in which more failed than was found blocked.

    `known`: windows that are reported already, as events or as none; `placed` gives what a population's
    verdicts accuse, and is asked last.
    """
    if not cells.failing:
        return FailureFindings()
    series = tuple(cells.failing.get(at, each) for at, each in enumerate(cells.series))
    whole = replace(cells, series=series, failing={})
    found = find_all_windows(whole)
    judged, around = judge_windows(found, hosting, whole.block_types, curves), sort_neighbours(found, hosting=hosting)
    fresh = _FreshWindows(failing=cells.failing.values(), known=known)
    kept = [_ask_line(each, around, whole) for each in judged.kept if each.sure and fresh.holds(each.window)]
    explained = [explain_window(each) for each in kept if not each.stands]
    for entry in judged.explained:
        if fresh.holds(entry.window):
            again = _doubt_network(entry, around, whole)
            kept += [again] if again else []
            explained += [] if again else [entry]
    sources = EventSources(cells=whole, by_service=around.by_service, ground="failures",
                           counts=Counter(each.series.place for each in found))
    made: list[MadeEvent] = []
    stretches = placed()
    for shown in (True, False):
        mine = [_ask_refusal(each, placed=shown) for each in kept
                if each.stands and is_placed(each.window, stretches, whole) is shown]
        for cluster in cluster_windows(mine, whole):
            why = find_cluster_cause(cluster, whole)
            if not why and all(each.checks.explained_by == MOMENT for each in cluster.members):
                why = MOMENT
            if why:
                explained += [ExplainedWindow(window=each.window, explained_by=why, checks=each.checks)
                              for each in cluster.members]
            else:
                made.append(MadeEvent(event=make_event(cluster, sources, placed=shown), cluster=cluster))
    own = {id(each) for each in cells.failing.values()}
    return FailureFindings(events=tuple(one.event for one in join_episodes(made)), explained=tuple(explained),
                           flaky=tuple(each for each in found if each.flaky and id(each.series) in own))


class _FreshWindows:
    """Which windows show something that is not reported already."""

    def __init__(self, *, failing: Iterable[CellSeries], known: Iterable[EventWindow]) -> None:
        self._own = {id(each): each for each in failing}
        self._countries = {(each.place.lab, each.place.cc, each.service) for each in self._own.values()}
        self._known: dict[tuple[bool, str, str], list[EventWindow]] = {}
        for window in known:
            self._known.setdefault(_country(window.series), []).append(window)

    def holds(self, window: EventWindow) -> bool:
        """Whether a window is of what failed, and no known one of its network and service covers most of it."""
        series = window.series
        pooled = series.place.asn == POOLED
        if id(series) not in self._own and not (pooled and _country(series) in self._countries):
            return False
        inside = window.covered(series.times)
        covered_before = np.zeros(len(series.times), dtype=np.bool_)
        for other in self._known.get(_country(series), ()):
            if pooled or other.series.place.asn in (POOLED, series.place.asn):
                covered_before |= other.covered(series.times)
        return bool((inside & covered_before).sum() < _KNOWN_SHARE * inside.sum())


def _country(series: CellSeries) -> tuple[bool, str, str]:
    return series.place.lab, series.place.cc, series.service


def _ask_line(judged: JudgedWindow, around: Neighbours, cells: CellTable) -> JudgedWindow:
    """Whether other services of the network answered in the window's hours; where not, it must last."""
    window = judged.window
    seen = [count_verdicts(each.series, window) for each in around.by_place[window.series.place]
            if each.series.service != window.series.service]
    failed, tried = sum(blocked for blocked, _ in seen), sum(decided for _, decided in seen)
    if tried and failed <= _WELL_SHARE * (tried - failed):
        return judged
    lasts = _lasts(window, cells)
    if lasts and not tried:
        return judged
    return _answered(judged, NETWORK, "doubt" if lasts else "explains",
                     {"verdicts_beside": tried, "failed_beside": failed})


def _doubt_network(entry: ExplainedWindow, around: Neighbours, cells: CellTable) -> JudgedWindow | None:
    """A window that is explained by what its neighbours fail alone, as one about which they raise a doubt: where it
    lasts, and too few services were tried to tell an outage from blocks that come together. None: it is explained."""
    window = entry.window
    if entry.explained_by not in (NETWORK, CHANCE) or not entry.checks.is_unsure:
        return None
    answer = entry.checks.answers[entry.explained_by]
    others = {each.series.service for each in around.by_place[window.series.place]
              if each.series.service != window.series.service and count_verdicts(each.series, window)[1]}
    if len(others) >= LEAST_SERVICES or not _lasts(window, cells):
        return None
    left = {word: given for word, given in entry.checks.answers.items() if word != CHANCE}
    judged = JudgedWindow(window=window, checks=replace(entry.checks, answers=left), needed=answer.numbers["needed"],
                          sure=True)
    return _answered(judged, NETWORK, "doubt", answer.numbers)


def _lasts(window: EventWindow, cells: CellTable) -> bool:
    return (window.end - window.onset + 1) * cells.step >= LASTING


def _ask_refusal(judged: JudgedWindow, *, placed: bool) -> JudgedWindow:
    return _answered(judged, REFUSAL, "out" if placed else "open", {})


def _answered(judged: JudgedWindow, word: EventCheck, answer: Answer, numbers: Numbers) -> JudgedWindow:
    answers = {**judged.checks.answers, word: CheckAnswer(answer=answer, numbers=numbers)}
    return replace(judged, checks=replace(judged.checks, answers=answers))
