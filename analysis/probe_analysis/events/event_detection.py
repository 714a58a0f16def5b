"""From cells to events: what was blocked where, from when to when, how surely, and what else it was not.

`detect_events` is pure: the same cells give the same events, in the same order, with the same ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from probe_analysis.events.bare_failures import place_cluster
from probe_analysis.events.cell_series import HOUR, CellTable
from probe_analysis.events.crosscheck import MOMENT, NETWORK
from probe_analysis.events.episodes import join_episodes
from probe_analysis.events.event import Event
from probe_analysis.events.event_making import EventSources, find_cluster_cause, make_event
from probe_analysis.events.failure_events import find_failure_events
from probe_analysis.events.findings import Dismissed, Findings, FlakySeries
from probe_analysis.events.joint_services import MadeEvent, join_services
from probe_analysis.events.joint_windows import cluster_windows
from probe_analysis.events.neighbours import sort_neighbours
from probe_analysis.events.outage_curves import NO_CURVES, OutageCurves
from probe_analysis.events.outages import covers_window, find_network_events, find_uncovered, tells_of_others
from probe_analysis.events.placed_stretches import PlacedStretch
from probe_analysis.events.series_reading import read_cells
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.service_hosting import FindHosting, find_hosting
from probe_analysis.events.window_judging import ExplainedWindow, judge_windows
from probe_analysis.events.window_search import find_all_windows


def detect_events(table: Any, step: timedelta = HOUR) -> list[Event]:
    """The events in a cell table (pandas frame, Arrow table or mapping of columns), by time. Raises CellsError."""
    return list(examine_cells(read_cells(table, step)).events)


def examine_cells(cells: CellTable, placed: Callable[[], Sequence[PlacedStretch]] = tuple,
                  hosting: FindHosting = find_hosting, curves: OutageCurves = NO_CURVES) -> Findings:
    """The events in cells, and what looked like one. `placed` gives what a population's verdicts accuse: it is asked
    last, since another process may still be at that. `hosting` knows where services stand;
    `curves`: the whole traffic as somebody outside counts it."""
    found = find_all_windows(cells)
    judged = judge_windows(found, hosting, cells.block_types, curves)
    explained = list(judged.explained)
    around = sort_neighbours(found, hosting=hosting)
    sources = EventSources(cells=cells, by_service=around.by_service,
                           counts=Counter(each.series.place for each in found))
    made: list[MadeEvent] = []
    for cluster in cluster_windows(judged.kept, cells):
        why = find_cluster_cause(cluster, cells)
        if why:
            explained += [ExplainedWindow(window=member.window, explained_by=why, checks=member.checks)
                          for member in cluster.members]
        else:
            placed_cluster = place_cluster(cluster, cells, around)
            event = make_event(placed_cluster.cluster, sources, placed=placed_cluster.placed)
            made.append(MadeEvent(event=event, cluster=placed_cluster.cluster))
    events = join_services(join_episodes(made), around, cells)
    events += find_network_events(cells, explained, events)
    known = [*(each.window for each in judged.kept), *(each.window for each in explained)]
    failures = find_failure_events(cells, known, placed, hosting, curves)
    events += failures.events
    events += find_uncovered(cells, failures.explained, events)
    flaky = {_name(each): each for each in (*failures.flaky, *found) if each.flaky}
    return Findings(
        events=tuple(sorted(events,
                            key=lambda event: (event.onset, event.place, event.service, event.event_id))),
        dismissed=tuple(_dismiss(entry, cells, events) for entry in (*explained, *failures.explained)),
        flaky=tuple(_flaky(each, cells) for each in flaky.values()),
    )


def _name(found: SeriesFinding) -> tuple[object, ...]:
    series = found.series
    return series.place, series.service, series.role, series.target_id


def _dismiss(entry: ExplainedWindow, cells: CellTable, events: Sequence[Event]) -> Dismissed:
    series, window, word = entry.window.series, entry.window, entry.explained_by
    if word == NETWORK and MOMENT in entry.checks.explanations and not covers_window(entry, events, cells):
        word = MOMENT
    return Dismissed(
        place=series.place, service=series.service, role=series.role, target_id=series.target_id,
        onset=cells.time(window.onset), end=cells.time(window.end) + cells.step, daily_hours=window.daily_hours,
        blocked=window.blocked, decided=window.decided, explained_by=word, numbers=entry.checks.answers[word].numbers,
        score=round(window.score, 1),
        explained_too=tells_of_others(entry),
    )


def _flaky(found: SeriesFinding, cells: CellTable) -> FlakySeries:
    series = found.series
    return FlakySeries(
        place=series.place, service=series.service, role=series.role, target_id=series.target_id,
        first=cells.time(int(series.times[0])), last=cells.time(int(series.times[-1])) + cells.step,
        bursts=found.habit.beyond, longest_h=round(found.habit.longest * cells.step / HOUR, 1),
        base=round(found.base, 4),
    )
