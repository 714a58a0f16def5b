"""The expressions in DuckDB: in this process, within bounds of memory."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from probe_analysis.cells.cell_inputs import PORTION_ROWS, FileGroup
from probe_analysis.engines.duckdb_connection import first_error_line, open_duckdb, quote_sql
from probe_analysis.engines.engine import (
    Defaults,
    EngineError,
    TornLine,
    compile_sql,
    csv_schema,
    fetch_rows,
    parquet_schema,
    pick_columns,
    stack_tables,
)

_BATCH_ROWS = 1 << 17
_ROWS_PER_MB = 4000
"""So many rows are gone through at once for each MB: what a query holds beside DuckDB's own memory grows with them."""


class DuckDB:
    """In this process, within bounds of memory; what does not fit goes to a temporary folder."""

    name = "duckdb"

    def __init__(self, *, memory_mb: int = 2500, threads: int = 0, temporary: Path | None = None) -> None:
        """`threads` of 0: as many as there are processors. `temporary`: where a folder is made for what does not fit.
        """
        self.portion_rows = min(PORTION_ROWS, memory_mb * _ROWS_PER_MB)
        self._folder = tempfile.TemporaryDirectory(prefix="probe-analysis-", dir=temporary)
        self._connection = open_duckdb(memory_mb=memory_mb, threads=threads or os.cpu_count() or 1,
                                       folder=self._folder.name)
        self._kept: list[str] = []
        self._torn: list[TornLine] = []
        self._next = self._first = 0
        """Numbers of what is kept. Those after `hold` come again in each portion, so that its expressions are the same.
        """

    def read(self, groups: Sequence[FileGroup], columns: Sequence[str], defaults: Defaults) -> ir.Table:
        return stack_tables([(self._parquet if group.parquet else self._csv)(group, columns, defaults)
                             for group in groups])

    def keep(self, expression: ir.Table) -> ir.Table:
        return self._kept_as("TABLE", compile_sql(expression, self.name), expression.schema())

    def hold(self) -> None:
        self._kept.clear()
        self._first = self._next

    def release(self) -> None:
        for kept in reversed(self._kept):
            self._execute(f"DROP {kept}")
        self._kept.clear()
        self._next = self._first

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        yield from self._connection.sql(compile_sql(expression, self.name)).to_arrow_reader(_BATCH_ROWS)

    def torn(self) -> list[TornLine]:
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
            raise EngineError(
                f"DuckDB needs more memory or disk: {first_error_line(error)}; raise --memory, or give --output "
                              "where there is room") from error
        except duckdb.Error as error:
            raise EngineError(f"DuckDB: {first_error_line(error)}; if it names a file, restore or remove it") from error

    def _kept_as(self, kind: str, sql: str, schema: ibis.Schema) -> ir.Table:
        name = f"kept_{self._next}"
        self._next += 1
        self._execute(f"CREATE TEMP {kind} {name} AS {sql}")
        self._kept.append(f"{kind} {name}")
        return ibis.table(schema, name=name)

    def _parquet(self, group: FileGroup, columns: Sequence[str], defaults: Defaults) -> ir.Table:
        sql = f"SELECT * FROM read_parquet({_texts(group.files)}, filename='file', hive_partitioning=false)"
        return pick_columns(self._kept_as("VIEW", sql, parquet_schema(group)), columns, defaults)

    def _csv(self, group: FileGroup, columns: Sequence[str], defaults: Defaults) -> ir.Table:
        """The lines are parsed once, every cell a text; what is torn is noted by file and line."""
        types = ", ".join(f"{quote_sql(name)}: 'VARCHAR'" for name in group.columns)
        # Without `new_line`, which together with the others loses rows and says nothing.
        sql = (f"SELECT * FROM read_csv({_texts(group.files)}, auto_detect=false, header=true, delim=',', quote='\"',"
               f" escape='\"', columns={{{types}}}, filename='file', strict_mode=true, max_line_size=33554432,"
               " store_rejects=true)")
        kept = self.keep(pick_columns(self._kept_as("VIEW", sql, csv_schema(group)), columns, defaults))
        torn = self._execute(
            "SELECT DISTINCT s.file_path, e.line FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id)"
        ).fetchall()
        self._execute("DELETE FROM reject_errors; DELETE FROM reject_scans")
        self._torn += [TornLine(path=path, line=line) for path, line in sorted(torn)]
        read = {row["file"]: row["rows"] for row in fetch_rows(self, kept.group_by("file").agg(rows=kept.count()))}
        refused = Counter(path for path, _ in torn)
        for path in map(str, group.files):
            lost = _lines(Path(path)) - read.get(path, 0) - refused[path]
            self._torn += [TornLine(path=path, line=0)] * lost  # swallowed by an open quotation mark
        return kept


def _texts(paths: Sequence[Path]) -> str:
    return "[" + ", ".join(quote_sql(str(path)) for path in paths) + "]"


def _lines(path: Path) -> int:
    """Lines after the header; one that is not ended counts."""
    count, last = 0, b"\n"
    with suppress(OSError), path.open("rb") as file:
        while piece := file.read(1 << 20):
            count += piece.count(b"\n")
            last = piece[-1:]
    return max(0, count + (last != b"\n") - 1)
