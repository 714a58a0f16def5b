"""The page of a fleet: what a table of cells and a log of events say, network by network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from probe.catalogue.packaged import titles
from probe.research.cells.file_names import CELLS_FILE, EVENTS_FILE
from probe.research.report.charts import decided, heat
from probe.research.report.event_section import EventFile, FoundEvent, read_events, told_briefly
from probe.research.report.figures import Drawn, check_png_here, write_figures
from probe.research.report.fleet_gather import Cause, Fleet, FleetPart, gather_fleet
from probe.research.report.language import ENGLISH, Tongue
from probe.research.report.markup import Html, join, tag
from probe.research.report.page_shell import Contents, whole_page
from probe.research.report.report_findings import called, network_name
from probe.research.report.service_section import BLOCKED, role_chart
from probe.research.report.target_sentences import without_account
from probe.research.report.time_buckets import Cell
from probe.results.files.atomic import write_file

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

    `language` is one of `probe.research.report.language.LANGUAGES`; `events` another file of events; `figures` a folder
    for charts as files, with `png` as PNG beside SVG. Raises StoreError when something cannot be read, drawn or
    written, or an extra is not installed.
    """
    if figures and png:
        check_png_here()
    say = Tongue(language)
    log = events or (directory / EVENTS_FILE if (directory / EVENTS_FILE).is_file() else None)
    found = read_events(log) if log else None
    fleet = gather_fleet(directory / CELLS_FILE, found.events if found else ())
    write_file(out, make_fleet_page(fleet, title=title or say("page.title"), events=found, say=say).encode())
    if figures:
        write_figures([_drawn(fleet, part) for part in fleet.parts], figures, say, png=png)
    return out


def make_fleet_page(fleet: Fleet, *, title: str, say: Tongue = ENGLISH, events: EventFile | None = None) -> str:
    """The page of these networks."""
    names = titles()
    sections = [_part(fleet, part, f"n{number}", names, say) for number, part in enumerate(fleet.parts, start=1)]
    left = say.count(fleet.left_out, "network")
    note = tag("p", say("fleet.networks_left", networks=left), class_="note") if fleet.left_out else ""
    return whole_page(Contents(
        title=title, networks=[part.network for part in fleet.parts], body=join(sections, note),
        services={service for part in fleet.parts for service in part.roles},
        states={state for part in fleet.parts for service in part.roles for state in _states(part, service)},
        block_types={cause.block_type for part in fleet.parts for service in part.roles
                     for cause in part.causes.get(service, ())[:_MAX_CAUSES] if cause.block_type},
        reading=_READING, limits=_LIMITS, events=events,
    ), names, say)


def _drawn(fleet: Fleet, part: FleetPart) -> Drawn:
    """The services that were blocked have figures of their own."""
    return Drawn(network=part.network, steps=fleet.steps, whole=part.whole,
                 roles={service: roles for service, roles in part.roles.items() if part.blocked(service)})


def _states(part: FleetPart, service: str) -> set[str]:
    return {cell.state for line in part.roles[service].values() for cell in line} - {"none"}


def _part(fleet: Fleet, part: FleetPart, anchor: str, names: Mapping[str, str], say: Tongue) -> Html:
    shown = {service: called(service, names) for service in part.roles}
    sections = [_service(fleet, part, service, shown[service], f"{anchor}-s{number}", say)
                for number, service in enumerate(part.roles, start=1)]
    whole = heat(fleet.steps, part.whole, shown, say, letters=fleet.room.titled) if part.whole else ""
    return tag(
        "section",
        tag("h2", network_name(part.network, say), id=f"{anchor}-h"),
        tag("p", _scope(part, say), class_="scope"),
        _findings(part, shown, say),
        tag("h3", say("page.overview")), whole,
        tag("p", f"{say('fleet.states')} {say('fleet.height')}", class_="note"),
        sections,
        tag("p", say("fleet.left_out", n=part.left_out), class_="note") if part.left_out else "",
        id=anchor, class_="part", data_network=anchor, aria_labelledby=f"{anchor}-h",
    )


