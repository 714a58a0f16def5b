"""Events of whole networks: shut down, walled in, silent; with series of their own, never as blocks of services."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import POOLED, CellPlace, CellSeries, CellTable, NetworkVolume
from probe_analysis.events.check_answers import CheckAnswer
from probe_analysis.events.crosscheck import DEVICE, FRESH, LEAST_CELLS, NETWORK, OUTAGE, VERSION, WORLD, ask_age
from probe_analysis.events.event import Event, NetworkReach, make_event_id
from probe_analysis.events.event_reasons import ROUTES, SILENCE
from probe_analysis.events.probability import estimate_probability
from probe_analysis.events.segments import Floats, Ints
from probe_analysis.events.series_windows import STEADY, find_windows, suspicion_threshold, window_threshold
from probe_analysis.events.window import EventWindow
from probe_analysis.events.window_judging import ExplainedWindow
from probe_analysis.tables.event_checks import EventCheck

SHUTDOWN, DEGRADED = "network", "network"
_NEAR = timedelta(hours=6)
_ONGOING = timedelta(days=2)
_LEAST_SERVICES, _WHOLE_SHARE = 4, 0.5
"""Services that fail together are a network that is down where half of all its verdicts fail."""
_SILENT_LEAST, _SILENT_SHARE, _SILENT_FOR = 8, 0.2, timedelta(hours=3)
_SILENT_NETWORKS, _PAST_DAYS = 2, 14
_OF_NETWORKS = (WORLD, DEVICE)
"""What may look like the trouble of a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outage:
    """One network, for some time, as numbers of cells."""

    place: CellPlace
    onset_from: int | None
    onset: int
    onset_until: int
    end_from: int
    end: int
    end_until: int | None
    blocked: int
    decided: int
    strength: float
    witnesses: int
    score: float
    sure: bool
    is_of_known: bool
    """Names that were known before take part."""
    mechanism: str
    unasked: tuple[EventCheck, ...] = ()
    """What else it may be, as nobody could be asked."""
    failed: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()
    """Services that failed together, and that did not."""
    has_curve: bool = False
    """Somebody gave a curve of its traffic."""


def find_network_events(cells: CellTable, explained: Sequence[ExplainedWindow],
                        known: Sequence[Event]) -> list[Event]:
    """Events of kind `network`: from verdicts `network`, from services that failed together beside those of which
    events tell already, and from silence."""
    left = [entry for entry in explained if not covers_window(entry, known, cells)]
    outages = [*_from_volumes(cells), *_from_services(left)]
    events = [_event(group, cells) for group in _group_outages(outages, cells)]
    silent = [event for event in _silences(cells) if not any(_same_time(event, other) for other in events)]
    return events + silent


def find_uncovered(cells: CellTable, explained: Sequence[ExplainedWindow], events: Sequence[Event]) -> list[Event]:
    """What networks explain of all that failed, where no event tells of the time: as a suspicion, since no run said
    what failed."""
    left = [entry for entry in explained if not covers_window(entry, events, cells)]
    found = [_event(group, cells) for group in _group_outages(_from_services(left), cells)]
    return [replace(event, status="suspected", ground="failures", lacks=event.lacks or "line") for event in found]


def covers_window(entry: ExplainedWindow, events: Sequence[Event], cells: CellTable) -> bool:
    """Whether one of these events tells of a window's service, or of its network, at a time of the window."""
    series, begin, end = entry.window.series, cells.time(entry.window.onset), cells.time(entry.window.end)
    return any((event.lab, event.place) == (series.place.lab, series.place.cc)
               and (event.kind == "network" or series.service in (event.service, *event.services_blocked))
               and event.onset <= end and begin < (event.end_until or event.end_from) for event in events)


def _from_volumes(cells: CellTable) -> Iterable[_Outage]:
    series = [_as_series(volume) for volume in cells.volumes if volume.cut.any()]
    size = len(series)
    for found in find_windows(series, cells, needed=[window_threshold(cells, 1)] * size,
                              hasty=[suspicion_threshold(cells, 1)] * size,
                              habits=[STEADY] * size):
        ends = {window.last for window in found.windows}
        newest = (found.newest,) if found.newest and found.newest.last not in ends else ()
        for window in (*found.windows, *newest):
            sure = window is not found.newest and window.cells > 1
            yield _outage(window, SHUTDOWN, sure=sure, age=ask_age(window, found.needed))


