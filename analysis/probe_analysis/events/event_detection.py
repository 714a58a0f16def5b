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
from probe_analysis.events.crosscheck import DEVICE, NETWORK, WORLD
from probe_analysis.events.event import Event
from probe_analysis.events.event_making import EventSources, find_cluster_cause, make_event
from probe_analysis.events.failure_events import find_failure_events
from probe_analysis.events.findings import Dismissed, Findings, FlakySeries
from probe_analysis.events.joint_windows import cluster_windows
from probe_analysis.events.neighbours import sort_neighbours
from probe_analysis.events.outages import find_network_events
from probe_analysis.events.placed_stretches import PlacedStretch
from probe_analysis.events.series_reading import read_cells
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.window_judging import ExplainedWindow, judge_windows
from probe_analysis.events.window_search import find_all_windows

HALF = 0.5
"""Services of a network that fail together are an event of their own where half of all verdicts fail."""


def detect_events(table: Any, step: timedelta = HOUR) -> list[Event]:
    """The events in a cell table (pandas frame, Arrow table or mapping of columns), by time. Raises CellsError."""
    return list(examine_cells(read_cells(table, step)).events)


def examine_cells(cells: CellTable, placed: Callable[[], Sequence[PlacedStretch]] = tuple) -> Findings:
    """The events in cells, and what looked like one. `placed` gives what a population's verdicts accuse: it is asked
    last, since another process may still be at that."""
    found = find_all_windows(cells)
    judged = judge_windows(found)
    explained = list(judged.explained)
    around = sort_neighbours(found)
    sources = EventSources(cells=cells, by_service=around.by_service,
                           counts=Counter(each.series.place for each in found))
    events: list[Event] = []
    for cluster in cluster_windows(judged.kept, cells):
        why = find_cluster_cause(cluster, cells)
        if why:
            explained += [ExplainedWindow(window=member.window, explained_by=why, checks=member.checks)
                          for member in cluster.members]
        else:
            placed_cluster = place_cluster(cluster, cells, around)
            events.append(make_event(placed_cluster.cluster, sources, placed=placed_cluster.placed))
    events += find_network_events(cells, [entry for entry in explained if _tells_of_network(entry)])
    known = [*(each.window for each in judged.kept), *(each.window for each in explained)]
    failures = find_failure_events(cells, known, placed)
    flaky = {_name(each): each for each in (*failures.flaky, *found) if each.flaky}
    return Findings(
        events=tuple(sorted((*events, *failures.events),
                            key=lambda event: (event.onset, event.place, event.service, event.event_id))),
        dismissed=tuple(_dismiss(entry, cells) for entry in (*explained, *failures.explained)),
        flaky=tuple(_flaky(each, cells) for each in flaky.values()),
    )


def _tells_of_network(entry: ExplainedWindow) -> bool:
    """Whether most of a network fails, for several devices as far as anybody knows, and no more than this network: what
    fails in other countries as well is the probe's."""
    checks = entry.checks
    if entry.explained_by != NETWORK or checks.network_rate < HALF or WORLD in checks.explanations:
        return False
    return DEVICE in checks.ruled_out or (not entry.window.series.witnesses_told and DEVICE not in checks.explanations)


def _name(found: SeriesFinding) -> tuple[object, ...]:
    series = found.series
    return series.place, series.service, series.role, series.target_id


def _dismiss(entry: ExplainedWindow, cells: CellTable) -> Dismissed:
    series, window = entry.window.series, entry.window
    return Dismissed(
        place=series.place, service=series.service, role=series.role, target_id=series.target_id,
        onset=cells.time(window.onset), end=cells.time(window.end) + cells.step, daily_hours=window.daily,
        blocked=window.blocked, decided=window.decided, explained_by=entry.explained_by,
        numbers=entry.checks.answers[entry.explained_by].numbers, score=round(window.score, 1),
    )


def _flaky(found: SeriesFinding, cells: CellTable) -> FlakySeries:
    series = found.series
    return FlakySeries(
        place=series.place, service=series.service, role=series.role, target_id=series.target_id,
        first=cells.time(int(series.times[0])), last=cells.time(int(series.times[-1])) + cells.step,
        bursts=found.habit.beyond, longest_h=round(found.habit.longest * cells.step / HOUR, 1),
        base=round(found.base, 4),
    )
