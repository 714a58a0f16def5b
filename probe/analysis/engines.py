"""Where the expressions are computed: DuckDB in this process, a Spark cluster, or a ClickHouse server."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from probe.analysis.inputs import Group
from probe.store.atomic import StoreError

_BATCH_ROWS = 1 << 17
Defaults = Mapping[str, str | bool]
"""Columns that a file may lack, and what counts for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Torn:
    """A line that cannot be read."""

    path: str
    line: int
    """0: not told."""


class EngineError(StoreError):
    """An engine cannot read or compute something; the message says what, and what to do."""


class Engine(Protocol):
    """What an analysis asks of an engine."""

    @property
    def name(self) -> str:
        """As the command line calls it."""

    @property
    def divides(self) -> bool:
        """Whether days are gone through in portions that fit the memory; a cluster divides the work itself."""

    @property
    def bits(self) -> bool:
        """Whether ibis has a union of bits for it."""

    def read(self, groups: Sequence[Group], columns: Sequence[str], defaults: Defaults) -> ir.Table:
        """These columns of these files, and `file`: the path of each row's file."""

    def keep(self, expression: ir.Table) -> ir.Table:
        """Compute a table once; it stays until `release`."""

    def hold(self) -> None:
        """What is kept until now stays until the end."""

    def release(self) -> None:
        """Let go of what was kept since the last `hold`."""

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        """Compute, and give the rows in portions."""

    def torn(self) -> list[Torn]:
        """Lines that could not be read since the last call."""

    def close(self) -> None:
        """Let go of everything."""


def rows_of(engine: Engine, expression: ir.Table) -> list[dict[str, Any]]:
    """The few rows of a small table."""
    return [row for batch in engine.batches(expression) for row in batch.to_pylist()]


class DuckDB:
    """In this process, within bounds of memory; what does not fit goes to a temporary folder."""

    name = "duckdb"
    divides = True
    bits = True

    def __init__(self, *, memory_mb: int = 2500, threads: int = 0, temporary: Path | None = None) -> None:
        """`threads` of 0: as many as there are processors. `temporary`: where a folder is made for what does not fit.
        """
        import duckdb

        self._folder = tempfile.TemporaryDirectory(prefix="probe-analysis-", dir=temporary)
        # Nothing is fetched: extensions come with the package or not at all.
        self._connection = duckdb.connect(config={
            "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
            "memory_limit": f"{memory_mb}MB", "threads": str(threads or os.cpu_count() or 1),
            "temp_directory": self._folder.name, "preserve_insertion_order": "false",
        })
        self._connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        self._kept: list[str] = []
        self._torn: list[Torn] = []
        self._numbers = itertools.count()

    def read(self, groups: Sequence[Group], columns: Sequence[str], defaults: Defaults) -> ir.Table:
        return stacked([(self._parquet if group.parquet else self._csv)(group, columns, defaults) for group in groups])

    def keep(self, expression: ir.Table) -> ir.Table:
        return self._kept_as("TABLE", sql_of(expression, self.name), expression.schema())

    def hold(self) -> None:
        self._kept.clear()

    def release(self) -> None:
        for kept in reversed(self._kept):
            self._execute(f"DROP {kept}")
        self._kept.clear()

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        yield from self._connection.sql(sql_of(expression, self.name)).to_arrow_reader(_BATCH_ROWS)

    def torn(self) -> list[Torn]:
        found, self._torn = self._torn, []
        return found

    def close(self) -> None:
        self._connection.close()
        self._folder.cleanup()

    def _execute(self, sql: str) -> Any:
        """Raises EngineError."""
        import duckdb

        try:
            return self._connection.execute(sql)
        except duckdb.OutOfMemoryException as error:
            raise EngineError(f"DuckDB needs more memory or disk: {_first_line(error)}; raise --memory, or give --out "
                              "where there is room") from error
        except duckdb.Error as error:
            raise EngineError(f"DuckDB: {_first_line(error)}; if it names a file, restore or remove it") from error

    def _kept_as(self, kind: str, sql: str, schema: ibis.Schema) -> ir.Table:
        name = f"kept_{next(self._numbers)}"
        self._execute(f"CREATE TEMP {kind} {name} AS {sql}")
        self._kept.append(f"{kind} {name}")
        return ibis.table(schema, name=name)

    def _parquet(self, group: Group, columns: Sequence[str], defaults: Defaults) -> ir.Table:
        sql = f"SELECT * FROM read_parquet({_texts(group.files)}, filename='file', hive_partitioning=false)"
        return picked(self._kept_as("VIEW", sql, parquet_schema(group)), columns, defaults)

    def _csv(self, group: Group, columns: Sequence[str], defaults: Defaults) -> ir.Table:
        """The lines are parsed once, every cell a text; what is torn is noted by file and line."""
        types = ", ".join(f"{_text(name)}: 'VARCHAR'" for name in group.columns)
        # Without `new_line`, which together with the others loses rows and says nothing.
        sql = (f"SELECT * FROM read_csv({_texts(group.files)}, auto_detect=false, header=true, delim=',', quote='\"',"
               f" escape='\"', columns={{{types}}}, filename='file', strict_mode=true, max_line_size=33554432,"
               " store_rejects=true)")
        kept = self.keep(picked(self._kept_as("VIEW", sql, csv_schema(group)), columns, defaults))
        told = self._execute(
            "SELECT DISTINCT s.file_path, e.line FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id)"
        ).fetchall()
        self._execute("DELETE FROM reject_errors; DELETE FROM reject_scans")
        self._torn += [Torn(path=path, line=line) for path, line in sorted(told)]
        read = rows_of(self, kept.aggregate(rows=kept.count()))[0]["rows"]
        lost = sum(map(_lines, group.files)) - read - len(told)
        self._torn += [Torn(path=str(group.files[0].parent), line=0)] * lost  # swallowed by an open quotation mark
        return kept


