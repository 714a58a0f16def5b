"""Which runs of a results folder are released now; none that is not as it was signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from probe.core.runs import Run
from probe.store.archive.vouched_names import read_vouched_names
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import stored_runs
from probe.store.verification.folder_checks import FolderChecks, check_folder
from probe_analysis.exports.release import ReleaseCell, select_releasable_runs
from probe_analysis.exports.run_choice import RunFilter, select_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseChoice:
    """What is released of a folder, and what is not."""

    ready: Sequence[tuple[Run, ReleaseCell, str]]
    """As of `select_releasable_runs`."""
    held_back: int
    """Runs that are wanted and too young."""
    checks: FolderChecks
    """What was left out because it is not as it was signed."""


def choose_releasable_runs(directory: Path, choice: RunFilter, *, now: datetime) -> ReleaseChoice:
    """The runs that are wanted and may be released. Raises StoreError as `select_runs`, and where a run has no time."""
    checks = check_folder(directory)  # whole: the probes of all days are counted
    runs = select_runs(directory, choice, without=checks.unusable)
    lab = {run.vantage.lab for run in runs}
    everybody = (run for run in stored_runs(directory, without=checks.unusable) if run.vantage.lab in lab)
    try:
        ready = select_releasable_runs(runs, everybody, now=now, vouched=read_vouched_names(directory))
    except ValueError as error:
        raise StoreError(f"{directory}: a run has no proper time ({error}); restore its files or remove it") from error
    return ReleaseChoice(ready=ready, held_back=len(runs) - len(ready), checks=checks)
