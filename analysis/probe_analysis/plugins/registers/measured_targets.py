"""What stored runs of one country say of targets, and at which addresses they were found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from probe.core.observations import Observation
from probe.core.progress import Progress
from probe.core.runs import Run
from probe.core.verdicts import Verdict
from probe.store.runs.run_reader import read_records
from probe_analysis.exports.run_choice import RunFilter, select_runs
from probe_analysis.plugins.registers.register_rows import MeasuredTarget

RUNS_FOR_ADDRESSES = 50
"""The latest runs whose observations are read for addresses: far more rows than verdicts."""
_TRUSTED_SOURCES = ("doh", "control", "literal")


def read_runs(directory: Path, *, lab: bool | None) -> Sequence[Run]:
    """The runs of a folder by time. Raises StoreError where there are none, or those of the laboratory and others."""
    return sorted(select_runs(directory, RunFilter(lab=lab)), key=lambda run: run.measurement_start_time)


def read_measured(directory: Path, runs: Sequence[Run],
                  progress: Progress) -> Mapping[str, Mapping[str, MeasuredTarget]]:
    """Country -> target -> what its runs said. Raises StoreError for a damaged file."""
    found: defaultdict[str, dict[str, MeasuredTarget]] = defaultdict(dict)
    for done, run in enumerate(runs, start=1):
        of_country = found[run.vantage.probe_cc]
        for verdict in read_records(directory, run, Verdict):
            of_country[verdict.target_id] = _with(of_country.get(verdict.target_id, MeasuredTarget()), verdict, run)
        progress(done, len(runs))
    return found


def _with(before: MeasuredTarget, verdict: Verdict, run: Run) -> MeasuredTarget:
    time = run.measurement_start_time
    if verdict.outcome == "blocked":
        first = {} if before.n_blocked else {
            "first_blocked_time": time, "block_type": verdict.block_type, "first_run_id": run.run_id}
        return replace(before, n_blocked=before.n_blocked + 1, last_time=time, **first)  # type: ignore[arg-type]
    if verdict.outcome == "ok":
        return replace(before, n_ok=before.n_ok + 1, last_time=time)
    return replace(before, n_other=before.n_other + 1) if verdict.outcome != "not_attempted" else before


def list_proven_addresses(directory: Path, runs: Sequence[Run], progress: Progress) -> Mapping[str, frozenset[str]]:
    """Address -> targets that were really found there: by a valid certificate, or learned from trusted resolvers."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    latest = runs[-RUNS_FOR_ADDRESSES:]
    for done, run in enumerate(latest, start=1):
        for seen in read_records(directory, run, Observation):
            genuine = seen.address_source in _TRUSTED_SOURCES or (seen.tls.trust == "valid" and not seen.failure)
            if seen.target_id and seen.purpose == "target" and seen.address and genuine:
                found[seen.address].add(seen.target_id)
        progress(done, len(latest))
    return {address: frozenset(targets) for address, targets in found.items()}
