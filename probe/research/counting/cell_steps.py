"""A cell table summed up to longer steps of time, for who draws it: DuckDB reads each column once for each question.

No cell becomes a Python object: what is handed out has as many rows as a page has room for.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from probe.research.engines.duckdb_connection import first_error_line, open_duckdb, quote_sql
from probe.results.files.atomic import StoreError

COUNTED = ("ok", "blocked", "down", "inconclusive", "network", "local")
"""Columns of counts, and what they are counts of."""
_TEXTS = ("probe_cc", "level", "service", "role", "target_id", "block_type")
_NEEDED = ("lab", "probe_asn", "cell_start", "witnesses", *_TEXTS, *COUNTED)
_FIRST, _LAST = 0, 7_258_118_400
"""Hours before 1970 and after 2199 are mistakes, and no axis could hold them."""
_MEMORY_MB = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCells:
    """All that the cells say of one network, in a row."""

    lab: bool
    probe_cc: str
    probe_asn: int
    first: int
    """Its first and its last hour, in seconds since 1970."""
    last: int
    verdicts: int
    """Of its targets, whatever they say."""
    decided: int
    """ok, blocked and down among them."""
    blocked: int
    """Blocked runs of all roles."""
    measured: int
    """Decided runs of all roles."""
    witnesses: int
    """Most different probes in one cell."""
    targets: int
    services: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleCells:
    """All that the cells of one network say of a role."""

    network: int
    """Place among the chosen networks."""
    service: str
    role: str
    blocked: int
    decided: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCells:
    """What the cells of one step say of a role, or of a whole service."""

    network: int
    service: str
    role: str
    step: int
    counts: tuple[int, ...]
    """One number for each of COUNTED."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseCells:
    """One kind of blocking of a service on one network."""

    network: int
    service: str
    block_type: str
    cells: int
    """Hours of a target whose most frequent cause it is."""
    blocked: int
    """Blocked verdicts in those hours."""


