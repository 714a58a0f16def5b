"""Tables that batches write beside the runs: one immutable file per batch and table, the checks last.

`<results>/<table>/date=YYYY-MM-DD/<batch_id>.csv`, as runs have it; CSV alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from probe.store.files.atomic import StoreError, remove_stale, write_files
from probe.store.files.csv_files import read_csv, write_csv
from probe.store.layout import is_run_id
from probe.store.row_codec import Row
from probe.store.runs.run_files import run_files
from probe.store.schema import Table, columns_of
from probe_analysis.batches.batch_columns import STORE_CHANGES, STORE_CHECKS
from probe_analysis.batches.store_checks import Batch, StoreChange, StoreCheck

T = TypeVar("T", StoreCheck, StoreChange)

BATCH_TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        Table(
            name="store_changes", title="An application that was removed from a storefront, or listed there",
            row=StoreChange, columns=columns_of(StoreChange, STORE_CHANGES),
            key=("batch_id", "store", "storefront", "app"),
        ),
        Table(
            name="store_checks", title="What one batch of lookups says of one application in one storefront",
            row=StoreCheck, columns=columns_of(StoreCheck, STORE_CHECKS),
            key=("batch_id", "store", "storefront", "app"),
        ),
    )
}
"""Name -> table, in the order in which a batch's files are written."""


def write_batch(batch: Batch, directory: Path, *, day: date) -> tuple[Path, ...]:
    """Writes both tables of a batch, all or nothing, and returns their paths. Raises StoreError."""
    if not is_run_id(batch.info.batch_id):
        raise ValueError(f"{batch.info.batch_id[:40]!r} cannot be the name of a batch")
    rows: Mapping[str, Iterable[StoreCheck | StoreChange]] = {
        "store_checks": batch.checks, "store_changes": batch.changes}
    paths = {name: directory / name / f"date={day.isoformat()}" / f"{batch.info.batch_id}.csv"
             for name in BATCH_TABLES}
    for path in paths.values():
        if path.exists():
            raise StoreError(f"{path}: is there already and is never overwritten")
        remove_stale(path.parent)
    write_files([(path, partial(_write, table=BATCH_TABLES[name], rows=rows[name])) for name, path in paths.items()])
    return tuple(paths.values())


def _write(file: BinaryIO, *, table: Table, rows: Iterable[StoreCheck | StoreChange]) -> None:
    write_csv(file, table, (batch_row(row, table) for row in rows))


def batch_row(record: StoreCheck | StoreChange, table: Table) -> Row:
    """The row of a record, in the order of the table's columns."""
    values = asdict(record)
    return {column.name: values[column.name] for column in table.columns}


def read_batches(directory: Path, kind: type[T]) -> Iterator[T]:
    """All rows of one of these tables by day and name; none where there is no such folder. Raises StoreError."""
    table = next(table for table in BATCH_TABLES.values() if table.row is kind)
    for path in run_files(directory, table.name):
        try:
            yield from (msgspec.convert(row, kind) for row in read_csv(path, table))
        except msgspec.ValidationError as error:
            raise StoreError(f"{path}: {error}; the file is not of this program, restore or remove it") from error
