"""A cell table summed up to longer steps of time, for who draws it: DuckDB reads each column once for each question.

No cell becomes a Python object: what is handed out has as many rows as a page has room for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from probe.core.counted_words import count_things
from probe.store.files.atomic import StoreError
from probe_analysis.counting.cell_view import COUNTED, CellView, open_cells, sum_counts

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


class CellSteps(CellView):
    """A cell table that is open for questions; made by `open_cell_steps`. Each method raises StoreError."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(path, connection)
        self.do(f"""CREATE TEMP TABLE totals AS
            SELECT lab, probe_cc, probe_asn, level, service, role, target_id, min(began) AS first, max(began) AS last,
                count(*) - count(began) AS timeless, max(witnesses) AS witnesses, {sum_counts()}
            FROM cells WHERE level IN ('target', 'role', 'service') GROUP BY ALL""")
        (first, last, timeless), = self.rows("SELECT min(first), max(last), coalesce(sum(timeless), 0) FROM totals")
        if timeless:
            raise StoreError(f"{path}: cell_start is empty in {count_things(timeless, 'row')}; leave those rows out")
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
            for row in self.rows(f"""
                SELECT lab, probe_cc, probe_asn, min(first), max(last), {_in('target', ' + '.join(COUNTED))},
                    {_in('target', _DECIDED)}, {_in('role', 'blocked')}, {_in('role', _DECIDED)}, max(witnesses),
                    count(DISTINCT target_id) FILTER (level = 'target'), count(DISTINCT service)
                FROM totals GROUP BY ALL ORDER BY ALL""")
        )

    def choose(self, networks: Sequence[NetworkCells]) -> tuple[RoleCells, ...]:
        """From now on only these networks are spoken of, by their places; what there is of each role."""
        self.do("CREATE OR REPLACE TEMP TABLE chosen "
                 "(number INTEGER, lab BOOLEAN, probe_cc VARCHAR, probe_asn BIGINT)")
        for number, network in enumerate(networks):
            self.do("INSERT INTO chosen VALUES (?, ?, ?, ?)",
                     number, network.lab, network.probe_cc, network.probe_asn)
        return tuple(
            RoleCells(network=row[0], service=row[1], role=row[2], blocked=row[3], decided=row[4])
            for row in self.rows(f"""
                SELECT number, service, role, sum(blocked)::BIGINT, sum({_DECIDED})::BIGINT
                FROM totals JOIN chosen USING (lab, probe_cc, probe_asn)
                WHERE level = 'role' GROUP BY ALL ORDER BY ALL""")
        )

    def steps(self, level: str, start: datetime, width: timedelta) -> Iterator[StepCells]:
        """Sums over steps of this width; one in which there is no cell is not there. `level`: role or service."""
        rows = self.rows(f"""
            SELECT number, service, role, (began - ?) // ? AS step, {sum_counts()}
            FROM cells JOIN chosen USING (lab, probe_cc, probe_asn)
            WHERE level = ? GROUP BY number, service, role, step ORDER BY number, service, role, step""",
            int(start.timestamp()), int(width.total_seconds()), level)
        for number, service, role, step, *counts in rows:
            yield StepCells(network=number, service=service, role=role, step=step, counts=tuple(counts))

    def causes(self) -> tuple[CauseCells, ...]:
        """Kinds of blocking of each service, those of most verdicts first; an empty one was not named."""
        return tuple(
            CauseCells(network=row[0], service=row[1], block_type=row[2], cells=row[3], blocked=row[4])
            for row in self.rows("""
                SELECT number, service, block_type, count(*), sum(blocked)::BIGINT AS found
                FROM cells JOIN chosen USING (lab, probe_cc, probe_asn)
                WHERE level = 'target' AND blocked > 0 GROUP BY number, service, block_type
                ORDER BY number, service, found DESC, block_type""")
        )


@contextmanager
def open_cell_steps(path: Path) -> Iterator[CellSteps]:
    """Opens a cell table. Raises StoreError, saying what to do, where it is none."""
    with open_cells(CellSteps, path, memory_mb=_MEMORY_MB) as cells:
        yield cells


_DECIDED = "ok + blocked + down"


def _in(level: str, what: str) -> str:
    return f"coalesce(sum({what}) FILTER (level = '{level}'), 0)::BIGINT"
