"""Findings as plain values for programs: `probe analyse --json`, and the rows of the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from hashlib import sha256
from typing import Any

from probe.core.stamps import format_time
from probe_analysis.events.event import Event
from probe_analysis.events.event_reasons import describe_lack, explain_event
from probe_analysis.events.findings import Dismissed, Findings, FlakySeries
from probe_analysis.events.hello_check import HelloFindings
from probe_analysis.events.probability import BLOCKS_A_YEAR
from probe_analysis.tables.event_checks import CHANGES_MIND, EVENT_CHECKS

Row = dict[str, Any]
DISMISSED, FLAKY = "dismissed", "flaky"
"""Kinds of rows that are no events."""
SERVICE_LISTS = ("services_blocked", "services_failed", "services_spared", "countries_well")
"""Fields of an event of several services, or of a network."""


def name_network(cc: str, asn: int, names: Mapping[int, str]) -> str:
    """`CC-ASn`, the name that somebody's counts give it, or the country where the network is not known."""
    return names.get(asn) or (f"{cc}-AS{asn}" if asn > 0 else cc)


def findings_to_json(found: Findings, names: Mapping[int, str], *, targets: bool, witnesses: bool) -> Row:
    """Everything found: `events`, `dismissed`, `flaky`, and the prior on which probabilities rest.

    `targets`: each service is one target; `witnesses`: their number is known, null stands for it where it is not.
    """
    return {
        "events": [event_to_json(event, names, targets=targets, witnesses=witnesses) for event in found.events],
        "dismissed": [_dismissed(finding, names, targets=targets) for finding in found.dismissed],
        "flaky": [_flaky(finding, names, targets=targets) for finding in found.flaky],
        "prior": {"blocks_a_network_year": BLOCKS_A_YEAR},
    }


def event_to_json(event: Event, names: Mapping[int, str], *, targets: bool = False, witnesses: bool = True) -> Row:
    """One event; `onset` and `end` are the earliest and the latest time, null where nothing was measured beyond."""
    return {
        "id": event.event_id, "kind": event.kind, "status": event.status,
        "ground": event.ground, "lab": event.lab, "cc": event.place,
        "networks": [name_network(event.place, reach.asn, names) for reach in event.networks],
        "service": event.service, "role": _only(event.roles), "target": _target(event, targets=targets),
        "roles": [role for role in event.roles if role], "targets": list(event.endpoints), "mechanism": event.mechanism,
        "onset": [_stamp(event.onset_from), _stamp(event.onset_until)], "likeliest_onset": _stamp(event.onset),
        "end": None if event.ongoing else [_stamp(event.end_from), _stamp(event.end_until)],
        "daily_hours": _hours(event.daily_hours), "daily_windows": [list(hours) for hours in event.daily_windows],
        "because": explain_event(event), "would_confirm": describe_lack(event),
        "probability": event.probability, "strength": event.strength,
        "n": event.decided, "blocked": event.blocked, "witnesses": event.witnesses if witnesses else None,
        "ruled_out": list(event.ruled_out), "not_ruled_out": list(event.not_ruled_out),
        "own_hello": _hellos(event.own_hello),
        "forgers_needed": asdict(event.forgers) if event.forgers else None,
        **{name: list(getattr(event, name)) for name in SERVICE_LISTS}, "part_of": event.part_of or None,
        **({"times": asdict(event.times)} if event.times else {}),
        "by_network": [{
            "network": name_network(event.place, reach.asn, names), "onset": [_stamp(reach.onset_from),
                                                                              _stamp(reach.onset_until)],
            "end": [_stamp(reach.end_from), _stamp(reach.end_until)], "daily_hours": _hours(reach.daily_hours),
            "n": reach.decided, "blocked": reach.blocked, "strength": reach.strength,
            "witnesses": reach.witnesses if witnesses else None,
        } for reach in event.networks],
    }


def list_rows(found: Findings, names: Mapping[int, str]) -> list[Row]:
    """The log's rows for everything found, before they are logged."""
    return [*(event_to_row(event, names) for event in found.events),
            *(_dismissed_row(finding, names) for finding in found.dismissed),
            *(_flaky_row(finding, names) for finding in found.flaky)]


def event_to_row(event: Event, names: Mapping[int, str]) -> Row:
    """An event as the log keeps it."""
    made = {field.name: _plain(getattr(event, field.name)) for field in fields(event)
            if field.name not in ("networks", "forgers", "own_hello", "times")}
    made |= {"because": explain_event(event), "would_confirm": describe_lack(event)}
    made["own_hello"] = _hellos(event.own_hello)
    made["forgers_needed"] = asdict(event.forgers) if event.forgers else None
    if event.times:
        made["times"] = asdict(event.times)
    made["networks"] = [_reach({name: _plain(value) for name, value in asdict(reach).items()}, names)
                        for reach in event.networks]
    return made


