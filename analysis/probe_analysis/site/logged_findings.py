"""From the rows of the log of events to findings, and to names of events that never change. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from probe.core.stamps import parse_known_time, parse_time
from probe.core.tables.words import read_word
from probe_analysis.events.event_log import CHANGES, is_event
from probe_analysis.look.event_rows import MAX_TEXT, rests_on_known_names
from probe_analysis.look.look_values import LookFinding, LookNetwork
from probe_analysis.site.site_names import name_file
from probe_analysis.site.site_values import SiteDismissed
from probe_analysis.tables.event_checks import EVENT_CHECKS

Row = Mapping[str, Any]
MAX_NETWORKS, MAX_TARGETS = 200, 200
_STATUSES = ("confirmed", "suspected", "unplaced")
_COUNTRY = re.compile(r"[A-Z]{2}")


def read_logged_finding(row: Row, *, witnesses_told: bool = True) -> LookFinding:
    """A row of the log as a finding. Raises ValueError, KeyError or TypeError for a row that is none."""
    _check(row)
    ongoing = bool(row["ongoing"]) or row["end_until"] is None
    end_from = parse_time(row["end_from"])
    known = rests_on_known_names(row)
    networks = tuple(_network(one, witnesses_told, known) for one in row["networks"][:MAX_NETWORKS])
    n = sum(one.n for one in networks)
    strength = sum(float(told["strength"]) * one.n for told, one in zip(row["networks"], networks, strict=False))
    until = parse_time(row["onset_until"])
    return LookFinding(
        kind="network" if row["kind"] == "network" else "event", status=row["status"],
        service=str(row["service"])[:MAX_TEXT], roles=tuple(str(role)[:MAX_TEXT] for role in row["roles"] if role),
        targets=tuple(str(target)[:MAX_TEXT] for target in row["endpoints"][:MAX_TARGETS]), networks=networks,
        onset_from=parse_known_time(row["onset_from"]), onset_until=until, end_from=None if ongoing else end_from,
        end_until=None if ongoing else parse_known_time(row["end_until"]), last=max(until, end_from),
        mechanism=str(row["mechanism"])[:MAX_TEXT], n=int(row["decided"]), blocked=int(row["blocked"]),
        witnesses=int(row["witnesses"]) if witnesses_told else None,
        strength=strength / n if n else float(row["strength"]), daily_hours=_hours(row["daily_hours"]),
        probability=float(row["probability"]), basis="",
        ruled_out=_words(row["ruled_out"]), not_ruled_out=_words(row["not_ruled_out"]))


def name_events(log: Iterable[Row]) -> dict[str, str]:
    """Id of an event -> what its page is called, from the day of onset that was told first, country and subject.

    Events that agree in all three are numbered in the order of the log, which only grows; so neither later data, nor
    what may not be shown yet, changes a name.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for row in log:
        event_id = str(row["event_id"])
        if event_id in names or not is_event(row):
            continue
        try:
            _check(row)
            day = parse_time(row["onset_until"]).date()
        except (ValueError, KeyError, TypeError):
            continue
        stem = f"{day.isoformat()}-{str(row['place']).lower()}-{name_file(str(row['service']) or 'network')}"
        number = 1
        while (name := f"{stem}-{number}" if number > 1 else stem) in taken:
            number += 1
        taken.add(name)
        names[event_id] = name
    return names


def read_dismissed(row: Row) -> SiteDismissed:
    """A row of what is no event. Raises ValueError, KeyError or TypeError for a row that is none."""
    networks = row["networks"]
    return SiteDismissed(
        cc=_country(row), asn=int(networks[0]["asn"]) if len(networks) == 1 else 0,
        service=str(row["service"])[:MAX_TEXT], role=str((row["roles"] or [""])[0])[:MAX_TEXT],
        flaky=row["kind"] == "flaky", begin=_stamp(row["onset"]), end=_stamp(row["end_from"]),
        n=int(row.get("decided") or 0), blocked=int(row.get("blocked") or 0),
        explained_by=read_word(str(row["explained_by"]), EVENT_CHECKS))


def _check(row: Row) -> None:
    if row["status"] not in _STATUSES or row["change"] not in CHANGES:
        raise ValueError("is no event")
    _country(row)


def _country(row: Row) -> str:
    if not _COUNTRY.fullmatch(str(row["place"])):
        raise ValueError("is of no country")
    return str(row["place"])


def _network(told: Row, witnesses_told: bool, known: bool) -> LookNetwork:
    asn = int(told["asn"])
    return LookNetwork(
        asn=max(asn, 0), label=str(told.get("name") or "")[:MAX_TEXT], n=int(told["decided"]),
        blocked=int(told["blocked"]), witnesses=int(told["witnesses"]) if witnesses_told else None,
        known=known, onset_from=parse_known_time(told["onset_from"]), onset_until=parse_time(told["onset_until"]))


def _hours(value: Any) -> tuple[int, int] | None:
    if not value:
        return None
    first, last = (int(hour) % 24 for hour in value)
    return first, last


def _words(value: Any) -> tuple[str, ...]:
    return tuple(read_word(str(word), EVENT_CHECKS) for word in value)




def _stamp(text: str | None) -> str:
    return text if text and parse_time(text) else ""
