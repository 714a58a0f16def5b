"""One table of many runs as one file, as it is or as it may be published."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.store.files.atomic import StoreError, Writer, write_files
from probe.store.row_codec import Row
from probe.store.schema import TABLES, Table
from probe.store.verification.folder_checks import FolderChecks, check_folder
from probe_analysis.exports.export_formats import FORMATS
from probe_analysis.exports.release import make_released_table, release_rows
from probe_analysis.exports.release_choice import ReleaseChoice, choose_releasable_runs
from probe_analysis.exports.run_choice import RunFilter, select_rows, select_runs


@dataclass(slots=True, kw_only=True)
class ExportResult:
    """What went into the file; counted while it is written."""

    runs: int = 0
    rows: int = 0
    held_back: int = 0
    """Runs that are too young to be released."""
    checks: FolderChecks = field(default_factory=FolderChecks)
    """What was left out because it is not as it was signed."""


def export_table(
    directory: Path, out: Path | None, choice: RunFilter, *, table: str = "verdicts", form: str = "csv",
    release: bool = False, now: datetime, progress: Progress = ignore_progress,
) -> ExportResult:
    """Writes the chosen rows to a file, whole or not at all, or to standard output where `out` is None.

    Raises StoreError when nothing is stored, something is damaged, or the file cannot be written.
    """
    if release:
        released = choose_releasable_runs(directory, choice, now=now)
        done = ExportResult(checks=released.checks, held_back=released.held_back)
        columns = make_released_table(TABLES[table])
        rows = _release_rows(directory, released, choice, TABLES[table], done, progress)
    else:
        checks = check_folder(directory, since=choice.since)
        runs = select_runs(directory, choice, without=checks.unusable)
        done, columns = ExportResult(checks=checks), TABLES[table]
        rows = _plain(directory, runs, choice, columns, done, progress)
    try:
        write_rows(out, columns, rows, form)
    except ValueError as error:
        raise StoreError(f"{directory}: {error}; restore the file or remove this run") from error
    return done


def write_rows(out: Path | None, columns: Table, rows: Iterator[Row], form: str) -> None:
    """Writes rows to a file, whole or not at all, or to standard output where `out` is None. Raises StoreError."""
    if out is None:
        _to_standard_output(lambda file: FORMATS[form](file, columns, rows))
    else:
        write_files([(out, lambda file: FORMATS[form](file, columns, rows))])


def _to_standard_output(write: Writer) -> None:
    try:
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise  # whoever reads has seen enough
    except OSError as error:
        raise StoreError(f"standard output: {error.strerror}") from error


def _plain(
    directory: Path, runs: list[Run], choice: RunFilter, table: Table, done: ExportResult, progress: Progress,
) -> Iterator[Row]:
    for run in runs:
        yield from _count_rows(select_rows(directory, run, table, choice.services), done)
        done.runs += 1
        progress(done.runs, len(runs))


def _release_rows(
    directory: Path, released: ReleaseChoice, choice: RunFilter, table: Table, done: ExportResult, progress: Progress,
) -> Iterator[Row]:
    for run, cell, name in released.ready:
        rows = select_rows(directory, run, table, choice.services)
        yield from _count_rows(release_rows(rows, table, run.run_id, cell, name), done)
        done.runs += 1
        progress(done.runs, len(released.ready))


def _count_rows(rows: Iterator[Row], done: ExportResult) -> Iterator[Row]:
    for row in rows:
        done.rows += 1
        yield row
