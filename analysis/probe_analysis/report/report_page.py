"""The report: one HTML file that stands alone, from a folder of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probe.catalogue.packaged import load_account_needs, load_titles
from probe.core.progress import Progress, ignore_progress
from probe.judge.verdicts.service_sentences import describe_services
from probe.store.files.atomic import write_file
from probe.store.verification.folder_checks import FolderChecks, check_folder
from probe_analysis.events.verdict_series import BlockChange, find_changes, find_segments
from probe_analysis.pages.figures import NetworkDrawing, check_png_here, write_figures
from probe_analysis.pages.heat import make_heat
from probe_analysis.pages.language import ENGLISH, ReportLanguage
from probe_analysis.pages.names import name_network, name_service
from probe_analysis.pages.tables import FoldedTable, PageTable, TableSection, make_rows
from probe_analysis.pages.time_buckets import make_bucket_cells, make_day_buckets
from probe_analysis.report.at_times_section import make_at_times_table
from probe_analysis.report.part_view import MAX_PARTS, PartView, ReportPage, make_document
from probe_analysis.report.report_findings import describe_scope, list_findings
from probe_analysis.report.report_gather import NetworkPart, gather_report
from probe_analysis.report.service_section import (
    PageRoom,
    combine_services,
    describe_families,
    make_service_view,
    share_room,
)
from probe_analysis.report.target_section import make_target_table
from probe_analysis.report.target_sentences import describe_account_need

if TYPE_CHECKING:
    from probe_analysis.report.event_section import EventFile

_READING = ("reading.run", "reading.blocked", "reading.change", "reading.gaps", "reading.steps", "reading.language")
_FIGURE_STEPS = 800
_LIMITS = ("limits.line", "limits.who", "limits.app", "limits.speed")


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeReport:
    """A page that was written, and what it was made of."""

    page: Path
    parts: tuple[NetworkPart, ...]
    checks: FolderChecks
    """What was left out because it is not as it was signed."""

    def list_changes(self) -> tuple[BlockChange, ...]:
        """Every onset and end of a block that its rows show."""
        return find_changes(row for part in self.parts for rows in part.targets.values() for row in rows)


def make_report(
    directory: Path, out: Path, *, title: str = "", language: str = "en", events: Path | None = None,
    figures: Path | None = None, png: bool = False, progress: Progress = ignore_progress,
) -> MadeReport:
    """Reads a results folder and writes the page to `out`; `progress` hears of each run that was read.

    `language` is one of `probe_analysis.pages.language.LANGUAGES`; `events` a file of events to show; `figures` a
    folder for the charts as files, with `png` as PNG beside SVG. Raises StoreError when something cannot be read, drawn
    or written.
    """
    if figures and png:
        check_png_here()
    say = ReportLanguage(language)
    found = _read_events(events) if events else None
    checks = check_folder(directory)
    parts = gather_report(directory, without=checks.unusable, progress=progress)
    write_file(out, make_page(parts, title=title or say("page.title"), events=found, checks=checks,
                              say=say).encode())
    if figures:
        write_figures([make_drawing(part) for part in parts[:MAX_PARTS]], figures, say, png=png)
    return MadeReport(page=out, parts=parts, checks=checks)


def make_page(parts: Sequence[NetworkPart], *, title: str, say: ReportLanguage = ENGLISH,
              events: EventFile | None = None, checks: FolderChecks | None = None) -> str:
    """The page of these networks, with what was found of their runs' signatures."""
    shown = parts[:MAX_PARTS]
    names = load_titles()
    room = share_room(networks=len(shown), roles=sum(len(part.services) for part in shown),
                      services=sum(len({service for service, _ in part.services}) for part in shown))
    return make_document(ReportPage(
        title=title, parts=[_part(part, names, room, say) for part in shown],
        block_types={row.block_type for part in shown for rows in part.targets.values() for row in rows
                     if row.block_type and row.outcome == "blocked"},
        reading=_READING, limits=_LIMITS, events=_make_events(events, names, say) if events else None,
        notes=list(_notes(len(parts) - len(shown), checks, say)),
    ), say)


def make_drawing(part: NetworkPart) -> NetworkDrawing:
    """The runs of a network as figures: every service has one."""
    buckets = make_day_buckets(part.times, most=_FIGURE_STEPS)
    whole = combine_services(part)
    return NetworkDrawing(
        network=part.network, steps=buckets,
        whole={service: make_bucket_cells(buckets, rows) for service, rows in whole.items()},
        roles={service: {role: make_bucket_cells(buckets, rows) for (owner, role), rows in sorted(part.services.items())
                         if owner == service} for service in whole},
    )