def _as_series(volume: NetworkVolume) -> CellSeries:
    """One vote for each witness: what its services say at one moment is one fact."""
    cut = np.rint(volume.witnesses * volume.cut / np.maximum(volume.measured, 1)).astype(np.int64)
    none = np.full(len(volume.times), -1, dtype=np.int32)
    return CellSeries(place=volume.place, service="", role="", target_id="", times=volume.times, blocked=cut,
                      decided=np.maximum(volume.witnesses, 1), witnesses=volume.witnesses, confirmed=cut, types=none,
                      versions=none, fresh=volume.fresh, settled=volume.settled)


def _outage(window: EventWindow, mechanism: str, *, sure: bool, age: CheckAnswer) -> _Outage:
    inside = slice(window.first, window.last + 1)
    return _Outage(
        place=window.series.place, onset_from=window.onset_from, onset=window.onset, onset_until=window.onset_until,
        end_from=window.end_from, end=window.end, end_until=window.end_until, blocked=window.blocked,
        decided=window.decided, strength=window.strength, witnesses=int(window.series.witnesses[inside].max()),
        score=window.score, sure=sure and age.answer != "doubt", is_of_known=age.answer == "out", mechanism=mechanism,
    )


def _from_services(explained: Sequence[ExplainedWindow]) -> Iterable[_Outage]:
    """Windows of one network that lie together are one outage. It is sure where most of the network fails."""
    by_place: dict[tuple[CellPlace, bool], list[ExplainedWindow]] = {}
    for candidate in explained:
        of_network = (candidate.explained_by == NETWORK and not tells_of_others(candidate)) or (
            _is_outage(candidate) and WORLD not in candidate.checks.explanations)
        if candidate.checks.at_once or of_network:
            key = candidate.window.series.place, bool(candidate.checks.at_once)
            by_place.setdefault(key, []).append(candidate)
    for (_, at_once), every in by_place.items():
        left = sorted(every, key=lambda candidate: -candidate.window.score)
        while left:
            lead, checks = left[0].window, left[0].checks
            mine = [candidate for candidate in left if candidate is left[0] or _overlap(lead, candidate.window) >= 0.5]
            unasked = tuple(word for word in checks.open if word in _OF_NETWORKS)
            several = DEVICE in checks.ruled_out or not lead.series.witnesses_told
            is_seen_outside = _is_outage(left[0])
            left = [candidate for candidate in left if not any(candidate is other for other in mine)]
            failed = frozenset[str]().union(*({one.window.series.service} | one.checks.failed for one in mine))
            many = len(failed) >= _LEAST_SERVICES and checks.network_rate >= _WHOLE_SHARE
            is_usual = any(one.checks.answers[OUTAGE].answer == "out" for one in mine if OUTAGE in one.checks.answers)
            whole = several and not at_once and not is_usual and (many or is_seen_outside)
            outage = _outage(lead, ROUTES if at_once else DEGRADED, sure=whole and lead.cells > 1, age=ask_age(lead, 0))
            if not whole and all(one.window.cells < LEAST_CELLS for one in mine):
                continue  # a single cell in which some services fail tells of nothing yet
            has_curve = any(OUTAGE in one.checks.answers for one in mine)
            yield replace(outage, unasked=unasked, has_curve=has_curve, failed=failed, spared=checks.spared - failed,
                          witnesses=outage.witnesses if lead.series.witnesses_told else 0)


def _is_outage(entry: ExplainedWindow) -> bool:
    """Whether traffic that somebody outside counts explains it."""
    return entry.explained_by == OUTAGE


def tells_of_others(entry: ExplainedWindow) -> bool:
    """Whether other countries, or one device, would explain a window as well: nobody else measured, for instance."""
    series, found = entry.window.series, entry.checks.explanations
    inside = slice(entry.window.first, entry.window.last + 1)
    return WORLD in found or DEVICE in found or (series.witnesses_told and int(series.witnesses[inside].max()) < 2)


