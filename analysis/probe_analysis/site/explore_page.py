"""The page on which days are looked through in the browser: data and script are in it, so it works from a folder."""

from __future__ import annotations

from importlib.resources import files

from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.site.day_lines import Counts
from probe_analysis.site.event_states import name_service
from probe_analysis.site.site_json import dump
from probe_analysis.site.site_lists import make_files, name_network
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_document
from probe_analysis.site.site_values import SiteData


def make_explore_page(data: SiteData, frame: SiteFrame) -> dict[str, bytes]:
    """`explore.html`."""
    script = files("probe_analysis.site").joinpath("explore.js").read_text(encoding="utf-8")
    page = SitePage(path="explore.html", title="Explore the days", script=script,
                    about="Blocked runs by country, network and service, day by day.")
    choices = make_tag("div", _choice("cc", "Country"), _choice("asn", "Network"), _choice("service", "Service"),
                       make_tag("label", make_tag("span", "Step"), make_tag("select", [
                           make_tag("option", words, value=days) for days, words in (("1", "a day"), ("7", "a week"))],
                           id="choose-step", autocomplete="off")), class_="explore", role="search")
    table = make_tag("table", make_tag("caption", "The numbers of the chart", class_="unseen"), make_tag(
        "thead", make_tag("tr", [make_tag("th", word, scope="col") for word in ("from", "decided", "blocked")])),
        make_tag("tbody", id="rows"))
    body = join_html(
        choices, make_tag("p", "Without scripts the same numbers are in daily.csv.", id="told", role="status"),
        make_tag("svg", id="plot", role="img", aria_label="Share of blocked runs"),
        make_tag("details", make_tag("summary", "The numbers of the chart"), make_tag(
            "div", table, class_="scroll", tabindex="0", role="region", aria_label="The numbers of the chart")),
        make_files((("daily.csv", "Every day of each network and service (CSV)"),), page.path),
        make_tag("script", Html(_hold(data)), type="application/json", id="held"))
    return {page.path: make_site_document(page, body, frame)}


def _choice(name: str, words: str) -> Html:
    return make_tag("label", make_tag("span", words), make_tag("select", id=f"choose-{name}", autocomplete="off"))


def _hold(data: SiteData) -> str:
    """The days of each series as `n/blocked`, empty where nothing was decided."""
    keys = list(data.sums)
    return dump({
        "first_day": data.first_day.isoformat(), "days": data.days,
        "titles": {service: name_service(data, service) for service in dict.fromkeys(key[2] for key in keys)},
        "networks": {str(asn): name_network(data, asn) for asn in dict.fromkeys(key[1] for key in keys) if asn},
        "series": [[*key, ",".join(_pair(days.get(at)) for at in range(data.days))]
                   for key, days in data.sums.items()],
    }).decode()


def _pair(counts: Counts | None) -> str:
    n = sum(counts[:3]) if counts else 0
    return f"{n}/{counts[1]}" if counts and n else ""
