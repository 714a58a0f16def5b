"""Events that were found over many probes: read from JSON Lines, whatever is missing, and shown as a table.

A file may be a log in which later lines revise earlier ones (`event_id`): the last word on each counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from probe.core.stamps import parse_time
from probe.store.files.atomic import StoreError
from probe.store.files.atomic import translate_os_errors as with_advice
from probe_analysis.pages.language import ReportLanguage, find_block_type
from probe_analysis.pages.names import name_place, name_service
from probe_analysis.pages.tables import Cell, FoldedTable, PageTable, TableRow, TableSection

_MAX_BYTES = 32 << 20
_MAX_EVENTS, _MAX_DISMISSED = 500, 200
_MAX_ITEMS = 12
_MAX_TEXT = 120
_NO_EVENTS = ("dismissed", "flaky")
"""Kinds of rows that tell of what is no event."""

Fields = Mapping[str, object]
_HEADS = ("what", "where", "onset", "end", "cause", "status", "numbers")
_DISMISSED_HEADS = ("what", "where", "when", "why", "numbers", "mind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Something happened between two moments, either of which may be unknown; as given, where it is no time."""

    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloShapes:
    """Which shapes of ClientHellos an event strikes and spares, and which came with its onset."""

    struck: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    of_new: str = ""
    """Failed of all, with new hellos; the same of those from before."""
    of_known: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEvent:
    """One event as the file tells it; empty where it does not."""

    kind: str = ""
    status: str = ""
    lab: bool = False
    place: str = ""
    service: str = ""
    roles: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    onset: Interval = Interval()
    end: Interval = Interval()
    ongoing: bool = False
    block_type: str = ""
    witnesses: str = ""
    probability: str = ""
    to_make: str = ""
    """Colluding names that would have made it up."""
    to_hide: str = ""
    blocked: str = ""
    decided: str = ""
    ruled_out: tuple[str, ...] = ()
    not_ruled_out: tuple[str, ...] = ()
    hellos: HelloShapes | None = None
    """Where the shapes of the volunteers' own ClientHellos matter."""
    explained_by: str = ""
    """Of what is no event, which check explains it, with its numbers."""
    numbers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFile:
    """What a file of events holds: the last word on each, how many were withdrawn, how many lines nobody can read."""

    events: tuple[FoundEvent, ...]
    withdrawn: int = 0
    unreadable: int = 0
    dismissed: tuple[FoundEvent, ...] = ()
    """Windows that are no events, and series that fail by themselves."""


def read_events(path: Path) -> EventFile:
    """The events of a file in order of onset. Raises StoreError where it cannot be read at all."""
    with with_advice(path), path.open("rb") as file:
        text = file.read(_MAX_BYTES + 1)
    if len(text) > _MAX_BYTES:
        raise StoreError(f"{path}: larger than {_MAX_BYTES >> 20} MiB; give the events of a shorter time")
    return parse_events(text.decode("utf-8", "replace").splitlines())


def parse_events(lines: Iterable[str]) -> EventFile:
    """The events of JSON Lines; a line that is no object is counted and left out."""
    latest: dict[str, Fields] = {}
    unreadable = 0
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            unreadable += 1
            continue
        latest[_text(row.get("event_id")) or f"line {number}"] = row
    kept = [row for row in latest.values() if row.get("change") != "withdrawn"]
    document = [row for row in kept if row.get("kind") not in _NO_EVENTS]
    events = sorted((_event(row) for row in document), key=lambda event: (event.onset.last or event.onset.first))
    dismissed = sorted((_event(row) for row in kept if row.get("kind") in _NO_EVENTS), key=lambda row: row.onset.first)
    withdrawn = sum(row.get("change") == "withdrawn" and row.get("kind") not in _NO_EVENTS for row in latest.values())
    return EventFile(events=tuple(events), withdrawn=withdrawn, unreadable=unreadable, dismissed=tuple(dismissed))


def make_events_section(found: EventFile, titles: Mapping[str, str], say: ReportLanguage) -> TableSection:
    """The table of events, the latest last, and what is no event folded away, the latest first."""
    shown, dismissed = found.events[-_MAX_EVENTS:], found.dismissed[::-1][:_MAX_DISMISSED]
    notes = (("event.withdrawn", found.withdrawn), ("event.unreadable", found.unreadable),
             ("event.more", len(found.events) - len(shown)))
    left = len(found.dismissed) - len(dismissed)
    return TableSection(
        anchor="events", note=say("event.note"), none=say("event.none"), notes=[say(key, n=n) for key, n in notes if n],
        table=PageTable(title=say("event.heading"), heads=[say(f"event.{key}") for key in _HEADS], css="events",
                        rows=[_row(event, titles, say) for event in shown]),
        folded=FoldedTable(
            summary=say("dismissed.summary", n=len(found.dismissed)), note=say("dismissed.note"),
            notes=[say("event.more", n=left)] if left else (), table=PageTable(
                title=say("dismissed.heading"), heads=[say(f"dismissed.{key}") for key in _DISMISSED_HEADS],
                css="events", rows=[_make_dismissed_row(row, titles, say) for row in dismissed],
            )) if dismissed else None)


