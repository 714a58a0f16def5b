"""The report: one HTML file that stands alone, from a folder of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from probe.catalogue.packaged import titles
from probe.progress import Progress, silent
from probe.report.charts import overview
from probe.report.gather import Part, gather
from probe.report.markup import Html, join, tag
from probe.report.series import Network, Segment, segments
from probe.report.targets import all_targets, by_blocked_runs, panels
from probe.report.words import block_stories, count, explained, listed, moment
from probe.service_words import service_lines
from probe.store.atomic import write_file
from probe.tables.blocks import BLOCK_TYPES

TITLE = "Can messaging services be reached?"
_MAX_PARTS = 12

_READING = (
    "Each run tries to reach every target as an app would, and compares with what trusted places elsewhere see.",
    "“Blocked” means that something between the volunteer and the service interferes with it. “Down” means that"
    " the service itself fails. The difference rests on the comparison; without one, little is decided.",
    "A change is reported once two decided runs in a row agree. It happened at some time between two runs;"
    " the true moment is not known more closely than that.",
    "Runs that do not decide are never counted as ok or as blocked. An empty cell means that no run was made.",
)
_LIMITS = (
    "All this is one line of one network. Other lines, providers and places may differ; nothing follows for a"
    " country until independent lines agree.",
    "The report says how something is blocked and, where the evidence reaches, how far away."
    " It does not say who ordered it.",
    "The probe is not the app. It speaks the same protocols to the same places, but a block that"
    " recognises the app itself may pass the probe by.",
    "A service that answers is reachable at that moment. Whether it is fast enough or complete is not tested here.",
)


def make_report(
    directory: Path, out: Path, *, title: str = TITLE, progress: Progress = silent,
) -> Path:
    """Reads a results folder, writes the page to `out` and returns it; `progress` hears of each run that was read.

    Raises StoreError when the results cannot be read or the page cannot be written.
    """
    parts = gather(directory, progress=progress)
    shown = parts[:_MAX_PARTS]
    left = [tag("p", f"{count(len(parts) - len(shown), 'further network')} with fewer runs not shown.", class_="note")]
    body = [_banner(shown), [_part(part) for part in shown], left if len(parts) > len(shown) else []]
    template = Template(files("probe.report").joinpath("template.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=join(title), body=join(*body), kinds=_kinds(shown), reading=_list(_READING), limits=_list(_LIMITS),
    )
    write_file(out, page.encode())
    return out


def _banner(parts: Sequence[Part]) -> Html:
    if not any(part.network.lab for part in parts):
        return join()
    whole = "This report shows" if all(part.network.lab for part in parts) else "Parts of this report show"
    return tag(
        "p", tag("b", "Laboratory data. "),
        f"{whole} runs in a simulated internet. They say nothing about any real network.", class_="lab",
    )


def _part(part: Part) -> Html:
    believed = {target: segments(rows) for target, rows in part.targets.items()}
    rows = sorted(
        ((service, role, rows) for (service, role), rows in part.services.items()),
        key=lambda row: (-sum(state in ("blocked", "partial") for _, state in row[2]), row[0], row[1]),
    )
    return tag(
        "section",
        tag("h2", network_name(part.network)),
        tag("p", _scope(part), class_="scope"),
        _findings(part, believed),
        _latest(part),
        tag("h3", "Overview"),
        overview(part.times, rows),
        panels(part, believed),
        all_targets(part),
        _instrument(part),
    )


def network_name(network: Network) -> str:
    """What a network is called in a heading."""
    place = f"AS{network.probe_asn}" if network.probe_asn else "an unknown network"
    country = f" ({network.probe_cc})" if network.probe_cc != "ZZ" else ""
    return f"{'Laboratory: ' if network.lab else 'Seen from '}{place}{country}"


def _scope(part: Part) -> str:
    first, last = part.times[0], part.times[-1]
    when = f"at {moment(first)}" if first == last else f"between {moment(first)} and {moment(last)}"
    services = {service for service, _ in part.roles.values()}
    what = f"{count(len(part.targets), 'target')} of {count(len(services), 'service')}"
    return f"{count(len(part.runs), 'run')} {when} tried to reach {what}. All times are UTC."


def _findings(part: Part, believed: Mapping[str, Sequence[Segment]]) -> Html:
    """The main sentences: what was blocked and when, what was not, what is not decided."""
    told: dict[str, list[str]] = {}
    for target in by_blocked_runs(part):
        for story in block_stories(believed[target]):
            told.setdefault(story, []).append(target)
    items = [_finding(part, story, targets) for story, targets in told.items()]
    blocked = {part.roles[target][0] for targets in told.values() for target in targets}
    return tag("ul", items, [tag("li", words) for words in _other_findings(part, blocked)], class_="findings")


def _latest(part: Part) -> Html:
    """Role by role, the services of which the latest run saw something blocked."""
    if part.latest is None or not (lines := list(service_lines(part.latest[1], titles()))):
        return join()
    return join(
        tag("p", f"The latest run ({moment(part.latest[0])}), role by role; one run alone is no change yet:"),
        tag("ul", [tag("li", f"{line}.") for line in lines]),
    )


def _other_findings(part: Part, blocked: set[str]) -> list[str]:
    """Sentences about the services without a believed block, and about the network as a whole."""
    seen: dict[str, set[str]] = {}
    runs: dict[str, set[str]] = {}
    for target, rows in part.targets.items():
        for row in rows:
            seen.setdefault(part.roles[target][0], set()).add(row.outcome)
            runs.setdefault(row.outcome, set()).add(row.run_id)
    free = {service: outcomes for service, outcomes in seen.items() if service not in blocked}
    lone = {service for service, outcomes in free.items() if "blocked" in outcomes}
    clear = {service for service, outcomes in free.items() if "ok" in outcomes} - lone
    named = (
        ("No blocking seen", clear),
        ("Blocked in lone runs only, so nothing is concluded", lone),
        ("Never decided", set(free) - lone - clear),
        ("Down by itself in some runs", {service for service, outcomes in seen.items() if "down" in outcomes}),
    )
    sentences = [f"{words}: {listed([name.replace('_', ' ') for name in sorted(found)])}."
                 for words, found in named if found]
    if cut := runs.get("network"):
        sentences.append(f"The whole network was cut or slowed in {count(len(cut), 'run')}.")
    return sentences


def _finding(part: Part, story: str, targets: Sequence[str]) -> Html:
    """What was blocked in the same interval: services with their roles, when, and the targets' names."""
    roles: dict[str, set[str]] = {}
    for target in targets:
        service, role = part.roles[target]
        roles.setdefault(service.replace("_", " "), set()).add(role)
    what = listed([f"{service} ({listed(sorted(found))})" for service, found in roles.items()])
    names = tag("span", f" {', '.join(targets[:6])}{' …' if len(targets) > 6 else ''}", class_="ids")
    return tag("li", tag("b", what), f" {'was' if len(roles) == 1 else 'were'} blocked. {story}", names)


