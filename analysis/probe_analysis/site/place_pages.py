"""The pages of countries, services and networks: events first, then what was measured, day by day. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from probe.core.counted_words import count_things
from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.findings.logged_findings import LoggedWindow
from probe_analysis.pages.time_buckets import make_fleet_cell
from probe_analysis.site.day_lines import DayLine, add_day_lines
from probe_analysis.site.event_states import find_state, name_service
from probe_analysis.site.site_charts import STRIP_DAYS, draw_place, make_place_heat, write_place_csv
from probe_analysis.site.site_lists import PAST, list_dismissed, list_events, name_network
from probe_analysis.site.site_names import name_file, name_network_file
from probe_analysis.site.site_shell import SiteFrame, SitePage, make_site_page
from probe_analysis.site.site_values import SiteData, SiteEvent

_MAX_UNEXPLAINED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacePage:
    """One country, service or network, and all that is shown of it."""

    stem: str
    """Of its files, as `country/ru`."""
    title: str
    chart: str
    """What its chart shows."""
    events: Sequence[SiteEvent]
    dismissed: Sequence[LoggedWindow]
    lines: Mapping[str, DayLine]
    names: Mapping[str, str]
    links: Mapping[str, str]
    """Line -> the page that it has, without the ending."""
    feed: bool = True
    networks: Sequence[tuple[str, int]] = ()
    pairs: bool = False
    """Each line has a feed of its own, of this country and that service."""


def list_places(data: SiteData) -> list[PlacePage]:
    """Every country, service and network of which anything may be shown."""
    by_country: dict[str, dict[str, list[DayLine]]] = {}
    by_network: dict[tuple[str, int], dict[str, DayLine]] = {}
    for (cc, asn, service), days in data.sums.items():
        by_country.setdefault(cc, {}).setdefault(service, []).append(days)
        if asn:
            by_network.setdefault((cc, asn), {})[service] = days
    countries = {cc: {service: add_day_lines(found) for service, found in services.items()}
                 for cc, services in by_country.items()}
    services: dict[str, dict[str, DayLine]] = {}
    for cc, lines in countries.items():
        for service, days in lines.items():
            services.setdefault(service, {})[cc] = days
    return [*(_country(data, cc, countries[cc], sorted(key for key in by_network if key[0] == cc))
              for cc in sorted(countries)),
            *(_service(data, service, services[service]) for service in sorted(services)),
            *(_network(data, place, by_network[place]) for place in sorted(by_network))]


def _country(data: SiteData, cc: str, lines: Mapping[str, DayLine], networks: Sequence[tuple[str, int]]) -> PlacePage:
    return PlacePage(
        stem=f"country/{name_file(cc.lower())}", title=f"What is blocked in {cc}",
        chart=f"{cc}: all services, all networks together", events=[one for one in data.events if one.cc == cc],
        dismissed=[one for one in data.dismissed if one.cc == cc], lines=lines, names=_names(data, lines),
        links=_service_links(lines), networks=networks, pairs=True)


def _service(data: SiteData, service: str, lines: Mapping[str, DayLine]) -> PlacePage:
    name = name_service(data, service)
    return PlacePage(
        stem=f"service/{name_file(service)}", title=f"Where {name} is blocked", chart=f"{name}: all countries",
        events=[one for one in data.events if one.service == service],
        dismissed=[one for one in data.dismissed if one.window.service == service], lines=lines,
        names={cc: cc for cc in lines}, links={cc: f"country/{name_file(cc.lower())}" for cc in lines})


def _network(data: SiteData, place: tuple[str, int], lines: Mapping[str, DayLine]) -> PlacePage:
    cc, asn = place
    name = name_network(data, asn)
    return PlacePage(
        stem=f"network/{name_network_file(cc, asn)}", title=f"What is blocked on {name} in {cc}",
        chart=f"{name} in {cc}: all services", lines=lines, names=_names(data, lines), links=_service_links(lines),
        feed=False, dismissed=[one for one in data.dismissed if (one.cc, one.asn) == place],
        events=[one for one in data.events if one.cc == cc and asn in {each.asn for each in one.finding.networks}])


def _names(data: SiteData, lines: Mapping[str, DayLine]) -> dict[str, str]:
    return {service: name_service(data, service) for service in lines}


def _service_links(lines: Mapping[str, DayLine]) -> dict[str, str]:
    return {service: f"service/{name_file(service)}" for service in lines}


def make_place_page(data: SiteData, place: PlacePage, head: SiteFrame, picture: str) -> dict[str, bytes]:
    """The page."""
    page = SitePage(path=f"{place.stem}.html", title=place.title, feed=place.stem if place.feed else "",
                    about=f"{place.chart}; measured by volunteers, day by day, with what is not known.",
                    picture=picture)
    lines = [(place.names[key], f"{place.links[key]}.html", f"{place.stem}/{name_file(key)}")
             for key in sorted(place.links, key=lambda one: place.names[one])]
    return make_site_page(
        "site_place.html", page, head, place=place, events=list_events(data, place.events), lines=lines,
        unexplained=join_unexplained(name_unexplained(data, place)), files=_list_files(place),
        chart=make_place_heat(data, place.lines, place.names) if place.lines and data.days else None,
        days=count_things(min(STRIP_DAYS, data.days), "day"), dismissed=list_dismissed(data, place.dismissed),
        networks=[(name_network(data, asn), f"network/{name_network_file(cc, asn)}.html")
                  for cc, asn in place.networks])


def make_chart_files(data: SiteData, place: PlacePage) -> dict[str, bytes]:
    """Its chart as files, which are other ones only when a day is over."""
    return {f"{place.stem}.svg": draw_place(data, place.chart, place.lines, place.names),
            f"{place.stem}.csv": write_place_csv(data, place.lines, place.names)}


def name_unexplained(data: SiteData, place: PlacePage) -> list[str]:
    """The lines of its chart of which at least half of what was decided on the last day was blocked, with no event that
    is open: a page may not keep quiet about them."""
    by_key: dict[str, list[SiteEvent]] = {}
    for event in place.events:
        by_key.setdefault(event.cc if place.stem.startswith("service/") else event.service, []).append(event)
    last_days = {key: line.last for key, line in place.lines.items()}
    blocked = [key for key, last in last_days.items() if last and last[0] == data.days - 1
               and make_fleet_cell(dict(zip(COUNTED, last[1], strict=True))).state == "blocked"]
    return [place.names[key] for key in sorted(blocked)
            if all(find_state(data, event) in PAST for event in by_key.get(key, ()))]


def join_unexplained(names: Sequence[str]) -> str:
    """What a sentence can name."""
    left = len(names) - _MAX_UNEXPLAINED
    return ", ".join(names[:_MAX_UNEXPLAINED]) + (f" and {left} more" if left > 0 else "")


def _list_files(place: PlacePage) -> list[tuple[str, str]]:
    files = [(f"{place.stem}.csv", "The numbers of the chart (CSV)"), (f"{place.stem}.svg", "The chart (SVG)")]
    if place.feed:
        files += [(f"{place.stem}.atom", "What is new (Atom)"), (f"{place.stem}.feed.json", "What is new (JSON Feed)")]
    return files
