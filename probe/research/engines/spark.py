"""The same expressions on Spark: in this machine's processes (`local[*]`), or on the cluster of a master."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from urllib.parse import unquote

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from probe.research.cells.cell_inputs import PORTION_ROWS, FileGroup
from probe.research.engines.duckdb_connection import first_error_line
from probe.research.engines.engine import (
    Defaults,
    EngineError,
    TornLine,
    compile_sql,
    csv_schema,
    parquet_schema,
    pick_columns,
    stack_tables,
)

_TORN = "_torn"
_UNCONFIGURED = "200"
"""Spark's own number of parts for a shuffle, too many for few processors; who configured another one knows why."""
_FEW_ROWS = 500_000
"""So many are sent to every worker, where they are joined to more: how few are kept Spark itself does not know, and it
would sort both sides."""
_FILE = "_metadata.file_path"
"""Where a row came from. `input_file_name()` says the same, but is no function of the row to Spark, which therefore may
not repeat what it is in, and fails to plan the queries that refer to it twice (4.3)."""
_REPLACED = "\ufffd"


class Spark:
    """A session on a master. The files must be where every worker finds them under the same path."""

    name = "spark"
    portion_rows = 4 * PORTION_ROWS
    bits = False

    def __init__(self, master: str) -> None:
        self._had = SparkSession.getActiveSession() is not None
        builder = SparkSession.builder.master(master).appName("probe analyse")
        if master.startswith("local"):  # nobody else needs to reach this process
            builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
        with _translate_errors(f"the Spark master {master} cannot be used; see whether it runs, and --url"):
            self._session: SparkSession = (
                builder.config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
                .config("spark.driver.maxResultSize", "0").config("spark.log.level", "ERROR")
                .config("spark.ui.showConsoleProgress", "false").getOrCreate())
        if self._session.conf.get("spark.sql.shuffle.partitions") == _UNCONFIGURED:
            parts = max(2, 2 * self._session.sparkContext.defaultParallelism)
            self._session.conf.set("spark.sql.shuffle.partitions", str(parts))
        self._kept: list[tuple[str, DataFrame]] = []
        self._torn: list[TornLine] = []
        self._numbers = itertools.count()

    def read(self, groups: Sequence[FileGroup], columns: Sequence[str], defaults: Defaults) -> ir.Table:
        return stack_tables([(self._parquet if group.parquet else self._csv)(group, columns, defaults)
                             for group in groups])

    def keep(self, expression: ir.Table) -> ir.Table:
        with _translate_errors("Spark cannot compute this; if a file is named, restore or remove it"):
            # Computed now, so that what goes wrong is told of this table; and its plan ends here, or the plans of what
            # is made of it grow beyond what Spark can look through in minutes.
            frame = self._session.sql(compile_sql(expression, "pyspark")).localCheckpoint(eager=True)
            if frame.limit(_FEW_ROWS + 1).count() <= _FEW_ROWS:
                frame = F.broadcast(frame)
        return self._named(frame, expression.schema())

    def hold(self) -> None:
        self._kept.clear()

    def release(self) -> None:
        for name, frame in self._kept:
            self._session.catalog.dropTempView(name)
            frame.unpersist()
        self._kept.clear()

    def batches(self, expression: ir.Table) -> Iterator[pa.RecordBatch]:
        with _translate_errors("Spark cannot compute this; if a file is named, restore or remove it"):
            rows = self._session.sql(compile_sql(expression, "pyspark")).toArrow()
        yield from rows.to_batches()

    def torn(self) -> list[TornLine]:
        found, self._torn = self._torn, []
        return found

    def close(self) -> None:
        if not self._had:
            self._session.stop()

    def _named(self, frame: DataFrame, schema: ibis.Schema) -> ir.Table:
        name = f"kept_{next(self._numbers)}"
        frame.createOrReplaceTempView(name)
        self._kept.append((name, frame))
        return ibis.table(schema, name=name)

    def _parquet(self, group: FileGroup, columns: Sequence[str], defaults: Defaults) -> ir.Table:
        frame = self._session.read.parquet(*map(_url, group.files)).withColumn("file", F.col(_FILE))
        return pick_columns(self._named(frame, parquet_schema(group)), columns, defaults)

    def _csv(self, group: FileGroup, columns: Sequence[str], defaults: Defaults) -> ir.Table:
        """The lines are parsed once, every cell a text; what is torn is noted by its file."""
        schema = StructType([StructField(name, StringType()) for name in (*group.columns, _TORN)])
        lines = self._session.read.csv(
            [_url(path) for path in group.files], schema=schema, header=True, quote='"', escape='"', mode="PERMISSIVE",
            columnNameOfCorruptRecord=_TORN, enforceSchema=True, maxCharsPerColumn=1 << 25,
        ).withColumn("file", F.col(_FILE)).cache()
        broken = reduce(lambda a, b: a | b, (F.col(f"`{name}`").contains(_REPLACED) for name in group.columns))
        bad = F.col(_TORN).isNotNull() | F.coalesce(broken, F.lit(False))
        self._torn += [TornLine(path=unquote(row["file"]).removeprefix("file://"), line=0)
                       for row in lines.filter(bad).select("file").collect()]
        good = lines.filter(~bad).drop(_TORN)
        return pick_columns(self._named(good, csv_schema(group)), columns, defaults)


@contextmanager
def _translate_errors(what: str) -> Iterator[None]:
    """Turns what Spark or its Java side raises into an EngineError."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise EngineError(f"{what} ({first_error_line(error)})") from error


def _url(path: Path) -> str:
    """Spark takes a plain path for one of its cluster's file system; what looks like a pattern stays as it is."""
    return "file://" + "".join(f"\\{c}" if c in "{}[]*?\\" else c for c in str(path.resolve()))
