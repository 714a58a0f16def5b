"""The files that are kept of a day: probe-hours, and what follows from them alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from probe.store.files.atomic import StoreError, replace_whole
from probe_analysis.cells.file_names import DAYS_FOLDER
from probe_analysis.engines.duckdb_connection import first_error_line, quote_sql
from probe_analysis.population.hour_rows import COLUMNS
from probe_analysis.population.kept_hours import KeptHours
from probe_analysis.population.planned_counts import COUNTED
from probe_analysis.population.probe_hours import FAILED, SERVED
from probe_analysis.times.time_files import TIMES

_KINDS = {"asn": pa.int64(), "day": pa.int32(), "hours": pa.int32(), "probe": pa.int64(), "state": pa.int8(),
          "alone": pa.bool_(), "fresh": pa.bool_()}
HOURS = pa.schema([(name, _KINDS.get(name, pa.string())) for name in COLUMNS])
"""Of probe-hours."""
VANTAGES = pa.schema([("cc", pa.string()), ("target_id", pa.string()), ("hour", pa.int32()), ("control", pa.string()),
                      ("fresh", pa.bool_())])
PLANNED = pa.schema([(name, pa.string() if name in ("cc", "service") else pa.bool_() if name == "fresh" else pa.int64())
                     for name in COUNTED])

_SUMS = ", ".join(f"sum((hours >> {hour}) & 1)::INTEGER AS h{hour}" for hour in range(24))
_EACH = ", ".join(f"h{hour}" for hour in range(24))


def _last(bits: str) -> str:
    """The highest of the bits that are set; 0 where none is."""
    return f"CASE WHEN {bits} > 0 THEN 1 << (length(bin({bits})) - 1) ELSE 0 END"


# Of the hours far from any that failed, which only part stretches, those next to these do, and the day's first and last
# ones, whose neighbours lie in other days: the latter are all that is looked at where nothing failed that day. `word`
# names the target's service and role. In a network all names that count on a day are fresh, or none is.
MARKS = f"""
WITH sums AS (
    SELECT cc, asn, target_id, service || ' ' || role AS word, day, fresh, state <> {SERVED} AS failed,
        bit_or(hours) AS hours, {_SUMS}
    FROM hours WHERE state <> {FAILED} GROUP BY ALL
), series AS (
    SELECT *, hours & -hours AS first, {_last("hours")} AS last FROM (
        SELECT cc, asn, target_id, bool_or(failed) AS failed, bit_or(hours) AS hours FROM sums
        GROUP BY cc, asn, target_id)
), wanted AS (
    SELECT cc, asn, target_id, CASE WHEN failed THEN hours ELSE
        first | last | ((hours & ~first) & -(hours & ~first)) | {_last("(hours & ~last)")} END AS wanted
    FROM series
), of_hours AS (
    SELECT cc, asn, target_id, word, day, fresh, failed, unnest([{_EACH}]) AS met, unnest(range(24)) AS hour, wanted
    FROM sums JOIN wanted USING (cc, asn, target_id)
), met AS (
    SELECT cc, asn, target_id, (day * 24 + hour)::INTEGER AS hour,
        coalesce(sum(met) FILTER (failed), 0)::INTEGER AS bad,
        sum(met)::INTEGER AS met, min(word) AS word, bool_or(fresh) AS fresh
    FROM of_hours WHERE met > 0 AND (wanted >> hour) & 1 GROUP BY ALL
), near AS (
    SELECT *, max(bad) OVER (own ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING) AS worst,
        row_number() OVER own AS number, count(*) OVER (PARTITION BY cc, asn, target_id) AS hours
    FROM met WINDOW own AS (PARTITION BY cc, asn, target_id ORDER BY hour)
)
SELECT cc, asn, target_id, hour, bad, met, word, fresh FROM near WHERE worst > 0 OR number <= 2 OR number > hours - 2
ORDER BY target_id, cc, asn, hour
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRows:
    """What is kept of a day."""

    hours: Iterable[pa.RecordBatch] = ()
    """With the columns of HOURS."""
    vantages: Iterable[Mapping[str, Any]] = ()
    """Rows of `probe_hours.VANTAGE`."""
    planned: Iterable[Mapping[str, Any]] = ()
    """Rows of `planned_counts.count_planned`."""
    times: Iterable[pa.RecordBatch] = ()
    """Of `time_counts.count_times`."""


def write_day(kept: KeptHours, day: str, connection: duckdb.DuckDBPyConnection, rows: DayRows) -> None:
    """Writes the files of a day."""
    for kind, schema, batches in (("hours", HOURS, rows.hours), ("times", TIMES, rows.times)):
        with (replace_whole(kept.path(day, kind)) as temporary,
              pq.ParquetWriter(temporary, schema, compression="zstd") as file):
            for batch in batches:
                file.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))
    tables: tuple[tuple[str, pa.Schema, Iterable[Mapping[str, Any]]], ...] = (
        ("vantages", VANTAGES, rows.vantages), ("planned", PLANNED, rows.planned))
    for kind, schema, some in tables:
        plain = [{name: row[name] for name in schema.names} for row in some]
        with replace_whole(kept.path(day, kind)) as temporary:
            pq.write_table(pa.Table.from_pylist(plain, schema=schema), temporary, compression="zstd")
    with explain_errors():
        connection.execute(f"CREATE OR REPLACE TEMP VIEW hours AS SELECT * FROM "
                           f"{read_files([kept.path(day, 'hours')])}")
        with replace_whole(kept.path(day, "marks")) as temporary:
            connection.execute(f"COPY ({MARKS}) TO {quote_sql(str(temporary))} (FORMAT parquet, COMPRESSION zstd)")


@contextmanager
def explain_errors() -> Iterator[None]:
    """Turns what DuckDB cannot do into a StoreError."""
    try:
        yield
    except duckdb.Error as error:
        raise StoreError(f"the population could not be counted: {first_error_line(error)}; give --output where there "
                         f"is room, or remove {DAYS_FOLDER} in it, and all is counted again") from error


def read_files(paths: Iterable[Path]) -> str:
    """The SQL that reads some of these files, at least one."""
    return f"read_parquet([{', '.join(quote_sql(str(path)) for path in paths)}], hive_partitioning=false)"