def describe_event(event: FoundEvent, say: ReportLanguage) -> str:
    """When an event was, which roles it struck, how, and how sure that is; its table tells the rest."""
    begin = _interval(event.onset, say, missing_first=say("event.before")) or say("event.unknown")
    end = _interval(event.end, say, missing_last=say("event.since")) or say("event.unknown")
    facts = (say("page.comma").join(say.name_word("role", role) for role in event.roles), event.block_type,
             say.name_word("status", event.status) if event.status else "")
    known = say("page.semicolon").join(filter(None, facts))
    when = say("event.brief_ongoing", begin=begin) if event.ongoing else say("event.brief", begin=begin, end=end)
    return when + (f" ({known})" if known else "")


def _row(event: FoundEvent, titles: Mapping[str, str], say: ReportLanguage) -> TableRow:
    unknown = say("event.unknown")
    counts = f"{event.blocked} / {event.decided}" if event.blocked and event.decided else ""
    numbers = (("counts", counts), ("witnesses", event.witnesses), ("probability", event.probability),
               ("to_make", event.to_make), ("to_hide", event.to_hide))
    known = find_block_type(event.block_type)
    words = [say("event.ruled_out", words=_join_with_spaces(event.ruled_out))] if event.ruled_out else []
    words += [say("event.not_ruled_out", words=_join_with_spaces(event.not_ruled_out))] if event.not_ruled_out else []
    words += _list_hello_words(event.hellos, say) if event.hellos else []
    return TableRow(service=event.service, css="event", cells=(
        _subject(event, say("event.whole_network") if event.kind == "network" else unknown, titles, say),
        _place(event, say), _interval(event.onset, say, missing_first=say("event.before")) or unknown,
        say("event.ongoing") if event.ongoing else
        _interval(event.end, say, missing_last=say("event.since")) or unknown,
        Cell(code=event.block_type, notes=[say.meaning(known)] if known else ()) if event.block_type else unknown,
        Cell(strong=say.name_word("status", event.status) if event.status else unknown, notes=words),
        Cell(lines=[f"{say(f'event.{key}')}: {value or unknown}" for key, value in numbers])))


def _make_dismissed_row(row: FoundEvent, titles: Mapping[str, str], say: ReportLanguage) -> TableRow:
    return TableRow(service=row.service, css="event dismissed", cells=(
        _subject(row, say("event.unknown"), titles, say), _place(row, say),
        " \u2013 ".join(filter(None, (row.onset.first, row.end.first))) or say("event.unknown"),
        say("dismissed.always") if row.kind == "flaky" else say.name_word("check", row.explained_by),
        Cell(lines=[f"{name.replace('_', ' ')}: {value}" for name, value in row.numbers]),
        say.name_word("check_mind", row.explained_by)))


def _subject(row: FoundEvent, nothing: str, titles: Mapping[str, str], say: ReportLanguage) -> Cell:
    """`nothing`: where no service is named."""
    roles = say("page.comma").join(say.name_word("role", role) for role in row.roles)
    return Cell(strong=name_service(row.service, titles) or nothing, text=roles, ids=", ".join(row.endpoints))


def _place(row: FoundEvent, say: ReportLanguage) -> str:
    networks = f"({', '.join(row.networks)})" if row.networks else ""
    return " ".join(filter(None, (name_place(row.place, say, lab=row.lab), networks))) or say("event.unknown")


def _list_hello_words(shapes: HelloShapes, say: ReportLanguage) -> list[str]:
    comma = say("page.comma")
    struck = [say("event.hellos_struck", struck=comma.join(shapes.struck), spared=comma.join(shapes.spared))]
    new = [say("event.hellos_new", shapes=comma.join(shapes.new), new=shapes.of_new, known=shapes.of_known)]
    return [*(struck if shapes.struck else []), *(new if shapes.new else [])]


def _join_with_spaces(words: Sequence[str]) -> str:
    return ", ".join(word.replace("_", " ") for word in words)


