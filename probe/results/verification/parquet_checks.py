"""Checks the runs of a day in a results folder by their Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from probe.results.files.atomic import StoreError
from probe.results.files.parquet_rows import read_parquet, read_parquet_values
from probe.results.layout import PARQUET_FOLDER
from probe.results.row_codec import Row
from probe.results.schema import TABLES
from probe.results.signing.canonical_rows import digest_rows
from probe.results.signing.signature_check import (
    SIGNATURE_COLUMNS,
    SIGNED_TABLES,
    RunCheck,
    check_run_row,
    check_tables,
)


def check_parquet_day(directory: Path, day: str, tables: Sequence[str] = SIGNED_TABLES) -> Iterator[RunCheck]:
    """As `check_csv_day`; a day's files of one name in the tables' folders belong together."""
    root = directory / PARQUET_FOLDER
    for path in sorted((root / "runs" / f"date={day}").glob("*.parquet")):
        if path.name.startswith("."):
            continue
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
    digests: dict[str, dict[str, str]] = {run_id: {} for run_id in versions}
    broken: dict[str, str] = {}
    for name, path in files.items():
        if name != "runs" and versions:
            try:
                for run_id, digest in _digest(name, path, versions):
                    if name in digests[run_id]:
                        digest = "rows that stand apart"
                    digests[run_id][name] = digest
            except StoreError as error:
                broken[name] = str(error)
    for run_id, check in found.items():
        if check.state != "signed":
            yield check
        elif broken:
            yield RunCheck(run_id=run_id, state="damaged", tables=tuple(broken), reason="; ".join(broken.values()))
        else:
            empty = {name: digest_rows(TABLES[name], versions[run_id], ()) for name in files if name != "runs"}
            yield check_tables(check, rows[run_id], empty | digests[run_id])


def _sketch(path: Path) -> Mapping[str, RunCheck]:
    """What the rows of runs say of themselves. Raises StoreError, also where there is none."""
    rows = {str(row.get("run_id", "")): row for row in read_parquet_values(path, SIGNATURE_COLUMNS)}
    if not rows:
        raise StoreError(f"{path}: holds no run; restore it from its CSV files: probe verify --repair")
    return {run_id: check_run_row(row) for run_id, row in rows.items()}


def _digest(name: str, path: Path, versions: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """(run, digest) of the signed runs in a file, whose rows stand together. Raises StoreError."""
    def run_of(row: Row) -> str:
        return str(row.get("run_id", ""))
    for run_id, rows in groupby(read_parquet(path, TABLES[name]), key=run_of):
        if run_id in versions:
            try:
                yield run_id, digest_rows(TABLES[name], versions[run_id], rows)
            except KeyError as error:
                raise StoreError(f"{path}: lacks the column {error.args[0]}") from error
