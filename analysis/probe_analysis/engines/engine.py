"""What an analysis asks of an engine, and the tables that are made of files.

ibis only makes the SQL. Each engine's own driver sends it, because ibis's connections often need older drivers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pyarrow as pa

from probe.store.files.atomic import StoreError
from probe_analysis.cells.cell_inputs import FileGroup

Defaults = Mapping[str, str | bool]
"""Columns that a file may lack, and what counts for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TornLine:
    """A line that cannot be read."""

    path: str
    line: int
    """0: not told."""


class EngineError(StoreError):
    """An engine cannot read or compute something; the message says what, and what to do."""


class AnalysisEngine(Protocol):
    """What an analysis asks of an engine."""

    @property
    def name(self) -> str:
        """As the command line calls it."""

    @property
    def portion_rows(self) -> int:
        """About so many rows are gone through at a time, as whole days: what fits the memory."""

    def read(self, groups: Sequence[FileGroup], columns: Sequence[str], defaults: Defaults) -> ir.Table:
        """These columns of these files, and `file`: the path of each row's file."""

    def keep(self, expression: ir.Table) -> ir.Table:
        """Compute a table once; it stays until `release`."""

    def hold(self) -> None:
        """What is kept until now stays until the end."""

    def release(self) -> None:
        """Let go of what was kept since the last `hold`."""

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        """Compute, and give the rows in portions."""

    def torn(self) -> list[TornLine]:
        """Lines that could not be read since the last call."""

    def close(self) -> None:
        """Let go of everything."""


def fetch_rows(engine: AnalysisEngine, expression: ir.Table) -> list[dict[str, Any]]:
    """The few rows of a small table."""
    return [row for batch in engine.batches(expression) for row in batch.to_pylist()]


def parquet_schema(group: FileGroup) -> ibis.Schema:
    """The columns of a group's files, which say alike whether a value can be missing, and `file`."""
    import pyarrow.parquet as pq

    fields = pq.read_schema(group.files[0])
    kinds = ibis.Schema.from_pyarrow(fields)
    return ibis.schema({**{field.name: kinds[field.name].copy(nullable=field.nullable) for field in fields},
                        "file": "string"})


def csv_schema(group: FileGroup) -> ibis.Schema:
    """The same for CSV files: every cell is a text."""
    return ibis.schema({**dict.fromkeys(group.columns, "string"), "file": "string"})


def compile_sql(expression: ir.Table, dialect: str) -> str:
    """The same for an expression that was asked for before: each portion of days asks what the one before it did."""
    return _sql(expression.op(), dialect)


@lru_cache(maxsize=64)
def _sql(operation: ops.Node, dialect: str) -> str:
    return str(ibis.to_sql(operation.to_expr(), dialect=dialect, pretty=False))


def stack_tables(parts: Sequence[ir.Table]) -> ir.Table:
    """Tables of the same columns as one; where a column has different types in them it becomes a text."""
    if not parts:
        raise StoreError("there is no file of this table")
    types = {name: {str(part[name].type().copy(nullable=True)) for part in parts} for name in parts[0].columns}
    mixed = [name for name, found in types.items() if len(found) > 1]
    if len(parts) == 1:
        return parts[0]
    alike = [part.mutate(**{name: _as_text(part[name]) for name in mixed}) for part in parts]
    return ibis.union(*(_allow_nulls(part) for part in alike))


def _allow_nulls(part: ir.Table) -> ir.Table:
    return part.cast({name: kind.copy(nullable=True) for name, kind in part.schema().items() if not kind.nullable})


def _as_text(column: ir.Value) -> ir.StringValue:
    if column.type().is_timestamp():
        return column.cast("timestamp").strftime("%Y-%m-%d %H:%M:%S")
    return column.cast("string")


def pick_columns(table: ir.Table, columns: Sequence[str], defaults: Defaults) -> ir.Table:
    chosen = {name: table[name] if name in table.columns else ibis.literal(defaults[name]) for name in columns}
    return table.select("file", **chosen)