def _interval(interval: Interval, say: ReportLanguage, missing_first: str = "", missing_last: str = "") -> str:
    first = _when(interval.first, say) if interval.first else missing_first if interval.last else ""
    last = _when(interval.last, say) if interval.last else missing_last if interval.first else ""
    return first if first == last else " \u2013 ".join(filter(None, (first, last)))


def _when(stamp: str, say: ReportLanguage) -> str:
    try:
        return say.moment(parse_time(stamp))
    except (ValueError, OverflowError):
        return stamp


def _event(row: Fields) -> FoundEvent:
    """Tolerant of names: `role` or `roles`, `block_type` or `mechanism`, bounds apart or in one field."""
    return FoundEvent(
        kind=_text(row.get("kind")), status=_text(row.get("status")), lab=row.get("lab") is True,
        place=_text(row.get("place") or row.get("cc")),
        service=_text(row.get("service") or ", ".join(_texts(row.get("services_blocked")))),
        roles=_texts(row.get("roles") or row.get("role")),
        endpoints=_texts(row.get("endpoints") or row.get("targets")), networks=_networks(row.get("networks")),
        onset=_bounds(row, "onset", "from", "until"), end=_bounds(row, "end", "from", "until"),
        ongoing=row.get("ongoing") is True, block_type=_text(row.get("block_type") or row.get("mechanism")),
        witnesses=_text(row.get("witnesses")), probability=_number(row.get("probability", row.get("confidence"))),
        to_make=_forgers(row, "to_make"), to_hide=_forgers(row, "to_hide"),
        blocked=_text(row.get("blocked")), decided=_text(row.get("decided")),
        ruled_out=_texts(row.get("ruled_out")), not_ruled_out=_texts(row.get("not_ruled_out")),
        hellos=_hellos(row.get("own_hello")), explained_by=_text(row.get("explained_by")),
        numbers=_list_numbers(row.get("numbers")),
    )


def _hellos(document: object) -> HelloShapes | None:
    if not isinstance(document, Mapping):
        return None
    numbers = document.get("numbers")
    counts = numbers if isinstance(numbers, Mapping) else {}
    of_new, of_known = (f"{_number(counts.get(f'failed_of_{side}'))} / {_number(counts.get(f'of_{side}'))}"
                        for side in ("new_hellos", "hellos_from_before"))
    return HelloShapes(struck=_texts(document.get("struck")), spared=_texts(document.get("spared")),
                       new=_texts(document.get("new")) if document.get("answer") == "doubt" else (),
                       of_new=of_new, of_known=of_known)


def _forgers(row: Fields, what: str) -> str:
    document = row.get("forgers_needed")
    names = document.get(what) if isinstance(document, Mapping) else None
    return _text(names.get("established")) if isinstance(names, Mapping) else ""


def _list_numbers(document: object) -> tuple[tuple[str, str], ...]:
    shown = list(document.items())[:_MAX_ITEMS] if isinstance(document, Mapping) else []
    return tuple((_text(name), number) for name, value in shown if (number := _number(value)))


def _bounds(row: Fields, name: str, *ends: str) -> Interval:
    """From `onset_from` and `onset_until`, or from `onset` as a pair, a table of the two, or a single moment."""
    apart = [_text(row.get(f"{name}_{end}")) for end in ends]
    if any(apart):
        return Interval(first=apart[0], last=apart[1])
    whole = row.get(name) or row.get(f"{name}_interval")
    if isinstance(whole, Mapping):
        found = [_text(value) for value in whole.values()]
        named = [_text(whole.get(end)) for end in ends]
        first, last = named if any(named) else [*found, "", ""][:2]
        return Interval(first=first, last=last)
    if isinstance(whole, list):
        found = [_text(value) for value in whole[:2]]
        return Interval(first=found[0] if found else "", last=found[-1] if found else "")
    return Interval(first=_text(whole), last=_text(whole))


def _networks(value: object) -> tuple[str, ...]:
    """Names of networks: numbers, texts, or tables with `asn`."""
    items: Sequence[object] = value if isinstance(value, list) else [] if value is None else [value]
    found = []
    for item in items[:_MAX_ITEMS]:
        asn = cast("Fields", item).get("name") or cast("Fields", item).get("asn") if isinstance(item, Mapping) else item
        found.append(f"AS{_text(asn)}" if isinstance(asn, int) and not isinstance(asn, bool) else _text(asn))
    return (*filter(None, found), *(["…"] if len(items) > _MAX_ITEMS else []))


def _texts(value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    found = [text for item in items[:_MAX_ITEMS] if (text := _text(item))]
    return (*found, *(["…"] if len(items) > _MAX_ITEMS else []))


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = str(value)
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else _text(value)
