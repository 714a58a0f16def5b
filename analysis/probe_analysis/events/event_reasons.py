"""Why an event is told, and what it lacks to be confirmed: from its own row, and never what is there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from probe.core.counted_words import count_things
from probe_analysis.events.event import Event
from probe_analysis.tables.event_checks import EventCheck
from probe_analysis.tables.event_reasons import EVENT_LACKS, EVENT_REASONS, EventLack, EventReason

MayLack: TypeAlias = EventLack | Literal[""]
SILENCE = "network.silence"
ROUTES = "network.routes"
"""What began in another country in the same hour, as with routes that leak: a block there, and none here."""
_DOUBTS: Mapping[EventCheck, EventLack] = {
    "fresh_names": "names", "network": "line", "service_or_instrument": "country", "outage": "traffic",
    "version": "version", "own_hello": "hello",
}
"""A doubt -> what would settle it, the gravest first."""


def find_lack(*, doubts: Collection[EventCheck], enough: bool, standing: bool, witnesses: int) -> MayLack:
    """What keeps a service's event from being confirmed, or placed; empty where nothing does. `enough`: cells;
    `standing`: nobody saw it begin, and no network has two `witnesses`, whose number is 0 where it is not known."""
    if doubts:
        return next((lack for doubt, lack in _DOUBTS.items() if doubt in doubts), "hours")
    if not enough:
        return "hours"
    if standing:
        return "witness" if witnesses else "before"
    return ""


def find_place_lack(*, networks: int, ruled_out: Collection[str], causeless: bool) -> EventLack:
    """What an event lacks in which nothing shows that the network stops the service; `causeless`: nobody told a
    cause, so that comparisons decide."""
    if not causeless:
        return "place"
    if "service_or_instrument" not in ruled_out:
        return "country"
    return "network" if networks < 2 else "line"


def choose_lack(events: Iterable[Event]) -> MayLack:
    """What most of several events lack that are not confirmed."""
    lacks = Counter[EventLack](event.lacks for event in events if event.lacks)
    most: EventLack = max(EVENT_LACKS, key=lambda word: lacks[word])
    return most if lacks else ""


def find_reason(event: Event) -> EventReason:
    """Which sentence says why there is this event."""
    if event.kind == "services":
        return "services" if event.countries_well else "services_here"
    if event.kind == "network":
        words: Sequence[tuple[bool, EventReason]] = (
            (event.mechanism == SILENCE, "silence"), (event.mechanism == ROUTES, "routes"),
            (bool(event.services_failed), "together"))
        return next((word for holds, word in words if holds), "cut")
    here, elsewhere = "network" in event.ruled_out, "service_or_instrument" in event.ruled_out
    return ("both" if elsewhere else "here") if here else ("elsewhere" if elsewhere else "alone")


def explain_event(event: Event) -> str:
    """The sentence that says why there is this event."""
    count = len({reach.asn for reach in event.networks})
    networks = count_things(count, "network") if count else "the country's networks"
    return EVENT_REASONS[find_reason(event)].format(
        blocked=f"{event.blocked:,}", decided=count_things(event.decided, "verdict"), networks=networks,
        failed=len(event.services_blocked or event.services_failed), spared=len(event.services_spared),
        countries=len(event.countries_well)) + "."


def describe_lack(event: Event) -> str | None:
    """What would confirm an event; None where it is confirmed."""
    return EVENT_LACKS[event.lacks] if event.lacks else None
