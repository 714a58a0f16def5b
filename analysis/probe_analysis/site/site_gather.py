"""From what `probe analyse` keeps to what a site may show: the log, and the cells, both released first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

from probe.catalogue.packaged import load_titles
from probe.core.stamps import parse_time
from probe.store.files.atomic import StoreError, translate_os_errors
from probe_analysis.cells.file_names import CELLS_FILE, EVENTS_FILE
from probe_analysis.counting.cell_view import COUNTED, open_cells
from probe_analysis.counts.cells_origin import CellsOrigin, read_origin
from probe_analysis.events.corrections import find_corrections_file, read_corrections, sort_by_event
from probe_analysis.events.event_log import GONE, is_event, list_current
from probe_analysis.events.log_file import read_log
from probe_analysis.findings.finding_values import LookFinding, LookNetwork, LookSource, MeasuredPart, SourceKind
from probe_analysis.findings.logged_findings import (
    BAD_ROW,
    LoggedWindow,
    Row,
    read_logged_finding,
    read_logged_window,
)
from probe_analysis.look.look_release import end_of_day, release_source, start_of_day
from probe_analysis.look.look_sentences import is_by_day, may_name
from probe_analysis.pages.time_buckets import EMPTY_OF_MANY, TimeBuckets, make_fleet_cell, make_span_buckets
from probe_analysis.site.site_cells import MEMORY_MB, CellWindow, SiteCells, WindowSince
from probe_analysis.site.site_names import name_events
from probe_analysis.site.site_release import (
    find_last_day,
    find_release_time,
    name_days,
    wait_for,
)
from probe_analysis.site.site_values import (
    DaySums,
    EventSeries,
    Place,
    SiteChange,
    SiteData,
    SiteEvent,
)

MAX_DAYS = 1100
_DAY, _NEAR, _LONG = timedelta(days=1), timedelta(days=14), timedelta(days=400)
_STEPS = 90
_Counted = TypeVar("_Counted", LookFinding, LookNetwork)


def gather_site(folder: Path, *, now: datetime, operators: Mapping[int, str]) -> SiteData:
    """Everything that may be shown at that time. Raises StoreError, saying what to do."""
    path = folder / CELLS_FILE
    if not path.is_file():
        raise StoreError(f"{folder}: there are no cells in it; make them with `probe analyse RESULTS -o DIR`")
    with translate_os_errors(path):
        origin = read_origin(path)
    kind: SourceKind = "own" if origin.names is None else "counts"
    log = read_log(folder / EVENTS_FILE)
    with open_cells(SiteCells, path, memory_mb=MEMORY_MB) as cells:
        heard = [one for one in cells.list_heard(known_alone=kind == "own")
                 if one[1] <= find_last_day(now, kind) + 2 * _DAY]
        if not heard:
            raise StoreError(f"{path}: there are no cells in it; cells.json beside it says what was left out and why")
        counted = heard if origin.witnesses_told else [(place, day, 0) for place, day, _ in heard]
        named = name_days(counted, kind)
        cells.keep_named(named)
        last = find_last_day(now, kind)
        first = max(min(day for _, day, _ in heard), last - timedelta(days=MAX_DAYS - 1))
        data = SiteData(
            kind=kind, lab=cells.is_lab(), now=now, step=origin.step, first_day=first,
            days=max(0, (last - first).days + 1), events=(), dismissed=(), sums=cells.sum_days(first, last),
            titles=load_titles(), operators=operators, labels=origin.names or {})
        whole: dict[str, LookFinding] = {}
        names = name_events(log)
        events, unread = _read_events(data, log, names, origin, whole)
        dismissed, odd = _read_dismissed(data, log, {(place, day) for place, day in named})
        return replace(data, events=tuple(_count_around(cells, data, events, origin, whole)), dismissed=dismissed,
                       unread=unread + odd,
                       corrections=sort_by_event(read_corrections(find_corrections_file(folder)), names,
                                                 lab=data.lab))


def _read_events(data: SiteData, log: Sequence[Row], names: Mapping[str, str], origin: CellsOrigin,
                 whole: dict[str, LookFinding]) -> tuple[list[SiteEvent], int]:
    """Every event of which something may be shown, and how many rows are none; `names`: of
    `name_events`; `whole`: takes the latest finding of each, before it was released."""
    unread = 0
    now: dict[str, list[SiteChange]] = {}
    places: dict[str, str] = {}
    for row in log:
        if not is_event(row) or bool(row.get("lab")) != data.lab:
            continue
        try:
            key = names[str(row["event_id"])]
            finding = read_logged_finding(row, witnesses_told=origin.witnesses_told)
            change = _make_change(data, row, finding)
        except BAD_ROW:
            unread += 1
            continue
        if change.published <= data.now:
            now.setdefault(key, []).append(change)
            places[key] = row["place"]
            whole[key] = finding
    events = []
    for key, changes in now.items():
        if all(change.change in GONE for change in changes):
            continue  # it was never shown
        events.append(SiteEvent(
            key=key, cc=places[key], service=changes[-1].finding.service, finding=changes[-1].finding,
            withdrawn=changes[-1].change in GONE, changes=tuple(changes)))
    return sorted(events, key=lambda event: (event.finding.onset_until, event.key), reverse=True), unread


def _make_change(data: SiteData, row: Row, finding: LookFinding) -> SiteChange:
    source = _source(data.kind, finding)
    published = max(datetime.fromisoformat(str(row["logged_at"])).astimezone(UTC),
                    find_release_time(source, finding, data.step))
    return SiteChange(change=str(row["change"]), revision=int(row["revision"]), published=published,
                      finding=release_source(source).findings[0])


def _source(kind: SourceKind, finding: LookFinding) -> LookSource:
    return LookSource(kind=kind, label="", findings=(finding,))


def _read_dismissed(data: SiteData, log: Sequence[Row],
                    named: set[tuple[Place, date]]) -> tuple[tuple[LoggedWindow, ...], int]:
    """What is no event, the latest first; networks without a name that day lose their number, times are days then.
    What a check counted may tell of single probes."""
    found, unread = [], 0
    limit = datetime.combine(find_last_day(data.now, data.kind) + _DAY, time(), UTC)
    for row in list_current(log).values():
        if is_event(row) or row.get("change") in GONE or bool(row.get("lab")) != data.lab:
            continue
        try:
            one = read_logged_window(row)
            begin, end = map(parse_time, (one.window.onset, one.window.end))
        except BAD_ROW:
            unread += 1
            continue
        if end + data.step <= limit:
            known = data.kind == "counts" or ((one.cc, one.asn), begin.date()) in named
            window = replace(one.window, onset=one.window.onset[:10], end=one.window.end[:10])
            found.append(replace(one, asn=one.asn if known else 0, window=window, numbers=()))
    return tuple(sorted(found, key=lambda one: (one.window.onset, one.window.end), reverse=True)), unread


def _count_around(cells: SiteCells, data: SiteData, events: Sequence[SiteEvent],
                  origin: CellsOrigin, whole: Mapping[str, LookFinding]) -> Iterable[SiteEvent]:
    """The events with what the cells say around them; of those that go on, as they are by now."""
    windows = [_window(data, event, whole[event.key]) for event in events]
    cells.open_windows(windows, data.step, find_last_day(data.now, data.kind))
    since = cells.list_since()
    parts: dict[int, list[MeasuredPart]] = {}
    for number, part in cells.list_parts(origin):
        parts.setdefault(number, []).append(part)
    steps: dict[int, dict[int, tuple[int, ...]]] = {}
    for number, step, counts in cells.list_steps():
        steps.setdefault(number, {})[step] = counts
    for number, (event, window) in enumerate(zip(events, windows, strict=True)):
        finding = event.finding
        if finding.end_from is None and not event.withdrawn and (number, 0) in since:
            networks = {one.asn: now for one in finding.networks if (now := since.get((number, one.asn))) and one.asn}
            finding = _go_on(data, finding, since[number, 0], networks, origin)
        source = replace(_source(data.kind, finding), measured=tuple(parts.get(number, ())))
        span = ((window.begin.date() - data.first_day).days, (window.limit.date() - data.first_day).days)
        yield replace(event, finding=finding, measured=release_source(source).measured,
                      services_beside=_count_services(data.sums, event.cc, event.service, span),
                      countries_beside=_count_countries(data.sums, event.cc, event.service, span),
                      series=_series(window, steps.get(number, {})))


def _go_on(data: SiteData, finding: LookFinding, since: WindowSince, networks: Mapping[int, WindowSince],
           origin: CellsOrigin) -> LookFinding:
    """An event that goes on as it is by now: the log keeps what it was when something was told of it last."""
    last = max(finding.last, since.last + data.step)
    if is_by_day(_source(data.kind, finding), finding):
        last = end_of_day(last - timedelta(microseconds=1))
    if finding.status == "unplaced" or finding.kind in ("network", "slowed") or since.blocked < finding.blocked:
        return replace(finding, last=last)  # counted from something else than verdicts
    return replace(_count_on(finding, since, origin), last=last, networks=tuple(
        _count_on(one, now, origin) if (now := networks.get(one.asn)) and now.blocked >= one.blocked else one
        for one in finding.networks))


def _count_on(known: _Counted, since: WindowSince, origin: CellsOrigin) -> _Counted:
    witnesses = max(known.witnesses or 0, since.witnesses) if origin.witnesses_told else None
    return replace(known, n=since.n, blocked=since.blocked, witnesses=witnesses)


def _window(data: SiteData, event: SiteEvent, whole: LookFinding) -> CellWindow:
    finding, source = event.finding, _source(data.kind, event.finding)
    by_day = is_by_day(source, finding)
    limit = data.now - wait_for(data.kind)
    limit = start_of_day(limit) if by_day else limit
    begun = finding.onset_from or finding.onset_until
    over = min(limit, (finding.end_until or finding.end_from) if finding.end_from else limit)
    pad = min(_NEAR, max(over - begun, timedelta(days=3) if by_day else timedelta(hours=18)))
    start, end = max(begun - pad, over - _LONG), max(begun + data.step, min(limit, over + pad))
    steps = _choose_steps(start, end, by_day=by_day, step=data.step)
    return CellWindow(
        cc=event.cc, service=event.service, roles=finding.roles, begin=max(begun, over - _LONG) - _NEAR,
        limit=min(limit, over + _NEAR), onset=whole.onset_until, steps=steps,
        networks={one.asn: may_name(source, one) for one in whole.networks if one.asn},
        whole=by_day)


def _choose_steps(start: datetime, end: datetime, *, by_day: bool, step: timedelta) -> TimeBuckets:
    least = _DAY if by_day else step
    while True:
        steps = make_span_buckets(start, end, most=_STEPS)
        if steps.width >= least:
            return steps
        start -= _DAY


def _series(window: CellWindow, found: Mapping[int, tuple[int, ...]]) -> EventSeries | None:
    """From the first to the last step in which something was counted."""
    if not found:
        return None
    wanted = window.steps
    steps = replace(wanted, count=min(wanted.count, max(found) + 1))
    return EventSeries(steps=steps, line=tuple(
        make_fleet_cell(dict(zip(COUNTED, found[at], strict=True))) if at in found else EMPTY_OF_MANY
        for at in range(steps.count)))


def _count_services(sums: DaySums, cc: str, service: str, span: tuple[int, int]) -> int:
    """Other services of the country that were measured around an event."""
    return len({key[2] for key, line in sums.items() if key[0] == cc and key[2] != service and line.has_day(*span)})


def _count_countries(sums: DaySums, cc: str, service: str, span: tuple[int, int]) -> int:
    """Other countries in which the service was measured."""
    return len({key[0] for key, line in sums.items() if key[2] == service and key[0] != cc and line.has_day(*span)})
