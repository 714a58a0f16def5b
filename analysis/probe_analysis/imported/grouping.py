"""Measurements of one network, hour and program become one run: what agrees may convict.

A single failure convicts nobody. Several measurements of one URL in one network and hour are several fresh attempts,
whoever made them; where they are too few, the last ones of the day before, by whatever program, are taken in
(`probe_analysis.imported.remembered_failures`). Those whose own line is not shown to be well are kept in runs of their
own, where nothing is convicted that needs a line that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from probe.catalogue.owners import find_owner
from probe.core.observations import Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.tables.operations import LOOKUPS, Operation
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.versions import SCHEMA_VERSION
from probe.core.verdicts import Verdict
from probe.judge.common.url_places import parse_host
from probe.judge.rules_version import RULES_VERSION
from probe_analysis.imported.imported_measurement import ImportedMeasurement, MeasuredTarget
from probe_analysis.imported.judging import judge_imported_run
from probe_analysis.imported.remembered_failures import WANTED, FailedMeasurement, Place, RememberedFailures
from probe_analysis.imported.row_filling import make_builder, replace_fast
from probe_analysis.imported.run_rows import find_neighbours, log_rows, make_ladder_row, place_rows, stamp_rows
from probe_analysis.imported.words.translated_words import make_digest

ENGINE = "ooni"
WELL = 2
"""So many others must have been reached over proven connections for a line to be well (`LadderEvidence.well`)."""
_STAGES: tuple[Operation, ...] = ("connect", "tls_handshake", "quic_handshake", "stun_binding", "app_round_trip",
                                  "http_round_trip")
"""From the first to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What the measurements of one run have in common."""

    cc: str
    asn: int
    software: str
    platform: str
    hour: datetime
    well: bool
    lab: bool

    @property
    def probe_id(self) -> str:
        """A name for devices of one kind in one network. Files name no device: those of two kinds are two at least."""
        name = self.software.rpartition(" ")[0] or self.software
        return f"{ENGINE}-{make_digest(self.cc, str(self.asn), name, self.platform)}"


Members = Sequence[tuple[ImportedMeasurement, frozenset[str]]]
"""Measurements, each with the hosts that others of its report reached."""
Aims = Sequence[tuple[MeasuredTarget, ImportedMeasurement]]
"""One target, and the measurements of it in order of time."""


def group_into_runs(measurements: Sequence[ImportedMeasurement],
                    memory: RememberedFailures | None = None) -> list[RunResult]:
    """The runs of some measurements, in order of time, judged. One that stands there twice counts once. `memory` is
    what measurements before these left, and is added to."""
    memory = RememberedFailures() if memory is None else memory
    measurements = list({one.identity: one for one in measurements}.values())
    reached: dict[str, set[str]] = {}
    for one in measurements:
        reached.setdefault(one.report, set()).update(one.shown)
    groups: dict[Key, list[tuple[ImportedMeasurement, frozenset[str]]]] = {}
    for one in measurements:
        others = frozenset(reached[one.report] - {host for aim in one.aims for host in _hosts(aim)})
        groups.setdefault(_key(one, well=len(others) >= WELL), []).append((one, others))
    return [_run(key, members, memory) for key, members in sorted(groups.items(), key=lambda g: (g[0].hour, str(g[0])))]


def _hosts(aim: MeasuredTarget) -> Iterable[str]:
    return (parse_host(url) for url in aim.inputs)


def _key(one: ImportedMeasurement, *, well: bool) -> Key:
    return Key(cc=one.cc, asn=one.asn, software=one.software, platform=one.platform,
               hour=one.start.replace(minute=0, second=0, microsecond=0), well=well, lab=one.lab)


def _run(key: Key, members: Members, memory: RememberedFailures) -> RunResult:
    ordered = sorted(members, key=lambda m: (m[0].start, m[0].source))
    began = ordered[0][0].start
    name = make_digest(*(m.source for m, _ in ordered), key.software)
    run_id = f"{began.strftime('%Y%m%dT%H%M%SZ')}_{ENGINE}_{name}"
    targets = _by_target(ordered)
    failing = any(_failed(o) for one, _ in ordered for o in one.observations)
    recalled = _recall(key, targets, memory, began) if key.well and failing else ()
    rows = [row for number, one in enumerate(recalled) for row in place_rows(one.rows, number, one.start - began)]
    for number, (one, shown) in enumerate(ordered, start=len(recalled)):
        rows += place_rows([make_ladder_row(host) for host in sorted(shown)[:4]], 0, one.start - began)
        rows += place_rows(one.observations, number, one.start - began)
    if failing:
        rows += find_neighbours([m for m, _ in ordered], began)
    controls = dict.fromkeys(answer for one in (*(m for m, _ in ordered), *recalled) for answer in one.controls)
    log = log_rows(run_id, rows, controls) if failing else None
    seen = log.observations if log else stamp_rows(run_id, rows)
    verdicts = tuple(_make_unjudged(aims) for aims in targets.values())
    raw = RunResult(run=_frame(key, run_id, ordered, verdicts, rows=len(seen)), observations=tuple(seen),
                    controls=tuple(controls), verdicts=verdicts, services=())
    judged, services = judge_imported_run(raw, log)
    if key.well:
        _remember(key, targets, judged, memory)
    run = replace_fast(raw.run, n_attempted=sum(v.outcome != NOT_ATTEMPTED for v in judged))
    return replace(raw, run=run, verdicts=judged, services=services)


def _recall(key: Key, targets: Mapping[str, Aims], memory: RememberedFailures,
            began: datetime) -> list[FailedMeasurement]:
    """What is remembered of the targets that fail here, as far as their own measurements are too few."""
    found: list[FailedMeasurement] = []
    for target, aims in targets.items():
        seen = [_rows_of(aim, one) for aim, one in aims]
        if any(_failed(o) for rows in seen for o in rows) and not any(map(_went_well, seen)):
            found += memory.recall(_place(key, target), began, WANTED - len(aims))
    return found


def _remember(key: Key, targets: Mapping[str, Aims], judged: Iterable[Verdict], memory: RememberedFailures) -> None:
    for verdict in judged:
        place = _place(key, verdict.target_id)
        if verdict.outcome not in ("blocked", "inconclusive"):
            if verdict.outcome == "ok":
                memory.forget(place)
            continue
        seen = [(one, _rows_of(aim, one)) for aim, one in targets[verdict.target_id]]
        after = next((at for at in range(len(seen), 0, -1) if _went_well(seen[at - 1][1])), 0)
        if after:
            memory.forget(place)
        memory.remember(place, [FailedMeasurement(start=one.start, rows=rows, controls=one.controls)
                                for one, rows in seen[after:][-WANTED:] if any(map(_failed, rows))])


def _failed(row: Observation) -> bool:
    return bool(row.failure) or row.met_expectation == "no"


def _went_well(rows: Sequence[Observation]) -> bool:
    """The name was known, the last stage that was tried was passed at one address at least, and no page was
    unexpected: a filter's page, to which a request is led, comes without any failure."""
    lookups = [o for o in rows if o.operation in LOOKUPS]
    deepest = max((_STAGES.index(o.operation) for o in rows if o.operation in _STAGES), default=-1)
    if any(o.met_expectation == "no" for o in rows) or (lookups and all(o.failure for o in lookups)):
        return False
    return any(not o.failure for o in rows if _STAGES[deepest:deepest + 1] == (o.operation,))


