"""Results for notebooks: `probe.open_results(path)` gives tables to compute with, and frames to look at.

The path may be an address on a web server, or a package of `probe export --release`.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import ibis
import ibis.expr.types as ir
import pandas as pd

from probe.store.archive.own_files import find_results_folders
from probe.store.files.atomic import StoreError
from probe.store.files.csv_files import read_csv
from probe.store.files.parquet import write_parquet
from probe.store.row_codec import Row
from probe.store.runs.run_files import run_files
from probe.store.runs.run_reader import runs_in, table_rows
from probe.store.schema import TABLES, Table
from probe.store.verification.folder_checks import check_folder
from probe.upkeep.updates.signed_fetch import is_remote
from probe_analysis.cells.cell_inputs import find_inputs
from probe_analysis.cells.file_names import CELLS_FILE
from probe_analysis.counting.cell_files import write_cells
from probe_analysis.counting.day_counts import CellSummary
from probe_analysis.engines.duckdb_engine import DuckDB
from probe_analysis.examples.example_files import unpack_example
from probe_analysis.exports.release import make_released_table
from probe_analysis.results_charts import ResultCharts
from probe_analysis.results_download import download_results

_FORMER = "fetch_arrow_table"
"""What `to_arrow_table` of DuckDB was called until its version 2; ibis 12 still asks for that."""
TABLE_NAMES = ("cells", *TABLES)
_OTHER_SIDE = {
    False: "no cells: these rows are the laboratory's; give lab=True to count them",
    True: "no cells: none of these rows is the laboratory's; leave lab=True out to count them",
}
"""`lab` -> what is warned of where only the other side has rows."""


class Results:
    """What is stored in a results folder, or in all those directly below a folder.

    `table(name)` is a lazy ibis table, `cells()`, `verdicts()` and so on are pandas frames of everything. Names of
    tables are those of the codebook, and `cells`. A run that stands in two folders is taken once. Laboratory rows are
    in the tables of results, marked `lab`; cells are counted from the laboratory's rows alone where `lab` was asked
    for, else from all others.
    """

    def __init__(self, path: Path, *, lab: bool = False) -> None:
        """Raises StoreError where there are no results."""
        self.path = path
        self._lab = lab
        self._released = is_release_package(path)
        if not self._released:
            find_inputs(path, required={}, tables=tuple(TABLES))
        self._folder = _make_lasting_folder("probe-results-")
        self._tables: dict[str, ir.Table] = {}
        self.summary: CellSummary | None = None
        """What was left out when the cells were counted, and why; None before that."""
        self.problems: list[str] = []
        """Runs that could not be read for a table, and why."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, lab={self._lab}): tables {', '.join(TABLE_NAMES)}"

    def table(self, name: str) -> ir.Table:
        """A table to compute with: `table("verdicts").group_by("outcome").agg(...)`. StoreError when it is missing."""
        if name not in TABLE_NAMES:
            raise StoreError(f"there is no table {name}; there are {', '.join(TABLE_NAMES)}")
        if name not in self._tables:
            files = self._cells() if name == "cells" else self._stored(TABLES[name])
            self._tables[name] = _connection().read_parquet(
                [str(file) for file in files], union_by_name=True, hive_partitioning=False)
        return self._tables[name]

    def cells(self) -> pd.DataFrame:
        """Outcomes by network, hour, and target, role or service; columns in `docs/analysis.md`."""
        return self._frame("cells")

    def verdicts(self) -> pd.DataFrame:
        """What each run says of each target."""
        return self._frame("verdicts")

    def services(self) -> pd.DataFrame:
        """What each run says of each role of a service."""
        return self._frame("services")

    def runs(self) -> pd.DataFrame:
        """A row a run."""
        return self._frame("runs")

    def observations(self) -> pd.DataFrame:
        """Every network operation: large; choose with `table("observations").filter(...)` first."""
        return self._frame("observations")

    def controls(self) -> pd.DataFrame:
        """What control vantages saw."""
        return self._frame("controls")

    @cached_property
    def charts(self) -> ResultCharts:
        """Charts that a notebook shows: `results.charts.draw_services()`. They draw all runs of the folder."""
        return ResultCharts(self.path)

    def _frame(self, name: str) -> pd.DataFrame:
        table: pd.DataFrame = self.table(name).to_pyarrow().to_pandas()
        return table

    def _cells(self) -> list[Path]:
        if self._released:
            raise StoreError(f"{self.path}: cells are not counted from released rows, whose times are coarse")
        engine = DuckDB(temporary=self._folder)
        try:
            self.summary = write_cells(self.path, self._folder, engine, now=datetime.now(UTC), lab=self._lab)
        finally:
            engine.close()
        if self.summary.other_side and not any(self.summary.cells.values()):
            warnings.warn(_OTHER_SIDE[self._lab], stacklevel=2)
        return [self._folder / CELLS_FILE]

    def _stored(self, table: Table) -> list[Path]:
        """Parquet files of a table; where not all of it is there as Parquet, one made from the CSV files."""
        made = self._folder / f"{table.name}.parquet"
        if self._released:
            released = make_released_table(table)
            with made.open("wb") as file:
                write_parquet(file, released, read_csv(self.path / "data" / f"{table.name}.csv", released))
            return [made]
        inputs = find_inputs(self.path, required={}, tables=(table.name,))
        groups = [group for chunk in inputs.chunks for group in chunk.groups]
        if groups and all(group.parquet for group in groups):
            return [path for group in groups for path in group.files]
        with made.open("wb") as file:
            write_parquet(file, table, self._rows(table))
        return [made]

    def _rows(self, table: Table) -> Iterator[Row]:
        """Exactly the values that were measured, of every run that can be read and is what was signed, once each."""
        seen: set[str] = set()
        for folder in find_results_folders(self.path):
            unsound = {run_id: check for run_id, check in check_folder(folder).unusable.items() if check.read}
            self.problems += [f"{folder}: run {run_id}: {check.reason}" for run_id, check in unsound.items()]
            for path in run_files(folder):
                try:
                    for run in runs_in(path, without=unsound):
                        if run.run_id not in seen:
                            seen.add(run.run_id)
                            yield from tuple(table_rows(folder, run, table))
                except StoreError as error:
                    self.problems.append(str(error))


