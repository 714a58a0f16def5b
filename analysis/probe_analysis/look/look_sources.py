"""From what an analysis found to what one source says of one service in one country."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from probe.core.stamps import parse_time
from probe_analysis.cells.file_names import CELLS_FILE
from probe_analysis.cells.known_names import KnownNames
from probe_analysis.counting.cell_view import open_cells
from probe_analysis.events.event_log import is_event
from probe_analysis.exports.release import MIN_PROBES
from probe_analysis.findings.finding_values import KnownDefect, LookFinding, LookNetwork, LookSource, SourceKind
from probe_analysis.findings.logged_findings import Row, read_dismissed, read_logged_finding
from probe_analysis.look.look_cells import MEMORY_MB, LookCells
from probe_analysis.look.look_release import release_source
from probe_analysis.look.look_subject import is_about
from probe_analysis.look.look_values import LookSubject
from probe_analysis.look.mechanism_sentences import list_target_causes
from probe_analysis.look.one_account import leave_told, take_status
from probe_analysis.look.planned_parts import list_planned_parts, list_slowed_parts
from probe_analysis.look.population_findings import make_population_findings
from probe_analysis.look.timed_parts import list_timed_parts
from probe_analysis.slowed.slowed_services import QuarterTally
from probe_analysis.times.examined_times import ExaminedTimes


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What `probe analyse` left in a folder, and what it told."""

    folder: Path
    found: Sequence[Row]
    """What the log tells of it."""
    population: Sequence[Row] = ()
    tallies: Sequence[QuarterTally] = ()
    """Planned connections; of others' counts there are none."""
    times: Sequence[ExaminedTimes] = ()
    """Of which services handshakes were timed."""
    names: KnownNames | None = None
    """Who measured where on which day; of others' counts nobody knows."""
    other_side: int = 0
    """Rows of the laboratory, or where those are wanted of all others."""


def read_source(analysis: Analysis, subject: LookSubject, kind: SourceKind, label: str, *,
                since: datetime | None = None, problems: Iterable[str] = (), defects: Iterable[KnownDefect] = (),
                ) -> LookSource:
    """What one source says of the subject, as it may be shown; `since`: nothing that was over before."""
    from probe_analysis.counts.cells_origin import read_origin

    path, cc = analysis.folder / CELLS_FILE, subject.cc
    origin = read_origin(path)
    logged = [row for row in analysis.found if row["place"] == cc and (
        row["kind"] == "network" or is_about(subject, row["service"], row["endpoints"] or (row["service"],)))]
    with open_cells(LookCells, path, memory_mb=MEMORY_MB) as cells:
        events = [add_causes(read_logged_finding(row, witnesses_told=origin.witnesses_told, most=_MOST_NAMED), cells,
                             cc) for row in logged if is_event(row)]
        if since:
            cells.leave_out_before(since)
        services = cells.list_services(cc)
        mine = [one for one in services if is_about(subject, one, ())]
        measured = tuple(cells.list_parts(cc, mine, origin))
        countries_beside = cells.count_countries_beside(cc, mine or [subject.service])
    known = {part.asn for part in measured if part.known}
    record = analysis.names if kind == "own" else None
    own = [row for row in analysis.population if row["probe_cc"] == cc
           and is_about(subject, row["service"], (row["target_id"],))]
    together = make_population_findings(leave_told(own, events), {
        (part.asn, part.service, part.role): part.last_ok for part in measured if part.last_ok},
        {part.asn for part in measured} if record else known)  # as counted below
    every = (*sorted(events, key=_by_weight), *map(take_status, together))
    findings = [one for one in every if not since or one.last >= since]
    if record:
        findings = [count_known_probes(one, cc, record) for one in findings]
    return release_source(LookSource(
        kind=kind, label=label, findings=tuple(findings),
        dismissed=tuple(read_dismissed(row) for row in logged if row["kind"] == "dismissed"
                        and not (since and row["end_from"] and parse_time(row["end_from"]) < since)),
        measured=measured,
        services_beside=len(services) - len(mine), countries_beside=countries_beside,
        problems=tuple(problems), defects=tuple(defects), other_side=analysis.other_side,
        slowed=tuple(list_slowed_parts(analysis.tallies, subject, since, known)),
        times=tuple(list_timed_parts(analysis.times, subject)),
        planned=tuple(list_planned_parts(analysis.tallies, subject, known))))


def count_known_probes(finding: LookFinding, cc: str, names: KnownNames) -> LookFinding:
    """The finding with its networks' probes as a release counts them: a cell tells those of one hour alone, which are
    few where people measure by turns, and a population counts names that nobody knew before as well."""
    last = (finding.last - timedelta(microseconds=1)).date()

    def count(network: LookNetwork) -> LookNetwork:
        if network.asn <= 0:
            return network
        probes = min(names.count(cc, network.asn, day) for day in (network.onset_until.date(), last))
        return replace(network, witnesses=max(probes, network.witnesses or 0),
                       known=network.known and probes >= MIN_PROBES)

    return replace(finding, networks=tuple(map(count, finding.networks)))


_MOST_NAMED = 100_000
"""Networks and targets of an event: the answer for programs has them all."""


def add_causes(finding: LookFinding, cells: LookCells, cc: str) -> LookFinding:
    """An event with the causes of its targets."""
    if finding.kind in ("network", "slowed"):
        return finding
    return replace(finding, causes=list_target_causes(cells.count_causes(cc, finding)))


def _by_weight(finding: LookFinding) -> tuple[bool, bool, float]:
    """Confirmed first, then those that go on, then the latest."""
    return finding.status != "confirmed", finding.end_from is not None, -finding.onset_until.timestamp()
