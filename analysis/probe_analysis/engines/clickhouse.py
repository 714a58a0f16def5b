"""The same expressions on a ClickHouse server: the files are read here, their rows are sent there and counted there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from probe.store.files.atomic import StoreError
from probe_analysis.cells.cell_inputs import PORTION_ROWS, FileGroup
from probe_analysis.engines.duckdb_connection import first_error_line
from probe_analysis.engines.duckdb_engine import DuckDB
from probe_analysis.engines.engine import Defaults, EngineError, TornLine, compile_sql

SETTINGS = {"join_use_nulls": 1, "session_timezone": "UTC"}
"""Without the first a missing partner of a join would be the empty text or 0, not none."""
_TYPES = {
    "string": "Nullable(String)", "boolean": "Nullable(Bool)", "timestamp": "Nullable(DateTime64(6, 'UTC'))",
    "int64": "Nullable(Int64)", "float64": "Nullable(Float64)",
}


class Server(Protocol):
    """What is asked of a connection."""

    def command(self, sql: str) -> None:
        """Run a statement that gives no rows."""

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table."""

    def query(self, sql: str) -> pa.Table:
        """Run a statement and give its rows."""

    def close(self) -> None:
        """End the connection."""


class _Client:
    """A server, by HTTP."""

    def __init__(self, url: str) -> None:
        import clickhouse_connect

        if not url:
            raise StoreError("which ClickHouse server? --url clickhouse://user:password@host:8123/database")
        try:
            self._client: Any = clickhouse_connect.get_client(dsn=url, settings=SETTINGS)
        except clickhouse_connect.driver.exceptions.Error as error:
            raise StoreError(f"the ClickHouse server does not answer: {error}; see if it runs, and --url") from error

    def command(self, sql: str) -> None:
        self._told(self._client.command, sql)

    def insert(self, table: str, rows: pa.Table) -> None:
        self._told(self._client.insert_arrow, table, rows)

    def query(self, sql: str) -> pa.Table:
        return self._told(partial(self._client.query_arrow, use_strings=True), sql)

    def _told(self, ask: Callable[..., Any], *arguments: object) -> Any:
        """Raises EngineError for what the server refuses."""
        from clickhouse_connect.driver.exceptions import Error

        try:
            return ask(*arguments)
        except Error as error:
            raise EngineError(f"the ClickHouse server refuses: {first_error_line(error)}; see what it "
                              "allows this user") from error

    def close(self) -> None:
        self._client.close()


class ClickHouse:
    """Tables named `probe_analysis_...` are made in the server's database, and removed again."""

    name = "clickhouse"
    portion_rows = PORTION_ROWS

    def __init__(self, url: str, reader: DuckDB, server: Server | None = None) -> None:
        """Raises StoreError where the server does not answer."""
        self._server = server or _Client(url)
        self._reader = reader
        self._kept: list[str] = []
        self._held: list[str] = []
        self._numbers = itertools.count()

    def read(self, groups: Sequence[FileGroup], columns: Sequence[str], defaults: Defaults) -> ir.Table:
        table = self._reader.read(groups, columns, defaults)
        plain = table.select(**{name: _plain(table[name]) for name in table.columns})
        types = ", ".join(f"`{name}` {_TYPES[_word(kind)]}" for name, kind in plain.schema().items())
        name = self._named()
        self._server.command(f"CREATE TABLE {name} ({types}) ENGINE = MergeTree ORDER BY tuple()")
        for batch in self._reader.batches(plain):
            self._server.insert(name, pa.Table.from_batches([batch]))
        self._reader.release()
        return ibis.table(plain.schema(), name=name)

    def keep(self, expression: ir.Table) -> ir.Table:
        name = self._named()
        sql = compile_sql(expression, "clickhouse")
        self._server.command(f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY tuple() AS {sql}")
        return ibis.table(expression.schema(), name=name)

    def hold(self) -> None:
        self._held += self._kept
        self._kept = []

    def release(self) -> None:
        for name in self._kept:
            self._server.command(f"DROP TABLE IF EXISTS {name}")
        self._kept.clear()

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        yield from self._server.query(compile_sql(expression, "clickhouse")).to_batches()

    def torn(self) -> list[TornLine]:
        return self._reader.torn()

    def close(self) -> None:
        self._kept += self._held
        self.release()
        self._server.close()
        self._reader.close()

    def _named(self) -> str:
        name = f"probe_analysis_{id(self):x}_{next(self._numbers)}"
        self._kept.append(name)
        return name


def _word(kind: ibis.DataType) -> str:
    return next(word for word in _TYPES if str(kind).startswith(word))


def _plain(column: ir.Value) -> ir.Value:
    """A column as one of the few types that are sent."""
    kind = column.type()
    if kind.is_timestamp():
        return column.cast("timestamp(6)")
    if kind.is_integer():
        return column.cast("int64")
    return column if kind.is_boolean() or kind.is_string() else column.cast("string")
