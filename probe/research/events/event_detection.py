"""From cells to events: what was blocked where, from when to when, how surely, and what else it was not.

`detect_events` is pure: the same cells give the same events, in the same order, with the same ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import numpy as np

from probe.core.tables.event_checks import EventCheck
from probe.research.events.cell_series import HOUR, POOLED, CellPlace, CellSeries, CellTable
from probe.research.events.crosscheck import DEVICE, MOMENT, NETWORK, sort_neighbours
from probe.research.events.event import DOWN_TO, Event, NetworkReach, find_mechanism, make_event_id
from probe.research.events.flaky_habits import find_habits
from probe.research.events.joint_windows import WindowCluster, cluster_windows, find_bounds
from probe.research.events.outages import find_network_events
from probe.research.events.pooled_networks import pool_series
from probe.research.events.segments import estimate_strength
from probe.research.events.series_reading import read_cells
from probe.research.events.series_windows import (
    STEADY,
    SeriesFinding,
    WindowHabit,
    find_windows,
    suspicion_threshold,
    window_threshold,
)
from probe.research.events.window import EventWindow, is_within_hours
from probe.research.events.window_judging import ExplainedWindow, judge_windows

_ONGOING = timedelta(days=2)
_CONFIRM_CELLS = 2
HALF = 0.5
"""Services of a network that fail together are an event of their own where half of all verdicts fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissed:
    """A window that is no event, and why: for whoever checks the checks."""

    place: CellPlace
    service: str
    role: str
    target_id: str
    onset: str
    end: str
    explained_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything that the cells say."""

    events: tuple[Event, ...]
    dismissed: tuple[Dismissed, ...]
    flaky: tuple[tuple[CellPlace, str, str, str], ...]
    """Series that fail again and again: (place, service, role, target), from which only the surest windows count."""


def detect_events(table: Any, step: timedelta = HOUR) -> list[Event]:
    """The events in a cell table (pandas frame, Arrow table or mapping of columns), by time. Raises CellsError."""
    return list(examine_cells(read_cells(table, step)).events)


def examine_cells(cells: CellTable) -> Findings:
    """The events in cells, and what looked like one."""
    found = _find_all_windows(cells)
    judged = judge_windows(found)
    explained = list(judged.explained)
    around = sort_neighbours(found)
    events: list[Event] = []
    for cluster in cluster_windows(judged.kept, cells):
        why = _why_not(cluster, cells)
        if why:
            explained += [ExplainedWindow(window=member.window, explained_by=why, checks=member.checks)
                          for member in cluster.members]
        else:
            events.append(_event(cluster, cells, around.by_service))
    network = [told.window for told in explained if told.explained_by == NETWORK
               and told.checks.network_rate >= HALF and DEVICE in told.checks.ruled_out]
    events += find_network_events(cells, network)
    return Findings(
        events=tuple(sorted(events, key=lambda event: (event.onset, event.place, event.service, event.event_id))),
        dismissed=tuple(_dismiss(told, cells) for told in explained),
        flaky=tuple((f.series.place, f.series.service, f.series.role, f.series.target_id) for f in found if f.flaky),
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
        return "" if any(_is_open(judged.window, cells) for judged in cluster.members) else MOMENT
    return ""


def _is_open(window: EventWindow, cells: CellTable) -> bool:
    return window.end_until is None and (cells.last - window.end) * cells.step <= _ONGOING


def _event(cluster: WindowCluster, cells: CellTable, alike: Any) -> Event:
    lead = cluster.lead.window
    bounds = find_bounds(cluster, cells)
    place = lead.series.place
    reaches = _reaches(cluster, cells, alike.get((place.lab, lead.series.service), ()))
    sure = [judged for judged in cluster.members if judged.sure]
    ongoing = any(_is_open(judged.window, cells) for judged in cluster.members)
    doubts = tuple(sorted({word for judged in (sure or cluster.members) for word in judged.checks.doubts}))
    enough = any(judged.window.cells >= _CONFIRM_CELLS for judged in sure)
    standing = bounds.onset_from is None and max((r.witnesses for r in reaches), default=1) < 2
    ruled = set.intersection(*(set(judged.checks.ruled_out) for judged in (sure or cluster.members)))
    asked = cluster.lead.checks
    witnesses = sum(reach.witnesses for reach in reaches)
    return Event(
        event_id=make_event_id("service", place, lead.series.service, cells.time(bounds.onset)),
        kind="service", status="confirmed" if enough and not doubts and not standing else "suspected",
        lab=place.lab, place=place.cc, service=lead.series.service,
        roles=tuple(sorted({judged.window.series.role for judged in cluster.members})),
        endpoints=tuple(sorted({judged.window.series.target_id for judged in cluster.members} - {""})),
        networks=reaches,
        onset_from=None if bounds.onset_from is None else cells.time(bounds.onset_from),
        onset=cells.time(bounds.onset), onset_until=cells.time(bounds.onset_until),
        end_from=cells.time(bounds.end_from) + cells.step,
        end_until=None if bounds.end_until is None else cells.time(bounds.end_until),
        ongoing=ongoing,
        daily_hours=lead.daily,
        strength=round(lead.strength, 3), blocked=sum(r.blocked for r in reaches),
        decided=sum(r.decided for r in reaches), witnesses=witnesses,
        mechanism=find_mechanism([judged.window for judged in cluster.members], cells.block_types),
        confidence=_confidence(lead.score, witnesses, len(asked.open), len(doubts)),
        ruled_out=tuple(sorted(ruled)), not_ruled_out=tuple(sorted({*asked.open, *doubts})),
    )


def _confidence(score: float, witnesses: int, unasked: int, doubts: int) -> float:
    """0 to 1, for sorting: how far the counts carry, less for one witness and for every question left open."""
    value = (1 - np.exp(-score / 10)) * (0.85 if witnesses < 2 else 1) * 0.95 ** unasked * 0.7 ** doubts
    return round(float(min(value, 0.99)), 2)


def _reaches(cluster: WindowCluster, cells: CellTable, alike: Sequence[SeriesFinding]) -> tuple[NetworkReach, ...]:
    """What each network shows; where only all together were sure, those whose own rate stands above their base."""
    made: dict[int, NetworkReach] = {}
    for judged in sorted(cluster.members, key=lambda judged: -judged.window.score):
        window = judged.window
        if window.series.place.asn not in (*made, POOLED):
            made[window.series.place.asn] = _reach(window, cells)
    if not made:
        lead = cluster.lead.window
        for each in alike:
            same = (each.series.role, each.series.target_id) == (lead.series.role, lead.series.target_id)
            if same and each.series.place.cc == lead.series.place.cc and each.series.place.asn not in made:
                reach = _reach_within(each, lead, cells)
                if reach:
                    made[each.series.place.asn] = reach
    return tuple(made[asn] for asn in sorted(made))


def _reach(window: EventWindow, cells: CellTable) -> NetworkReach:
    inside = slice(window.first, window.last + 1)
    return NetworkReach(
        asn=window.series.place.asn, onset_from=None if window.onset_from is None else cells.time(window.onset_from),
        onset=cells.time(window.onset), onset_until=cells.time(window.onset_until),
        end_from=cells.time(window.end_from) + cells.step,
        end_until=None if window.end_until is None else cells.time(window.end_until),
        blocked=window.blocked, decided=window.decided, strength=round(window.strength, 3),
        witnesses=int(window.series.witnesses[inside].max()),
    )


def _reach_within(each: SeriesFinding, lead: EventWindow, cells: CellTable) -> NetworkReach | None:
    inside = (each.series.times >= lead.onset) & (each.series.times <= lead.end)
    if lead.daily:
        inside &= is_within_hours(each.series.times, lead.daily, lead.day)
    blocked, decided = int(each.series.blocked[inside].sum()), int(each.series.decided[inside].sum())
    strength = float(estimate_strength(blocked / decided, each.base)) if decided else 0.0
    if strength < DOWN_TO * lead.strength:
        return None
    return NetworkReach(
        asn=each.series.place.asn, onset_from=None if lead.onset_from is None else cells.time(lead.onset_from),
        onset=cells.time(lead.onset), onset_until=cells.time(lead.onset_until),
        end_from=cells.time(lead.end_from) + cells.step,
        end_until=None if lead.end_until is None else cells.time(lead.end_until),
        blocked=blocked, decided=decided, strength=round(strength, 3),
        witnesses=int(each.series.witnesses[inside].max(initial=0)),
    )


def _dismiss(told: ExplainedWindow, cells: CellTable) -> Dismissed:
    series, window = told.window.series, told.window
    return Dismissed(place=series.place, service=series.service, role=series.role, target_id=series.target_id,
                     onset=cells.time(window.onset).isoformat(), end=cells.time(window.end).isoformat(),
                     explained_by=told.explained_by)
