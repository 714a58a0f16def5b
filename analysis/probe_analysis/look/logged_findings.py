"""From the rows of the log of events to findings. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from probe.core.stamps import parse_known_time, parse_time
from probe.core.tables.words import read_word
from probe_analysis.events.event_log import CHANGES
from probe_analysis.look.look_values import LookFinding, LookNetwork
from probe_analysis.tables.event_checks import EVENT_CHECKS

Row = Mapping[str, Any]
MAX_NAMED = 200
MAX_TEXT = 80
"""So many characters of a name of others are shown."""
_STATUSES = ("confirmed", "suspected", "unplaced")
_COUNTRY = re.compile(r"[A-Z]{2}")


def read_logged_finding(row: Row, *, witnesses_told: bool = True, most: int = MAX_NAMED) -> LookFinding:
    """A row of the log as a finding, with so many networks and targets at the most. Its networks rest on known names
    where that was asked and ruled out. Raises ValueError, KeyError or TypeError for a row that is none."""
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
        kind="network" if row["kind"] == "network" else "event", status=row["status"],
        service=name_subject(row), roles=tuple(str(role)[:MAX_TEXT] for role in row["roles"] if role),
        targets=tuple(str(target)[:MAX_TEXT] for target in row["endpoints"][:most]), networks=networks,
        onset_from=parse_known_time(row["onset_from"]), onset_until=until, end_from=None if ongoing else end_from,
        end_until=None if ongoing else parse_known_time(row["end_until"]), last=last,
        mechanism=str(row["mechanism"])[:MAX_TEXT], n=int(row["decided"]), blocked=int(row["blocked"]),
        witnesses=int(row["witnesses"]) if witnesses_told else None,
        strength=strength / n if n else float(row["strength"]), daily_hours=_hours(row["daily_hours"]),
        probability=float(row["probability"]), basis="",
        ruled_out=_words(row["ruled_out"]), not_ruled_out=_words(row["not_ruled_out"]),
        part_of=str(row.get("part_of") or "")[:MAX_TEXT])


def name_subject(row: Row) -> str:
    """The service of a row; of several how many and which; empty for whole networks."""
    several = row.get("services_blocked") or ()
    text = f"{len(several)} services: {', '.join(map(str, several))}" if several else str(row["service"])
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT - 1]}…"


def check_row(row: Row) -> None:
    """Raises ValueError, KeyError or TypeError for a row that tells of no event."""
    if row["status"] not in _STATUSES or row["change"] not in CHANGES:
        raise ValueError("is no event")
    read_country(row)


def read_country(row: Row) -> str:
    """Of a row. Raises ValueError where there is none."""
    if not _COUNTRY.fullmatch(str(row["place"])):
        raise ValueError("is of no country")
    return str(row["place"])


def _network(cells: Row, witnesses_told: bool, known: bool) -> LookNetwork:
    asn = int(cells["asn"])
    return LookNetwork(
        asn=max(asn, 0), label=str(cells.get("name") or "")[:MAX_TEXT], n=int(cells["decided"]),
        blocked=int(cells["blocked"]), witnesses=int(cells["witnesses"]) if witnesses_told else None,
        known=known, onset_from=parse_known_time(cells["onset_from"]), onset_until=parse_time(cells["onset_until"]))


def _hours(value: Any) -> tuple[int, int] | None:
    if not value:
        return None
    first, last = (int(hour) % 24 for hour in value)
    return first, last


def _words(value: Any) -> tuple[str, ...]:
    return tuple(read_word(str(word), EVENT_CHECKS) for word in value)