class CellSteps:
    """A cell table that is open for questions; made by `open_cell_steps`. Each method raises StoreError."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self._path = path
        self._connection = connection
        file = quote_sql(re.sub(r"([*?\[])", r"[\1]", str(path)))
        self._file = f"read_parquet({file}, hive_partitioning=false)"
        found = {str(row[0]) for row in self._rows(f"DESCRIBE SELECT * FROM {self._file}")}
        if missing := [name for name in _NEEDED if name not in found]:
            raise StoreError(f"{path}: no cell table, since {', '.join(missing)} is missing; make it with "
                             "`probe analyse RESULTS -o DIR`")
        texts = ", ".join(f"coalesce({name}::VARCHAR, '') AS {name}" for name in _TEXTS)
        numbers = ", ".join(f"greatest(coalesce({name}, 0), 0) AS {name}"
                            for name in ("probe_asn", "witnesses", *COUNTED))
        self._do(f"CREATE TEMP VIEW cells AS SELECT coalesce(lab, false) AS lab, {texts}, {numbers},"
                 f" epoch_ms(cell_start) // 1000 AS began FROM {self._file}")
        self._do(f"""CREATE TEMP TABLE totals AS
            SELECT lab, probe_cc, probe_asn, level, service, role, target_id, min(began) AS first, max(began) AS last,
                count(*) - count(began) AS timeless, max(witnesses) AS witnesses, {_sums()}
            FROM cells WHERE level IN ('target', 'role', 'service') GROUP BY ALL""")
        (first, last, timeless), = self._rows("SELECT min(first), max(last), coalesce(sum(timeless), 0) FROM totals")
        if timeless:
            raise StoreError(f"{path}: cell_start is empty in {timeless} rows; leave those rows out")
        if first is None:
            raise StoreError(f"{path}: there are no cells in it; cells.json beside it says what was left out and why")
        if not _FIRST <= first <= last < _LAST:
            raise StoreError(f"{path}: cell_start is outside the years 1970 to 2199; leave those rows out")

    def networks(self) -> tuple[NetworkCells, ...]:
        """Every network, in the order of its names."""
        return tuple(
            NetworkCells(lab=row[0], probe_cc=row[1], probe_asn=row[2], first=row[3], last=row[4], verdicts=row[5],
                         decided=row[6], blocked=row[7], measured=row[8], witnesses=row[9], targets=row[10],
                         services=row[11])
            for row in self._rows(f"""
                SELECT lab, probe_cc, probe_asn, min(first), max(last), {_in('target', ' + '.join(COUNTED))},
                    {_in('target', _DECIDED)}, {_in('role', 'blocked')}, {_in('role', _DECIDED)}, max(witnesses),
                    count(DISTINCT target_id) FILTER (level = 'target'), count(DISTINCT service)
                FROM totals GROUP BY ALL ORDER BY ALL""")
        )

    def choose(self, networks: Sequence[NetworkCells]) -> tuple[RoleCells, ...]:
        """From now on only these networks are spoken of, by their places; what there is of each role."""
        self._do("CREATE OR REPLACE TEMP TABLE chosen "
                 "(number INTEGER, lab BOOLEAN, probe_cc VARCHAR, probe_asn BIGINT)")
        for number, network in enumerate(networks):
            self._do("INSERT INTO chosen VALUES (?, ?, ?, ?)",
                     number, network.lab, network.probe_cc, network.probe_asn)
        return tuple(
            RoleCells(network=row[0], service=row[1], role=row[2], blocked=row[3], decided=row[4])
            for row in self._rows(f"""
                SELECT number, service, role, sum(blocked)::BIGINT, sum({_DECIDED})::BIGINT
                FROM totals JOIN chosen USING (lab, probe_cc, probe_asn)
                WHERE level = 'role' GROUP BY ALL ORDER BY ALL""")
        )

    def steps(self, level: str, start: datetime, width: timedelta) -> Iterator[StepCells]:
        """Sums over steps of this width; one in which there is no cell is not there. `level`: role or service."""
        rows = self._rows(f"""
            SELECT number, service, role, (began - ?) // ? AS step, {_sums()}
            FROM cells JOIN chosen USING (lab, probe_cc, probe_asn)
            WHERE level = ? GROUP BY number, service, role, step ORDER BY number, service, role, step""",
            int(start.timestamp()), int(width.total_seconds()), level)
        for number, service, role, step, *counts in rows:
            yield StepCells(network=number, service=service, role=role, step=step, counts=tuple(counts))

    def causes(self) -> tuple[CauseCells, ...]:
        """Kinds of blocking of each service, those of most verdicts first; an empty one was not told."""
        return tuple(
            CauseCells(network=row[0], service=row[1], block_type=row[2], cells=row[3], blocked=row[4])
            for row in self._rows("""
                SELECT number, service, block_type, count(*), sum(blocked)::BIGINT AS found
                FROM cells JOIN chosen USING (lab, probe_cc, probe_asn)
                WHERE level = 'target' AND blocked > 0 GROUP BY number, service, block_type
                ORDER BY number, service, found DESC, block_type""")
        )

    def _do(self, sql: str, *values: object) -> None:
        with self._explained():
            self._connection.execute(sql, list(values))

    def _rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._connection.execute(sql, list(values)).fetchall()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise StoreError(
                f"{self._path}: summing it up needs more memory or disk: {first_error_line(error)}") from error
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise StoreError(
                f"{self._path}: it cannot be read as a cell table: {first_error_line(error)}; make it with "
                             "`probe analyse RESULTS -o DIR`") from error


@contextmanager
def open_cell_steps(path: Path) -> Iterator[CellSteps]:
    """Opens a cell table. Raises StoreError, saying what to do, where it is none."""
    with tempfile.TemporaryDirectory(prefix="probe-report-") as folder:
        connection = open_duckdb(memory_mb=_MEMORY_MB, threads=min(4, os.cpu_count() or 1), folder=folder)
        try:
            yield CellSteps(path, connection)
        finally:
            connection.close()


_DECIDED = "ok + blocked + down"


def _sums() -> str:
    return ", ".join(f"sum({name})::BIGINT AS {name}" for name in COUNTED)


def _in(level: str, what: str) -> str:
    return f"coalesce(sum({what}) FILTER (level = '{level}'), 0)::BIGINT"