_GEO_SOURCES = ("data of RouteViews (routeviews.org), DB-IP (db-ip.com) and the NRO (nro.net), CC BY 4.0, changed; of "
                "IPtoASN (iptoasn.com), PDDL")
"""Of `probe/geo/table.bin`; its licences ask to be named where its facts are shown."""


def _instrument(part: Part) -> Html:
    """What measured: a finding that begins with a new version is first of all the instrument's."""
    rows = [tag("tr", [tag("td", word or "not recorded") for word in versions], tag("td", str(n), class_="n"))
            for versions, n in part.versions().items()]
    heads = tag("tr", [tag("th", words, scope="col") for words in ("probe", "rules", "list of targets", "runs")])
    table = tag("table", tag("thead", heads), tag("tbody", rows))
    looked_up = sorted({run.vantage.geo_db_date for run in part.runs
                        if run.vantage.geo_db == "packaged" and "table" in (run.vantage.cc_source,
                                                                            run.vantage.asn_source)})
    sources = tag("p", f"Country or network by the table of {listed(looked_up)}: {_GEO_SOURCES}.", class_="note")
    return tag("details", tag("summary", "What measured"), tag("div", table, class_="scroll"),
               *([sources] if looked_up else []))


def _kinds(parts: Sequence[Part]) -> Html:
    """Every cause that the verdicts name, explained by the table of block types."""
    named = {
        row.block_type for part in parts for rows in part.targets.values() for row in rows
        if row.block_type and row.outcome == "blocked"
    }
    if not named:
        return tag("p", "No blocking was seen, so there is none to explain.")
    return tag("dl", [_kind(name) for name in sorted(named)])


def _kind(name: str) -> Html:
    """One cause in words; an unknown one by its deepest known ancestor."""
    known = explained(name)
    term = tag("dt", tag("code", name))
    if known is None:
        return join(term, tag("dd", "no explanation recorded"))
    near = BLOCK_TYPES.get(known.nearest)
    nearest = f"{near.meaning} ({near.id})" if near else known.nearest
    return join(term, tag(
        "dd", f"{known.meaning[:1].upper()}{known.meaning[1:]}.",
        tag("span", f" Told from “{nearest}” by this test: {known.test}.", class_="note"),
    ))


def _list(sentences: Sequence[str]) -> Html:
    return tag("ul", [tag("li", sentence) for sentence in sentences])
