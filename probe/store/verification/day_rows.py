"""The rows of a day's runs, as far as they can be read from CSV or Parquet files and are what was signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from probe.store.files.atomic import StoreError
from probe.store.files.csv_files import parse_text, read_csv
from probe.store.files.listing import list_regular
from probe.store.files.parquet import available
from probe.store.files.parquet_rows import read_parquet
from probe.store.layout import PARQUET_FOLDER
from probe.store.row_codec import Row
from probe.store.runs.merged_days import is_merged, merged_runs, merged_text
from probe.store.schema import TABLES, Table
from probe.store.signing.signature_check import SIGNED_TABLES, check_run_row, check_tables

Rows = dict[str, dict[str, tuple[Row, ...]]]
"""Run -> table -> rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundRows:
    """A signed run that is whole, from whichever files its tables come."""

    version: int
    """Of the columns."""
    tables: Mapping[str, tuple[Row, ...]]


def find_sound_rows(directory: Path, day: str) -> dict[str, SoundRows]:
    """The runs of a day each of whose tables is, in one form or the other, what was signed."""
    forms = [_read_csv_day(directory, day), _read_parquet_day(directory, day) if available() else {}]
    found: dict[str, SoundRows] = {}
    for run_id in sorted({run_id for form in forms for run_id in form}):
        candidates = [form[run_id] for form in forms if run_id in form]
        if sound := _combine(candidates):
            found[run_id] = sound
    return found


def _combine(candidates: Sequence[Mapping[str, tuple[Row, ...]]]) -> SoundRows | None:
    for runs in (form.get("runs", ()) for form in candidates):
        if len(runs) == 1 and (check := check_run_row(runs[0])).state == "signed":
            tables: dict[str, tuple[Row, ...]] = {"runs": runs}
            for name in SIGNED_TABLES:
                for rows in (form.get(name, ()) for form in candidates):
                    if check_tables(check, runs[0], {name: lambda rows=rows: rows}).usable:  # type: ignore[misc]
                        tables[name] = rows
                        break
            if len(tables) == len(TABLES):
                return SoundRows(version=int(str(runs[0]["columns_version"])), tables=tables)
    return None


def _read_csv_day(directory: Path, day: str) -> Rows:
    found: Rows = {}
    for name, table in TABLES.items():
        for path in sorted(list_regular(directory / name / f"date={day}", "*.csv"), key=is_merged):
            for run_id, rows in _read_csv_file(path, table):
                found.setdefault(run_id, {}).setdefault(name, rows)
    return found


def _read_csv_file(path: Path, table: Table) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """Of a merged file run by run, so that one torn line costs one run."""
    if not is_merged(path):
        with suppress(StoreError):
            yield path.stem, tuple(read_csv(path, table))
        return
    try:
        runs = merged_runs(path)
    except StoreError:
        with suppress(StoreError):
            yield from _grouped(read_csv(path, table))
        return
    for run_id in runs:
        with suppress(StoreError):
            if (text := merged_text(path.parent, run_id)) is not None:
                yield run_id, tuple(parse_text(path, text, table))


def _read_parquet_day(directory: Path, day: str) -> Rows:
    found: Rows = {}
    for name, table in TABLES.items():
        for path in list_regular(directory / PARQUET_FOLDER / name / f"date={day}", "*.parquet"):
            with suppress(StoreError):
                for run_id, rows in _grouped(read_parquet(path, table)):
                    found.setdefault(run_id, {}).setdefault(name, rows)
    return found


def _grouped(rows: Iterable[Row]) -> Iterator[tuple[str, tuple[Row, ...]]]:
    for run_id, group in groupby(rows, key=lambda row: str(row.get("run_id", ""))):
        yield run_id, tuple(group)
