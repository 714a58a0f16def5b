"""The report: one HTML file that stands alone, from a folder of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from probe.catalogue.packaged import needing_accounts, titles
from probe.core.progress import Progress, silent
from probe.inference.verdicts.service_sentences import service_lines
from probe.research.report.charts import overview
from probe.research.report.event_section import EventFile, read_events
from probe.research.report.figures import check_png_here, drawn_of, write_figures
from probe.research.report.language import ENGLISH, Tongue
from probe.research.report.markup import Html, join, tag
from probe.research.report.page_shell import MAX_PARTS, Contents, whole_page
from probe.research.report.report_findings import called, findings, network_name, scope
from probe.research.report.report_gather import Part, gather
from probe.research.report.service_section import Room, families, room_for, service_section, whole_services
from probe.research.report.target_section import all_targets
from probe.research.report.target_sentences import without_account
from probe.research.report.verdict_series import segments
from probe.results.files.atomic import write_file

_READING = ("reading.run", "reading.blocked", "reading.change", "reading.gaps", "reading.steps", "reading.language")
_LIMITS = ("limits.line", "limits.who", "limits.app", "limits.speed")


def make_report(
    directory: Path, out: Path, *, title: str = "", language: str = "en", events: Path | None = None,
    figures: Path | None = None, png: bool = False, progress: Progress = silent,
) -> Path:
    """Reads a results folder, writes the page to `out` and returns it; `progress` hears of each run that was read.

    `language` is one of `probe.research.report.language.LANGUAGES`; `events` a file of events to show; `figures` a
    folder for the charts as files, with `png` as PNG beside SVG. Raises StoreError when something cannot be read, drawn
    or written.
    """
    if figures and png:
        check_png_here()
    say = Tongue(language)
    found = read_events(events) if events else None
    parts = gather(directory, progress=progress)
    write_file(out, make_page(parts, title=title or say("page.title"), events=found, say=say).encode())
    if figures:
        write_figures([drawn_of(part) for part in parts[:MAX_PARTS]], figures, say, png=png)
    return out


def make_page(parts: Sequence[Part], *, title: str, say: Tongue = ENGLISH, events: EventFile | None = None) -> str:
    """The page of these networks."""
    shown = parts[:MAX_PARTS]
    names = titles()
    room = room_for(networks=len(shown), roles=sum(len(part.services) for part in shown),
                    services=sum(len({service for service, _ in part.services}) for part in shown))
    sections = [_part(part, f"n{number}", names, room, say) for number, part in enumerate(shown, start=1)]
    left = len(parts) - len(shown)
    note = tag("p", say("page.left_out", networks=say.count(left, "network")), class_="note") if left else ""
    return whole_page(Contents(
        title=title, networks=[part.network for part in shown], body=join(sections, note),
        services={service for part in shown for service, _ in part.services},
        states={state for part in shown for rows in part.services.values() for _, state in rows},
        block_types={row.block_type for part in shown for rows in part.targets.values() for row in rows
                     if row.block_type and row.outcome == "blocked"},
        reading=_READING, limits=_LIMITS, events=events,
    ), names, say)


def _part(part: Part, anchor: str, names: Mapping[str, str], room: Room, say: Tongue) -> Html:
    believed = {target: segments(rows) for target, rows in part.targets.items()}
    rows = whole_services(part)
    shown = {service: called(service, names) for service in rows}
    sections = [service_section(part, service, shown[service], f"{anchor}-s{number}", believed, room, say)
                for number, service in enumerate(rows, start=1)]
    return tag(
        "section",
        tag("h2", network_name(part.network, say), id=f"{anchor}-h"),
        tag("p", scope(part, say), class_="scope"),
        findings(part, believed, names, say),
        _latest(part, names, say),
        tag("h3", say("page.overview")),
        overview(part.times, rows, shown, say, most=room.overview_steps, letters=room.titled),
        tag("p", say("chart.height"), class_="note"),
        sections,
        all_targets(part, room.targets, say),
        _instrument(part, say),
        id=anchor, class_="part", data_network=anchor, aria_labelledby=f"{anchor}-h",
    )


def _latest(part: Part, names: Mapping[str, str], say: Tongue) -> Html:
    """Role by role, the services of which the latest run saw something blocked."""
    if part.latest is None:
        return join()
    time, services = part.latest
    english = say.code == "en"
    lines = list(service_lines(services, names, needing_accounts())) if english else _latest_lines(part, names, say)
    if not lines:
        return join()
    return join(
        tag("p", say("page.latest", time=say.moment(time))),
        tag("ul", [tag("li", f"{line}.") for line in lines]),
    )


def _latest_lines(part: Part, names: Mapping[str, str], say: Tongue) -> list[str]:
    """The same in a language that `probe.inference.verdicts.service_sentences` does not speak."""
    found: dict[str, list[str]] = {}
    for row in part.latest[1] if part.latest else ():
        if row.k:
            outcome = say.known("outcome", "partial" if row.partial else row.outcome)
            found.setdefault(row.service, []).append(
                say("service.now", role=say.known("role", row.role), outcome=outcome, k=row.k, n=row.n,
                    causes=", ".join(row.block_types)) + families(row, say))
    for service, words in found.items():
        if unseen := without_account(service, say):
            words.append(say("service.account_too", parts=unseen))
    return [f"{called(service, names)}: {'; '.join(words)}"
            for service, words in found.items()]


def _instrument(part: Part, say: Tongue) -> Html:
    """What measured: a finding that begins with a new version is first of all the instrument's."""
    rows = [tag("tr", [tag("td", word or say("page.not_recorded")) for word in versions],
                tag("td", str(n), class_="n")) for versions, n in part.versions().items()]
    words = [say(f"page.{key}") for key in ("probe", "rules", "catalogue", "runs")]
    heads = tag("tr", [tag("th", word, scope="col") for word in words])
    table = tag("table", tag("thead", heads), tag("tbody", rows))
    looked_up = sorted({run.vantage.geo_db_date for run in part.runs
                        if run.vantage.geo_db == "packaged" and "table" in (run.vantage.cc_source,
                                                                            run.vantage.asn_source)})
    # the table's licences ask to be named where its facts are shown
    sources = tag("p", say("page.geo", days=say.listed(looked_up), sources=say("page.geo_sources")), class_="note")
    title = say("page.instrument")
    return tag("details", tag("summary", title),
               tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=title),
               *([sources] if looked_up else []))
