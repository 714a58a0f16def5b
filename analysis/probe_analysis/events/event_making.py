"""From windows that agree to the event that they tell of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import POOLED, CellPlace, CellSeries, CellTable
from probe_analysis.events.crosscheck import DEVICE, LEAST_CELLS, MOMENT, WORLD
from probe_analysis.events.event import DOWN_TO, Event, NetworkReach, find_mechanism, make_event_id
from probe_analysis.events.event_reasons import find_lack, find_place_lack
from probe_analysis.events.forging_costs import find_forgers_needed
from probe_analysis.events.hello_check import HelloFindings
from probe_analysis.events.joint_windows import JudgedWindow, WindowCluster, find_bounds
from probe_analysis.events.probability import estimate_probability
from probe_analysis.events.segments import estimate_strength
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.window import EventWindow
from probe_analysis.tables.event_checks import EventCheck, EventGround, EventStatus

_ONGOING = timedelta(days=2)
_TOTAL, _SEVERAL = 0.9, 2
"""What is stopped so far, on so many networks, is told of a single day."""
_STRUCK_SHARE = 0.5
"""A cell shows a window with such a share of the window's rate."""
_KINDS: Mapping[EventGround, str] = {"verdicts": "service", "failures": "failures"}
"""What an id is made from: on one service and hour there may be an event of either ground."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventSources:
    """What events are made from beside their windows."""

    cells: CellTable
    by_service: Mapping[tuple[bool, str], Sequence[SeriesFinding]]
    counts: Counter[CellPlace]
    """Series at each place."""
    ground: EventGround = "verdicts"


def is_open(window: EventWindow, cells: CellTable) -> bool:
    """Whether nothing was measured since a window, and it was of late."""
    return window.end_until is None and (cells.last - window.end) * cells.step <= _ONGOING


def find_cluster_cause(cluster: WindowCluster, cells: CellTable) -> EventCheck | Literal[""]:
    """Why windows that nothing else explains make no event all the same; empty when they do."""
    words = {judged.checks.explained_by for judged in cluster.members}
    networks = {judged.window.series.place.asn for judged in cluster.members} - {POOLED}
    if any(judged.checks.at_once for judged in cluster.members):
        return WORLD
    if words == {DEVICE} and len(networks) < 2:
        return DEVICE
    if words == {MOMENT}:
        is_told = any(is_open(judged.window, cells) for judged in cluster.members) or _is_total(cluster, cells)
        return "" if is_told else MOMENT
    return ""


def _is_total(cluster: WindowCluster, cells: CellTable) -> bool:
    """Whether on several networks next to nothing passed for a day, while other services and other countries were well:
    that needs no second day to be suspected."""
    struck = {judged.window.series.place.asn for judged in cluster.members
              if judged.window.strength >= _TOTAL and judged.checks.alone} - {POOLED}
    return len(struck) >= _SEVERAL and cells.step >= timedelta(days=1)


def make_event(cluster: WindowCluster, sources: EventSources, *, placed: bool = True) -> Event:
    """The event that these windows tell of; `placed`: something shows that the service does not refuse."""
    cells, lead = sources.cells, cluster.lead.window
    keeping = _keeps_hours(cluster)
    bounds = find_bounds(keeping or cluster, cells)
    place = lead.series.place
    alike = sources.by_service.get((place.lab, lead.series.service), ())
    reaches = _reaches(cluster, cells, alike)
    sure = [judged for judged in cluster.members if judged.sure]
    doubts = tuple(sorted({word for judged in (sure or cluster.members) for word in judged.checks.doubts}))
    enough = any(_count_struck(judged.window) >= LEAST_CELLS for judged in sure)
    witnesses = max((r.witnesses for r in reaches), default=1)
    standing = bounds.onset_from is None and witnesses < 2
    lacks = find_lack(doubts=doubts, enough=enough, standing=standing, witnesses=witnesses)
    ruled = set.intersection(*(set(judged.checks.ruled_out) for judged in (sure or cluster.members)))
    asked = cluster.lead.checks
    sure_status: EventStatus = "confirmed" if placed else "unplaced"
    suspected = bool(lacks)
    if not lacks and not placed:
        causeless = sources.ground == "verdicts"
        lacks = find_place_lack(networks=len(reaches), ruled_out=ruled, causeless=causeless)
    return Event(
        event_id=make_event_id(_KINDS[sources.ground], place, lead.series.service, cells.time(bounds.onset)),
        kind="service", status="suspected" if suspected else sure_status, lacks=lacks,
        ground=sources.ground,
        lab=place.lab, place=place.cc, service=lead.series.service,
        roles=tuple(sorted({judged.window.series.role for judged in cluster.members})),
        endpoints=tuple(sorted({judged.window.series.target_id for judged in cluster.members} - {""})),
        networks=reaches,
        onset_from=None if bounds.onset_from is None else cells.time(bounds.onset_from),
        onset=cells.time(bounds.onset), onset_until=cells.time(bounds.onset_until),
        end_from=cells.time(bounds.end_from) + cells.step,
        end_until=None if bounds.end_until is None else cells.time(bounds.end_until),
        ongoing=any(is_open(window, cells) for window in _choose_of_networks(cluster)),
        daily_hours=keeping.lead.window.daily_hours if keeping else None,
        daily_windows=tuple(sorted({hours for judged in cluster.members for hours in judged.window.daily})),
        strength=round(_choose_strength(cluster), 3), blocked=sum(r.blocked for r in reaches),
        decided=sum(r.decided for r in reaches), witnesses=sum(reach.witnesses for reach in reaches),
        mechanism=find_mechanism([judged.window for judged in cluster.members], cells.block_types),
        probability=estimate_probability(_score(cluster), sources.counts[place] * cells.steps_per_year, asked.open,
                                         doubts),
        ruled_out=tuple(sorted(ruled)), not_ruled_out=tuple(sorted({*asked.open, *doubts})),
        own_hello=_choose_hellos(sure or cluster.members),
        forgers=find_forgers_needed(sure or cluster.members, alike),
    )


def _count_struck(window: EventWindow) -> int:
    """Cells that show the window, and not only lie in it: the next ones may show it to be over."""
    inside = slice(window.first, window.last + 1)
    rates = window.series.blocked[inside] / window.series.decided[inside]
    return int(np.count_nonzero(rates >= _STRUCK_SHARE * window.rate))


def _choose_of_networks(cluster: WindowCluster) -> list[EventWindow]:
    """The windows of single networks; where there are none, that of all together."""
    windows = [judged.window for judged in cluster.members]
    return [window for window in windows if window.series.place.asn != POOLED] or windows


def _choose_strength(cluster: WindowCluster) -> float:
    """That of the surest network; all networks of a country together hold those that are spared as well."""
    return _choose_of_networks(cluster)[0].strength


def _choose_hellos(members: Sequence[JudgedWindow]) -> HelloFindings:
    """What the surest window shows of hellos that changed; else the surest of which some are spared; else the surest.
    """
    hellos = [judged.checks.hellos for judged in members]
    return next((one for one in hellos if one.answer == "doubt"),
                next((one for one in hellos if one.spared), hellos[0]))


def _keeps_hours(cluster: WindowCluster) -> WindowCluster | None:
    """The windows that keep hours of the day, the surest first, where most of the networks have one."""
    keeping = tuple(judged for judged in cluster.members if judged.window.daily)
    networks, with_hours = ({judged.window.series.place.asn for judged in members} - {POOLED}
                            for members in (cluster.members, keeping))
    many = 2 * len(with_hours) >= len(networks) if networks else bool(keeping)
    return WindowCluster(members=keeping) if keeping and many else None


def _score(cluster: WindowCluster) -> float:
    """The surest window of each network; networks together, where they say more than all of them as one. Of the newest
    cells alone what is left above their neighbours, beside which they may not be sure."""
    alone: dict[int, float] = {}
    for judged in cluster.members:
        asn = judged.window.series.place.asn
        alone[asn] = max(alone.get(asn, 0.0), judged.window.score if judged.sure else judged.checks.score)
    pooled = alone.pop(POOLED, 0.0)
    return max(pooled, sum(alone.values()))


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
        witnesses=_count_witnesses(window.series, inside), daily_hours=window.daily_hours,
    )


def _reach_within(each: SeriesFinding, lead: EventWindow, cells: CellTable) -> NetworkReach | None:
    inside = lead.covered(each.series.times)
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
        witnesses=_count_witnesses(each.series, inside), daily_hours=lead.daily_hours,
    )


def _count_witnesses(series: CellSeries, inside: slice | NDArray[np.bool_]) -> int:
    """Most in one cell; 0 where nobody counted them."""
    return int(series.witnesses[inside].max(initial=0)) if series.witnesses_told else 0
