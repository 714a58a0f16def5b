"""Reads a results folder into what the report shows, one part per network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from probe.model import ControlAnswer, Observation, Run, ServiceVerdict, Verdict
from probe.progress import Progress, silent
from probe.report.series import Network, VerdictRow, network_row, parse_time, verdict_row
from probe.store.atomic import StoreError
from probe.store.read import read_records, stored_runs

"""Called with (runs read, runs in all)."""
_MAX_EXAMPLES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One blocked verdict with the evidence that it rests on."""

    run: Run
    verdict: Verdict
    observations: tuple[Observation, ...]
    controls: tuple[ControlAnswer, ...]


@dataclass(slots=True, kw_only=True)
class Part:
    """Everything that the runs on one network say; filled run by run."""

    network: Network
    runs: list[Run] = field(default_factory=list)
    targets: dict[str, list[VerdictRow]] = field(default_factory=dict)
    roles: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Target -> (service, role)."""
    services: dict[tuple[str, str], list[tuple[datetime, str]]] = field(default_factory=dict)
    """(service, role) -> (time, state) of each run."""
    latest: tuple[datetime, tuple[ServiceVerdict, ...]] | None = None
    """When the latest run began, and its word on each role of each service."""
    blocked: dict[tuple[str, str], tuple[Run, Verdict]] = field(default_factory=dict)
    """(target, block type) -> its most telling verdict."""
    examples: dict[str, list[Example]] = field(default_factory=dict)
    """Target -> evidence of its blocked verdicts."""
    omitted_examples: int = 0

    @property
    def times(self) -> Sequence[datetime]:
        """Starts of the runs, in order."""
        return sorted(parse_time(run.measurement_start_time) for run in self.runs)

    def versions(self) -> Mapping[tuple[str, str, str], int]:
        """(software, rules, catalogue) -> runs."""
        return Counter((run.software_version, run.rules_version, run.catalogue_version) for run in self.runs)


def gather(directory: Path, *, progress: Progress = silent) -> tuple[Part, ...]:
    """The parts of a results folder, the network with most runs first. Raises StoreError."""
    runs = list(stored_runs(directory))
    parts: dict[Network, Part] = {}
    for done, run in enumerate(runs, start=1):
        try:
            _add(parts, run, directory)
        except ValueError as error:
            raise StoreError(f"{directory}: run {run.run_id}: {error}; restore the file or remove this run") from error
        progress(done, len(runs))
    for part in parts.values():
        _read_examples(part, directory)
    return tuple(sorted(parts.values(), key=lambda part: (part.network.lab, -len(part.runs))))


def _add(parts: dict[Network, Part], run: Run, directory: Path) -> None:
    time = parse_time(run.measurement_start_time)
    network = network_row(run)
    part = parts.setdefault(network, Part(network=network))
    part.runs.append(run)
    for verdict in read_records(directory, run, Verdict):
        part.targets.setdefault(verdict.target_id, []).append(verdict_row(run, verdict))
        part.roles[verdict.target_id] = verdict.service, verdict.role
        if verdict.outcome == "blocked":
            _keep_most_telling(part, run, verdict)
    services = read_records(directory, run, ServiceVerdict)
    if not part.latest or time >= part.latest[0]:
        part.latest = time, tuple(services)
    for service in services:
        state = "partial" if service.k and service.partial else service.outcome
        part.services.setdefault((service.service, service.role), []).append((time, state))


def _keep_most_telling(part: Part, run: Run, verdict: Verdict) -> None:
    key = verdict.target_id, verdict.block_type
    kept = part.blocked.get(key)
    if kept is None or (verdict.confirmed, verdict.confidence) > (kept[1].confirmed, kept[1].confidence):
        part.blocked[key] = run, verdict


def _read_examples(part: Part, directory: Path) -> None:
    chosen = sorted(part.blocked.values(), key=lambda pair: -pair[1].confidence)[:_MAX_EXAMPLES]
    part.omitted_examples = len(part.blocked) - len(chosen)
    by_run: dict[str, list[tuple[Run, Verdict]]] = {}
    for run, verdict in chosen:
        by_run.setdefault(run.run_id, []).append((run, verdict))
    for pairs in by_run.values():
        run = pairs[0][0]
        observations = {row.observation_id: row for row in read_records(directory, run, Observation)}
        controls = read_records(directory, run, ControlAnswer)
        for _, verdict in pairs:
            part.examples.setdefault(verdict.target_id, []).append(Example(
                run=run,
                verdict=verdict,
                observations=tuple(observations[name] for name in verdict.evidence if name in observations),
                controls=tuple(answer for answer in controls if answer.input == verdict.input),
            ))
