"""Measurements of one network, hour and program become one run: what agrees may convict.

A single failure convicts nobody. Several measurements of one URL in one network and hour are several fresh attempts,
whoever made them; where they are too few, the last ones of the day before, by whatever program, are taken in
(`probe.interop.remembered_failures`). Those whose own line is not shown to be well are kept in runs of their own, where
nothing is convicted that needs a line that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from probe.core.observations import Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.tables.operations import LOOKUPS
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.versions import SCHEMA_VERSION
from probe.core.verdicts import Verdict
from probe.inference.evidence.url_places import parse_host
from probe.inference.rules import RULES_VERSION
from probe.interop.imported_measurement import ImportedMeasurement, MeasuredTarget
from probe.interop.judging import judge_imported_run
from probe.interop.remembered_failures import WANTED, FailedMeasurement, Place, RememberedFailures
from probe.interop.words.translated_words import make_digest
from probe.measurement.session.observation_log import ObservationLog

ENGINE = "ooni"
WELL = 2
"""So many others must have been reached over proven connections for a line to be well (`LadderEvidence.well`)."""
MAX_NEIGHBOURS = 4
_ATTEMPTS = 1000
"""Attempts of one measurement at most; the next one's are counted on from there."""


@dataclass(frozen=True, slots=True)
class Key:
    """What the measurements of one run have in common."""

    cc: str
    asn: int
    software: str
    hour: datetime
    well: bool
    lab: bool


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
    return Key(one.cc, one.asn, one.software, one.start.replace(minute=0, second=0, microsecond=0), well, one.lab)


def _run(key: Key, members: Members, memory: RememberedFailures) -> RunResult:
    ordered = sorted(members, key=lambda m: (m[0].start, m[0].source))
    began = ordered[0][0].start
    name = make_digest(*(m.source for m, _ in ordered), key.software)
    book = ObservationLog(f"{began.strftime('%Y%m%dT%H%M%SZ')}_{ENGINE}_{name}")
    targets = _by_target(ordered)
    recalled = _recall(key, targets, memory, began) if key.well else ()
    rows: list[Observation] = [row for number, one in enumerate(recalled) for row in _shift(one.rows, number,
                                                                                            one.start - began)]
    for number, (one, shown) in enumerate(ordered, start=len(recalled)):
        rows += [_ladder_row(host, (one.start - began).total_seconds()) for host in sorted(shown)[:4]]
        rows += _shift(one.observations, number, one.start - began)
    rows += _neighbours(ordered, began)
    for row in sorted(rows, key=lambda o: o.t0_s):
        book.add(row)
    answers = (answer for one in (*(m for m, _ in ordered), *recalled) for answer in one.controls)
    for answer in dict.fromkeys(answers):
        book.add_control(answer)
    verdicts = tuple(_make_unjudged(aims) for aims in targets.values())
    raw = RunResult(run=_frame(key, book, ordered, verdicts), observations=tuple(book.observations),
                    controls=tuple(book.controls), verdicts=verdicts, services=())
    judged, services = judge_imported_run(raw, book)
    if key.well:
        _remember(key, targets, judged, memory)
    run = replace(raw.run, n_attempted=sum(v.outcome != NOT_ATTEMPTED for v in judged))
    return replace(raw, run=run, verdicts=judged, services=services)


def _recall(key: Key, targets: Mapping[str, Aims], memory: RememberedFailures,
            began: datetime) -> list[FailedMeasurement]:
    """What is remembered of the targets that fail here, as far as their own measurements are too few."""
    found: list[FailedMeasurement] = []
    for target, aims in targets.items():
        if any(o.failure for aim, one in aims for o in _rows_of(aim, one)):
            found += memory.recall(_place(key, target), began, WANTED - len(aims))
    return found


def _remember(key: Key, targets: Mapping[str, Aims], judged: Iterable[Verdict], memory: RememberedFailures) -> None:
    for verdict in judged:
        place = _place(key, verdict.target_id)
        if verdict.outcome not in ("blocked", "inconclusive"):
            if verdict.outcome == "ok":
                memory.forget(place)
            continue
        last = [(one, _rows_of(aim, one)) for aim, one in targets[verdict.target_id][-WANTED:]]
        memory.remember(place, [FailedMeasurement(start=one.start, rows=rows, controls=one.controls)
                                for one, rows in last if any(o.failure for o in rows)])


