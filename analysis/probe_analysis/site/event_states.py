"""How each event stands now, and the sentences about it, which are those of `probe look`. Pure."""

from __future__ import annotations

from typing import Literal, TypeAlias

from probe_analysis.events.event_log import RETRACTED, WITHDRAWN
from probe_analysis.findings.finding_values import LookFinding
from probe_analysis.look.look_sentences import describe_state, describe_time, weigh_finding
from probe_analysis.look.look_values import LookData, LookSubject
from probe_analysis.site.site_release import wait_for
from probe_analysis.site.site_values import SiteChange, SiteData, SiteEvent, make_source

EventState: TypeAlias = Literal["confirmed", "suspected", "stale", "ended", "withdrawn", "retracted"]
STATES: dict[EventState, str] = {
    "confirmed": "Blocked now",
    "suspected": "Suspected, not established",
    "stale": "Nobody has measured it since",
    "ended": "Ended",
    "withdrawn": "Withdrawn: later data do not bear it out",
    "retracted": "Retracted: it was wrong",
}
"""Word -> heading. What is suspected stays so called whether it goes on or is over."""
BADGES: dict[EventState, str] = {"confirmed": "blocked", "suspected": "suspicion", "stale": "not measured since",
                                 "ended": "ended", "withdrawn": "withdrawn", "retracted": "retracted"}

_GONE = {WITHDRAWN: "Withdrawn, since later data do not bear it out.", RETRACTED: "Retracted, since it was wrong."}


def find_state(data: SiteData, event: SiteEvent) -> EventState:
    """How it stands at the time of the site."""
    if event.withdrawn:
        return "retracted" if event.changes[-1].change == RETRACTED else "withdrawn"
    strength = weigh_finding(make_look(data, event), event.finding)
    if event.finding.end_from is not None:
        return "ended"
    if strength.stale:
        return "stale"
    return "confirmed" if strength.established else "suspected"


def is_established(event: SiteEvent) -> bool:
    """Whether it was told as a fact."""
    return event.finding.status == "confirmed" and not event.withdrawn


def make_look(data: SiteData, event: SiteEvent, change: SiteChange | None = None) -> LookData:
    """The event as all that a look at its service and country found; `change`: as it was told then.

    It is asked at the time up to which anything may be shown: later nobody can have measured.
    """
    finding = change.finding if change else event.finding
    subject = LookSubject(service=event.service, title=name_service(data, event.service), cc=event.cc, roles=(),
                          sites=frozenset(), site_targets=frozenset())
    return LookData(subject=subject, sources=(make_source(data, event, finding),), operators=data.operators,
                    lab=data.lab, now=(change.published if change else data.now) - wait_for(data.kind))


def name_service(data: SiteData, service: str) -> str:
    """What people call it; no service: the whole network."""
    return (data.titles.get(service) or service.replace("_", " ")) if service else "Whole networks"


def name_event(data: SiteData, event: SiteEvent) -> str:
    """A heading: the subject and the country; of the laboratory's events it says so."""
    return f"{name_service(data, event.service)} in {event.cc}{' (laboratory)' if data.lab else ''}"


def say_state(data: SiteData, event: SiteEvent, change: SiteChange | None = None) -> str:
    """What is not reachable, as strongly as the finding says and no more."""
    finding = change.finding if change else event.finding
    look = make_look(data, event, change)
    said = _begin(describe_state(look, look.sources[0], finding))
    last = change.change if change else event.changes[-1].change
    return _mark(data, f"{_GONE[last]} It said: {said}." if last in _GONE else f"{said}.")


def say_time(data: SiteData, event: SiteEvent, finding: LookFinding) -> str:
    """When it began and ended, as intervals."""
    look = make_look(data, event)
    return _mark(data, f"{_begin(describe_time(look, look.sources[0], finding))} (UTC).")


def _mark(data: SiteData, sentence: str) -> str:
    """A sentence that may be copied from the site says where it is from, wherever it stands then."""
    return f"In the laboratory: {sentence}" if data.lab else sentence


def _begin(words: str) -> str:
    return words[:1].upper() + words[1:]
