"""The report: one HTML file that stands alone, from a folder of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from probe.catalogue.packaged import load_account_needs, load_titles
from probe.core.progress import Progress, ignore_progress
from probe.judge.verdicts.service_sentences import describe_services
from probe.store.files.atomic import write_file
from probe.store.verification.folder_checks import FolderChecks, check_folder
from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.at_times_section import make_at_times_section
from probe_analysis.report.charts import draw_overview
from probe_analysis.report.event_section import EventFile, read_events
from probe_analysis.report.figures import check_png_here, make_drawing, write_figures
from probe_analysis.report.language import ENGLISH, ReportLanguage
from probe_analysis.report.page_shell import MAX_PARTS, PageContents, make_document
from probe_analysis.report.report_findings import describe_scope, list_findings, name_network, name_service
from probe_analysis.report.report_gather import NetworkPart, gather_report
from probe_analysis.report.service_section import (
    PageRoom,
    combine_services,
    describe_families,
    make_service_section,
    share_room,
)
from probe_analysis.report.target_section import make_target_table
from probe_analysis.report.target_sentences import describe_account_need
from probe_analysis.report.verdict_series import BlockChange, find_changes, find_segments

_READING = ("reading.run", "reading.blocked", "reading.change", "reading.gaps", "reading.steps", "reading.language")
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

    `language` is one of `probe_analysis.report.language.LANGUAGES`; `events` a file of events to show; `figures` a
    folder for the charts as files, with `png` as PNG beside SVG. Raises StoreError when something cannot be read, drawn
    or written.
    """
    if figures and png:
        check_png_here()
    say = ReportLanguage(language)
    found = read_events(events) if events else None
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
    sections = [_part(part, f"n{number}", names, room, say) for number, part in enumerate(shown, start=1)]
    left = len(parts) - len(shown)
    notes = [make_tag("p", text, class_="note") for text in _notes(left, checks, say)]
    return make_document(PageContents(
        title=title, networks=[part.network for part in shown], body=join_html(sections, notes),
        services={service for part in shown for service, _ in part.services},
        states={state for part in shown for rows in part.services.values() for _, state in rows},
        block_types={row.block_type for part in shown for rows in part.targets.values() for row in rows
                     if row.block_type and row.outcome == "blocked"},
        reading=_READING, limits=_LIMITS, events=events,
    ), names, say)


def _notes(left: int, checks: FolderChecks | None, say: ReportLanguage) -> Iterator[str]:
    """What the page does not show, and what nobody can vouch for."""
    if left:
        yield say("page.left_out", networks=say.count(left, "network"))
    if checks and checks.unusable:
        yield say("page.unsound", runs=say.count(len(checks.unusable), "run"))
    if checks and (unsigned := checks.counts["unsigned"]):
        yield say("page.unsigned", runs=say.count(unsigned, "run"))


def _part(part: NetworkPart, anchor: str, names: Mapping[str, str], room: PageRoom, say: ReportLanguage) -> Html:
    believed = {target: find_segments(rows) for target, rows in part.targets.items()}
    rows = combine_services(part)
    shown = {service: name_service(service, names) for service in rows}
    sections = [make_service_section(part, service, shown[service], f"{anchor}-s{number}", believed, room, say)
                for number, service in enumerate(rows, start=1)]
    return make_tag(
        "section",
        make_tag("h2", name_network(part.network, say), id=f"{anchor}-h"),
        make_tag("p", describe_scope(part, say), class_="scope"),
        list_findings(part, believed, names, say),
        _latest(part, names, say),
        make_tag("h3", say("page.overview")),
        draw_overview(part.times, rows, shown, say, most=room.overview_steps, letters=room.titled),
        make_tag("p", say("chart.height"), class_="note"),
        make_at_times_section(part, say),
        sections,
        make_target_table(part, room.targets, say),
        _instrument(part, say),
        id=anchor, class_="part", data_network=anchor, aria_labelledby=f"{anchor}-h",
    )


def _latest(part: NetworkPart, names: Mapping[str, str], say: ReportLanguage) -> Html:
    """Role by role, the services of which the latest run saw something blocked."""
    if part.latest is None:
        return join_html()
    time, services = part.latest
    english = say.code == "en"
    lines = list(describe_services(services, names, load_account_needs())) if english else _latest_lines(part, names,
                                                                                                         say)
    if not lines:
        return join_html()
    return join_html(
        make_tag("p", say("page.latest", time=say.moment(time))),
        make_tag("ul", [make_tag("li", f"{line}.") for line in lines]),
    )


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


def _instrument(part: NetworkPart, say: ReportLanguage) -> Html:
    """What measured: a finding that begins with a new version is first of all the instrument's."""
    rows = [make_tag("tr", [make_tag("td", word or say("page.not_recorded")) for word in versions],
                     make_tag("td", str(n), class_="n")) for versions, n in part.versions().items()]
    words = [say(f"page.{key}") for key in ("probe", "rules", "catalogue", "runs")]
    heads = make_tag("tr", [make_tag("th", word, scope="col") for word in words])
    table = make_tag("table", make_tag("thead", heads), make_tag("tbody", rows))
    looked_up = sorted({run.vantage.geo_db_date for run in part.runs
                        if run.vantage.geo_db == "packaged" and "table" in (run.vantage.cc_source,
                                                                            run.vantage.asn_source)})
    # the table's licences ask to be named where its facts are shown
    sources = make_tag("p", say("page.geo", days=say.join_words(looked_up), sources=say("page.geo_sources")),
                       class_="note")
    title = say("page.instrument")
    return make_tag("details", make_tag("summary", title),
                    make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=title),
                    *([sources] if looked_up else []))