def parquet_schema(group: Group) -> ibis.Schema:
    """The columns of a group's files, and `file`."""
    import pyarrow.parquet as pq

    found = ibis.Schema.from_pyarrow(pq.read_schema(group.files[0]))
    return ibis.schema({**{name: kind.copy(nullable=True) for name, kind in found.items()}, "file": "string"})


def csv_schema(group: Group) -> ibis.Schema:
    """The same for CSV files: every cell is a text."""
    return ibis.schema({**dict.fromkeys(group.columns, "string"), "file": "string"})


def sql_of(expression: ir.Table, dialect: str) -> str:
    return str(ibis.to_sql(expression, dialect=dialect, pretty=False))


def stacked(parts: Sequence[ir.Table]) -> ir.Table:
    """Tables of the same columns as one; where a column has different types in them it becomes a text."""
    if not parts:
        raise StoreError("there is no file of this table")
    types = {name: {str(part[name].type().copy(nullable=True)) for part in parts} for name in parts[0].columns}
    mixed = [name for name, found in types.items() if len(found) > 1]
    alike = [part.mutate(**{name: _as_text(part[name]) for name in mixed}) for part in parts]
    return ibis.union(*alike) if len(alike) > 1 else alike[0]


def _as_text(column: ir.Value) -> ir.StringValue:
    if column.type().is_timestamp():
        return column.cast("timestamp").strftime("%Y-%m-%d %H:%M:%S")
    return column.cast("string")


def picked(table: ir.Table, columns: Sequence[str], defaults: Defaults) -> ir.Table:
    chosen = {name: table[name] if name in table.columns else ibis.literal(defaults[name]) for name in columns}
    return table.select("file", **chosen)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _texts(paths: Sequence[Path]) -> str:
    return "[" + ", ".join(_text(str(path)) for path in paths) + "]"


def _lines(path: Path) -> int:
    """Lines after the header; one that is not ended counts."""
    count, last = 0, b"\n"
    with suppress(OSError), path.open("rb") as file:
        while piece := file.read(1 << 20):
            count += piece.count(b"\n")
            last = piece[-1:]
    return max(0, count + (last != b"\n") - 1)


def engine_for(name: str, *, url: str = "", memory_mb: int = 2500, threads: int = 0,
               temporary: Path | None = None) -> Engine:
    """The engine of that name: `duckdb`, `spark` or `clickhouse`. Raises StoreError where it cannot be had."""
    try:
        if name == "spark":
            from probe.analysis.spark import Spark

            return Spark(url or "local[*]")
        if name == "clickhouse":
            from probe.analysis.clickhouse import ClickHouse

            return ClickHouse(url, DuckDB(memory_mb=memory_mb, threads=threads, temporary=temporary))
        return DuckDB(memory_mb=memory_mb, threads=threads, temporary=temporary)
    except ImportError as error:
        extra = {"duckdb": "research"}.get(name, name)
        raise StoreError(f"{name} needs the extra `{extra}`: pip install 'reachability-probe[{extra}]' "
                         f"({error.name} is missing)") from error
