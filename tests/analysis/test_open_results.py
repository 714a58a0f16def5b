"""`probe.open_results`: exactly what was measured, from whatever files there are, and nothing imported too early."""

from __future__ import annotations

import random
import subprocess
import sys
import warnings
from datetime import date
from pathlib import Path

import pytest

import probe
from fleet_days import START, a_run, naive_cells, some_runs, write_runs
from probe.store.archive.compaction import compact_days
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from stored import a_result
from test_cells import same

HOSTILE = "=1\n\u202e;a\\b\t'"


@pytest.mark.parametrize("form", ["csv", "parquet", "merged"])
def test_frames_hold_what_was_measured(tmp_path: Path, form: str) -> None:
    for name, text in (("r-1", "plain"), ("r-2", HOSTILE)):
        write_run(a_result(name, "2026-03-04T06:12:00Z", text=text), tmp_path, parquet=form == "parquet")
    if form == "merged":
        compact_days(tmp_path, today=date(2026, 4, 1), parquet=True)
        (next(tmp_path.glob("observations/*/*.csv"))).write_text("run_id\r\n")  # Parquet holds all, so nobody reads it
    results = probe.open_results(tmp_path)
    seen = results.observations()
    assert list(seen["title"]) == ["plain", "", HOSTILE, ""]
    assert list(seen["answers"][2]) == ["192.0.2.1", HOSTILE]
    assert seen["clock_offset_s"].isna().tolist() == [False, True, False, True]
    assert str(results.runs()["measurement_start_time"][0]) == "2026-03-04 06:12:00+00:00"
    assert results.table("verdicts").filter(lambda t: t.outcome == "ok").count().to_pyarrow().as_py() == 2
    assert len(results.cells()) == 3
    assert results.summary is not None
    assert results.summary.runs == 2


def test_cells_come_from_the_same_count(tmp_path: Path) -> None:
    runs = some_runs(20)
    write_runs(tmp_path / "in" / "alice", runs, parquet=False)
    write_runs(tmp_path / "in" / "bob", runs[:5], parquet=False)
    results = probe.open_results(str(tmp_path / "in"))
    same(results.cells(), naive_cells(tmp_path / "in" / "alice"))
    assert len(results.runs()) == 20


def test_damaged_runs_are_named_and_the_rest_is_given(tmp_path: Path) -> None:
    write_runs(tmp_path, some_runs(3), parquet=False)
    next(tmp_path.glob("verdicts/*/*.csv")).write_bytes(b"\xff")
    results = probe.open_results(tmp_path)
    assert len(results.verdicts()) == 10
    assert len(results.problems) == 1


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no results here"):
        probe.open_results(tmp_path)
    with pytest.raises(StoreError, match="no such folder"):
        probe.open_results(tmp_path / "nowhere")
    write_runs(tmp_path, some_runs(1), parquet=False)
    with pytest.raises(StoreError, match=r"no table cell; .*cells,"):
        probe.open_results(tmp_path).table("cell")


def test_importing_the_package_imports_nothing_else(root: Path) -> None:
    program = "import sys, probe; print(*(m for m in sys.modules if m.split('.')[0] in ('ibis', 'pandas', 'pathlib')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, check=True)
    assert "ibis" not in done.stdout
    assert "pandas" not in done.stdout


def test_a_notebook_needs_no_widgets(tmp_path: Path) -> None:
    program = """\
import sys, types
sys.modules["IPython"] = notebook = types.ModuleType("IPython")
notebook.get_ipython = lambda: types.SimpleNamespace(config={"IPKernelApp": {}})
sys.modules["ipywidgets"] = None
from probe_analysis.engines.duckdb_connection import open_duckdb
print(open_duckdb(memory_mb=100, threads=1, folder=sys.argv[1]).execute("SELECT 7").fetchone())
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("(7,)\n", "")


def test_a_table_outlives_the_results_that_it_came_from() -> None:
    assert probe.open_example("may-2017").table("verdicts").count().to_pyarrow().as_py() > 0
    assert len(probe.open_example("may-2017").table("cells").to_pyarrow()) > 0


@pytest.mark.parametrize(("made", "asked"), [(True, False), (False, True)])
def test_cells_of_the_other_side_alone_are_warned_of(tmp_path: Path, made: bool, asked: bool) -> None:
    write_runs(tmp_path, [a_run(5, START, random.Random(1), lab=made)], parquet=False)
    with pytest.warns(UserWarning, match="lab=True"):
        assert probe.open_results(tmp_path, lab=asked).cells().empty


def test_cells_that_are_there_warn_of_nothing(tmp_path: Path) -> None:
    write_runs(tmp_path, some_runs(3), parquet=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert len(probe.open_results(tmp_path).cells())
