"""The first page, what is blocked now before all else, and the page that says how to read the site. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.events.event_log import CHANGES
from probe_analysis.look.look_words import WHO
from probe_analysis.site.event_states import STATES, find_state
from probe_analysis.site.place_pages import PlacePage, name_unexplained
from probe_analysis.site.site_lists import OPEN, PAST, make_dismissed, make_event_lists, make_files
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_document
from probe_analysis.site.site_values import SiteData, SiteEvent
from probe_analysis.site.unexplained import make_unexplained

RECENT = timedelta(days=30)
_MAX_DISMISSED = 30
FILES = (("events.json", "All events for programs (JSON)"),
         ("events.schema.json", "What its fields mean (JSON Schema)"),
         ("all.atom", "What is new everywhere (Atom)"), ("all.feed.json", "What is new everywhere (JSON Feed)"),
         ("daily.csv", "Every day of each network and service (CSV)"),
         ("explore.html", "The same to look through in the browser"))


def list_recent(data: SiteData) -> list[SiteEvent]:
    """What goes on, and what ended or was withdrawn of late."""
    return [event for event in data.events if data.now - event.finding.last <= RECENT or (
        event.finding.end_from is None and not event.withdrawn)]


def make_front_page(data: SiteData, places: Sequence[PlacePage], frame: SiteFrame, picture: str) -> dict[str, bytes]:
    """`index.html`."""
    page = SitePage(path="index.html", title="What is blocked now", feed="all", picture=picture,
                    about="Which messengers cannot be reached where, since when, how sure that is, and what else it "
                          "may be; measured by volunteers.")
    kinds = (("country", "Countries", "countries", "Country"), ("service", "Services", "services", "Service"),
             ("network", "Networks", "networks", "Network"))
    body = join_html(
        make_tag("p", _describe_time(data), class_="note"),
        make_unexplained(list_all_unexplained(data, places)),
        make_event_lists(data, list_recent(data), page.path, OPEN),
        make_tag("div", [_make_index(data, [one for one in places if one.stem.startswith(f"{kind}/")], *words)
                         for kind, *words in kinds], class_="indexes"),
        make_event_lists(data, list_recent(data), page.path, PAST),
        make_dismissed(data, data.dismissed[:_MAX_DISMISSED]),
        make_tag("h2", "Files and feeds"), make_files(FILES, page.path))
    return {page.path: make_site_document(page, body, frame)}


def list_all_unexplained(data: SiteData, places: Sequence[PlacePage]) -> list[str]:
    """What was found blocked on the last day with no event that is open, in all countries."""
    return [f"{name} in {_short(place)}" for place in places if place.stem.startswith("country/")
            for name in name_unexplained(data, place)]


def _describe_time(data: SiteData) -> str:
    last = data.first_day + timedelta(days=data.days - 1)
    wait = (" What is younger is held back for a day, and networks of few volunteers are not named, so that nobody is "
            "found who measures.") if data.kind == "own" else ""
    return f"Days up to {last.isoformat()} are counted whole.{wait} All times are UTC. {WHO}"


def _make_index(data: SiteData, places: Sequence[PlacePage], heading: str, anchor: str, what: str) -> Html:
    if not places:
        return make_tag("section", make_tag("h2", heading, id=anchor), make_tag("p", "None may be named."))
    heads = make_tag("tr", make_tag("th", what, scope="col"), [
        make_tag("th", word, scope="col", class_="n") for word in ("blocked now", "suspected now")])
    ranked = sorted(((place, _count(data, place)) for place in places),
                    key=lambda one: (-one[1]["confirmed"], -one[1]["suspected"], one[0].stem))
    rows = [make_tag("tr", make_tag("th", make_tag("a", _short(place), href=f"{place.stem}.html"), scope="row"),
                     [make_tag("td", str(count[state]) if count[state] else "\u2013",
                               class_=f"n {state if count[state] else ''}".strip())
                      for state in ("confirmed", "suspected")]) for place, count in ranked]
    return make_tag("section", make_tag("h2", heading, id=anchor), make_tag(
        "div", make_tag("table", make_tag("caption", heading, class_="unseen"), make_tag("thead", heads),
                        make_tag("tbody", rows), class_="index"), class_="scroll", tabindex="0", role="region",
        aria_label=heading))


def _short(place: PlacePage) -> str:
    return place.chart.partition(": ")[0]


def _count(data: SiteData, place: PlacePage) -> Mapping[str, int]:
    return Counter(find_state(data, event) for event in place.events)


_HOW = (
    "An event is told where the share of blocked runs of a service rose on a network, beyond chance, and nothing that "
    "could be asked explains it: other services, other countries, one device, the program itself.",
    "Blocked means that something between the volunteer and the service interfered. It never says by whose act: "
    "nobody measured that.",
    "A suspicion is no fact. It has a broken border, the word suspicion, and sentences that say so. It is not to be "
    "printed as a fact.",
    "It began and ended between two times: nobody measured in between, or what was measured does not tell.",
    "That no block was found says little where few measured: every number stands over its n. A gap is no measurement, "
    "and no news.",
    "What failed and is told as no event is listed with the reason, for whoever checks the checks.",
    "The address of an event does not change: it is made from the day on which it first was told to begin, the country "
    "and the service. What is withdrawn stays at its address, and says so.",
)


def make_about_page(frame: SiteFrame) -> dict[str, bytes]:
    """`about.html`."""
    page = SitePage(path="about.html", title="How to read this", about="What the pages say, and what they cannot.")
    body = join_html(
        make_tag("ul", [make_tag("li", text) for text in _HOW]), make_tag("h2", "How events stand"),
        make_tag("ul", [make_tag("li", f"{words}.") for words in STATES.values()]),
        make_tag("h2", "What feeds tell"),
        make_tag("ul", [make_tag("li", make_tag("b", word), f": {words}.") for word, words in CHANGES.items()]),
        make_tag("h2", "Files"), make_files(FILES, page.path))
    return {page.path: make_site_document(page, body, frame)}
