"""Checks the runs of a day in a results folder by their CSV files, those of single runs and of merged days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from probe.core.safe_files import open_regular
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.csv_files import MAX_FILE_BYTES, parse_text, read_csv
from probe.store.files.listing import is_there, list_regular
from probe.store.layout import PACKETS_FOLDER
from probe.store.row_codec import Row
from probe.store.runs.merged_days import is_merged, merged_runs
from probe.store.runs.run_reader import read_table_text
from probe.store.schema import TABLES
from probe.store.signing.signature_check import (
    SIGNED_TABLES,
    RunCheck,
    TableContent,
    check_run_row,
    check_tables,
    compare_packets,
)


def check_csv_day(directory: Path, day: str, tables: Sequence[str] = SIGNED_TABLES) -> Iterator[RunCheck]:
    """What is to be said of every run of a day, `YYYY-MM-DD`, by these tables and its row of runs.

    A runs file that cannot be read stands for the run that its name tells.
    """
    folder = directory / "runs" / f"date={day}"
    seen: set[str] = set()
    for path in sorted(list_regular(folder, "*.csv"), key=is_merged):
        try:
            yield from _check_file(directory, path, tables, seen)
        except StoreError as error:
            yield RunCheck(run_id=path.stem, state="damaged", tables=("runs",), reason=str(error), read=False)


def check_csv_run(directory: Path, day: str, row: Row, tables: Sequence[str] = SIGNED_TABLES) -> RunCheck:
    """What is to be said of one run by its row of runs, and by its tables as they are stored."""
    found = check_run_row(row)
    if found.state != "signed":
        return found
    contents: dict[str, TableContent] = {}
    missing: dict[str, str] = {}
    for name in tables:
        try:
            if name != PACKETS_FOLDER:
                contents[name] = read_table_text(directory / name / f"date={day}", found.run_id)
            elif why := _check_packets(directory / name / f"date={day}" / f"{found.run_id}.pcapng", row):
                missing[name] = why
        except StoreError as error:
            missing[name] = str(error)
    if missing:
        return RunCheck(run_id=found.run_id, state="damaged", tables=tuple(missing), reason="; ".join(missing.values()))
    return check_tables(found, row, contents)


def _check_file(directory: Path, path: Path, tables: Sequence[str], seen: set[str]) -> Iterator[RunCheck]:
    expected = set(merged_runs(path)) if is_merged(path) else {path.stem}
    rows = {str(row.get("run_id", "")): row for row in read_csv(path, TABLES["runs"])}
    for run_id in sorted({*expected, *rows} - seen):
        seen.add(run_id)
        if run_id not in rows or run_id not in expected:
            yield RunCheck(run_id=run_id, state="damaged", tables=("runs",), read=False,
                           reason=f"{path}: its row and the name that it is listed by do not agree")
        else:
            yield check_csv_run(directory, path.parent.name.removeprefix("date="), rows[run_id], tables)


def read_csv_run(directory: Path, day: str, run_id: str) -> None:
    """Reads every table of a run to its end, of which nobody can tell more. Raises StoreError."""
    for name in SIGNED_TABLES:
        text = read_table_text(directory / name / f"date={day}", run_id)
        for _ in parse_text(directory / name / run_id, text, TABLES[name]):
            pass


def _check_packets(path: Path, row: Row) -> str:
    """Why a file of packets is not what was signed; where there is none, nobody carried it here."""
    if not is_there(path):
        return ""
    with translate_os_errors(path), open_regular(path) as file:
        return compare_packets(row, file.read(MAX_FILE_BYTES + 1))
