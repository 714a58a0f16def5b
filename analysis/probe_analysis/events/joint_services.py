"""Several services that are blocked together: one event that names them all, who was spared, and which countries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from probe_analysis.events.cell_series import CONTROL, POOLED, CellTable
from probe_analysis.events.event import Event, agree_on_cause, make_event_id
from probe_analysis.events.event_reasons import choose_lack
from probe_analysis.events.failing_alike import is_no_chance, least_strength_alike
from probe_analysis.events.joint_windows import WindowCluster, agree
from probe_analysis.events.neighbours import Neighbours
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.verdict_sums import count_verdicts
from probe_analysis.events.window import EventWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeEvent:
    """An event of one service, and the windows that it was made from."""

    event: Event
    cluster: WindowCluster


def join_services(made: Sequence[MadeEvent], around: Neighbours, cells: CellTable) -> list[Event]:
    """All events of single services; those that agree in country and time are parts of one of kind `services`."""
    events: list[Event] = []
    left = sorted(made, key=lambda one: (-one.cluster.lead.window.score, one.event.event_id))
    while left:
        lead = left[0]
        mine = [lead, *(other for other in left[1:] if _is_joint(lead, other, cells))]
        left = [other for other in left if not any(other is one for one in mine)]
        if len({one.event.service for one in mine}) < 2:
            events += [one.event for one in mine]
            continue
        whole = _join(mine, around)
        events += [whole, *(replace(one.event, part_of=whole.event_id) for one in mine)]
    return events


def _is_joint(lead: MadeEvent, other: MadeEvent, cells: CellTable) -> bool:
    one, two = lead.event, other.event
    if (one.lab, one.place) != (two.lab, two.place) or bool(one.daily_hours) != bool(two.daily_hours):
        return False
    networks, its = ({reach.asn for reach in event.networks} for event in (one, two))
    if networks and its and not networks & its:
        return False
    first, second = lead.cluster.lead.window, other.cluster.lead.window
    common = min(first.end, second.end) - max(first.onset, second.onset) + 1
    longer = max(first.end - first.onset, second.end - second.onset) + 1
    return agree(first, second, cells) and 2 * common >= longer


def _join(mine: Sequence[MadeEvent], around: Neighbours) -> Event:
    events = [one.event for one in mine]
    lead, window = events[0], mine[0].cluster.lead.window
    services = tuple(sorted({event.service for event in events}))
    sure = [event for event in events if event.status == "confirmed"]
    most = 2 * len(sure) > len(events)
    place = window.series.place
    networks = {reach.asn: reach for event in reversed(events) for reach in event.networks}
    votes = {event.mechanism: event.blocked for event in events if event.mechanism}
    return replace(
        lead, event_id=make_event_id("services", place, ",".join(services), lead.onset), kind="services",
        status="confirmed" if most else next((event.status for event in events if event.status == "unplaced"),
                                             "suspected"),
        lacks="" if most else choose_lack(events),
        service="", roles=(), endpoints=(), networks=tuple(networks[asn] for asn in sorted(networks)),
        ongoing=any(event.ongoing for event in events), blocked=sum(event.blocked for event in events),
        decided=sum(event.decided for event in events), witnesses=max(event.witnesses for event in events),
        mechanism=agree_on_cause(votes), probability=max(event.probability for event in (sure or events)),
        forgers=None, services_blocked=services,
        services_spared=_list_well(window, [each for key, found in around.by_place.items() for each in found
                                            if (key.lab, key.cc) == (place.lab, place.cc) and key.asn != POOLED
                                            and each.series.role != CONTROL], lambda each: each.series.service,
                                   without=services),
        countries_well=_list_well(window, [each for name in services
                                           for each in around.by_service.get((place.lab, name), ())],
                                  lambda each: each.series.place.cc, without=(place.cc,)),
    )


def _list_well(window: EventWindow, found: Sequence[SeriesFinding], name: Callable[[SeriesFinding], str], *,
               without: Sequence[str]) -> tuple[str, ...]:
    """Names under which series, all together, surely did not fail as a window did in its hours."""
    least = least_strength_alike(window)
    sums: dict[str, tuple[float, float, float]] = {}
    for each in found:
        blocked, decided = count_verdicts(each.series, window)
        failed, tried, most = sums.get(name(each), (0.0, 0.0, 0.0))
        sums[name(each)] = (failed + blocked, tried + decided,
                            most + (each.base + (1 - each.base) * least) * decided)
    return tuple(sorted(key for key, (failed, tried, most) in sums.items()
                        if key not in without and failed < most and is_no_chance(failed, tried, most / tried)))
