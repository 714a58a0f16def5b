"""Where a target fails in a network, hour after hour, and all that is held against it: SQL over probe-hours.

DuckDB keeps the probe-hours in a file of its own and is asked for some stretches at a time, so memory does not grow
with the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from probe.inference.populations.population_evidence import ENOUGH_HOURS, SETTLED_HOURS
from probe.research.engines.duckdb_connection import first_error_line, quote_sql
from probe.research.population.probe_hours import FAILED, SERVED, SICK, STRUCK
from probe.results.files.atomic import StoreError

if TYPE_CHECKING:
    import duckdb

Row = Mapping[str, Any]

MAX_GAP_H = 168
"""What lies further apart is another stretch: nobody looked for a week."""
BEFORE_H = 168
"""So long before the onset it is asked who was served."""
_AT_ONCE = 500
"""Stretches whose evidence is gathered at once."""
_MOST_ADDRESSES = 64
_COLUMNS = {
    "cc": "VARCHAR", "asn": "BIGINT", "target": "INTEGER", "hour": "INTEGER", "probe": "BIGINT", "trait": "INTEGER",
    "state": "TINYINT", "alone": "BOOLEAN", "cause": "VARCHAR", "proven": "VARCHAR", "address_low": "VARCHAR",
    "address_high": "VARCHAR", "resolver": "VARCHAR",
}
"""Of a probe-hour; `target` is the number of a name of `ProbeHours.names`."""

# An hour fails where most of what was met in it, and in the measured hours beside it, failed: so one success by chance
# parts no stretch, and where many hours fail after many that do not, the first of them stays the first.
_STRETCHES = f"""
CREATE TABLE stretches AS
WITH marked AS (
    SELECT cc, asn, target, hour, count(*) FILTER (state <> {SERVED}) AS bad, count(*) AS met
    FROM hours WHERE state <> {FAILED} GROUP BY cc, asn, target, hour
), smoothed AS (
    SELECT cc, asn, target, hour, bad, 2 * sum(bad) OVER near > sum(met) OVER near AS fails
    FROM marked WINDOW near AS (
        PARTITION BY cc, asn, target ORDER BY hour ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING)
), begun AS (
    SELECT *, CASE WHEN fails = lag(fails) OVER own AND hour - lag(hour) OVER own <= {MAX_GAP_H} THEN 0 ELSE 1 END
        AS new
    FROM smoothed WINDOW own AS (PARTITION BY cc, asn, target ORDER BY hour)
), numbered AS (
    SELECT *, sum(new) OVER (PARTITION BY cc, asn, target ORDER BY hour ROWS UNBOUNDED PRECEDING) AS island
    FROM begun
)
SELECT (row_number() OVER (ORDER BY min(hour) FILTER (bad > 0), cc, asn, target))::INTEGER AS number, cc, asn, target,
       min(hour) FILTER (bad > 0) AS onset, max(hour) FILTER (bad > 0) AS last,
       (min(hour, {SETTLED_HOURS}) FILTER (bad > 0))[{SETTLED_HOURS}] AS settled
