"""The first page, what is blocked now before all else, and the page that says how to read the site. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from probe_analysis.events.event_log import CHANGES
from probe_analysis.look.look_words import WHO
from probe_analysis.pages.tables import Cell, PageTable, make_rows
from probe_analysis.site.event_states import STATES, find_state
from probe_analysis.site.place_pages import PlacePage, join_unexplained, name_unexplained
from probe_analysis.site.site_lists import OPEN, PAST, list_dismissed, list_events
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_page
from probe_analysis.site.site_values import SiteData, SiteEvent

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


def make_front_page(data: SiteData, places: Sequence[PlacePage], head: SiteFrame, picture: str) -> dict[str, bytes]:
    """`index.html`."""
    page = SitePage(path="index.html", title="What is blocked now", feed="all", picture=picture,
                    about="Which messengers cannot be reached where, since when, how sure that is, and what else it "
                          "may be; measured by volunteers.")
    kinds = (("country", "Countries", "countries", "Country"), ("service", "Services", "services", "Service"),
             ("network", "Networks", "networks", "Network"))
    recent = list_recent(data)
    return make_site_page(
        "site_front.html", page, head, last_day=(data.first_day + timedelta(days=data.days - 1)).isoformat(),
        waits=data.kind == "own", who=WHO, unexplained=join_unexplained(list_all_unexplained(data, places)),
        open=list_events(data, recent, OPEN), past=list_events(data, recent, PAST), files=FILES,
        dismissed=list_dismissed(data, data.dismissed[:_MAX_DISMISSED]),
        indexes=[(anchor, _make_index(data, [one for one in places if one.stem.startswith(f"{kind}/")], heading, what))
                 for kind, heading, anchor, what in kinds])


def list_all_unexplained(data: SiteData, places: Sequence[PlacePage]) -> list[str]:
    """What was found blocked on the last day with no event that is open, in all countries."""
    return [f"{name} in {_short(place)}" for place in places if place.stem.startswith("country/")
            for name in name_unexplained(data, place)]


def _make_index(data: SiteData, places: Sequence[PlacePage], heading: str, what: str) -> PageTable:
    counted = ((place, Counter(find_state(data, event) for event in place.events)) for place in places)
    ranked = sorted(counted, key=lambda one: (-one[1]["confirmed"], -one[1]["suspected"], one[0].stem))
    return PageTable(title=heading, heads=(what, "blocked now", "suspected now"), css="index", rows=make_rows([
        (Cell(text=_short(place), href=f"{place.stem}.html"), _show(count["confirmed"], "confirmed"),
         _show(count["suspected"], "suspected")) for place, count in ranked]))


def _show(n: int, state: str) -> Cell:
    return Cell(text=str(n), css=f"n {state}") if n else Cell(text="\u2013", css="n")


def _short(place: PlacePage) -> str:
    return place.chart.partition(": ")[0]


def make_about_page(head: SiteFrame) -> dict[str, bytes]:
    """`about.html`."""
    page = SitePage(path="about.html", title="How to read this", about="What the pages say, and what they cannot.")
    return make_site_page("site_about.html", page, head, states=STATES.values(), changes=CHANGES.items(), files=FILES)
