"""What is kept of times, read back: only names that may be slow, and what they are held against."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from probe_analysis.engines.duckdb_connection import quote_sql
from probe_analysis.times.slow_search import LEAST_S, LEAST_TIMES
from probe_analysis.times.time_count import STEPS, TimeCount
from probe_analysis.times.time_counts import COUNTED
from probe_analysis.times.time_sketch import find_bin

_KINDS = {"cc": pa.string(), "name": pa.string(), "service": pa.string(), "prefix": pa.string(), "fresh": pa.bool_(),
          "censored": pa.bool_(), "asn": pa.int64(), "n": pa.int64(), "hour": pa.int32()}
TIMES = pa.schema([(name, _KINDS.get(name, pa.int16())) for name in COUNTED])
"""Of the files."""
MOST_NETWORKS, MOST_NAMES = 2000, 100_000
_BATCH_ROWS = 1 << 16

# A network on which a name was timed that often takes long somewhere is read as a whole: its other names tell what is
# usual there.
_CHOOSE = f"""
WITH counted AS (
    SELECT cc, asn, name, sum(n) AS n, sum(n) FILTER (bin >= {find_bin(LEAST_S)}) AS high FROM times
    WHERE step < 2 GROUP BY ALL
), slow AS (SELECT * FROM counted WHERE high >= {LEAST_TIMES} ORDER BY high DESC, name LIMIT {MOST_NAMES})
"""
_READ = f"""{_CHOOSE}
SELECT cc, asn, hour // 6 * 6 AS hour, slot, version, bool_or(fresh) AS fresh, name,
    max(service) AS service, prefix, step, bin, censored, sum(n)::BIGINT AS n
FROM times WHERE step < 2 AND (cc, asn) IN (
    SELECT (cc, asn) FROM counted WHERE name IN (SELECT name FROM slow) GROUP BY ALL ORDER BY sum(high) DESC NULLS LAST
    LIMIT {MOST_NETWORKS})
GROUP BY cc, asn, hour // 6, slot, version, name, prefix, step, bin, censored
"""


def open_times(connection: duckdb.DuckDBPyConnection, paths: Sequence[Path]) -> None:
    """Name the rows of these files, at least one, `times` from now on."""
    files = ", ".join(quote_sql(str(path)) for path in paths)
    connection.execute(f"CREATE OR REPLACE TEMP VIEW times AS SELECT * FROM read_parquet([{files}],"
                       " hive_partitioning=false)")


def read_times(connection: duckdb.DuckDBPyConnection) -> Iterator[TimeCount]:
    """What may be slow and what it is held against, by quarters of days."""
    for batch in connection.sql(_READ).to_arrow_reader(_BATCH_ROWS):
        for row in batch.to_pylist():
            yield TimeCount(
                network=(row["cc"], row["asn"]), hour=row["hour"], slot=row["slot"], version=row["version"],
                fresh=row["fresh"], name=row["name"], service=row["service"],
                prefix=row["prefix"], step=STEPS[row["step"]], bin=row["bin"], censored=row["censored"], n=row["n"])
