"""The page of one event: the sentences of `probe look` about it, its chart, its rows, and what was told when. Pure."""

from __future__ import annotations

from probe.upkeep.page.markup import make_tag
from probe_analysis.events.event_log import CHANGES
from probe_analysis.look.look_page import list_sources, list_topics
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.look.look_words import WHO
from probe_analysis.pages.figures import make_figure
from probe_analysis.site.corrections_page import list_shown, make_contact_link
from probe_analysis.site.event_chart import HEIGHT, draw_event_chart
from probe_analysis.site.event_states import (
    STATES,
    find_state,
    is_established,
    make_look,
    name_event,
    name_service,
    say_state,
)
from probe_analysis.site.site_charts import write_series_csv
from probe_analysis.site.site_names import name_file
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_page
from probe_analysis.site.site_values import SiteData, SiteEvent

_FIGURE_WIDTH = 860
_MAX_CHANGES = 50


def make_event_files(data: SiteData, event: SiteEvent, head: SiteFrame, picture: str) -> dict[str, bytes]:
    """The page, and its chart as files."""
    stem = f"event/{event.key}"
    page = SitePage(path=f"{stem}.html", title=name_event(data, event), about=say_state(data, event), picture=picture)
    look = make_look(data, event)
    files = make_site_page(
        "site_event.html", page, head, event=event, state=STATES[find_state(data, event)], who=WHO,
        established=is_established(event), named=any(one.asn or one.label for one in event.finding.networks),
        chart=draw_event_chart(event.series, event.finding, "Share of blocked runs over time") if event.series else "",
        topics=[] if event.withdrawn else list_topics(make_sentences(look)),
        claims=[] if event.withdrawn else make_claims(look), sources=list_sources(look),
        changes=[(one.published, CHANGES.get(one.change, ""), say_state(data, event, one))
                 for one in event.changes[::-1][:_MAX_CHANGES]], files=_list_files(data, event),
        corrections=list_shown(data, event.key), contact_link=make_contact_link(head.contact, event.key))
    if event.series:
        chart = draw_event_chart(event.series, event.finding, name_event(data, event))
        inner = make_tag("svg", chart, x="10", y="30", width=_FIGURE_WIDTH - 20, height=HEIGHT)
        files[f"{stem}.svg"] = make_figure(inner, HEIGHT + 40, f"{name_event(data, event)}, share of blocked runs"
                                           ).encode()
        files[f"{stem}.csv"] = write_series_csv(event.series)
    return files


def _list_files(data: SiteData, event: SiteEvent) -> list[tuple[str, str]]:
    stem = f"event/{event.key}"
    country = f"country/{name_file(event.cc.lower())}"
    files = [(f"{country}.html", f"All of {event.cc}")]
    if event.service:
        service = name_file(event.service)
        files += [(f"service/{service}.html", f"All of {name_service(data, event.service)}"),
                  (f"{country}/{service}.atom", "News of this service here (Atom)"),
                  (f"{country}/{service}.feed.json", "News of this service here (JSON Feed)")]
    files.append((f"{stem}.json", "This event for programs (JSON)"))
    if event.series:
        files += [(f"{stem}.csv", "The numbers of the chart (CSV)"), (f"{stem}.svg", "The chart (SVG)")]
    return files
