"""The report: one HTML file that stands alone, from a folder of results."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from probe.catalogue.packaged import needing_accounts, titles
from probe.progress import Progress, silent
from probe.report.charts import overview
from probe.report.events import EventFile, events_section, read_events
from probe.report.figures import check_png_here, write_figures
from probe.report.filters import filters
from probe.report.findings import findings, network_name, scope
from probe.report.gather import Part, gather
from probe.report.language import ENGLISH, Tongue, explained
from probe.report.markup import Html, join, tag
from probe.report.series import segments
from probe.report.services import Room, families, service_section, whole_services
from probe.report.targets import all_targets
from probe.report.words import without_account
from probe.service_words import service_lines
from probe.store.atomic import write_file
from probe.tables.blocks import BLOCK_TYPES

_MAX_PARTS = 12
_STEPS, _OVERVIEW_STEPS, _PANELS, _TARGETS, _STRETCHES = 80_000, 40_000, 60, 3_000, 6_000
"""What all networks together may take of the page: steps of time series, of overviews, panels, lines of tables."""
_TITLED = 250
"""With more time series than this their single steps have no words of their own."""
_READING = ("run", "blocked", "change", "gaps", "steps", "language")
_LIMITS = ("line", "who", "app", "speed")


def make_report(
    directory: Path, out: Path, *, title: str = "", language: str = "en", events: Path | None = None,
    figures: Path | None = None, png: bool = False, progress: Progress = silent,
) -> Path:
    """Reads a results folder, writes the page to `out` and returns it; `progress` hears of each run that was read.

    `language` is one of `probe.report.language.LANGUAGES`; `events` a file of events to show; `figures` a folder for
    the charts as files, with `png` as PNG beside SVG. Raises StoreError when something cannot be read, drawn or
    written.
    """
    if figures and png:
        check_png_here()
    say = Tongue(language)
    found = read_events(events) if events else None
    parts = gather(directory, progress=progress)
    write_file(out, make_page(parts, title=title or say("page.title"), events=found, say=say).encode())
    if figures:
        write_figures(parts[:_MAX_PARTS], figures, say, png=png)
    return out


def make_page(parts: Sequence[Part], *, title: str, say: Tongue = ENGLISH, events: EventFile | None = None) -> str:
    """The page of these networks."""
    shown = parts[:_MAX_PARTS]
    names = titles()
    room = _room(shown)
    left = [tag("p", say("page.left_out", networks=say.count(len(parts) - len(shown), "network")), class_="note")]
    sections = [_part(part, f"n{number}", names, room, say) for number, part in enumerate(shown, start=1)]
    resources = files("probe.report")
    script = resources.joinpath("filters.js").read_text(encoding="utf-8")
    page = Template(resources.joinpath("template.html").read_text(encoding="utf-8"))
    return page.substitute(
        language=say.code, title=join(title), skip=join(say("page.skip")), banner=_banner(shown, say),
        nav=_contents(shown, names, events is not None, say), filters=filters(shown, names, say),
        style=resources.joinpath("page.css").read_text(encoding="utf-8"), script=script, script_hash=hash_of(script),
        body=join(events_section(events, names, say) if events else "", sections,
                  left if len(parts) > len(shown) else ""),
        kinds=_section("kinds", say("page.kinds"), _kinds(shown, say)),
        reading=_section("reading", say("page.reading"), _list([say(f"reading.{key}") for key in _READING])),
        limits=_section("limits", say("page.limits"), _list([say(f"limits.{key}") for key in _LIMITS])),
    )


def hash_of(script: str) -> str:
    """The source expression by which the page allows its own script and no other (CSP 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _room(parts: Sequence[Part]) -> Room:
    """Shares out what the page may hold."""
    roles = max(1, sum(len(part.services) for part in parts))
    services = max(1, sum(len({service for service, _ in part.services}) for part in parts))
    n = max(1, len(parts))
    stretches = min(24, _STRETCHES // roles)
    return Room(
        steps=max(26, min(400, _STEPS // roles)), overview_steps=max(26, min(400, _OVERVIEW_STEPS // services)),
        stretches=stretches if stretches > 2 else 0, titled=roles <= _TITLED,
        panels=max(5, _PANELS // n), targets=_TARGETS // n,
    )


def _banner(parts: Sequence[Part], say: Tongue) -> Html:
    if not any(part.network.lab for part in parts):
        return join()
    whole = "page.lab_whole" if all(part.network.lab for part in parts) else "page.lab_parts"
    return tag("p", tag("b", f"{say('page.lab')} "), say(whole), class_="lab")


def _contents(parts: Sequence[Part], names: Mapping[str, str], events: bool, say: Tongue) -> Html:
    """Links to the parts of the page."""
    links = [("events", say("event.heading"))] if events else []
    links += [(f"n{number}", network_name(part.network, say)) for number, part in enumerate(parts, start=1)]
    links += [(key, say(f"page.{key}")) for key in ("kinds", "reading", "limits")]
    return tag("nav", tag("ul", [tag("li", tag("a", words, href=f"#{anchor}")) for anchor, words in links]),
               aria_label=say("page.contents"), class_="contents")


def _part(part: Part, anchor: str, names: Mapping[str, str], room: Room, say: Tongue) -> Html:
    believed = {target: segments(rows) for target, rows in part.targets.items()}
    rows = whole_services(part)
    shown = {service: names.get(service) or service.replace("_", " ") for service in rows}
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
    """The same in a language that `probe.service_words` does not speak."""
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
    return [f"{names.get(service) or service.replace('_', ' ')}: {'; '.join(words)}"
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


def _kinds(parts: Sequence[Part], say: Tongue) -> Html:
    """Every cause that the verdicts name, explained by the table of block types."""
    named = {
        row.block_type for part in parts for rows in part.targets.values() for row in rows
        if row.block_type and row.outcome == "blocked"
    }
    if not named:
        return tag("p", say("page.no_kinds"))
    return tag("dl", [_kind(name, say) for name in sorted(named)])


def _kind(name: str, say: Tongue) -> Html:
    """One cause in words; an unknown one by its deepest known ancestor."""
    known = explained(name)
    term = tag("dt", tag("code", name))
    if known is None:
        return join(term, tag("dd", say("page.no_explanation")))
    near = BLOCK_TYPES.get(known.nearest)
    nearest = f"{say.meaning(near)} ({near.id})" if near else known.nearest
    meaning = say.meaning(known)
    return join(term, tag(
        "dd", f"{meaning[:1].upper()}{meaning[1:]}.",
        tag("span", f" {say('page.told_from', nearest=nearest, test=known.test)}", class_="note"),
    ))


def _section(anchor: str, heading: str, body: Html) -> Html:
    return tag("section", tag("h2", heading, id=f"{anchor}-h"), body, id=anchor, class_=anchor,
               aria_labelledby=f"{anchor}-h")


def _list(sentences: Sequence[str]) -> Html:
    return tag("ul", [tag("li", sentence) for sentence in sentences])
