"""The page of a fleet: what a table of cells and a log of events say, network by network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from probe.catalogue.packaged import load_titles
from probe.store.files.atomic import write_file
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.cells.file_names import CELLS_FILE, EVENTS_FILE, POPULATION_FILE, SLOWED_FILE
from probe_analysis.report.charts import draw_heat
from probe_analysis.report.event_section import EventFile, FoundEvent, describe_event, read_events
from probe_analysis.report.figures import NetworkDrawing, check_png_here, write_figures
from probe_analysis.report.fleet_gather import BlockCause, Fleet, FleetPart, gather_fleet
from probe_analysis.report.language import ENGLISH, ReportLanguage
from probe_analysis.report.page_shell import PageContents, make_document
from probe_analysis.report.population_section import PopulationTable, make_population_section, read_population
from probe_analysis.report.report_findings import name_network, name_service
from probe_analysis.report.service_section import BLOCKED, make_role_chart
from probe_analysis.report.slowed_section import SlowedRow, make_slowed_section, read_slowed
from probe_analysis.report.strip_rows import count_decided
from probe_analysis.report.target_sentences import describe_account_need
from probe_analysis.report.time_buckets import BucketCell

_MAX_CAUSES, _MAX_EVENTS, _MAX_NAMES = 8, 8, 30
_READING = ("fleet.many", "reading.run", "reading.blocked", "fleet.decided", "fleet.states", "reading.gaps",
            "reading.steps", "reading.language")
_LIMITS = ("fleet.sample", "fleet.hours", "limits.who", "limits.app", "limits.speed")


def holds_cells(directory: Path) -> bool:
    """Whether a folder is of a fleet's cells, and not of a volunteer's runs."""
    return (directory / CELLS_FILE).is_file() and not (directory / "runs").exists()


def make_fleet_report(
    directory: Path, out: Path, *, title: str = "", language: str = "en", events: Path | None = None,
    figures: Path | None = None, png: bool = False,
) -> Path:
    """Reads the cells in a folder and its log of events, writes the page to `out` and returns it.

    `language` is one of `probe_analysis.report.language.LANGUAGES`; `events` another file of events; `figures` a folder
    for charts as files, with `png` as PNG beside SVG. Raises StoreError when something cannot be read, drawn or
    written, or an extra is not installed.
    """
    if figures and png:
        check_png_here()
    say = ReportLanguage(language)
    log = events or (directory / EVENTS_FILE if (directory / EVENTS_FILE).is_file() else None)
    found = read_events(log) if log else None
    fleet = gather_fleet(directory / CELLS_FILE, found.events if found else ())
    many = directory / POPULATION_FILE
    population = read_population(many) if many.is_file() else None
    suspected = directory / SLOWED_FILE
    slowed = read_slowed(suspected) if suspected.is_file() else ()
    write_file(out, make_fleet_page(fleet, title=title or say("page.title"), events=found, population=population,
                                    slowed=slowed, say=say).encode())
    if figures:
        write_figures([_make_drawing(fleet, part) for part in fleet.parts], figures, say, png=png)
    return out


def make_fleet_page(fleet: Fleet, *, title: str, say: ReportLanguage = ENGLISH, events: EventFile | None = None,
                    population: PopulationTable | None = None, slowed: Sequence[SlowedRow] = ()) -> str:
    """The page of these networks."""
    names = load_titles()
    sections = [_part(fleet, part, f"n{number}", names, say) for number, part in enumerate(fleet.parts, start=1)]
    left = say.count(fleet.left_out, "network")
    note = make_tag("p", say("fleet.networks_left", networks=left), class_="note") if fleet.left_out else ""
    together = join_html(make_population_section(population, names, say) if population else "",
                         make_slowed_section(slowed, names, say))
    return make_document(PageContents(
        title=title, networks=[part.network for part in fleet.parts], body=join_html(together, sections, note),
        services={service for part in fleet.parts for service in part.roles},
        states={state for part in fleet.parts for service in part.roles for state in _states(part, service)},
        block_types={cause.block_type for part in fleet.parts for service in part.roles
                     for cause in part.causes.get(service, ())[:_MAX_CAUSES] if cause.block_type},
        reading=_READING, limits=_LIMITS, events=events,
    ), names, say)


def _make_drawing(fleet: Fleet, part: FleetPart) -> NetworkDrawing:
    """The services that were blocked have figures of their own."""
    return NetworkDrawing(network=part.network, steps=fleet.steps, whole=part.whole,
                          roles={service: roles for service, roles in part.roles.items() if part.blocked(service)})


def _states(part: FleetPart, service: str) -> set[str]:
    return {cell.state for line in part.roles[service].values() for cell in line} - {"none"}


def _part(fleet: Fleet, part: FleetPart, anchor: str, names: Mapping[str, str], say: ReportLanguage) -> Html:
    shown = {service: name_service(service, names) for service in part.roles}
    sections = [_service(fleet, part, service, shown[service], f"{anchor}-s{number}", say)
                for number, service in enumerate(part.roles, start=1)]
    whole = draw_heat(fleet.steps, part.whole, shown, say, letters=fleet.room.titled) if part.whole else ""
    return make_tag(
        "section",
        make_tag("h2", name_network(part.network, say), id=f"{anchor}-h"),
        make_tag("p", _scope(part, say), class_="scope"),
        _findings(part, shown, say),
        make_tag("h3", say("page.overview")), whole,
        make_tag("p", f"{say('fleet.states')} {say('fleet.height')}", class_="note"),
        sections,
        make_tag("p", say("fleet.left_out", n=part.left_out), class_="note") if part.left_out else "",
        id=anchor, class_="part", data_network=anchor, aria_labelledby=f"{anchor}-h",
    )


def _scope(part: FleetPart, say: ReportLanguage) -> str:
    """How much was measured, when, by how many."""
    return say("fleet.scope", when=say("page.between", first=say.moment(part.first), last=say.moment(part.last)),
               verdicts=say.count(part.verdicts, "verdict"), decided=part.decided,
               targets=say.count(part.targets, "target"), services=say.count(part.services, "service"),
               witnesses=say.count(part.witnesses, "probe"))


def _findings(part: FleetPart, names: Mapping[str, str], say: ReportLanguage) -> Html:
    """What of it was blocked, in few sentences: by the events, by shares alone, and what was not."""
    told = {event.service for event in part.events if event.service}
    whole = [describe_event(event, say) for event in part.events if event.kind == "network"]
    alone = [service for service in part.roles if service not in told and part.blocked(service)]
    clear = [service for service in part.roles if service not in told and not part.blocked(service)
             and any(count_decided(line) for line in part.roles[service].values())]
    never = [service for service,
             roles in part.roles.items() if not any(count_decided(line) for line in roles.values())]
    items = [say("fleet.cut", times=say.join_words(whole[-_MAX_EVENTS:]))] if whole else []
    items += [say(f"fleet.{key}", services=_join_names([names.get(service, service) for service in found], say))
              for key, found in (("told", sorted(told)), ("alone", alone), ("clear", clear), ("never", never)) if found]
    return make_tag("ul", [make_tag("li", words) for words in items], class_="findings")


def _join_names(names: Sequence[str], say: ReportLanguage) -> str:
    left = len(names) - _MAX_NAMES
    return say.join_words([*names[:_MAX_NAMES], say("finding.more", n=left)] if left > 0 else names)


def _service(fleet: Fleet, part: FleetPart, service: str, name: str, anchor: str, say: ReportLanguage) -> Html:
    """One service on one network; `anchor` names the section, `data-` attributes are for the filters."""
    roles = part.roles[service]
    charts = [make_role_chart(fleet.steps, line, name, role, fleet.room, say) for role, line in roles.items()]
    unseen = describe_account_need(service, say)
    return make_tag(
        "section",
        make_tag("h3", name, id=f"{anchor}-h"),
        _events([event for event in part.events if event.service == service], say),
        _list_causes(list(roles.values()), part.causes.get(service, ()), say),
        make_tag("p", say("service.account", parts=unseen), class_="note") if unseen else "",
        charts if part.blocked(service) else make_tag("details", make_tag("summary", say("service.charts")), charts),
        id=anchor, class_="service", data_service=service, data_outcomes=" ".join(sorted(_states(part, service))),
        aria_labelledby=f"{anchor}-h",
    )


def _events(events: Sequence[FoundEvent], say: ReportLanguage) -> Html:
    if not events:
        return join_html()
    left = len(events) - _MAX_EVENTS
    more = [make_tag("li", make_tag("a", say("finding.more", n=left), href="#events"))] if left > 0 else []
    return join_html(make_tag("p", make_tag("a", say("event.heading"), href="#events"), ":"),
                     make_tag("ul", [make_tag("li", describe_event(event, say)) for event in events[-_MAX_EVENTS:]],
                              more))


def _list_causes(lines: Sequence[Sequence[BucketCell]], causes: Sequence[BlockCause], say: ReportLanguage) -> Html:
    """The kinds of blocking, and how much stands behind each."""
    n = sum(count_decided(line) for line in lines)
    found = sum(cell.n("blocked") for line in lines for cell in line)
    if not found:
        return make_tag("p", say("service.no_block"), class_="note") if n else join_html()
    noise = not any(cell.state in BLOCKED for line in lines for cell in line)
    comma = say("page.comma")
    shown = [join_html(comma if position else "", make_tag("code", cause.block_type or say("target.no_cause")),
                       f" ({say('fleet.cause', cells=say.count(cause.cells, 'cell'), n=cause.blocked)})")
             for position, cause in enumerate(causes[:_MAX_CAUSES])]
    left = len(causes) - _MAX_CAUSES
    return join_html(
        make_tag("p", say("fleet.noise", n=n, blocked=found), class_="note") if noise else "",
        make_tag("p", say("service.causes"), shown, comma + say("finding.more", n=left) if left > 0 else "",
                 say("page.stop"), class_="note" if noise else None) if shown else "",
    )
