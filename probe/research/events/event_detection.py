"""From cells to events: what was blocked where, from when to when, how surely, and what else it was not.

`detect_events` is pure: the same cells give the same events, in the same order, with the same ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from probe.core.tables.event_checks import EventCheck
from probe.research.events.cell_series import HOUR, POOLED, CellPlace, CellSeries, CellTable
from probe.research.events.crosscheck import DEVICE, MOMENT, NETWORK, sort_neighbours
from probe.research.events.event import Event
from probe.research.events.event_making import EventSources, is_open, make_event
from probe.research.events.findings import Dismissed, Findings, FlakySeries
from probe.research.events.flaky_habits import find_habits
from probe.research.events.joint_windows import WindowCluster, cluster_windows
from probe.research.events.outages import find_network_events
from probe.research.events.pooled_networks import pool_series
from probe.research.events.series_reading import read_cells
from probe.research.events.series_windows import (
    STEADY,
    SeriesFinding,
    WindowHabit,
    find_windows,
    suspicion_threshold,
    window_threshold,
)
from probe.research.events.window_judging import ExplainedWindow, judge_windows

HALF = 0.5
"""Services of a network that fail together are an event of their own where half of all verdicts fail."""


def detect_events(table: Any, step: timedelta = HOUR) -> list[Event]:
    """The events in a cell table (pandas frame, Arrow table or mapping of columns), by time. Raises CellsError."""
    return list(examine_cells(read_cells(table, step)).events)


def examine_cells(cells: CellTable) -> Findings:
    """The events in cells, and what looked like one."""
    found = _find_all_windows(cells)
    judged = judge_windows(found)
    explained = list(judged.explained)
    sources = EventSources(cells=cells, by_service=sort_neighbours(found).by_service,
                           counts=Counter(each.series.place for each in found))
    events: list[Event] = []
    for cluster in cluster_windows(judged.kept, cells):
        why = _why_not(cluster, cells)
        if why:
            explained += [ExplainedWindow(window=member.window, explained_by=why, checks=member.checks)
                          for member in cluster.members]
        else:
            events.append(make_event(cluster, sources))
    network = [told.window for told in explained if told.explained_by == NETWORK
               and told.checks.network_rate >= HALF and DEVICE in told.checks.ruled_out]
    events += find_network_events(cells, network)
    return Findings(
        events=tuple(sorted(events, key=lambda event: (event.onset, event.place, event.service, event.event_id))),
        dismissed=tuple(_dismiss(told, cells) for told in explained),
        flaky=tuple(_flaky(each, cells) for each in found if each.flaky),
    )


def _find_all_windows(cells: CellTable) -> list[SeriesFinding]:
    """The windows of every series, and of the networks of each country together."""
    known = find_habits(cells)
    found = _windows([habit.series for habit in known], cells, Counter(series.place for series in cells.series), known)
    pooled = pool_series(found)
    return found + _windows(pooled, cells, Counter(series.place for series in pooled), [STEADY] * len(pooled))


def _windows(series: Sequence[CellSeries], cells: CellTable, count: Mapping[CellPlace, int],
             habits: Sequence[WindowHabit]) -> list[SeriesFinding]:
    """The windows of many series; `count` says how many there are at each place."""
    return find_windows(series, cells, habits=habits,
                        needed=[window_threshold(cells, count[each.place]) for each in series],
                        hasty=[suspicion_threshold(cells, count[each.place]) for each in series])


def _why_not(cluster: WindowCluster, cells: CellTable) -> EventCheck | Literal[""]:
    """Why windows that nothing else explains make no event all the same; empty when they do."""
    words = {judged.checks.explained_by for judged in cluster.members}
    networks = {judged.window.series.place.asn for judged in cluster.members} - {POOLED}
    if words == {DEVICE} and len(networks) < 2:
        return DEVICE
    if MOMENT in words and all(judged.checks.explained_by == MOMENT for judged in cluster.members):
        return "" if any(is_open(judged.window, cells) for judged in cluster.members) else MOMENT
    return ""


def _dismiss(told: ExplainedWindow, cells: CellTable) -> Dismissed:
    series, window = told.window.series, told.window
    return Dismissed(
        place=series.place, service=series.service, role=series.role, target_id=series.target_id,
        onset=cells.time(window.onset), end=cells.time(window.end) + cells.step, daily_hours=window.daily,
        blocked=window.blocked, decided=window.decided, explained_by=told.explained_by,
        numbers=told.checks.answers[told.explained_by].numbers, score=round(window.score, 1),
    )


def _flaky(found: SeriesFinding, cells: CellTable) -> FlakySeries:
    series = found.series
    return FlakySeries(
        place=series.place, service=series.service, role=series.role, target_id=series.target_id,
        first=cells.time(int(series.times[0])), last=cells.time(int(series.times[-1])) + cells.step,
        bursts=found.habit.beyond, longest_h=round(found.habit.longest * cells.step / HOUR, 1),
        base=round(found.base, 4),
    )
