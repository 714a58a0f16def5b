"""Events of one service that overlap, or hardly pause, are one campaign: one episode, with the parts of each network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from probe_analysis.events.crosscheck import FRESH
from probe_analysis.events.event import Event, NetworkReach
from probe_analysis.events.joint_services import MadeEvent
from probe_analysis.events.joint_windows import WindowCluster

_PAUSE = timedelta(days=3)


def join_episodes(made: Iterable[MadeEvent]) -> list[MadeEvent]:
    """Events of which none of the same service and country overlaps another. What rests on fresh names, or may be a
    refusal, stays apart."""
    groups: dict[tuple[object, ...], list[MadeEvent]] = {}
    for one in made:
        event = one.event
        fresh = any(FRESH in judged.checks.doubts for judged in one.cluster.members)
        groups.setdefault((event.lab, event.place, event.service, event.ground, fresh,
                           event.status == "unplaced"), []).append(one)
    return [_join(run) for group in groups.values() for run in _find_runs(group)]


def _find_runs(group: Iterable[MadeEvent]) -> list[list[MadeEvent]]:
    runs: list[list[MadeEvent]] = []
    for one in sorted(group, key=lambda one: (one.event.onset, one.event.event_id)):
        if runs and _goes_on(runs[-1], one.event):
            runs[-1].append(one)
        else:
            runs.append([one])
    return runs


def _goes_on(run: Sequence[MadeEvent], event: Event) -> bool:
    """Whether an event overlaps what went before, or follows after a pause that is short beside both."""
    begin, end = run[0].event.onset, max(one.event.end_from for one in run)
    return event.onset - end < min(_PAUSE, end - begin, event.end_from - event.onset)


def _join(run: Sequence[MadeEvent]) -> MadeEvent:
    if len(run) == 1:
        return run[0]
    order = sorted(run, key=lambda one: (one.event.status != "confirmed", -one.cluster.lead.window.score))
    events = [one.event for one in order]
    lead, first = events[0], min(events, key=lambda event: event.onset)
    last = max(events, key=lambda event: event.end_from)
    networks = _join_networks([reach for event in events for reach in event.networks])
    joined = replace(
        lead, event_id=first.event_id, roles=tuple(sorted({role for event in events for role in event.roles})),
        endpoints=tuple(sorted({name for event in events for name in event.endpoints})), networks=networks,
        onset_from=first.onset_from, onset=first.onset, onset_until=first.onset_until, end_from=last.end_from,
        end_until=last.end_until, ongoing=any(event.ongoing for event in events),
        daily_windows=tuple(sorted({hours for event in events for hours in event.daily_windows})),
        blocked=sum(reach.blocked for reach in networks) or lead.blocked,
        decided=sum(reach.decided for reach in networks) or lead.decided,
        witnesses=sum(reach.witnesses for reach in networks) or lead.witnesses,
    )
    members = tuple(judged for one in order for judged in one.cluster.members)
    return MadeEvent(event=joined, cluster=WindowCluster(members=members))


def _join_networks(reaches: Sequence[NetworkReach]) -> tuple[NetworkReach, ...]:
    """Each network once, from when it was first struck to when it was last."""
    made: dict[int, NetworkReach] = {}
    for reach in reaches:
        known = made.get(reach.asn)
        made[reach.asn] = _join_reach(known, reach) if known else reach
    return tuple(made[asn] for asn in sorted(made))


def _join_reach(one: NetworkReach, other: NetworkReach) -> NetworkReach:
    first, last = min(one, other, key=lambda reach: reach.onset), max(one, other, key=lambda reach: reach.end_from)
    apart = one.end_from <= other.onset or other.end_from <= one.onset
    return replace(
        one, onset_from=first.onset_from, onset=first.onset, onset_until=first.onset_until, end_from=last.end_from,
        end_until=last.end_until, witnesses=max(one.witnesses, other.witnesses),
        blocked=one.blocked + other.blocked if apart else max(one.blocked, other.blocked),
        decided=one.decided + other.decided if apart else max(one.decided, other.decided))

