"""A cell table that DuckDB reads: opened with its columns checked, every error one that says what to do."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from probe.store.files.atomic import StoreError
from probe_analysis.engines.duckdb_connection import first_error_line, open_duckdb, quote_sql

COUNTED = ("ok", "blocked", "down", "inconclusive", "network", "local")
"""Columns of counts, and what they are counts of."""
_TEXTS = ("probe_cc", "level", "service", "role", "target_id", "block_type")
_NEEDED = ("lab", "probe_asn", "cell_start", "witnesses", *_TEXTS, *COUNTED)


class CellView:
    """The view `cells` of one file: no value is empty, counts are not negative, `began` is in seconds since 1970.
    `standing` is empty where the file has none. `asn` is below 0 of networks that only have names."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self._connection = connection
        file = quote_sql(re.sub(r"([*?\[])", r"[\1]", str(path)))
        self._file = f"read_parquet({file}, hive_partitioning=false)"
        found = {str(row[0]) for row in self.rows(f"DESCRIBE SELECT * FROM {self._file}")}
        if missing := [name for name in _NEEDED if name not in found]:
            raise StoreError(f"{path}: no cell table, since {', '.join(missing)} is missing; make it with "
                             "`probe analyse RESULTS -o DIR`")
        texts = ", ".join(f"coalesce({name}::VARCHAR, '') AS {name}" for name in _TEXTS)
        texts += ", coalesce(probe_asn, 0) AS asn"
        texts += ", coalesce(standing::VARCHAR, '') AS standing" if "standing" in found else ", '' AS standing"
        numbers = ", ".join(f"greatest(coalesce({name}, 0), 0) AS {name}"
                            for name in ("probe_asn", "witnesses", *COUNTED))
        self.do(f"CREATE TEMP VIEW cells AS SELECT coalesce(lab, false) AS lab, {texts}, {numbers},"
                f" epoch_ms(cell_start) // 1000 AS began FROM {self._file}")

    def do(self, sql: str, *values: object) -> None:
        """A statement without an answer. Raises StoreError."""
        with self._explained():
            self._connection.execute(sql, list(values))

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of an answer. Raises StoreError."""
        with self._explained():
            return self._connection.execute(sql, list(values)).fetchall()

    def columns(self, sql: str, *values: object) -> dict[str, Any]:
        """The answer as NumPy columns: no row becomes a Python object. Raises StoreError."""
        with self._explained():
            return dict(self._connection.execute(sql, list(values)).fetchnumpy())

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise StoreError(
                f"{self.path}: summing it up needs more memory or disk: {first_error_line(error)}") from error
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise StoreError(
                f"{self.path}: it cannot be read as a cell table: {first_error_line(error)}; make it with "
                             "`probe analyse RESULTS -o DIR`") from error


View = TypeVar("View", bound=CellView)


@contextmanager
def open_cells(view: Callable[[Path, duckdb.DuckDBPyConnection], View], path: Path, *,
               memory_mb: int) -> Iterator[View]:
    """Opens a cell table for one kind of questions. Raises StoreError, saying what to do, where it is none."""
    with tempfile.TemporaryDirectory(prefix="probe-cells-") as folder:
        connection = open_duckdb(memory_mb=memory_mb, threads=min(4, os.cpu_count() or 1), folder=folder)
        try:
            yield view(path, connection)
        finally:
            connection.close()


def sum_counts() -> str:
    """The sum of each of `COUNTED`, as SQL."""
    return ", ".join(f"sum({name})::BIGINT AS {name}" for name in COUNTED)