def open_results(path: str | Path, *, lab: bool = False) -> Results:
    """The results in a folder, or at an https address whose `datapackage.json` names them. Raises StoreError, which
    says what to do, where there are none."""
    if isinstance(path, str) and is_remote(path):
        return _open_fetched(lambda folder: download_results(path, folder), lab=lab)
    return Results(Path(path).expanduser(), lab=lab)


def open_example(name: str) -> Results:
    """Small results of the laboratory that come with the package. Raises StoreError where there are none so called."""
    return _open_fetched(lambda folder: unpack_example(name, folder), lab=True)


def is_release_package(folder: Path) -> bool:
    """Whether a folder was written by `probe export --release --format package`, or fetched from such a one."""
    return (folder / "datapackage.json").is_file() and (folder / "data" / "runs.csv").is_file()


def _open_fetched(fetch: Callable[[Path], None], *, lab: bool) -> Results:
    """Results in a temporary folder."""
    folder = _make_lasting_folder("probe-fetched-")
    fetch(folder)
    return Results(folder, lab=lab)


def _make_lasting_folder(prefix: str) -> Path:
    """A temporary folder that lasts until the interpreter ends: a lazy table outlives the results that it came from."""
    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _connection() -> ibis.BaseBackend:
    """A DuckDB of this process, which fetches nothing."""
    import duckdb

    if not hasattr(duckdb.DuckDBPyConnection, _FORMER):
        setattr(duckdb.DuckDBPyConnection, _FORMER, duckdb.DuckDBPyConnection.to_arrow_table)
    backend = ibis.duckdb.connect(autoinstall_known_extensions="false", autoload_known_extensions="false")
    backend.raw_sql("SET TimeZone = 'UTC'")
    return backend
