"""From what an analysis found to what one source says of one service in one country."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from probe.core.stamps import parse_time
from probe.store.archive.release import MIN_PROBES
from probe_analysis.cells.file_names import CELLS_FILE
from probe_analysis.cells.known_names import KnownNames
from probe_analysis.events.event_log import is_event
from probe_analysis.look.logged_findings import MAX_TEXT, Row, read_dismissed, read_logged_finding
from probe_analysis.look.look_release import release_source
from probe_analysis.look.look_subject import is_about
from probe_analysis.look.look_values import (
    KnownDefect,
    LookFinding,
    LookNetwork,
    LookSource,
    LookSubject,
    MeasuredPart,
    SourceKind,
)
from probe_analysis.look.mechanism_sentences import list_target_causes
from probe_analysis.look.planned_parts import list_planned_parts, list_slowed_parts
from probe_analysis.look.population_findings import make_population_findings
from probe_analysis.slowed.slowed_services import QuarterTally


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What `probe analyse` left in a folder, and what it told."""

    folder: Path
    found: Sequence[Row]
    """What the log tells of it."""
    population: Sequence[Row] = ()
    tallies: Sequence[QuarterTally] = ()
    """Planned connections; of others' counts there are none."""
    names: KnownNames | None = None
    """Who measured where on which day; of others' counts nobody knows."""
    other_side: int = 0
    """Rows of the laboratory, or where those are wanted of all others."""


