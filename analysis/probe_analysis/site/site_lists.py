"""Lists of a page: events by how they stand, and what networks are called. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from probe_analysis.findings.logged_findings import LoggedWindow
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.names import name_asn
from probe_analysis.pages.tables import FoldedTable
from probe_analysis.report.event_section import fold_dismissed
from probe_analysis.site.event_states import (
    BADGES,
    STATES,
    EventState,
    find_state,
    is_established,
    name_event,
    say_state,
    say_time,
)
from probe_analysis.site.site_values import SiteData, SiteEvent

MAX_ENDED = 100
OPEN: tuple[EventState, ...] = ("confirmed", "suspected", "stale")
PAST: tuple[EventState, ...] = ("ended", "withdrawn", "retracted")


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCard:
    """One event in a few lines; what is no fact is told by word, by form and by colour."""

    page: str
    name: str
    sure: str
    """fact or doubt."""
    badges: Sequence[str]
    said: str
    time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventList:
    """Events that stand alike."""

    state: EventState
    heading: str
    cards: Sequence[EventCard]
    left: int
    """Events without room."""


def list_events(data: SiteData, events: Iterable[SiteEvent],
                states: Sequence[EventState] = tuple(STATES)) -> list[EventList]:
    """A list for each of these ways in which events stand; that nothing is blocked now is said as well."""
    by_state: dict[EventState, list[SiteEvent]] = {state: [] for state in STATES}
    for event in events:
        by_state[find_state(data, event)].append(event)
    return [EventList(state=state, heading=STATES[state], left=max(0, len(by_state[state]) - MAX_ENDED),
                      cards=[_make_card(data, event, state) for event in by_state[state][:MAX_ENDED]])
            for state in states if by_state[state] or state == "confirmed"]


def _make_card(data: SiteData, event: SiteEvent, state: EventState) -> EventCard:
    sure = "fact" if is_established(event) else "doubt"
    return EventCard(
        page=f"event/{event.key}.html", name=name_event(data, event), sure=sure, said=say_state(data, event),
        badges=[BADGES[state]] + (["suspicion"] if sure == "doubt" and state in ("ended", "stale") else []),
        time=say_time(data, event, event.finding))


def list_dismissed(data: SiteData, dismissed: Sequence[LoggedWindow]) -> FoldedTable | None:
    """What failed and is told as no event, each with the reason."""
    return fold_dismissed(dismissed, data.titles, ENGLISH, partial(name_network, data))


def name_network(data: SiteData, asn: int) -> str:
    """The label that counts give it, else its number, with its operator where a table names it."""
    return data.labels.get(asn) or name_asn(asn, data.operators)
