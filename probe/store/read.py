"""Reads what `probe.store.write` wrote: exactly the values that went in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from probe.model import ControlAnswer, Observation, Run, RunResult, ServiceVerdict, Verdict
from probe.store.atomic import StoreError
from probe.store.csv_files import read_csv
from probe.store.layout import csv_path, find_run, run_files
from probe.store.rows import T, record_from, run_from, table_of
from probe.store.schema import TABLES


def stored_runs(directory: Path) -> Iterator[Run]:
    """The runs of a results folder by date and name; only the runs files are read.

    Raises StoreError for a folder without runs and for a file that cannot be read.
    """
    paths = list(run_files(directory))
    if not paths:
        raise StoreError(f"{directory}: no results here; a results folder has a folder `runs` with CSV files")
    yield from map(_read_runs_file, paths)


def read_records(directory: Path, run: Run, kind: type[T]) -> tuple[T, ...]:
    """One table of a stored run, chosen by what its rows are: Observation, ControlAnswer, Verdict, ServiceVerdict."""
    table = table_of(kind)
    path = csv_path(directory, table.name, run)
    try:
        return tuple(record_from(row, kind) for row in read_csv(path, table))
    except msgspec.ValidationError as error:
        raise StoreError(f"{path}: {error}; the file is not of this program, restore or remove it") from error


def read_run(directory: Path, run_id: str) -> RunResult:
    """Everything that one run found; StoreError when it is not stored."""
    path = find_run(directory, run_id)
    if path is None:
        raise StoreError(f"{directory}: there is no run {run_id}; see the files below {directory / 'runs'}")
    return _whole(directory, _read_runs_file(path))


def read_runs(directory: Path) -> Iterator[RunResult]:
    """Every run of a results folder, one after the other."""
    for run in stored_runs(directory):
        yield _whole(directory, run)


def _whole(directory: Path, run: Run) -> RunResult:
    return RunResult(
        run=run,
        observations=read_records(directory, run, Observation),
        controls=read_records(directory, run, ControlAnswer),
        verdicts=read_records(directory, run, Verdict),
        services=read_records(directory, run, ServiceVerdict),
    )


def _read_runs_file(path: Path) -> Run:
    rows = list(read_csv(path, TABLES["runs"]))
    if len(rows) != 1:
        raise StoreError(f"{path}: {len(rows)} rows, a run has one; restore the file or remove this run")
    try:
        run = run_from(rows[0])
        expected = csv_path(path.parents[2], "runs", run)
    except ValueError as error:  # msgspec.ValidationError is one
        raise StoreError(f"{path}: {error}; the file is not of this program, restore or remove it") from error
    if path != expected:
        raise StoreError(f"{path}: belongs at {expected}; move it back or remove this run")
    return run