def read_source(analysis: Analysis, subject: LookSubject, kind: SourceKind, label: str, *,
                since: datetime | None = None, problems: Iterable[str] = (), defects: Iterable[KnownDefect] = (),
                ) -> LookSource:
    """What one source says of the subject, as it may be shown; `since`: nothing that was over before."""
    import pyarrow.compute as pc

    from probe_analysis.counts.cells_origin import read_origin

    path = analysis.folder / CELLS_FILE
    origin = read_origin(path)
    roles = read_role_cells(path)
    if since:
        roles = roles.filter(pc.greater_equal(roles["cell_start"], since))
    in_country = roles.filter(pc.equal(roles["probe_cc"], subject.cc))
    names = {asn: name[:MAX_TEXT] for asn, name in (origin.names or {}).items()}
    services = set(pc.unique(in_country["service"]).to_pylist())
    mine = [one for one in services if is_about(subject, one, ())]
    own = in_country.filter(pc.is_in(in_country["service"], value_set=_texts(mine)))
    abroad = roles.filter(pc.and_(pc.is_in(roles["service"], value_set=_texts(mine or [subject.service])),
                                  pc.not_equal(roles["probe_cc"], subject.cc)))
    logged = [row for row in analysis.found if row["place"] == subject.cc and (
        row["kind"] == "network" or is_about(subject, row["service"], row["endpoints"] or (row["service"],)))]
    events = [read_logged_finding(row, witnesses_told=origin.witnesses_told, most=_MOST_NAMED)
              for row in logged if is_event(row)]
    if events:
        failed = read_failed_targets(path, subject.cc, mine)
        events = [add_causes(one, failed) for one in events]
    measured = tuple(_measured(own, origin.step, names, witnesses_told=origin.witnesses_told))
    known = {part.asn for part in measured if part.known}
    record = analysis.names if kind == "own" else None
    together = make_population_findings([row for row in analysis.population if row["probe_cc"] == subject.cc
                                         and is_about(subject, row["service"], (row["target_id"],))],
                                        _find_last_ok(own, origin.step),
                                        {part.asn for part in measured} if record else known)  # as counted below
    findings = [one for one in (*sorted(events, key=_by_weight), *together) if not since or one.last >= since]
    if record:
        findings = [count_known_probes(one, subject.cc, record) for one in findings]
    return release_source(LookSource(
        kind=kind, label=label, findings=tuple(findings),
        dismissed=tuple(read_dismissed(row) for row in logged if row["kind"] == "dismissed"
                        and not (since and row["end_from"] and parse_time(row["end_from"]) < since)),
        measured=measured,
        services_beside=len(services) - len(mine), countries_beside=len(pc.unique(abroad["probe_cc"])),
        problems=tuple(problems), defects=tuple(defects), other_side=analysis.other_side,
        slowed=tuple(list_slowed_parts(analysis.tallies, subject, since, known)),
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


def make_empty_source(kind: SourceKind, label: str, problems: Iterable[str]) -> LookSource:
    """A source that was asked and held nothing that could be read."""
    return LookSource(kind=kind, label=label, findings=(), dismissed=(), measured=(), services_beside=0,
                      countries_beside=0, problems=tuple(problems))


_MOST_NAMED = 100_000
"""Networks and targets of an event: the answer for programs has them all."""
_REPEATED = ("probe_cc", "service", "role", "standing", "level")
"""Columns of a few words, that are held once each."""
_COUNTS = ("n", "ok", "blocked", "down", "inconclusive", "network", "local")


def read_role_cells(path: Path) -> Any:
    """The cells of roles, as an Arrow table. Row groups have dictionaries of their own; what groups rows wants one."""
    import pyarrow.parquet as pq

    return pq.read_table(
        path, filters=[("level", "=", "role")], read_dictionary=_REPEATED, partitioning=None,
        columns=[*_COUNTS, "probe_cc", "probe_asn", "service", "role", "cell_start", "witnesses", "standing"],
    ).unify_dictionaries()


def read_failed_targets(path: Path, cc: str, services: Sequence[str]) -> Any:
    """The cells of targets that were blocked somewhere, as an Arrow table."""
    import pyarrow.parquet as pq

    return pq.read_table(
        path, filters=[("level", "=", "target"), ("probe_cc", "=", cc), ("service", "in", list(services)),
                       ("blocked", ">", 0)] if services else [("level", "=", "")], partitioning=None,
        columns=["probe_asn", "service", "role", "target_id", "cell_start", "blocked", "block_type"])


def add_causes(finding: LookFinding, failed: Any) -> LookFinding:
    """An event with the causes of its targets; `failed`: what `read_failed_targets` gives."""
    import pyarrow.compute as pc

    if finding.kind == "network":
        return finding
    asns = [one.asn for one in finding.networks]
    begin = finding.onset_from or finding.onset_until - timedelta(hours=1)
    inside = failed.filter(pc.and_(pc.equal(failed["service"], finding.service), pc.and_(
        pc.greater_equal(failed["cell_start"], begin), pc.less(failed["cell_start"], finding.last))))
    votes: Counter[tuple[str, str]] = Counter()
    for row in inside.group_by(["probe_asn", "role", "target_id", "block_type"]).aggregate(
            [("blocked", "sum")]).to_pylist():
        here = 0 in asns or row["probe_asn"] in asns
        if here and row["role"] in finding.roles and (not finding.targets or row["target_id"] in finding.targets):
            votes[row["target_id"][:MAX_TEXT], row["block_type"]] += row["blocked_sum"]
    return replace(finding, causes=list_target_causes(votes))


def _texts(words: Sequence[str]) -> Any:
    import pyarrow as pa

    return pa.array(words, pa.string())


def _measured(cells: Any, step: timedelta, names: Mapping[int, str], *, witnesses_told: bool) -> list[MeasuredPart]:
    """The sums of each network and role."""
    import pyarrow.compute as pc

    known = cells.filter(pc.equal(cells["standing"], "established")).group_by(
        ["probe_asn", "service", "role"]).aggregate([("witnesses", "max")])
    most = {(row["probe_asn"], row["service"], row["role"]): row["witnesses_max"] for row in known.to_pylist()}
    sums = cells.group_by(["probe_asn", "service", "role"]).aggregate(
        [*((name, "sum") for name in _COUNTS), ("witnesses", "max"), ("cell_start", "min"), ("cell_start", "max")])
    last_ok = _find_last_ok(cells, step)
    parts = [MeasuredPart(
        asn=row["probe_asn"], label=names.get(row["probe_asn"], ""), service=row["service"][:MAX_TEXT],
        role=row["role"], **{name: row[f"{name}_sum"] for name in _COUNTS},
        witnesses=row["witnesses_max"] if witnesses_told else None, first=row["cell_start_min"],
        last=row["cell_start_max"] + step,
        last_ok=last_ok.get((row["probe_asn"], row["service"], row["role"])),
        known=most.get((row["probe_asn"], row["service"], row["role"]), 0) >= MIN_PROBES) for row in sums.to_pylist()]
    return sorted(parts, key=lambda part: (-part.blocked, -part.n, part.asn, part.service, part.role))


def _find_last_ok(cells: Any, step: timedelta) -> dict[tuple[int, str, str], datetime]:
    """(network, service, role) -> the end of the last cell in which it was well."""
    import pyarrow.compute as pc

    well = cells.filter(pc.greater(cells["ok"], 0))
    latest = well.group_by(["probe_asn", "service", "role"]).aggregate([("cell_start", "max")])
    return {(row["probe_asn"], row["service"], row["role"]): row["cell_start_max"] + step for row in latest.to_pylist()}


def _by_weight(finding: LookFinding) -> tuple[bool, bool, float]:
    """Confirmed first, then those that go on, then the latest."""
    return finding.status != "confirmed", finding.end_from is not None, -finding.onset_until.timestamp()