def _overlap(one: EventWindow, other: EventWindow) -> float:
    common = min(one.end, other.end) - max(one.onset, other.onset) + 1
    return common / (max(one.end, other.end) - min(one.onset, other.onset) + 1)


def _group_outages(outages: Iterable[_Outage], cells: CellTable) -> list[list[_Outage]]:
    """Networks of a country that fail together are one event."""
    by_country: dict[tuple[bool, str, bool], list[_Outage]] = {}
    for outage in outages:
        by_country.setdefault((outage.place.lab, outage.place.cc, outage.mechanism == ROUTES), []).append(outage)
    near, made = cells.cells_in(_NEAR), []
    for key in sorted(by_country):
        left = sorted(by_country[key], key=lambda outage: (-outage.sure, -outage.score, outage.place.asn))
        while left:
            lead = left[0]
            mine = [other for other in left if _is_same(lead, other, near)]
            left = [other for other in left if other not in mine]
            made.append(mine)
    return made


def _is_same(lead: _Outage, other: _Outage, near: int) -> bool:
    """Whether an outage is part of the lead's: what is only suspected makes a sure one neither longer nor wider."""
    if other.failed and other.sure != lead.sure:
        return lead.onset <= other.onset and other.end <= lead.end
    near = 0 if other.failed else near
    return other.onset <= lead.end + near and lead.onset <= other.end + near


def _event(group: Sequence[_Outage], cells: CellTable) -> Event:
    lead = group[0]
    spans = [lead, *(each for each in group if each.failed)]
    first, last = min(spans, key=lambda each: each.onset), max(spans, key=lambda each: each.end)
    reaches: dict[int, NetworkReach] = {}
    for each in group:
        if each.place.asn != POOLED:
            reaches.setdefault(each.place.asn, _reach(each, cells))
    failed = frozenset[str]().union(*(each.failed for each in group))
    spared = frozenset[str]().union(*(each.spared for each in group)) - failed
    networks = tuple(reaches[asn] for asn in sorted(reaches))
    ongoing = any(
        each.end_until is None and (cells.last - each.end) * cells.step <= _ONGOING for each in group
    )
    has_no_witnesses = not lead.witnesses  # of counts that say neither who failed nor why
    unasked = tuple(word for word in lead.unasked if word != DEVICE or len(reaches) < 2)
    sure = lead.sure and not (has_no_witnesses and unasked)
    has_curve = any(each.has_curve for each in group)
    return Event(
        lacks="" if sure else "routes" if lead.mechanism == ROUTES else "line" if has_curve else "traffic",
        event_id=make_event_id("network", lead.place, "", cells.time(first.onset)), kind="network",
        status="confirmed" if sure else "suspected", lab=lead.place.lab,
        place=lead.place.cc, service="",
        roles=(), endpoints=(), networks=networks,
        onset_from=None if first.onset_from is None else cells.time(first.onset_from), onset=cells.time(first.onset),
        onset_until=cells.time(first.onset_until), end_from=cells.time(last.end_from) + cells.step,
        end_until=None if last.end_until is None else cells.time(last.end_until), ongoing=ongoing, daily_hours=None,
        strength=round(lead.strength, 3), blocked=sum(each.blocked for each in networks or (lead,)),
        decided=sum(each.decided for each in networks or (lead,)),
        witnesses=sum(each.witnesses for each in networks or (lead,)),
        mechanism=lead.mechanism, probability=estimate_probability(lead.score, cells.steps_per_year, unasked, ()),
        ruled_out=(FRESH,) if all(each.is_of_known for each in group) else (),
        not_ruled_out=(*sorted(unasked), *((VERSION,) if cells.version_names else ())),
        services_failed=tuple(sorted(failed)), services_spared=tuple(sorted(spared)),
    )


def _reach(outage: _Outage, cells: CellTable) -> NetworkReach:
    return NetworkReach(
        asn=outage.place.asn, onset_from=None if outage.onset_from is None else cells.time(outage.onset_from),
        onset=cells.time(outage.onset), onset_until=cells.time(outage.onset_until),
        end_from=cells.time(outage.end_from) + cells.step,
        end_until=None if outage.end_until is None else cells.time(outage.end_until), blocked=outage.blocked,
        decided=outage.decided, strength=round(outage.strength, 3), witnesses=outage.witnesses,
    )


