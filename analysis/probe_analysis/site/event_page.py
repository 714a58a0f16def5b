"""The page of one event: the sentences of `probe look` about it, its chart, its rows, and what was told when. Pure."""

from __future__ import annotations

from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.events.event_log import CHANGES
from probe_analysis.look.look_page import make_print, make_tables, make_topics
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.look.look_words import WHO
from probe_analysis.report.figures import make_figure
from probe_analysis.report.language import ENGLISH
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
from probe_analysis.site.site_lists import make_files
from probe_analysis.site.site_names import name_file
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_document
from probe_analysis.site.site_values import SiteData, SiteEvent

_FIGURE_WIDTH = 860


def make_event_files(data: SiteData, event: SiteEvent, frame: SiteFrame, picture: str) -> dict[str, bytes]:
    """The page, and its chart as files."""
    stem = f"event/{event.key}"
    page = SitePage(path=f"{stem}.html", title=name_event(data, event), about=say_state(data, event), picture=picture)
    files = {page.path: make_site_document(page, _make_body(data, event, page), frame)}
    if event.series:
        chart = draw_event_chart(event.series, event.finding, name_event(data, event))
        inner = make_tag("svg", chart, x="10", y="30", width=_FIGURE_WIDTH - 20, height=HEIGHT)
        files[f"{stem}.svg"] = make_figure(inner, HEIGHT + 40, f"{name_event(data, event)}, share of blocked runs"
                                           ).encode()
        files[f"{stem}.csv"] = write_series_csv(event.series)
    return files


def _make_body(data: SiteData, event: SiteEvent, page: SitePage) -> Html:
    state, look = find_state(data, event), make_look(data, event)
    sentences = make_sentences(look)
    sure = "fact" if is_established(event) else "doubt"
    claims = [] if event.withdrawn else make_claims(look)
    doubt = make_tag("p", make_tag("b", "A suspicion. "), "It is not established, and is not to be printed as a fact.",
                     class_="lab") if sure == "doubt" and not event.withdrawn else ""
    return join_html(
        make_tag("p", make_tag("b", STATES[state]), f". All times are UTC. {WHO}", class_="note"), doubt,
        make_tag("p", say_state(data, event), class_=f"lead {sure}"), _make_chart(event),
        make_topics(sentences) if not event.withdrawn else "", make_print(claims) if claims else "",
        list(make_tables(look)), _make_changes(data, event), make_tag("h2", "Files and pages"),
        make_files(_list_files(data, event), page.path))


def _make_chart(event: SiteEvent) -> Html:
    if not event.series:
        return join_html()
    named = any(one.asn or one.label for one in event.finding.networks)
    where = "its networks" if named else "all networks of the country, since its own may not be named"
    words = (f"Share of decided runs that found it blocked on {where}, in steps of "
             f"{ENGLISH.duration(event.series.steps.width)}. Lines: interval of about 95 % (Wilson); "
             "a step with fewer than five decided runs has neither. Shaded: the intervals in which it began and ended.")
    return make_tag("figure", draw_event_chart(event.series, event.finding, "Share of blocked runs over time"),
                    make_tag("figcaption", words, class_="note"))


def _make_changes(data: SiteData, event: SiteEvent) -> Html:
    rows = [make_tag("li", make_tag("b", f"{ENGLISH.moment(change.published)}: {CHANGES.get(change.change, '')}. "),
                     say_state(data, event, change)) for change in reversed(event.changes)]
    return join_html(make_tag("h2", "What was told when"), make_tag("ul", rows[:50]))


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
