"""Results of volunteers in several networks of a country, some of whom meet a failure of one target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from observations import observation
from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.basis_words import Basis
from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.failures import Failure
from probe.core.tables.words import Empty
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.runs.run_writer import write_run
from probe_analysis.population.population_files import PopulationSummary, write_population

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TARGET, OTHERS = "a.chat.one", ("b.web.x", "c.web.x", "d.web.x")
EVERY_H = 6
RESET: BlockTypeId = "tls.reset.sni"


@dataclass(frozen=True, slots=True, kw_only=True)
class Volunteer:
    """One probe, and when the target fails for it, in hours after BEGIN."""

    asn: int
    probe: str
    cc: str = "RU"
    fails: Callable[[int], bool] = lambda hour: False
    suspected: BlockTypeId = RESET
    basis: Basis | Empty = ""
    """Of runs that found it blocked; empty: they had to leave it open."""
    failure: Failure = "connection_reset"
    alert: int = -1
    """Number of the TLS alert with which the handshake fails; -1: none."""
    address: str = "192.0.2.1"
    resolver: str = "near"
    others_fail: bool = False
    vantage: dict[str, Any] = field(default_factory=dict)
    version: str = "1"
    controls: tuple[ControlAnswer, ...] = ()
    """What controls say whenever the target fails."""


def make_volunteers(count: int, fails: Callable[[int], bool], *, first: int = 64500, **more: Any) -> list[Volunteer]:
    """One volunteer in each of some networks."""
    return [Volunteer(asn=first + n, probe=f"p{first + n}", fails=fails, **more) for n in range(count)]


def list_runs(volunteers: Iterable[Volunteer], *, begin: int = -12, end: int = 36) -> Iterator[RunResult]:
    """Their runs of some hours after BEGIN."""
    for person in volunteers:
        for hour in range(begin, end, EVERY_H):
            yield _make_run(person, hour)


def judge(folder: Path, runs: Iterable[RunResult], *, parquet: bool = False, **more: Any) -> PopulationSummary:
    """Write the runs, and judge them together."""
    for run in runs:
        write_run(run, folder / "results", parquet=parquet, known_new=True)
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return write_population(folder / "results", out, now=NOW, memory_mb=400, threads=1, **more)


def _make_run(person: Volunteer, hour: int) -> RunResult:
    start = BEGIN + timedelta(hours=hour)
    run_id, time = f"{person.probe}-{start:%m%dT%H}", start.strftime("%Y-%m-%dT%H:%M:%SZ")
    failing = person.fails(hour)
    vantage = Vantage(probe_id=person.probe, probe_cc=person.cc, probe_asn=person.asn)
    return RunResult(
        run=Run(run_id=run_id, measurement_start_time=time, measurement_end_time=time, software_version=person.version,
                vantage=replace(vantage, **person.vantage)),
        observations=_look(run_id, person, failing=failing), controls=person.controls if failing else (),
        verdicts=(_verdict(person, failing=failing), *_others(person)),
        services=(ServiceVerdict(service="a", role="chat", outcome="ok", k=0, n=1),))


def _verdict(person: Volunteer, *, failing: bool) -> Verdict:
    plain = Verdict(target_id=TARGET, service="a", role="chat", input="https://one.example/", outcome="ok")
    if not failing:
        return plain
    if person.basis:
        return replace(plain, outcome="blocked", block_type=person.suspected, basis=person.basis)
    return replace(plain, outcome="inconclusive", block_type="inconclusive.unplaced", suspected=person.suspected)


def _others(person: Volunteer) -> Sequence[Verdict]:
    word: Any = "inconclusive" if person.others_fail else "ok"
    return [Verdict(target_id=name, service=name[0], role="web", input=f"https://{name}/", outcome=word)
            for name in OTHERS]


def _look(run_id: str, person: Volunteer, *, failing: bool) -> tuple[Observation, ...]:
    seen = [observation(observation_id=f"{run_id}.1", sequence=1, run_id=run_id, operation="dns_round_trip",
                        resolver="network", resolver_address=person.resolver)]
    if person.address:
        seen.append(observation(
            observation_id=f"{run_id}.2", sequence=2, run_id=run_id, target_id=TARGET, purpose="target",
            operation="tls_handshake", failure=person.failure if failing else "",
            tls_alert=person.alert if failing else -1, address=person.address))
    return tuple(seen)