def _place(key: Key, target: str) -> Place:
    return Place(cc=key.cc, asn=key.asn, target_id=target)


def _rows_of(aim: MeasuredTarget, one: ImportedMeasurement) -> tuple[Observation, ...]:
    """What bears on one target of a measurement: its own rows, and lookups of its names."""
    hosts = set(_hosts(aim))
    return tuple(o for o in one.observations if o.purpose != "aside" and (
        o.target_id == aim.target_id or (not o.target_id and o.operation in LOOKUPS and o.hostname in hosts)))


def _by_target(members: Members) -> dict[str, list[tuple[MeasuredTarget, ImportedMeasurement]]]:
    found: dict[str, list[tuple[MeasuredTarget, ImportedMeasurement]]] = {}
    for one, _ in members:
        for aim in one.aims:
            found.setdefault(aim.target_id, []).append((aim, one))
    return found

_make_verdict = make_builder(Verdict)


def _make_unjudged(aims: Aims) -> Verdict:
    """The place of a verdict: whose it is, what its engine says, and where it came from."""
    first = aims[0][0]
    return _make_verdict(
        target_id=first.target_id, service=first.service, role=first.role,
        owner=find_owner(first.service, parse_host(first.inputs[0])),
        input=first.inputs[0], outcome=NOT_ATTEMPTED,
        theirs=tuple([f"{m.test} {m.version}: {aim.theirs}" for aim, m in aims]),
        sources=tuple([m.source for _, m in aims]),
    )


def _frame(key: Key, run_id: str, members: Members, verdicts: Sequence[Verdict], *, rows: int) -> Run:
    began = members[0][0].start
    last = max(m.start + timedelta(seconds=max((o.t_s for o in m.observations), default=0.0)) for m, _ in members)
    kinds = {m.network_type for m, _ in members}
    return Run(
        run_id=run_id, engine=ENGINE, measurement_start_time=format_time(began),
        measurement_end_time=format_time(last),
        n_targets=len(verdicts), n_observations=rows, rules_version=RULES_VERSION,
        software_version=key.software, schema_version=SCHEMA_VERSION,
        runtime_s=round((last - began).total_seconds(), 3),
        vantage=Vantage(probe_id=key.probe_id, probe_cc=key.cc, probe_asn=key.asn, platform=key.platform,
                        network_type=kinds.pop() if len(kinds) == 1 else "unknown", families=(4, 6), lab=key.lab),
    )
