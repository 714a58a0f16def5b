"""Events that were found over many probes, and what looked like one, as tables. Pure but for reading the file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.store.files.atomic import StoreError
from probe.store.files.atomic import translate_os_errors as with_advice
from probe_analysis.events.event_log import GONE, is_event, list_current
from probe_analysis.findings.finding_values import LookFinding
from probe_analysis.findings.logged_findings import (
    BAD_ROW,
    HelloShapes,
    LoggedEvent,
    LoggedWindow,
    Row,
    read_logged_event,
    read_logged_window,
)
from probe_analysis.look.timed_parts import describe_slowness
from probe_analysis.pages.language import ReportLanguage, find_block_type
from probe_analysis.pages.names import name_place, name_service
from probe_analysis.pages.tables import Cell, FoldedTable, PageTable, TableRow, TableSection

_MAX_BYTES = 32 << 20
_MAX_EVENTS, _MAX_DISMISSED = 500, 200
_MAX_ITEMS = 12
_HEADS = ("what", "where", "onset", "end", "cause", "status", "numbers")
_DISMISSED_HEADS = ("what", "where", "when", "why", "numbers", "mind")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFile:
    """What a log holds: the last word on each event, how many were withdrawn, how many lines are no rows."""

    events: tuple[LoggedEvent, ...]
    withdrawn: int = 0
    unreadable: int = 0
    dismissed: tuple[LoggedWindow, ...] = ()


def read_events(path: Path) -> EventFile:
    """The events of a file in order of onset. Raises StoreError where it cannot be read at all."""
    with with_advice(path), path.open("rb") as file:
        text = file.read(_MAX_BYTES + 1)
    if len(text) > _MAX_BYTES:
        raise StoreError(f"{path}: larger than {_MAX_BYTES >> 20} MiB; give the events of a shorter time")
    return parse_events(text.decode("utf-8", "replace").splitlines())


def parse_events(lines: Iterable[str]) -> EventFile:
    """The events of JSON Lines; a line that is no row of a log is counted and left out."""
    rows, unreadable = list[Row](), 0
    for line in filter(str.strip, lines):
        try:
            row = json.loads(line)
            rows.append({**row, "event_id": row["event_id"]})
        except (*BAD_ROW, RecursionError):
            unreadable += 1
    events, dismissed, withdrawn = list[LoggedEvent](), list[LoggedWindow](), 0
    for row in list_current(rows).values():
        try:
            if row.get("change") in GONE:
                withdrawn += is_event(row)
            elif is_event(row):
                events.append(read_logged_event(row))
            else:
                dismissed.append(read_logged_window(row))
        except BAD_ROW:
            unreadable += 1
    return EventFile(events=tuple(sorted(events, key=lambda event: event.finding.onset_until)), withdrawn=withdrawn,
                     unreadable=unreadable, dismissed=tuple(sorted(dismissed, key=lambda one: one.window.onset)))


def make_events_section(found: EventFile, titles: Mapping[str, str], say: ReportLanguage) -> TableSection:
    """The table of events, the latest last, and what is no event folded away, the latest first."""
    shown = found.events[-_MAX_EVENTS:]
    notes = (("event.withdrawn", found.withdrawn), ("event.unreadable", found.unreadable),
             ("event.more", len(found.events) - len(shown)))
    return TableSection(
        anchor="events", note=say("event.note"), none=say("event.none"), notes=[say(key, n=n) for key, n in notes if n],
        table=PageTable(title=say("event.heading"), heads=[say(f"event.{key}") for key in _HEADS], css="events",
                        rows=[_row(event, titles, say) for event in shown]),
        folded=fold_dismissed(found.dismissed[::-1], titles, say))


def fold_dismissed(dismissed: Sequence[LoggedWindow], titles: Mapping[str, str], say: ReportLanguage,
                   name_asn: Callable[[int], str] = "AS{}".format) -> FoldedTable | None:
    """What failed and is no event, each with the reason, as many as there is room for; None where there is none."""
    left = len(dismissed) - _MAX_DISMISSED
    return FoldedTable(
        summary=say("dismissed.summary", n=len(dismissed)), note=say("dismissed.note"),
        notes=[say("event.more", n=left)] if left > 0 else (), table=PageTable(
            title=say("dismissed.heading"), heads=[say(f"dismissed.{key}") for key in _DISMISSED_HEADS], css="events",
            rows=[_make_dismissed_row(one, titles, say, name_asn) for one in dismissed[:_MAX_DISMISSED]],
        )) if dismissed else None


def describe_event(finding: LookFinding, say: ReportLanguage, *, ongoing: bool) -> str:
    """When an event was, which roles it struck, how, and how sure that is; its table tells the rest."""
    facts = (say("page.comma").join(say.name_word("role", role) for role in finding.roles), finding.mechanism,
             say.name_word("status", finding.status))
    known = say("page.semicolon").join(filter(None, facts))
    begin = _describe_onset(finding, say)
    when = say("event.brief_ongoing", begin=begin) if ongoing else say(
        "event.brief", begin=begin, end=_describe_end(finding, say))
    return when + (f" ({known})" if known else "")


def _row(event: LoggedEvent, titles: Mapping[str, str], say: ReportLanguage) -> TableRow:
    finding, unknown = event.finding, say("event.unknown")
    numbers = (("counts", f"{finding.blocked} / {finding.n}"), ("witnesses", finding.witnesses),
               ("probability", f"{finding.probability:.2f}"), ("to_make", event.forgers.get("to_make")),
               ("to_hide", event.forgers.get("to_hide")))
    known = find_block_type(finding.mechanism)
    checks = (("ruled_out", finding.ruled_out), ("not_ruled_out", finding.not_ruled_out))
    words = [say(f"event.{key}", words=", ".join(word.replace("_", " ") for word in said)) for key, said in checks
             if said]
    asns = [one.label or f"AS{one.asn}" for one in finding.networks[:_MAX_ITEMS]]
    asns += ["…"] if len(finding.networks) > _MAX_ITEMS else []
    place = name_place(event.cc, say, lab=event.lab)
    return TableRow(service=finding.service, css="event", cells=(
        _subject(finding.service or say("event.whole_network"), finding.roles, finding.targets[:_MAX_ITEMS], titles,
                 say),
        f"{place} ({', '.join(asns)})" if asns else place, _describe_onset(finding, say),
        say("event.ongoing") if event.ongoing else _describe_end(finding, say),
        Cell(code=finding.mechanism, notes=[say.meaning(known)] if known else [
            describe_slowness(finding.times)] if finding.times else ()) if finding.mechanism else unknown,
        Cell(strong=say.name_word("status", finding.status),
             notes=[*words, *([say("event.lacks", what=say.name_word("lacks", event.lacks))] if event.lacks else ()),
                    *(_list_hello_words(event.hellos, say) if event.hellos else ())]),
        Cell(lines=[f"{say(f'event.{key}')}: {unknown if value is None else value}" for key, value in numbers])))


def _make_dismissed_row(one: LoggedWindow, titles: Mapping[str, str], say: ReportLanguage,
                        name_asn: Callable[[int], str]) -> TableRow:
    window, place = one.window, name_place(one.cc, say, lab=one.lab)
    counts = [f"{say('event.counts')}: {window.blocked} / {window.n}"] if window.n else []
    return TableRow(service=window.service, css="event dismissed", cells=(
        _subject(window.service or say("event.whole_network"), filter(None, [window.role]), filter(None, [one.target]),
                 titles, say),
        f"{place} ({name_asn(one.asn)})" if one.asn > 0 else place,
        " \u2013 ".join(filter(None, (window.onset, window.end))) or say("event.unknown"),
        say("dismissed.always") if one.flaky else say.name_word("check", window.explained_by),
        Cell(lines=[*counts, *(f"{name.replace('_', ' ')}: {value}" for name, value in one.numbers)]),
        say.name_word("check_mind", window.explained_by)))


def _subject(service: str, roles: Iterable[str], targets: Iterable[str], titles: Mapping[str, str],
             say: ReportLanguage) -> Cell:
    return Cell(strong=name_service(service, titles), ids=", ".join(targets),
                text=say("page.comma").join(say.name_word("role", role) for role in roles))


def _list_hello_words(shapes: HelloShapes, say: ReportLanguage) -> list[str]:
    comma = say("page.comma")
    struck = [say("event.hellos_struck", struck=comma.join(shapes.struck), spared=comma.join(shapes.spared))]
    new = [say("event.hellos_new", shapes=comma.join(shapes.new), new=shapes.of_new, known=shapes.of_known)]
    return [*(struck if shapes.struck else []), *(new if shapes.new else [])]


def _describe_onset(finding: LookFinding, say: ReportLanguage) -> str:
    first = say.moment(finding.onset_from) if finding.onset_from else say("event.before")
    return _join_moments(first, say.moment(finding.onset_until))


def _describe_end(finding: LookFinding, say: ReportLanguage) -> str:
    last = say.moment(finding.end_until) if finding.end_until else say("event.since")
    return _join_moments(say.moment(finding.end_from or finding.last), last)


def _join_moments(first: str, last: str) -> str:
    return first if first == last else f"{first} \u2013 {last}"
