"""Checks the runs of a day in a results folder by their Parquet files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from probe.store.files.atomic import StoreError
from probe.store.files.listing import list_regular
from probe.store.files.parquet_rows import read_parquet, read_parquet_values
from probe.store.layout import PARQUET_FOLDER
from probe.store.row_codec import Row
from probe.store.schema import TABLES, Table
from probe.store.signing.canonical_rows import digest_rows
from probe.store.signing.signature_check import (
    SIGNATURE_COLUMNS,
    SIGNED_TABLES,
    RunCheck,
    check_run_row,
    check_tables,
)
from probe.store.verification.column_digests import digest_columns

_Digest = Callable[[Path, Table, Mapping[str, int]], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Digests:
    """What files of some tables hold of signed runs."""

    names: tuple[str, ...]
    runs: dict[str, dict[str, str]]
    """Run -> table -> digest."""
    broken: dict[str, str]
    """Table -> why its file cannot be read."""


def check_parquet_day(directory: Path, day: str, tables: Sequence[str] = SIGNED_TABLES) -> Iterator[RunCheck]:
    """As `check_csv_day`; a day's files of one name in the tables' folders belong together."""
    root = directory / PARQUET_FOLDER
    for path in list_regular(root / "runs" / f"date={day}", "*.parquet"):
        try:
            yield from check_parquet_files({name: root / name / f"date={day}" / path.name
                                            for name in (*tables, "runs")})
        except StoreError as error:
            yield RunCheck(run_id=path.stem, state="damaged", tables=("runs",), reason=str(error), read=False)


def check_parquet_files(files: Mapping[str, Path]) -> Iterator[RunCheck]:
    """Checks the runs of one file of runs by the files of other tables. Raises StoreError for that one."""
    sketched = _sketch(files["runs"])
    if all(check.state == "unsigned" for check in sketched.values()):  # as in very many old files
        yield from sketched.values()
        return
    rows = {str(row.get("run_id", "")): row for row in read_parquet(files["runs"], TABLES["runs"])}
    found = {run_id: check_run_row(row) for run_id, row in rows.items()}
    versions = {run_id: int(str(rows[run_id]["columns_version"])) for run_id, check in found.items()
                if check.state == "signed"}
    tables = {name: path for name, path in files.items() if name != "runs"}
    checks = _compare(rows, found, versions, _digest_all(tables, versions, digest_columns))
    if not all(check.usable for check in checks):
        checks = _compare(rows, found, versions, _digest_all(tables, versions, _digest_rows))
    yield from checks


def _digest_all(tables: Mapping[str, Path], versions: Mapping[str, int], digest: _Digest) -> _Digests:
    digests = _Digests(names=tuple(tables), runs={run_id: {} for run_id in versions}, broken={})
    for name, path in tables.items() if versions else ():
        try:
            for run_id, found in digest(path, TABLES[name], versions):
                digests.runs[run_id][name] = "rows that stand apart" if name in digests.runs[run_id] else found
        except StoreError as error:
            digests.broken[name] = str(error)
    return digests


def _compare(rows: Mapping[str, Row], found: Mapping[str, RunCheck], versions: Mapping[str, int],
             digests: _Digests) -> list[RunCheck]:
    """`found` with what the other tables say of the runs that are signed."""
    empty = {version: {name: digest_rows(TABLES[name], version, ()) for name in digests.names}
             for version in set(versions.values())}
    checks = []
    for run_id, check in found.items():
        if check.state == "signed" and digests.broken:
            check = RunCheck(run_id=run_id, state="damaged", tables=tuple(digests.broken),
                             reason="; ".join(digests.broken.values()))
        elif check.state == "signed":
            check = check_tables(check, rows[run_id], empty[versions[run_id]] | digests.runs[run_id])
        checks.append(check)
    return checks


def _sketch(path: Path) -> Mapping[str, RunCheck]:
    """What the rows of runs say of themselves. Raises StoreError, also where there is none."""
    rows = {str(row.get("run_id", "")): row for row in read_parquet_values(path, SIGNATURE_COLUMNS)}
    if not rows:
        raise StoreError(f"{path}: holds no run; restore it from its CSV files: probe verify --repair")
    return {run_id: check_run_row(row) for run_id, row in rows.items()}


def _digest_rows(path: Path, table: Table, versions: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(run, digest) of the signed runs in a file, whose rows stand together. Raises StoreError."""
    def run_of(row: Row) -> str:
        return str(row.get("run_id", ""))
    for run_id, rows in groupby(read_parquet(path, table), key=run_of):
        if run_id in versions:
            try:
                yield run_id, digest_rows(table, versions[run_id], rows)
            except KeyError as error:
                raise StoreError(f"{path}: lacks the column {error.args[0]}") from error