FROM numbered WHERE fails GROUP BY cc, asn, target, island HAVING sum(bad) >= {ENOUGH_HOURS}
"""

_CHOSEN = """
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT s.*, unnest(range((s.onset - {before}) // 24, s.last // 24 + 1))::INTEGER AS day
FROM stretches s WHERE s.number > ? AND s.number <= ?
"""

_ONSETS = """
CREATE OR REPLACE TEMP TABLE onsets AS
SELECT s.number, o.asn, min(o.onset) AS onset, arg_min(o.settled, o.onset) AS settled
FROM stretches s JOIN stretches o ON o.cc = s.cc AND o.target = s.target
    AND o.onset <= s.last AND o.last >= s.onset
WHERE s.number > ? AND s.number <= ? AND (o.asn <> s.asn OR o.number = s.number) GROUP BY s.number, o.asn
"""


def _side(name: str, condition: str) -> str:
    """The columns of a `Side`."""
    where = f"FILTER (WHERE {condition})"
    return f"""
    count(*) {where} AS {name}_hours, list(DISTINCT probe) {where} AS {name}_probes,
    list(DISTINCT trait) {where} AS {name}_traits,
    list_concat(list(DISTINCT address_low) {where}, list(DISTINCT address_high) {where})[:{_MOST_ADDRESSES}]
        AS {name}_addresses,
    list(DISTINCT resolver) {where} AS {name}_resolvers, min(hour) {where} AS {name}_first_h,
    max(hour) {where} AS {name}_last_h"""


_NETWORKS = f"""
WITH seen AS (
    SELECT s.number, o.onset, o.settled, h.*,
           h.hour >= s.onset AND (o.onset IS NULL OR h.hour >= o.onset) AS inside, h.hour < o.onset AS before
    FROM chosen s JOIN hours h ON h.cc = s.cc AND h.target = s.target AND h.hour // 24 = s.day
        AND h.hour BETWEEN s.onset - {BEFORE_H} AND s.last
    LEFT JOIN onsets o ON o.number = s.number AND o.asn = h.asn
)
SELECT number, asn, coalesce(any_value(onset), -1) AS onset, coalesce(any_value(settled), -1) AS settled,
    {_side("struck", f"inside AND state = {STRUCK}")},
    {_side("served", f"inside AND state = {SERVED}")},
    {_side("earlier", f"before AND state = {SERVED}")},
    count(*) FILTER (WHERE before AND state IN ({STRUCK}, {SICK})) AS struck_before,
    count(*) FILTER (WHERE inside AND state = {SICK}) AS sick_hours,
    count(*) FILTER (WHERE inside AND state = {STRUCK} AND alone) AS alone_hours,
    histogram(cause) FILTER (WHERE inside AND state = {STRUCK}) AS causes,
    histogram(proven) FILTER (WHERE inside AND state = {STRUCK} AND proven IS NOT NULL) AS proven
FROM seen GROUP BY number, asn ORDER BY number, asn
"""

_ABROAD = f"""
SELECT s.number, h.cc, count(*) FILTER (WHERE state IN ({STRUCK}, {FAILED})) AS struck_hours,
       count(*) FILTER (WHERE state = {SERVED}) AS served_hours,
       list(DISTINCT trait) FILTER (WHERE state = {SERVED}) AS served_traits
FROM chosen s JOIN hours h ON h.target = s.target AND h.hour // 24 = s.day AND h.cc <> s.cc
    AND h.hour BETWEEN s.onset AND s.last
GROUP BY s.number, h.cc ORDER BY s.number, h.cc
"""

_OTHERS = """
SELECT s.number, count(DISTINCT theirs.service) AS others
FROM stretches s JOIN names own ON own.target = s.target JOIN stretches o ON o.cc = s.cc AND o.asn = s.asn
    JOIN names theirs ON theirs.target = o.target AND theirs.service <> own.service
    AND o.onset <= s.last AND o.last >= s.onset
WHERE s.number > ? AND s.number <= ? GROUP BY s.number
"""

_VANTAGES = """
SELECT s.number, count(DISTINCT v.control) AS vantages
FROM stretches s JOIN vantages v ON v.cc = s.cc AND v.target = s.target AND v.hour BETWEEN s.onset AND s.last
WHERE s.number > ? AND s.number <= ? GROUP BY s.number
"""


class ProbeHours:
    """The probe-hours of all results, and what is asked of them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: str) -> None:
        self._connection = connection
        with self._explained():
            connection.execute(f"ATTACH {quote_sql(f'{folder}/population.duckdb')} AS population; USE population")
            columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
            connection.execute(f"CREATE TABLE hours ({columns})")
            connection.execute("CREATE TABLE vantages (cc VARCHAR, target INTEGER, hour INTEGER, control VARCHAR)")
        self.traits: dict[int, tuple[str, str]] = {}
        """Number -> version of the program and its list, kind of access."""
        self.names: dict[str, tuple[int, str, str]] = {}
        """Target -> its number here, service and role."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep some probe-hours, with the columns of `probe_hours.COLUMNS`."""
        coded = batch.column("target_id").dictionary_encode()
        codes = coded.indices.to_numpy()
        used, first = np.unique(codes, return_index=True)
        numbers = np.zeros(len(coded.dictionary), dtype=np.int32)
        for code, row in zip(used, first, strict=True):
            words = (batch.column(name)[int(row)].as_py() for name in ("target_id", "service", "role"))
            numbers[code] = self._number(*words)
        told = batch.append_column("target", pa.array(numbers[codes]))
        self._insert("hours", told.select(list(_COLUMNS)))

    def add_vantages(self, rows: Iterable[Row]) -> None:
        """Keep what controls saw that were served where a probe failed: rows of `probe_hours.VANTAGE`."""
        told = [[row["cc"], self._number(row["target_id"], row["service"], row["role"]), row["hour"], row["control"]]
                for row in rows]
        if told:
            with self._explained():
                self._connection.executemany("INSERT INTO vantages VALUES (?, ?, ?, ?)", told)

    def add_traits(self, batch: pa.RecordBatch) -> None:
        """Know what numbers of traits stand for."""
        for row in batch.to_pylist():
            self.traits[row["trait"]] = (row["instrument"], row["access"])

    def _number(self, target_id: str, service: str, role: str) -> int:
        return self.names.setdefault(target_id, (len(self.names), service, role))[0]

    def find_stretches(self) -> None:
        """Find where a target fails in a network. Nothing is added after that."""
        with self._explained():
            self._connection.execute(_STRETCHES)
            self._connection.execute("CREATE TABLE names (target INTEGER, service VARCHAR)")
            if self.names:
                self._connection.executemany("INSERT INTO names VALUES (?, ?)",
                                             [[number, service] for number, service, _ in self.names.values()])

    def read_stretches(self) -> Iterator[tuple[Row, list[Row], list[Row]]]:
        """Each stretch, with its networks and the other countries."""
        with self._explained():
            (last,) = self._connection.execute("SELECT count(*) FROM stretches").fetchone() or (0,)
            for first in range(0, last, _AT_ONCE):
                yield from self._some(first, min(last, first + _AT_ONCE))

    def _some(self, first: int, last: int) -> Iterator[tuple[Row, list[Row], list[Row]]]:
        bounds = [first, last]
        self._connection.execute(_CHOSEN.format(before=BEFORE_H), bounds)
        self._connection.execute(_ONSETS, bounds)
        others = {row["number"]: row["others"] for row in self._rows(_OTHERS, bounds)}
        vantages = {row["number"]: row["vantages"] for row in self._rows(_VANTAGES, bounds)}
        spelled = {number: (name, service, role) for name, (number, service, role) in self.names.items()}
        networks, abroad = _by_number(self._rows(_NETWORKS)), _by_number(self._rows(_ABROAD))
        for row in self._rows("SELECT * FROM stretches WHERE number > ? AND number <= ? ORDER BY number", bounds):
            number = row["number"]
            target_id, service, role = spelled[row["target"]]
            told = {**row, "target_id": target_id, "service": service, "role": role,
                    "others_alike": others.get(number, 0), "vantages": vantages.get(number, 0)}
            yield told, networks.get(number, []), abroad.get(number, [])

    def _rows(self, sql: str, values: list[int] | None = None) -> list[Row]:
        found = self._connection.execute(sql, values or [])
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def _insert(self, table: str, batch: pa.RecordBatch) -> None:
        with self._explained():
            self._connection.register("batch_of_rows", batch)
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM batch_of_rows")
            self._connection.unregister("batch_of_rows")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise StoreError(f"the population could not be counted: {first_error_line(error)}; give --output where "
                             "there is room") from error


def _by_number(rows: list[Row]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row["number"], []).append(row)
    return found