def _hellos(hellos: HelloFindings) -> Row | None:
    """What came of the question about hellos; null where they show nothing: none is new, and all fare alike."""
    if not hellos.spared and hellos.answer != "doubt":
        return None
    return {"answer": hellos.answer, "new": list(hellos.new), "struck": list(hellos.struck),
            "spared": list(hellos.spared),
            "numbers": {name: int(value) for name, value in hellos.numbers.items()},
            "would_change": CHANGES_MIND["own_hello"]}


def _reach(row: Row, names: Mapping[int, str]) -> Row:
    name = names.get(row["asn"])
    return {"name": name, **row} if name else row


def _dismissed(finding: Dismissed, names: Mapping[int, str], *, targets: bool) -> Row:
    return {
        **_subject(finding, names, targets=targets), "onset": _stamp(finding.onset), "end": _stamp(finding.end),
        "daily_hours": _hours(finding.daily_hours), "n": finding.decided, "blocked": finding.blocked,
        "score": finding.score, "explained_by": finding.explained_by, "meaning": EVENT_CHECKS[finding.explained_by],
        "numbers": _rounded(finding.numbers), "would_change": CHANGES_MIND[finding.explained_by],
    }


def _flaky(finding: FlakySeries, names: Mapping[int, str], *, targets: bool) -> Row:
    return {
        **_subject(finding, names, targets=targets), "first": _stamp(finding.first), "last": _stamp(finding.last),
        "explained_by": "habit", "meaning": EVENT_CHECKS["habit"], "would_change": CHANGES_MIND["habit"],
        "numbers": {"bursts": finding.bursts, "hours_of_a_long_burst": finding.longest_h, "base": finding.base},
    }


def _subject(finding: Dismissed | FlakySeries, names: Mapping[int, str], *, targets: bool) -> Row:
    pooled = finding.place.asn < 0
    return {
        "lab": finding.place.lab, "cc": finding.place.cc,
        "networks": [] if pooled else [name_network(finding.place.cc, finding.place.asn, names)],
        "service": finding.service, "role": finding.role or None,
        "target": finding.target_id or (finding.service if targets else None),
    }


def _dismissed_row(finding: Dismissed, names: Mapping[int, str]) -> Row:
    shown = _dismissed(finding, names, targets=False)
    return {**_log_subject(DISMISSED, finding, names, finding.onset), "onset": _stamp(finding.onset),
            "end_from": _stamp(finding.end), "daily_hours": _hours(finding.daily_hours), "blocked": finding.blocked,
            "decided": finding.decided, **_reason(shown)}


def _flaky_row(finding: FlakySeries, names: Mapping[int, str]) -> Row:
    shown = _flaky(finding, names, targets=False)
    return {**_log_subject(FLAKY, finding, names, None), "onset": _stamp(finding.first),
            "end_from": _stamp(finding.last), **_reason(shown)}


def _reason(shown: Row) -> Row:
    return {name: shown[name] for name in ("explained_by", "numbers", "would_change")}


def _log_subject(kind: str, finding: Dismissed | FlakySeries, names: Mapping[int, str], onset: datetime | None) -> Row:
    about = (kind, finding.place.lab, finding.place.cc, finding.place.asn, finding.service, finding.role,
             finding.target_id, onset.isoformat() if onset else "")
    return {
        "event_id": f"{kind}-{sha256('|'.join(map(str, about)).encode()).hexdigest()[:16]}", "kind": kind,
        "status": kind, "lab": finding.place.lab, "place": finding.place.cc, "service": finding.service,
        "roles": [finding.role] if finding.role else [], "endpoints": [finding.target_id] if finding.target_id else [],
        "networks": [] if finding.place.asn < 0 else [_reach({"asn": finding.place.asn}, names)],
        "ongoing": False,
    }


def _target(event: Event, *, targets: bool) -> str | None:
    return event.service if targets and event.service else _only(event.endpoints)


def _only(words: tuple[str, ...]) -> str | None:
    return (words[0] or None) if len(words) == 1 else None


def _hours(hours: tuple[int, int] | None) -> list[int] | None:
    return list(hours) if hours else None


def _rounded(numbers: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), 4) for name, value in numbers.items()}


def _stamp(moment: datetime | None) -> str | None:
    return format_time(moment) if moment else None


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return format_time(value)
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
