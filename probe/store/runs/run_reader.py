"""Reads what `probe.store.runs.run_writer` wrote: exactly the values that went in."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run, RunResult
from probe.core.safe_files import open_regular
from probe.core.stamps import parse_time
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.csv_files import MAX_FILE_BYTES, make_csv, read_csv
from probe.store.files.listing import is_there, list_regular
from probe.store.layout import csv_path
from probe.store.row_codec import Row, T, framed_rows, record_from, run_from, run_row, table_of
from probe.store.runs.merged_days import find_merged, is_merged, merged_rows, merged_text
from probe.store.runs.run_files import find_run, run_files
from probe.store.schema import TABLES, Table

R = TypeVar("R")
_TRIES = 3


def stored_runs(directory: Path, *, since: date | None = None, without: Container[str] = ()) -> Iterator[Run]:
    """The runs of a results folder by date and name, each once, but for some by their names or those of their runs
    files; only the runs files are read, from a day on.

    Raises StoreError for a folder without runs and for a file that cannot be read.
    """
    days = list(dict.fromkeys(path.parent for path in run_files(directory)))
    if not days:
        raise StoreError(f"{directory}: no results here; a results folder has a folder `runs` with CSV files")
    first = f"date={since.isoformat()}" if since else ""
    for day in days:
        if day.name >= first:
            yield from list_runs_of_day(day, without=without)


def list_runs_of_day(day: Path, *, without: Container[str] = ()) -> tuple[Run, ...]:
    """The runs of one day's folder below `runs`, by name, but for some as `stored_runs` has it.

    Raises StoreError for a file that cannot be read.
    """
    return _again_if_moved(partial(_runs_of_day, day, without))


def runs_in(path: Path, *, without: Container[str] = ()) -> tuple[Run, ...]:
    """The runs that a runs file describes, but for some: one, or those of a merged day. Raises StoreError."""
    rows = list(read_csv(path, TABLES["runs"]))
    if not is_merged(path) and len(rows) != 1:
        raise StoreError(f"{path}: {len(rows)} rows, a run has one; restore the file or remove this run")
    return tuple(_run_at(path, row) for row in rows if str(row.get("run_id", "")) not in without)


def read_records(directory: Path, run: Run, kind: type[T]) -> tuple[T, ...]:
    """One table of a stored run, chosen by what its rows are: Observation, ControlAnswer, Verdict, ServiceVerdict."""
    return _again_if_moved(partial(_records, directory, run, kind))


def _records(directory: Path, run: Run, kind: type[T]) -> tuple[T, ...]:
    table = table_of(kind)
    path = csv_path(directory, table.name, run)
    rows = None if is_there(path) else merged_rows(path.parent, table, run.run_id)
    try:
        return tuple(record_from(row, kind) for row in (read_csv(path, table) if rows is None else rows))
    except msgspec.ValidationError as error:
        raise StoreError(f"{path}: {error}; the file is not of this program, restore or remove it") from error


def read_run(directory: Path, run_id: str) -> RunResult:
    """Everything that one run found; StoreError when it is not stored."""
    return whole(directory, read_head(directory, run_id))


def read_head(directory: Path, run_id: str) -> Run:
    """A run without its other tables; StoreError when it is not stored."""
    for run in _again_if_moved(partial(_find_run, directory, run_id)):
        if run.run_id == run_id:
            return run
    raise StoreError(f"{directory}: there is no run {run_id}; see the files below {directory / 'runs'}")


def read_runs(directory: Path) -> Iterator[RunResult]:
    """Every run of a results folder, one after the other."""
    for run in stored_runs(directory):
        yield whole(directory, run)


def table_rows(directory: Path, run: Run, table: Table) -> Iterator[Row]:
    """The rows of one table of a stored run with every column of today's schema, those that it lacks by default."""
    if table.row is Run:
        return iter([run_row(run, table)])
    kind = cast("type[Observation]", table.row)  # whichever it is
    return framed_rows(run, table, read_records(directory, run, kind))


def whole(directory: Path, run: Run) -> RunResult:
    """A run with its tables."""
    return RunResult(
        run=run,
        observations=read_records(directory, run, Observation),
        controls=read_records(directory, run, ControlAnswer),
        verdicts=read_records(directory, run, Verdict),
        services=read_records(directory, run, ServiceVerdict),
    )


def table_text(directory: Path, run: Run, table: str) -> bytes:
    """The bytes of one table of a stored run, the same before and after its day was merged. Raises StoreError."""
    return read_table_text(csv_path(directory, table, run).parent, run.run_id)


def text_of_today(directory: Path, run: Run, table: Table) -> bytes:
    """The same with every column of today's schema, whichever version wrote it. Raises StoreError."""
    text = table_text(directory, run, table.name)
    return text if text.startswith(make_csv(table, ())) else make_csv(table, table_rows(directory, run, table))


def read_table_text(day: Path, run_id: str) -> bytes:
    """As `table_text`, of the run of a name in one table's folder of one day."""
    return _again_if_moved(partial(_text, day, run_id))


def _text(day: Path, run_id: str) -> bytes:
    path = day / f"{run_id}.csv"
    if not is_there(path) and (text := merged_text(day, run_id)) is not None:
        return text
    with translate_os_errors(path), open_regular(path) as file:
        text = file.read(MAX_FILE_BYTES + 1)
    if len(text) > MAX_FILE_BYTES:
        raise StoreError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB, which none of ours is; remove it")
    return text


def _find_run(directory: Path, run_id: str) -> tuple[Run, ...]:
    path = find_run(directory, run_id) or find_merged(directory, run_id)
    return runs_in(path) if path else ()


def _runs_of_day(day: Path, without: Container[str]) -> tuple[Run, ...]:
    """By name; a run that stands in a file of its own and in a merged one as well is taken once."""
    found: dict[str, Run] = {}
    for path in sorted(list_regular(day, "*.csv"), key=is_merged):
        if path.stem not in without:
            found = {run.run_id: run for run in runs_in(path, without=without)} | found
    return tuple(sorted(found.values(), key=lambda run: f"{run.run_id}.csv"))


def _run_at(path: Path, row: Row) -> Run:
    try:
        run = run_from(row)
        expected = csv_path(path.parents[2], "runs", run)
    except ValueError as error:  # msgspec.ValidationError is one
        raise StoreError(f"{path}: {error}; the file is not of this program, restore or remove it") from error
    if path.parent != expected.parent or not (is_merged(path) or path == expected):
        raise StoreError(f"{path}: belongs at {expected}; move it back or remove this run")
    return run


def _again_if_moved(read: Callable[[], R]) -> R:
    """Reads; once more where a file was listed and then gone, as when a day was merged in that moment."""
    for _ in range(_TRIES):
        try:
            return read()
        except StoreError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
    return read()


def read_start(run: Run) -> datetime:
    """When a run began, in UTC. Raises ValueError for a time that is none, or none of a run."""
    time = parse_time(run.measurement_start_time)
    if not 1970 <= time.year <= 2200:  # a device without a clock begins at 1970
        raise ValueError(f"the year {time.year} cannot be that of a run")
    return time
