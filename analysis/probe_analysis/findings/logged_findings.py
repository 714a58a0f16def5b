"""The one reader of what the log of events says: rows become findings, or windows that are no event. Pure.

Every reader raises one of `BAD_ROW` for a row that is none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from probe.core.stamps import parse_time
from probe.core.tables.words import read_word
from probe_analysis.events.event_log import CHANGES
from probe_analysis.events.slow_times import MOST_POINTS, SLOWED, SlowTimes
from probe_analysis.findings.finding_values import DismissedWindow, FindingKind, LookFinding, LookNetwork
from probe_analysis.tables.day_numbers import parse_known_time
from probe_analysis.tables.event_checks import EVENT_CHECKS
from probe_analysis.tables.event_reasons import EVENT_LACKS

Row = Mapping[str, Any]
MAX_NAMED: Final = 200
MAX_TEXT: Final = 80
"""So many characters of a name of others are shown."""
BAD_ROW = (ValueError, KeyError, TypeError, OverflowError, AttributeError, IndexError)
_MAX_NUMBERS = 12
_MAX_SENTENCE = 300
_STATUSES = ("confirmed", "suspected", "unplaced")
_LACKS: Mapping[str, str] = {str(word): text for word, text in EVENT_LACKS.items()}
_KINDS: Mapping[str, FindingKind] = {"network": "network", SLOWED: "slowed"}
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloShapes:
    """Which shapes of ClientHellos an event strikes and spares, and which came with its onset."""

    struck: tuple[str, ...]
    spared: tuple[str, ...]
    new: tuple[str, ...]
    of_new: str
    """Failed of all, with new hellos; the same of those from before."""
    of_known: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An event as one row tells it."""

    cc: str
    lab: bool
    ongoing: bool
    """As the detector has it; a finding goes on as well where nobody measured since."""
    finding: LookFinding
    hellos: HelloShapes | None
    """Where the shapes of the volunteers' own ClientHellos matter."""
    forgers: Mapping[str, int]
    """`to_make` and `to_hide`: colluding names that would have made it up, and that would have hidden it."""
    lacks: str = ""
    """What would confirm it, as a word; empty: it is confirmed, or nobody said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedWindow:
    """A time of failures that is no event, or a series that fails by itself."""

    cc: str
    lab: bool
    asn: int
    """0: not named, or several."""
    flaky: bool
    window: DismissedWindow
    target: str
    numbers: tuple[tuple[str, str], ...]
    """Of the check that explains it."""


def read_logged_event(row: Row) -> LoggedEvent:
    """An event for a page."""
    forgers = row.get("forgers_needed") or {}
    return LoggedEvent(
        cc=read_country(row), lab=row.get("lab") is True, ongoing=bool(row["ongoing"]),
        finding=read_logged_finding(row, witnesses_told=row["witnesses"] is not None),
        hellos=_read_hellos(row["own_hello"]) if row.get("own_hello") else None, lacks=_read_lack(row),
        forgers={word: int(needed["established"]) for word, needed in forgers.items() if needed})


def read_logged_finding(row: Row, *, witnesses_told: bool = True, most: int = MAX_NAMED) -> LookFinding:
    """A row of the log as a finding, with so many networks and targets at the most. Its networks rest on known names
    where that was asked and ruled out."""
    check_row(row)
    ongoing = bool(row["ongoing"]) or row["end_until"] is None
    end_from = parse_time(row["end_from"])
    known = "fresh_names" in row["ruled_out"]
    networks = tuple(_network(one, witnesses_told, known) for one in row["networks"][:most])
    n = sum(one.n for one in networks)
    strength = sum(float(cells["strength"]) * one.n for cells, one in zip(row["networks"], networks, strict=False))
    until = parse_time(row["onset_until"])
    last = max(until, end_from, *(parse_time(cells["end_from"]) for cells in row["networks"]))
    return LookFinding(
        kind=_KINDS.get(row["kind"], "event"), status=row["status"],
        service=name_subject(row), roles=_cut(role for role in row["roles"] if role),
        targets=_cut(row["endpoints"][:most]), networks=networks,
        onset_from=parse_known_time(row["onset_from"]), onset_until=until, end_from=None if ongoing else end_from,
        end_until=None if ongoing else parse_known_time(row["end_until"]), last=last,
        mechanism=str(row["mechanism"])[:MAX_TEXT], n=int(row["decided"]), blocked=int(row["blocked"]),
        witnesses=int(row["witnesses"]) if witnesses_told else None,
        strength=strength / n if n else float(row["strength"]), daily_hours=_hours(row["daily_hours"]),
        daily_windows=_windows(row.get("daily_windows")),
        probability=float(row["probability"]), basis="",
        ruled_out=_words(row["ruled_out"]), not_ruled_out=_words(row["not_ruled_out"]),
        because=str(row.get("because") or "")[:_MAX_SENTENCE], would_confirm=_LACKS.get(_read_lack(row), ""),
        part_of=str(row.get("part_of") or "")[:MAX_TEXT],
        times=_read_times(row["times"]) if row["kind"] == SLOWED and row.get("times") else None)


def name_subject(row: Row) -> str:
    """The service of a row; of several how many and which; empty for whole networks."""
    several = row.get("services_blocked") or ()
    text = f"{len(several)} services: {', '.join(map(str, several))}" if several else str(row["service"])
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT - 1]}…"


def read_logged_window(row: Row) -> LoggedWindow:
    """A row of what is no event."""
    networks, targets = row["networks"], row.get("endpoints") or [""]
    numbers = list((row.get("numbers") or {}).items())[:_MAX_NUMBERS]
    return LoggedWindow(
        cc=read_country(row), lab=row.get("lab") is True, asn=int(networks[0]["asn"]) if len(networks) == 1 else 0,
        flaky=row["kind"] == "flaky", window=read_dismissed(row), target=str(targets[0])[:MAX_TEXT],
        numbers=tuple((str(name)[:MAX_TEXT], f"{value:.2f}" if isinstance(value, float) else str(int(value)))
                      for name, value in numbers))


def read_dismissed(row: Row) -> DismissedWindow:
    """What was counted, and the check that explains it."""
    return DismissedWindow(
        service=str(row["service"])[:MAX_TEXT], role=str((row["roles"] or [""])[0])[:MAX_TEXT],
        onset=_stamp(row["onset"]), end=_stamp(row["end_from"]), n=int(row.get("decided") or 0),
        blocked=int(row.get("blocked") or 0), explained_by=read_word(str(row["explained_by"])[:MAX_TEXT], EVENT_CHECKS))


def check_row(row: Row) -> None:
    """That a row tells of an event."""
    if row["status"] not in _STATUSES or row["change"] not in CHANGES:
        raise ValueError("is no event")
    read_country(row)


def read_country(row: Row) -> str:
    """Of a row."""
    if not _COUNTRY.fullmatch(str(row["place"])):
        raise ValueError("is of no country")
    return str(row["place"])


def _read_times(row: Row) -> SlowTimes:
    return msgspec.convert({**row, "series": row["series"][:MOST_POINTS]}, SlowTimes)


def _network(cells: Row, witnesses_told: bool, known: bool) -> LookNetwork:
    asn = int(cells["asn"])
    return LookNetwork(
        asn=max(asn, 0), label=str(cells.get("name") or "")[:MAX_TEXT], n=int(cells["decided"]),
        blocked=int(cells["blocked"]), witnesses=int(cells["witnesses"]) if witnesses_told else None,
        known=known, onset_from=parse_known_time(cells["onset_from"]), onset_until=parse_time(cells["onset_until"]))


def _read_hellos(hellos: Row) -> HelloShapes:
    of_new, of_known = (f"{int(hellos['numbers'][f'failed_of_{side}'])} / {int(hellos['numbers'][f'of_{side}'])}"
                        for side in ("new_hellos", "hellos_from_before"))
    return HelloShapes(struck=_cut(hellos["struck"]), spared=_cut(hellos["spared"]), of_new=of_new, of_known=of_known,
                       new=_cut(hellos["new"]) if hellos["answer"] == "doubt" else ())


def _read_lack(row: Row) -> str:
    word = str(row.get("lacks") or "")
    return word if word in _LACKS else ""


def _cut(words: Any) -> tuple[str, ...]:
    return tuple(str(word)[:MAX_TEXT] for word in words)


def _hours(value: Any) -> tuple[int, int] | None:
    if not value:
        return None
    first, last = (int(hour) % 24 for hour in value)
    return first, last


def _windows(value: Any) -> tuple[tuple[int, int], ...]:
    return tuple(hours for one in (value or [])[:_MAX_NUMBERS] if (hours := _hours(one)))


def _words(value: Any) -> tuple[str, ...]:
    return tuple(read_word(str(word)[:MAX_TEXT], EVENT_CHECKS) for word in value)


def _stamp(text: str | None) -> str:
    return text if text and parse_time(text) else ""
