"""Lists of a page: events by how they stand, what was dismissed, and what networks are called. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe_analysis.look.look_words import describe_word, name_role
from probe_analysis.pages.names import name_asn
from probe_analysis.pages.tables import FoldedTable, PageTable, make_rows
from probe_analysis.site.event_states import (
    BADGES,
    STATES,
    EventState,
    find_state,
    is_established,
    name_event,
    name_service,
    say_state,
    say_time,
)
from probe_analysis.site.site_values import SiteData, SiteDismissed, SiteEvent

MAX_DISMISSED, MAX_ENDED = 100, 100
OPEN: tuple[EventState, ...] = ("confirmed", "suspected", "stale")
PAST: tuple[EventState, ...] = ("ended", "withdrawn")


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


def fold_dismissed(data: SiteData, dismissed: Sequence[SiteDismissed]) -> FoldedTable | None:
    """What failed and is told as no event, each with the reason."""
    if not dismissed:
        return None
    left = len(dismissed) - MAX_DISMISSED
    return FoldedTable(
        summary=f"{len(dismissed)} times something failed that is told as no event",
        notes=[f"{left} older ones are left out."] if left > 0 else (), table=PageTable(
            title="Failures that are told as no event",
            heads=("Service", "Where", "From", "To", "Failed", "Why it is no event"),
            rows=make_rows([_list_cells(data, one) for one in dismissed[:MAX_DISMISSED]])))


def _list_cells(data: SiteData, one: SiteDismissed) -> tuple[str, ...]:
    return (f"{name_service(data, one.service)} {name_role(one.role)}",
            f"{one.cc} {name_network(data, one.asn)}" if one.asn else one.cc, one.begin, one.end,
            f"{one.blocked} of {one.n}" if one.n else "again and again", describe_word(one.explained_by))


def name_network(data: SiteData, asn: int) -> str:
    """The label that counts give it, else its number, with its operator where a table names it."""
    return data.labels.get(asn) or name_asn(asn, data.operators)