def _same_time(one: Event, other: Event) -> bool:
    return one.place == other.place and one.onset <= other.end_from and other.onset <= one.end_from


def _silences(cells: CellTable) -> Iterable[Event]:
    """Countries from which nothing is heard while others are: several networks, many probes, all at once."""
    size = cells.last - cells.first + 1
    countries: dict[tuple[bool, str], list[NetworkVolume]] = {}
    for volume in cells.volumes:
        countries.setdefault((volume.place.lab, volume.place.cc), []).append(volume)
    old = _list_settled(cells, size)
    heard = {key: _count_heard(volumes, cells.first, old) for key, volumes in countries.items()}
    day = max(1, round(timedelta(days=1) / cells.step))
    usual = {key: _usual(counts, day) for key, counts in heard.items()}
    for key in sorted(countries):
        others = [other for other in countries if other != key and other[0] == key[0]]
        if len(countries[key]) < _SILENT_NETWORKS or not others:
            continue
        elsewhere = sum(heard[other] for other in others) >= 0.5 * sum(usual[other] for other in others)
        silent = (usual[key] >= _SILENT_LEAST) & (heard[key] <= _SILENT_SHARE * usual[key]) & elsewhere
        edges = np.flatnonzero(np.diff(np.concatenate(([False], silent, [False])).astype(np.int8)))
        for first, stop in zip(edges[::2], edges[1::2], strict=True):
            if stop - first >= cells.cells_in(_SILENT_FOR):
                yield _silence(key, countries[key], cells, int(first), int(stop), size)


def _list_settled(cells: CellTable, size: int) -> NDArray[np.bool_]:
    """The cells in which anybody but fresh names speaks: there nobody is kept from being silent by such."""
    old = np.zeros(size, dtype=np.bool_)
    for volume in cells.volumes:
        old[(volume.times if volume.fresh is None else volume.times[~volume.fresh]) - cells.first] = True
    return old


def _count_heard(volumes: Sequence[NetworkVolume], first: int, old: NDArray[np.bool_]) -> Ints:
    counts = np.zeros(len(old), dtype=np.int64)
    for volume in volumes:
        at = volume.times - first
        heard = volume.witnesses if volume.fresh is None else volume.witnesses * ~(volume.fresh & old[at])
        np.add.at(counts, at, heard)
    return counts


def _usual(counts: Ints, day: int) -> Floats:
    """Median of the same hour on the two weeks before; 0 in the first two weeks."""
    usual = np.zeros(len(counts))
    first = _PAST_DAYS * day
    if len(counts) > first:
        past = np.array([counts[first - back * day:len(counts) - back * day] for back in range(1, _PAST_DAYS + 1)])
        usual[first:] = np.median(past, axis=0)
    return usual


def _silence(key: tuple[bool, str], volumes: Sequence[NetworkVolume], cells: CellTable, first: int, stop: int,
             size: int) -> Event:
    begin: datetime = cells.time(cells.first + first)
    end = cells.time(cells.first + stop)
    place = CellPlace(lab=key[0], cc=key[1], asn=POOLED)
    return Event(
        event_id=make_event_id("network", place, "", begin), kind="network", status="suspected", lacks="traffic",
        lab=key[0], place=key[1], service="", roles=(), endpoints=(), networks=tuple(
            NetworkReach(asn=volume.place.asn, onset_from=begin - cells.step, onset=begin, onset_until=begin,
                         end_from=end,
                         end_until=None if stop == size else end, blocked=0, decided=0, strength=1.0, witnesses=0)
            for volume in volumes),
        onset_from=begin - cells.step, onset=begin, onset_until=begin, end_from=end,
        end_until=None if stop == size else end, ongoing=stop == size, daily_hours=None, strength=1.0, blocked=0,
        decided=0, witnesses=0, mechanism=SILENCE, probability=0.5, ruled_out=(WORLD,), not_ruled_out=(),
    )
