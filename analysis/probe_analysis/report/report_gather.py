"""Reads a results folder into what the report shows, one part per network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from probe.core.counted_words import count_things
from probe.core.observations import ControlAnswer, Observation
from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.core.stamps import parse_time
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.verdicts.share_series import read_run_share
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_records, stored_runs
from probe_analysis.events.verdict_series import ReportNetwork, VerdictRow, read_instrument, read_network

_MAX_EXAMPLES, _ALL_EXAMPLES = 40, 120
"""Evidence that is shown of one network, and of all together: the page must stay small enough to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockExample:
    """One blocked verdict with the evidence that it rests on."""

    run: Run
    verdict: Verdict
    observations: tuple[Observation, ...]
    controls: tuple[ControlAnswer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartlyBlocked:
    """In how many runs a role was partly blocked, and what the latest of them says of it."""

    runs: int
    time: datetime
    latest: ServiceVerdict


@dataclass(slots=True, kw_only=True)
class NetworkPart:
    """Everything that the runs on one network say; filled run by run."""

    network: ReportNetwork
    runs: list[Run] = field(default_factory=list)
    targets: dict[str, list[VerdictRow]] = field(default_factory=dict)
    roles: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Target -> (service, role)."""
    services: dict[tuple[str, str], list[tuple[datetime, str]]] = field(default_factory=dict)
    """(service, role) -> (time, state) of each run."""
    latest: tuple[datetime, tuple[ServiceVerdict, ...]] | None = None
    """When the latest run began, and its word on each role of each service."""
    partly: dict[tuple[str, str], PartlyBlocked] = field(default_factory=dict)
    """(service, role) -> what is known of its partial block."""
    blocked: dict[tuple[str, str], tuple[Run, Verdict]] = field(default_factory=dict)
    """(target, block type) -> its most telling verdict."""
    examples: dict[str, list[BlockExample]] = field(default_factory=dict)
    """Target -> evidence of its blocked verdicts."""

    @property
    def times(self) -> Sequence[datetime]:
        """Starts of the runs, in order."""
        return sorted(parse_time(run.measurement_start_time) for run in self.runs)

    def versions(self) -> Mapping[tuple[str, str, str], int]:
        """(software, rules, catalogue) -> runs."""
        return Counter((run.software_version, run.rules_version, run.catalogue_version) for run in self.runs)


def gather_report(directory: Path, *, without: Collection[str] = (),
                  progress: Progress = ignore_progress) -> tuple[NetworkPart, ...]:
    """The parts of a results folder without some runs, the network with most runs first. Raises StoreError."""
    runs = list(stored_runs(directory, without=without))
    if not runs:
        raise StoreError(f"{directory}: none of the {count_things(len(without), 'run')} is as it was signed; see "
                         f"probe verify")
    parts: dict[ReportNetwork, NetworkPart] = {}
    for done, run in enumerate(runs, start=1):
        try:
            _add(parts, run, directory)
        except ValueError as error:
            raise StoreError(f"{directory}: run {run.run_id}: {error}; restore the file or remove this run") from error
        progress(done, len(runs))
    most = min(_MAX_EXAMPLES, max(_ALL_EXAMPLES // len(parts), 4))
    for part in parts.values():
        for rows in part.targets.values():
            rows.sort(key=lambda row: (row.time, row.run_id))  # names of runs need not follow their times
        _read_examples(part, directory, most)
    return tuple(sorted(parts.values(), key=lambda part: (part.network.lab, -len(part.runs))))


def _add(parts: dict[ReportNetwork, NetworkPart], run: Run, directory: Path) -> None:
    time = parse_time(run.measurement_start_time)
    network = read_network(run)
    part = parts.setdefault(network, NetworkPart(network=network))
    part.runs.append(run)
    instrument = read_instrument(run)
    for verdict in read_records(directory, run, Verdict):
        part.targets.setdefault(verdict.target_id, []).append(VerdictRow(
            time=time, run_id=run.run_id, network=part.network, target_id=verdict.target_id, outcome=verdict.outcome,
            block_type=verdict.block_type, instrument=instrument, share=read_run_share(verdict),
        ))
        part.roles[verdict.target_id] = verdict.service, verdict.role
        if verdict.outcome == "blocked":
            _keep_most_telling(part, run, verdict)
    services = read_records(directory, run, ServiceVerdict)
    if not part.latest or time >= part.latest[0]:
        part.latest = time, tuple(services)
    for service in services:
        state = "partial" if service.k and service.partial else service.outcome
        key = service.service, service.role
        part.services.setdefault(key, []).append((time, state))
        if state == "partial":
            old = part.partly.get(key)
            newest = service if old is None or time >= old.time else old.latest
            part.partly[key] = PartlyBlocked(runs=old.runs + 1 if old else 1, time=max(time, old.time) if old else time,
                                             latest=newest)


def _keep_most_telling(part: NetworkPart, run: Run, verdict: Verdict) -> None:
    key = verdict.target_id, verdict.block_type
    kept = part.blocked.get(key)
    if kept is None or (verdict.confirmed, verdict.confidence) > (kept[1].confirmed, kept[1].confidence):
        part.blocked[key] = run, verdict


def _read_examples(part: NetworkPart, directory: Path, most: int) -> None:
    chosen = sorted(part.blocked.values(), key=lambda pair: -pair[1].confidence)[:most]
    by_run: dict[str, list[tuple[Run, Verdict]]] = {}
    for run, verdict in chosen:
        by_run.setdefault(run.run_id, []).append((run, verdict))
    for pairs in by_run.values():
        run = pairs[0][0]
        observations = {row.observation_id: row for row in read_records(directory, run, Observation)}
        controls = read_records(directory, run, ControlAnswer)
        for _, verdict in pairs:
            part.examples.setdefault(verdict.target_id, []).append(BlockExample(
                run=run,
                verdict=verdict,
                observations=tuple(observations[name] for name in verdict.evidence if name in observations),
                controls=tuple(answer for answer in controls if answer.input == verdict.input),
            ))
