"""ClickHouse gives the same file as DuckDB, where it is installed; of torn and odd input too."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from fleet_days import MANY, NOW, TARGETS, some_runs, write_runs
from probe.store.files.atomic import StoreError
from probe_analysis.cells.file_names import CELLS_FILE
from probe_analysis.counting.cell_files import write_cells
from probe_analysis.counting.day_counts import CellSummary
from probe_analysis.engines.duckdb_engine import DuckDB
from probe_analysis.engines.engine import AnalysisEngine
from probe_analysis.engines.engine_choice import choose_engine
from test_cells import counted, rewritten, the_file

needs_chdb = pytest.mark.skipif(importlib.util.find_spec("chdb") is None, reason="needs the package chdb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """CSV and Parquet days, a run that comes twice, one in two versions, an odd one, a torn one, one without an end."""
    runs = some_runs(24, targets=(*TARGETS, *MANY))
    write_runs(tmp_path / "in" / "a", runs[:16], parquet=False)
    write_runs(tmp_path / "in" / "b", runs[12:], parquet=True)
    rewritten(the_file(tmp_path / "in" / "a", "verdicts", runs[12].run.run_id), outcome="ok", block_type="")
    rewritten(the_file(tmp_path / "in" / "a", "runs", runs[0].run.run_id), probe_cc="r\u202eu")
    rewritten(the_file(tmp_path / "in" / "a", "verdicts", runs[1].run.run_id), target_id="x\u202e")
    the_file(tmp_path / "in" / "a", "runs", runs[2].run.run_id).unlink()
    torn = the_file(tmp_path / "in" / "a", "services", runs[3].run.run_id)
    header, line, *rest = torn.read_bytes().splitlines(keepends=True)
    torn.write_bytes(header + line[:50] + b"\r\n" + b"".join(rest))
    for table in ("verdicts", "services", "runs"):
        shutil.rmtree(tmp_path / "in" / "b" / table)
    return tmp_path


def agree(engine: AnalysisEngine, folder: Path) -> None:
    _, wanted = counted(folder / "in", folder / "duckdb")
    try:
        found = write_cells(folder / "in", folder / "other", engine, now=NOW)
    finally:
        engine.close()
    assert (folder / "other" / CELLS_FILE).read_bytes() == (folder / "duckdb" / CELLS_FILE).read_bytes()
    assert what(found) == what(wanted)
    assert set(wanted.rejected) == {"torn", "country", "name", "unfinished", "conflict"}
    assert wanted.duplicates == {"verdicts": 3 * (5 + len(MANY)), "services": 3 * 5}


def what(done: CellSummary) -> tuple[object, ...]:
    return done.runs, done.used, done.rejected, done.bad_runs, done.duplicates, done.cells, done.first, done.last


class Local:
    """ClickHouse in this process."""

    def __init__(self) -> None:
        from chdb import session

        from probe_analysis.engines.clickhouse import SETTINGS

        self._session: Any = session.Session()
        for sql in ("CREATE DATABASE probe ENGINE = Atomic", "USE probe"):
            self._session.query(sql)
        for name, value in SETTINGS.items():
            self._session.query(f"SET {name} = {value!r}")

    def command(self, sql: str) -> None:
        self._session.query(sql)

    def insert(self, table: str, rows: pa.Table) -> None:
        self._session.query(f"INSERT INTO {table} SELECT * FROM Python(rows)")

    def query(self, sql: str) -> pa.Table:
        return self._session.query(sql, "ArrowTable")

    def close(self) -> None:
        self._session.close()


@pytest.mark.slow
@needs_chdb
def test_clickhouse_agrees(folder: Path) -> None:
    from probe_analysis.engines.clickhouse import ClickHouse

    agree(ClickHouse("", DuckDB(memory_mb=500), server=Local()), folder)


@pytest.mark.slow
def test_portions_change_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_analysis.counting.cells_writer.GROUP_ROWS", 100)
    _, whole = counted(folder / "in", folder / "whole")
    monkeypatch.setattr("probe_analysis.engines.duckdb_engine.PORTION_ROWS", 1)
    monkeypatch.setattr("probe_analysis.engines.duckdb_engine._BATCH_ROWS", 7)
    found, done = counted(folder / "in", folder / "days")
    assert len(found) == sum(whole.cells.values())
    assert what(done) == what(whole)
    assert (folder / "days" / CELLS_FILE).read_bytes() == (folder / "whole" / CELLS_FILE).read_bytes()


def test_an_engine_that_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "clickhouse_connect", None)
    with pytest.raises(StoreError, match=r"extra `clickhouse`: "):
        choose_engine("clickhouse", url="clickhouse://localhost/x")
