"""Slow names put together: one event for each service, country and stretch, as the log of events keeps it. Pure.

Confirmed is only what nothing innocent explains: the name is struck and names beside it are not, other networks of the
country are spared, several probes saw it, its usual times were seen, and another service at other addresses is slowed
with it, so that no operator's own front is the cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from math import log

from probe_analysis.events.cell_series import CellPlace
from probe_analysis.events.event import Event, NetworkReach, make_event_id
from probe_analysis.events.probability import estimate_probability
from probe_analysis.events.slow_times import MOST_POINTS, SLOWED, SlowPoint, SlowTimes
from probe_analysis.tables.event_checks import EventCheck
from probe_analysis.times.slow_search import SlowName, find_slow_names
from probe_analysis.times.time_count import HOURS_OF_QUARTER
from probe_analysis.times.time_series import TimedName, TimeTable
from probe_analysis.times.time_sketch import find_seconds, median_of

_APART, _TOGETHER = 4, 4
"""Quarters: stretches that are further apart are two events; onsets of two services that are nearer are one deed."""
_LOOKS_A_YEAR = 4 * 365
_MOST_SCORE = 700.0


def find_slow_events(table: TimeTable, *, lab: bool = False) -> list[Event]:
    """The events in a table of times, by country, service and onset."""
    found = [one for one in find_slow_names(table) if one.own.service]
    looks = _LOOKS_A_YEAR * len(list(table.list_names()))

    def place(one: SlowName) -> tuple[str, str]:
        return one.own.network[0], one.own.service

    return [_make_event(table, near, found, looks, lab) for _, own in groupby(sorted(found, key=place), key=place)
            for near in _split(sorted(own, key=lambda one: (one.first, one.own.network, one.own.name)))]


def _split(found: Sequence[SlowName]) -> Iterator[list[SlowName]]:
    part: list[SlowName] = []
    for one in found:
        if part and one.first - max(other.last for other in part) > _APART:
            yield part
            part = []
        part.append(one)
    if part:
        yield part


def _make_event(table: TimeTable, found: Sequence[SlowName], every: Sequence[SlowName], looks: int, lab: bool) -> Event:
    cc, service = found[0].own.network[0], found[0].own.service
    networks = tuple(_make_reach(list(own)) for _, own in groupby(
        sorted(found, key=lambda one: one.own.network), key=lambda one: one.own.network))
    first = min(networks, key=lambda reach: reach.onset)
    last = max(networks, key=lambda reach: reach.end_from)
    doubts = list(_list_doubts(found, every, sum(reach.witnesses for reach in networks)))
    words: tuple[EventCheck, ...] = ("network", "service_or_instrument", "one_device", "version", "habit", "chance",
                                     "refusal", "fresh_names")
    kinds = {one.kind for one in found}
    kind = kinds.pop() if len(kinds) == 1 else SLOWED
    score = min(_MOST_SCORE, -log(max(1e-300, max(one.chance for one in found))))
    return Event(
        event_id=make_event_id(SLOWED, CellPlace(lab=lab, cc=cc, asn=found[0].own.network[1]), service, first.onset),
        kind=SLOWED, status="confirmed" if kind == "slowed.name" and not doubts else "suspected", lab=lab, place=cc,
        service=service, roles=(), endpoints=tuple(sorted({one.own.name for one in found})), networks=networks,
        onset_from=first.onset_from, onset=first.onset, onset_until=first.onset_until, end_from=last.end_from,
        end_until=last.end_until, ongoing=any(one.after is None for one in found), daily_hours=None,
        strength=round(sum(one.slow for one in found) / sum(one.n for one in found), 4),
        blocked=sum(one.slow for one in found), decided=sum(one.n for one in found),
        witnesses=sum(reach.witnesses for reach in networks), mechanism=kind,
        probability=estimate_probability(score, looks, (), doubts),
        ruled_out=tuple(word for word in words if word not in doubts), not_ruled_out=tuple(doubts),
        times=_make_times(table, max(found, key=lambda one: (one.median_s, one.n))))


def _make_reach(found: Sequence[SlowName]) -> NetworkReach:
    first = min(found, key=lambda one: one.first)
    last = max(found, key=lambda one: one.last)
    n, slow = sum(one.n for one in found), sum(one.slow for one in found)
    return NetworkReach(
        asn=first.own.network[1], onset_from=None if first.before is None else _time(first.before),
        onset=_time(first.first), onset_until=_time(first.first + 1), end_from=_time(last.last + 1),
        end_until=None if last.after is None else _time(last.after + 1), blocked=slow, decided=n,
        strength=round(slow / n, 4), witnesses=max(one.witnesses for one in found))


def _list_doubts(found: Sequence[SlowName], every: Sequence[SlowName], witnesses: int) -> Iterator[EventCheck]:
    """What may be the cause as well."""
    if witnesses < 2:
        yield "one_device"
    if any(one.before is None or one.references.before_s is None for one in found):
        yield "habit"
    if not any(_is_alike(one, other) for one in found for other in every):
        yield "refusal"
    if any(quarter in one.own.fresh for one in found for quarter in range(one.first, one.last + 1)):
        yield "fresh_names"


def _is_alike(one: SlowName, other: SlowName) -> bool:
    """Whether another service at other addresses is slowed on the same network from about the same time on."""
    return (one.own.network == other.own.network and one.own.service != other.own.service
            and one.own.prefixes.isdisjoint(other.own.prefixes) and abs(one.first - other.first) <= _TOGETHER)


def _make_times(table: TimeTable, one: SlowName) -> SlowTimes:
    known = one.references

    def tell(seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds, 3)

    return SlowTimes(
        step=one.step, took_s=round(one.median_s, 3), others_s=round(known.others_s, 3),
        others_names=known.others_names, beside_s=tell(known.beside_s), beside_names=known.beside_names,
        elsewhere_s=tell(known.elsewhere_s), elsewhere_networks=known.elsewhere_networks,
        abroad_s=tell(known.abroad_s), before_s=tell(known.before_s), connect_s=tell(known.connect_s),
        series=tuple(_list_points(table, one)))


def _list_points(table: TimeTable, one: SlowName) -> Iterator[SlowPoint]:
    """The quarters around a stretch, its end the latest."""
    names = [other for other in table.by_network[one.own.network].values() if other is not one.own]
    beside = [other for other in names if not other.prefixes.isdisjoint(one.own.prefixes)]
    others = [other for other in names if other.prefixes.isdisjoint(one.own.prefixes)]
    quarters = sorted(quarter for quarter in one.own.quarters[one.step]
                      if one.first - MOST_POINTS // 4 <= quarter <= one.last + MOST_POINTS // 4)

    def tell(of: Sequence[TimedName], quarter: int) -> float:
        levels = [level for name in of if (level := name.find_level(one.step, quarter)) is not None]
        return round(find_seconds(median_of(levels)), 3) if levels else 0.0

    for quarter in quarters[-MOST_POINTS:]:
        yield SlowPoint(hour=quarter * HOURS_OF_QUARTER, own_s=tell([one.own], quarter),
                        beside_s=tell(beside, quarter), others_s=tell(others, quarter))


def _time(quarter: int) -> datetime:
    """When a quarter begins."""
    return datetime.fromtimestamp(quarter * HOURS_OF_QUARTER * 3600, UTC)
