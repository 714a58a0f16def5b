"""The page of a fleet: what a table of cells and a log of events say, network by network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from probe.catalogue.packaged import load_titles
from probe.store.files.atomic import write_file
from probe_analysis.cells.file_names import CELLS_FILE, EVENTS_FILE, POPULATION_FILE, SLOWED_FILE
from probe_analysis.pages.figures import NetworkDrawing, check_png_here, write_figures
from probe_analysis.pages.heat import make_heat
from probe_analysis.pages.language import ENGLISH, ReportLanguage
from probe_analysis.pages.names import name_network, name_service
from probe_analysis.pages.strip_rows import count_decided
from probe_analysis.pages.tables import Cell
from probe_analysis.pages.time_buckets import BucketCell
from probe_analysis.report.event_section import EventFile, describe_event, make_events_section, read_events
from probe_analysis.report.fleet_gather import Fleet, FleetPart, gather_fleet
from probe_analysis.report.part_view import KindsLine, PartView, ReportPage, ServiceView, make_document
from probe_analysis.report.population_section import PopulationTable, make_population_section, read_population
from probe_analysis.report.service_section import BLOCKED, make_role_chart
from probe_analysis.report.slowed_section import SlowedRow, make_slowed_section, read_slowed
from probe_analysis.report.target_sentences import describe_account_need
from probe_analysis.tables.day_numbers import find_moment

if TYPE_CHECKING:
    from probe_analysis.counting.cell_steps import CauseCells

_MAX_CAUSES, _MAX_EVENTS, _MAX_NAMES = 8, 8, 30
_READING = ("fleet.many", "reading.run", "reading.blocked", "fleet.decided", "fleet.states", "reading.gaps",
            "reading.steps", "reading.language")
_LIMITS = ("fleet.sample", "fleet.hours", "limits.who", "limits.app", "limits.speed")


def make_fleet_report(
    directory: Path, out: Path, *, title: str = "", language: str = "en", events: Path | None = None,
    figures: Path | None = None, png: bool = False,
) -> Path:
    """Reads the cells in a folder and its log of events, writes the page to `out` and returns it.

    `language` is one of `probe_analysis.pages.language.LANGUAGES`; `events` another file of events; `figures` a folder
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
    left = [say("fleet.networks_left", networks=say.count(fleet.left_out, "network"))] if fleet.left_out else ()
    together = [*([make_population_section(population, names, say)] if population and population.rows else ()),
                *([make_slowed_section(slowed, names, say)] if slowed else ())]
    return make_document(ReportPage(
        title=title, parts=[_part(fleet, part, names, say) for part in fleet.parts], together=together, notes=left,
        block_types={cause.block_type for part in fleet.parts for service in part.roles
                     for cause in part.causes.get(service, ())[:_MAX_CAUSES] if cause.block_type},
        reading=_READING, limits=_LIMITS, events=make_events_section(events, names, say) if events else None), say)


def _make_drawing(fleet: Fleet, part: FleetPart) -> NetworkDrawing:
    """The services that were blocked have figures of their own."""
    return NetworkDrawing(network=part.network, steps=fleet.steps, whole=part.whole,
                          roles={service: roles for service, roles in part.roles.items() if part.blocked(service)})


def _part(fleet: Fleet, part: FleetPart, names: Mapping[str, str], say: ReportLanguage) -> PartView:
    shown = {service: name_service(service, names) for service in part.roles}
    return PartView(
        name=name_network(part.network, say), lab=part.network.lab, scope=_scope(part, say),
        findings=[Cell(text=words) for words in _list_findings(part, shown, say)],
        heat=make_heat(fleet.steps, part.whole, shown, say, letters=fleet.room.titled) if part.whole else None,
        heat_note=f"{say('fleet.states')} {say('fleet.height')}",
        services=[_service(fleet, part, service, shown[service], say) for service in part.roles],
        notes=[say("fleet.left_out", n=part.left_out)] if part.left_out else ())


def _scope(part: FleetPart, say: ReportLanguage) -> str:
    """How much was measured, when, by how many."""
    cells = part.cells
    first, end = find_moment(cells.first), find_moment(cells.last) + timedelta(hours=1)
    return say("fleet.scope", when=say("page.between", first=say.moment(first), last=say.moment(end)),
               verdicts=say.count(cells.verdicts, "verdict"), decided=cells.decided,
               targets=say.count(cells.targets, "target"), services=say.count(cells.services, "service"),
               witnesses=say.count(cells.witnesses, "probe"))


def _list_findings(part: FleetPart, names: Mapping[str, str], say: ReportLanguage) -> list[str]:
    """What of it was blocked, in few sentences: by the events, by shares alone, and what was not."""
    seen = {event.finding.service for event in part.events if event.finding.service}
    whole = [describe_event(event.finding, say, ongoing=event.ongoing) for event in part.events
             if event.finding.kind == "network"]
    alone = [service for service in part.roles if service not in seen and part.blocked(service)]
    clear = [service for service in part.roles if service not in seen and not part.blocked(service)
             and any(count_decided(line) for line in part.roles[service].values())]
    never = [service for service,
             roles in part.roles.items() if not any(count_decided(line) for line in roles.values())]
    items = [say("fleet.cut", times=say.join_words(whole[-_MAX_EVENTS:]))] if whole else []
    return items + [say(f"fleet.{key}", services=_join_names([names.get(service, service) for service in found], say))
              for key, found in (("told", sorted(seen)), ("alone", alone), ("clear", clear), ("never", never)) if found]


def _join_names(names: Sequence[str], say: ReportLanguage) -> str:
    left = len(names) - _MAX_NAMES
    return say.join_words([*names[:_MAX_NAMES], say("finding.more", n=left)] if left > 0 else names)


def _service(fleet: Fleet, part: FleetPart, service: str, name: str, say: ReportLanguage) -> ServiceView:
    """One service on one network."""
    roles = part.roles[service]
    events = [event for event in part.events if event.finding.service == service]
    note, kinds = _list_kinds(list(roles.values()), part.causes.get(service, ()), say)
    return ServiceView(
        service=service, name=name, is_open=part.blocked(service), note=note, kinds=kinds,
        states={cell.state for line in roles.values() for cell in line} - {"none"},
        charts=[make_role_chart(fleet.steps, line, name, role, fleet.room, say) for role, line in roles.items()],
        unseen=describe_account_need(service, say), events_left=len(events) - _MAX_EVENTS,
        events=[describe_event(event.finding, say, ongoing=event.ongoing) for event in events[-_MAX_EVENTS:]])


def _list_kinds(lines: Sequence[Sequence[BucketCell]], causes: Sequence[CauseCells],
                say: ReportLanguage) -> tuple[str, KindsLine | None]:
    """A note on what was found, and the kinds of blocking, each with how much stands behind it."""
    n = sum(count_decided(line) for line in lines)
    found = sum(cell.n("blocked") for line in lines for cell in line)
    if not found:
        return say("service.no_block") if n else "", None
    noise = not any(cell.state in BLOCKED for line in lines for cell in line)
    left = len(causes) - _MAX_CAUSES
    return say("fleet.noise", n=n, blocked=found) if noise else "", KindsLine(
        lead=say("service.causes"), is_note=noise, more=say("finding.more", n=left) if left > 0 else "", kinds=[
            (cause.block_type, say("fleet.cause", cells=say.count(cause.cells, "cell"), n=cause.blocked))
            for cause in causes[:_MAX_CAUSES]]) if causes else None