def _scope(part: FleetPart, say: Tongue) -> str:
    """How much was measured, when, by how many."""
    return say("fleet.scope", when=say("page.between", first=say.moment(part.first), last=say.moment(part.last)),
               verdicts=say.count(part.verdicts, "verdict"), decided=part.decided,
               targets=say.count(part.targets, "target"), services=say.count(part.services, "service"),
               witnesses=say.count(part.witnesses, "probe"))


def _findings(part: FleetPart, names: Mapping[str, str], say: Tongue) -> Html:
    """What of it was blocked, in few sentences: by the events, by shares alone, and what was not."""
    told = {event.service for event in part.events if event.service}
    whole = [told_briefly(event, say) for event in part.events if event.kind == "network"]
    alone = [service for service in part.roles if service not in told and part.blocked(service)]
    clear = [service for service in part.roles if service not in told and not part.blocked(service)
             and any(decided(line) for line in part.roles[service].values())]
    never = [service for service, roles in part.roles.items() if not any(decided(line) for line in roles.values())]
    items = [say("fleet.cut", times=say.listed(whole[-_MAX_EVENTS:]))] if whole else []
    items += [say(f"fleet.{key}", services=_listed([names.get(service, service) for service in found], say))
              for key, found in (("told", sorted(told)), ("alone", alone), ("clear", clear), ("never", never)) if found]
    return tag("ul", [tag("li", words) for words in items], class_="findings")


def _listed(names: Sequence[str], say: Tongue) -> str:
    left = len(names) - _MAX_NAMES
    return say.listed([*names[:_MAX_NAMES], say("finding.more", n=left)] if left > 0 else names)


def _service(fleet: Fleet, part: FleetPart, service: str, name: str, anchor: str, say: Tongue) -> Html:
    """One service on one network; `anchor` names the section, `data-` attributes are for the filters."""
    roles = part.roles[service]
    charts = [role_chart(fleet.steps, line, name, role, fleet.room, say) for role, line in roles.items()]
    unseen = without_account(service, say)
    return tag(
        "section",
        tag("h3", name, id=f"{anchor}-h"),
        _events([event for event in part.events if event.service == service], say),
        _blocked(list(roles.values()), part.causes.get(service, ()), say),
        tag("p", say("service.account", parts=unseen), class_="note") if unseen else "",
        charts if part.blocked(service) else tag("details", tag("summary", say("service.charts")), charts),
        id=anchor, class_="service", data_service=service, data_outcomes=" ".join(sorted(_states(part, service))),
        aria_labelledby=f"{anchor}-h",
    )


def _events(events: Sequence[FoundEvent], say: Tongue) -> Html:
    if not events:
        return join()
    left = len(events) - _MAX_EVENTS
    more = [tag("li", tag("a", say("finding.more", n=left), href="#events"))] if left > 0 else []
    return join(tag("p", tag("a", say("event.heading"), href="#events"), ":"),
                tag("ul", [tag("li", told_briefly(event, say)) for event in events[-_MAX_EVENTS:]], more))


def _blocked(lines: Sequence[Sequence[Cell]], causes: Sequence[Cause], say: Tongue) -> Html:
    """The kinds of blocking, and how much stands behind each."""
    n = sum(decided(line) for line in lines)
    found = sum(cell.n("blocked") for line in lines for cell in line)
    if not found:
        return tag("p", say("service.no_block"), class_="note") if n else join()
    noise = not any(cell.state in BLOCKED for line in lines for cell in line)
    shown = [join(", " if position else "", tag("code", cause.block_type or say("target.no_cause")),
                  f" ({say('fleet.cause', cells=say.count(cause.cells, 'cell'), n=cause.blocked)})")
             for position, cause in enumerate(causes[:_MAX_CAUSES])]
    left = len(causes) - _MAX_CAUSES
    return join(
        tag("p", say("fleet.noise", n=n, blocked=found), class_="note") if noise else "",
        tag("p", say("service.causes"), shown, f", {say('finding.more', n=left)}" if left > 0 else "", ".",
            class_="note" if noise else None) if shown else "",
    )