def _place(key: Key, target: str) -> Place:
    return Place(cc=key.cc, asn=key.asn, target_id=target)


def _rows_of(aim: MeasuredTarget, one: ImportedMeasurement) -> tuple[Observation, ...]:
    """What bears on one target of a measurement: its own rows, and lookups of its names."""
    hosts = set(_hosts(aim))
    return tuple(o for o in one.observations if o.purpose != "aside" and (
        o.target_id == aim.target_id or (not o.target_id and o.operation in LOOKUPS and o.hostname in hosts)))


def _ladder_row(host: str, at_s: float) -> Observation:
    """That this was reached over a proven connection, by this measurement or another of the same report."""
    return Observation(operation="http_round_trip", purpose="ladder", hostname=host, input=f"https://{host}/",
                       t0_s=at_s, t_s=at_s)


def _neighbours(members: Members, began: datetime) -> list[Observation]:
    """Names that the same probe had served at an address where another name's handshake fails: innocent ones there."""
    served: dict[tuple[str, str, int], list[Observation]] = {}
    failed: dict[tuple[str, str, int], set[str]] = {}
    for one, _ in members:
        shift = (one.start - began).total_seconds()
        for o in one.observations:
            if o.operation == "tls_handshake" and o.purpose in ("target", "trusted"):
                where = one.report, o.address, o.port
                if o.failure:
                    failed.setdefault(where, set()).add(o.hostname)
                elif o.tls.trust == "valid":
                    served.setdefault(where, []).append(_place_observation(o, 0, shift))
    return [replace(o, purpose="innocent", target_id="", input="", attempt=n)
            for where, names in failed.items()
            for n, o in enumerate([o for o in served.get(where, ()) if o.hostname not in names][:MAX_NEIGHBOURS], 1)]


def _shift(seen: Iterable[Observation], number: int, by: timedelta) -> list[Observation]:
    return [_place_observation(o, number, by.total_seconds()) for o in seen]


def _place_observation(seen: Observation, number: int, shift_s: float) -> Observation:
    attempt = number * _ATTEMPTS + min(seen.attempt, _ATTEMPTS)
    return replace(seen, attempt=attempt, t0_s=round(seen.t0_s + shift_s, 6), t_s=round(seen.t_s + shift_s, 6))


def _by_target(members: Members) -> dict[str, list[tuple[MeasuredTarget, ImportedMeasurement]]]:
    found: dict[str, list[tuple[MeasuredTarget, ImportedMeasurement]]] = {}
    for one, _ in members:
        for aim in one.aims:
            found.setdefault(aim.target_id, []).append((aim, one))
    return found


def _make_unjudged(aims: Aims) -> Verdict:
    """The place of a verdict: whose it is, what its engine says, and where it came from."""
    first = aims[0][0]
    return Verdict(
        target_id=first.target_id, service=first.service, role=first.role,
        input=first.inputs[0], outcome=NOT_ATTEMPTED,
        theirs=tuple(f"{m.test} {m.version}: {aim.theirs}" for aim, m in aims),
        sources=tuple(m.source for _, m in aims),
    )


def _frame(key: Key, log: ObservationLog, members: Members, verdicts: Sequence[Verdict]) -> Run:
    began = members[0][0].start
    last = max(m.start + timedelta(seconds=max((o.t_s for o in m.observations), default=0.0)) for m, _ in members)
    kinds, platforms = ({getattr(m, name) for m, _ in members} for name in ("network_type", "platform"))
    return Run(
        run_id=log.run_id, engine=ENGINE, measurement_start_time=format_time(began),
        measurement_end_time=format_time(last),
        n_targets=len(verdicts), n_observations=len(log.observations), rules_version=RULES_VERSION,
        software_version=key.software, schema_version=SCHEMA_VERSION,
        runtime_s=round((last - began).total_seconds(), 3),
        vantage=Vantage(probe_cc=key.cc, probe_asn=key.asn, network_type=kinds.pop() if len(kinds) == 1 else "unknown",
                        platform=platforms.pop() if len(platforms) == 1 else "", families=(4, 6), lab=key.lab),
    )