def _read_events(path: Path) -> EventFile:
    """The log, which needs NumPy: a page of one volunteer does without."""
    from probe_analysis.report.event_section import read_events

    return read_events(path)


def _make_events(events: EventFile, names: Mapping[str, str], say: ReportLanguage) -> TableSection:
    from probe_analysis.report.event_section import make_events_section

    return make_events_section(events, names, say)


def _notes(left: int, checks: FolderChecks | None, say: ReportLanguage) -> Iterator[str]:
    """What the page does not show, and what nobody can vouch for."""
    if left:
        yield say("page.left_out", networks=say.count(left, "network"))
    if checks and checks.unusable:
        yield say("page.unsound", runs=say.count(len(checks.unusable), "run"))
    if checks and (unsigned := checks.counts["unsigned"]):
        yield say("page.unsigned", runs=say.count(unsigned, "run"))
    if checks and checks.partial:
        yield say("page.partial", runs=say.count(checks.partial, "run"))


def _part(part: NetworkPart, names: Mapping[str, str], room: PageRoom, say: ReportLanguage) -> PartView:
    believed = {target: find_segments(rows) for target, rows in part.targets.items()}
    rows = combine_services(part)
    shown = {service: name_service(service, names) for service in rows}
    buckets = make_day_buckets(part.times, most=room.overview_steps)
    return PartView(
        name=name_network(part.network, say), lab=part.network.lab, scope=describe_scope(part, say),
        findings=list_findings(part, believed, names, say), latest=_latest(part, names, say),
        heat=make_heat(buckets, {service: make_bucket_cells(buckets, found) for service, found in rows.items()}, shown,
                       say, letters=room.titled),
        heat_note=say("chart.height"), at_times=make_at_times_table(part, say),
        services=[make_service_view(part, service, shown[service], believed, room, say) for service in rows],
        folded=(make_target_table(part, room.targets, say), _instrument(part, say)))


def _latest(part: NetworkPart, names: Mapping[str, str], say: ReportLanguage) -> tuple[str, list[str]]:
    """Role by role, the services of which the latest run saw something blocked."""
    if part.latest is None:
        return "", []
    time, services = part.latest
    lines = (describe_services(services, names, load_account_needs()) if say.code == "en"
             else _latest_lines(part, names, say))
    return say("page.latest", time=say.moment(time)), [f"{line}." for line in lines]


def _latest_lines(part: NetworkPart, names: Mapping[str, str], say: ReportLanguage) -> list[str]:
    """The same in a language that `probe.judge.verdicts.service_sentences` does not speak."""
    found: dict[str, list[str]] = {}
    for row in part.latest[1] if part.latest else ():
        if row.k:
            outcome = say.name_word("outcome", "partial" if row.partial else row.outcome)
            found.setdefault(row.service, []).append(
                say("service.now", role=say.name_word("role", row.role), outcome=outcome, k=row.k, n=row.n,
                    causes=", ".join(row.block_types)) + describe_families(row, say))
    for service, words in found.items():
        if unseen := describe_account_need(service, say):
            words.append(say("service.account_too", parts=unseen))
    return [f"{name_service(service, names)}: {say('page.semicolon').join(words)}"
            for service, words in found.items()]


def _instrument(part: NetworkPart, say: ReportLanguage) -> FoldedTable:
    """What measured: a finding that begins with a new version is first of all the instrument's."""
    title = say("page.instrument")
    looked_up = sorted({run.vantage.geo_db_date for run in part.runs
                        if run.vantage.geo_db == "packaged" and "table" in (run.vantage.cc_source,
                                                                            run.vantage.asn_source)})
    # the table's licences ask to be named where its facts are shown
    sources = [say("page.geo", days=say.join_words(looked_up), sources=say("page.geo_sources"))] if looked_up else ()
    return FoldedTable(summary=title, notes=sources, table=PageTable(
        title=title, is_headed=False, heads=[say(f"page.{key}") for key in ("probe", "rules", "catalogue", "runs")],
        rows=make_rows([(*(word or say("page.not_recorded") for word in versions), n)
                        for versions, n in part.versions().items()])))
