"""Lists of a page: events by how they stand, what was dismissed, and files to take. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.look.look_words import describe_word, name_role
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
from probe_analysis.site.site_names import name_file, name_network_file
from probe_analysis.site.site_shell import link_from
from probe_analysis.site.site_values import SiteData, SiteDismissed, SiteEvent

MAX_DISMISSED, MAX_ENDED = 100, 100


OPEN: tuple[EventState, ...] = ("confirmed", "suspected", "stale")
PAST: tuple[EventState, ...] = ("ended", "withdrawn")


def make_event_lists(data: SiteData, events: Iterable[SiteEvent], page: str,
                     states: Sequence[EventState] = tuple(STATES)) -> Html:
    """A section for each of these ways in which events stand; that nothing is blocked now is said as well."""
    by_state: dict[EventState, list[SiteEvent]] = {state: [] for state in STATES}
    for event in events:
        by_state[find_state(data, event)].append(event)
    return join_html([_section(data, state, by_state[state], page) for state in states
                      if by_state[state] or state == "confirmed"])


def _section(data: SiteData, state: EventState, events: Sequence[SiteEvent], page: str) -> Html:
    shown = events[:MAX_ENDED]
    body = make_tag("ul", [make_card(data, event, page) for event in shown], class_="cards") if shown else make_tag(
        "p", "No block is established now. What was measured, and how much, stands below: what nobody measured may be "
             "blocked all the same.", class_="none")
    left = len(events) - len(shown)
    note = make_tag("p", "Nothing here is established: each may be explained in another way, as its page says.",
                    class_="note") if state == "suspected" else ""
    return make_tag("section", make_tag("h2", STATES[state], id=f"{state}-h"), note, body,
                    make_tag("p", f"{left} older ones are in events.json.", class_="note") if left > 0 else "",
                    class_=f"state-{state}", aria_labelledby=f"{state}-h")


def make_card(data: SiteData, event: SiteEvent, page: str) -> Html:
    """One event in a few lines; what is no fact is told by word, by form and by colour."""
    state = find_state(data, event)
    sure = "fact" if is_established(event) else "doubt"
    badges = [BADGES[state]] + (["suspicion"] if sure == "doubt" and state in ("ended", "stale") else [])
    return make_tag(
        "li",
        make_tag("p", make_tag("a", name_event(data, event), href=link_from(page, f"event/{event.key}.html")), " ",
                 [make_tag("b", word, class_=f"badge {name_file(word)}") for word in badges], class_="what"),
        make_tag("p", say_state(data, event)),
        make_tag("p", say_time(data, event, event.finding), class_="note"),
        class_=f"card {state} {sure}")


def make_dismissed(data: SiteData, dismissed: Sequence[SiteDismissed]) -> Html:
    """What failed and is told as no event, each with the reason; folded away."""
    if not dismissed:
        return join_html()
    shown = dismissed[:MAX_DISMISSED]
    heads = ("Service", "Where", "From", "To", "Failed", "Why it is no event")
    rows = [make_tag("tr", make_tag("th", f"{name_service(data, one.service)} {name_role(one.role)}", scope="row"),
                     [make_tag("td", cell) for cell in _cells(data, one)]) for one in shown]
    table = make_tag("table", make_tag("caption", "Failures that are told as no event", class_="unseen"),
                     make_tag("thead", make_tag("tr", [make_tag("th", head, scope="col") for head in heads])),
                     make_tag("tbody", rows))
    left = len(dismissed) - len(shown)
    return make_tag(
        "details", make_tag("summary", f"{len(dismissed)} times something failed that is told as no event"),
        make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="What was dismissed"),
        make_tag("p", f"{left} older ones are left out.", class_="note") if left > 0 else "")


def _cells(data: SiteData, one: SiteDismissed) -> tuple[str, ...]:
    where = f"{one.cc} {name_network(data, one.asn)}" if one.asn else one.cc
    counts = f"{one.blocked} of {one.n}" if one.n else "again and again"
    return where, one.begin, one.end, counts, describe_word(one.explained_by)


def name_network(data: SiteData, asn: int) -> str:
    """The label that counts give it, else its number, with its operator where a table names it."""
    operator = data.operators.get(asn, "")
    return data.labels.get(asn) or f"AS{asn}" + (f" ({operator})" if operator else "")


def make_files(links: Sequence[tuple[str, str]], page: str) -> Html:
    """Links to files, each with what it is."""
    return make_tag("ul", [make_tag("li", make_tag("a", words, href=link_from(page, target)))
                           for target, words in links], class_="files")


def link_network(data: SiteData, cc: str, asn: int, page: str) -> Html:
    """A network's name, as a link to its page."""
    return make_tag("a", name_network(data, asn),
                    href=link_from(page, f"network/{name_network_file(cc, asn)}.html"))
