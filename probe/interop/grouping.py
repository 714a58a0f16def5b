"""Measurements of one network, hour and program become one run: what agrees may convict. Pure.

A single failure convicts nobody. Several measurements of one URL in one network and hour are several fresh attempts,
whoever made them. Those whose own line is not shown to be well are kept in runs of their own, where nothing is
convicted that needs a line that is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from probe.catalogue.owners import find_owner
from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.versions import SCHEMA_VERSION
from probe.core.verdicts import Verdict
from probe.inference.evidence.url_places import parse_host
from probe.inference.rules import RULES_VERSION
from probe.interop.imported_measurement import ImportedMeasurement, MeasuredTarget
from probe.interop.judging import judge_imported_run
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


def group_into_runs(measurements: Sequence[ImportedMeasurement]) -> list[RunResult]:
    """The runs of some measurements, in order of time, judged. One that stands there twice counts once."""
    measurements = list({one.identity: one for one in measurements}.values())
    reached: dict[str, set[str]] = {}
    for one in measurements:
        reached.setdefault(one.report, set()).update(one.shown)
    groups: dict[Key, list[tuple[ImportedMeasurement, frozenset[str]]]] = {}
    for one in measurements:
        others = frozenset(reached[one.report] - {host for aim in one.aims for host in _hosts(aim)})
        groups.setdefault(_key(one, well=len(others) >= WELL), []).append((one, others))
    return [_run(key, members) for key, members in sorted(groups.items(), key=lambda g: (g[0].hour, str(g[0])))]


def _hosts(aim: MeasuredTarget) -> Iterable[str]:
    return (parse_host(url) for url in aim.inputs)


def _key(one: ImportedMeasurement, *, well: bool) -> Key:
    return Key(one.cc, one.asn, one.software, one.start.replace(minute=0, second=0, microsecond=0), well, one.lab)


def _run(key: Key, members: Sequence[tuple[ImportedMeasurement, frozenset[str]]]) -> RunResult:
    ordered = sorted(members, key=lambda m: (m[0].start, m[0].source))
    began = ordered[0][0].start
    name = make_digest(*(m.source for m, _ in ordered), key.software)
    book = ObservationLog(f"{began.strftime('%Y%m%dT%H%M%SZ')}_{ENGINE}_{name}")
    rows: list[Observation] = []
    for number, (one, shown) in enumerate(ordered):
        shift = (one.start - began).total_seconds()
        rows += [_ladder_row(host, shift) for host in sorted(shown)[:4]]
        rows += [_place_observation(o, number, shift) for o in one.observations]
    rows += _neighbours(ordered, began)
    for row in sorted(rows, key=lambda o: o.t0_s):
        book.add(row)
    for answer in _controls(m for m, _ in ordered):
        book.add_control(answer)
    verdicts = tuple(_make_unjudged(aims) for aims in _by_target(ordered).values())
    raw = RunResult(run=_frame(key, book, ordered, verdicts), observations=tuple(book.observations),
                    controls=tuple(book.controls), verdicts=verdicts, services=())
    judged, services = judge_imported_run(raw, book)
    run = replace(raw.run, n_attempted=sum(v.outcome != NOT_ATTEMPTED for v in judged))
    return replace(raw, run=run, verdicts=judged, services=services)


def _ladder_row(host: str, at_s: float) -> Observation:
    """That this was reached over a proven connection, by this measurement or another of the same report."""
    return Observation(operation="http_round_trip", purpose="ladder", hostname=host, input=f"https://{host}/",
                       t0_s=at_s, t_s=at_s)


def _neighbours(members: Sequence[tuple[ImportedMeasurement, frozenset[str]]], began: datetime) -> list[Observation]:
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


def _place_observation(seen: Observation, number: int, shift_s: float) -> Observation:
    attempt = number * _ATTEMPTS + min(seen.attempt, _ATTEMPTS)
    return replace(seen, attempt=attempt, t0_s=round(seen.t0_s + shift_s, 6), t_s=round(seen.t_s + shift_s, 6))


def _controls(members: Iterable[ImportedMeasurement]) -> list[ControlAnswer]:
    """What helpers said, each answer once."""
    return list(dict.fromkeys(answer for one in members for answer in one.controls))


def _by_target(members: Sequence[
    tuple[ImportedMeasurement, frozenset[str]]]) -> dict[str, list[tuple[MeasuredTarget, ImportedMeasurement]]]:
    found: dict[str, list[tuple[MeasuredTarget, ImportedMeasurement]]] = {}
    for one, _ in members:
        for aim in one.aims:
            found.setdefault(aim.target_id, []).append((aim, one))
    return found


def _make_unjudged(aims: Sequence[tuple[MeasuredTarget, ImportedMeasurement]]) -> Verdict:
    """The place of a verdict: whose it is, what its engine says, and where it came from."""
    first = aims[0][0]
    return Verdict(
        target_id=first.target_id, service=first.service, owner=find_owner(first.service), role=first.role,
        input=first.inputs[0], outcome=NOT_ATTEMPTED,
        theirs=tuple(f"{m.test} {m.version}: {aim.theirs}" for aim, m in aims),
        sources=tuple(m.source for _, m in aims),
    )


def _frame(key: Key, log: ObservationLog, members: Sequence[tuple[ImportedMeasurement, frozenset[str]]],
           verdicts: Sequence[Verdict]) -> Run:
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
