"""Cells: the same as counted by hand, on DuckDB, whatever form the files have; and what is not counted is told."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest

pd = pytest.importorskip("pandas", reason="needs the extra `research`")
pytest.importorskip("ibis", reason="needs the extra `research`")
pytest.importorskip("duckdb", reason="needs the extra `research`")

from fleet_days import NOW, START, a_run, naive_cells, some_runs, write_runs  # noqa: E402

from probe.analysis.cell_files import CELLS_FILE, Summary, make_cells  # noqa: E402
from probe.analysis.cells import COLUMNS, ORDER  # noqa: E402
from probe.analysis.engines import DuckDB  # noqa: E402


def counted(directory: Path, out: Path, *, lab: bool = False, listed: Path | None = None) -> tuple[pd.DataFrame, Summary]:
    engine = DuckDB(memory_mb=500, threads=2)
    try:
        done = make_cells(directory, out, engine, now=NOW, lab=lab, rejected=listed)
    finally:
        engine.close()
    return pd.read_parquet(out / CELLS_FILE), done


def same(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    wanted = wanted.sort_values(list(ORDER), ignore_index=True)[list(COLUMNS)]
    wanted["cell_start"] = wanted["cell_start"].astype("datetime64[us, UTC]")
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)


@pytest.mark.parametrize("parquet", [False, True])
def test_cells_are_what_one_counts_by_hand(tmp_path: Path, parquet: bool) -> None:
    write_runs(tmp_path / "results", some_runs(120), parquet=parquet)
    found, done = counted(tmp_path / "results", tmp_path / "out")
    same(found, naive_cells(tmp_path / "results"))
    assert (found["witnesses"] > 1).any()
    assert (found["witnesses"] < found[["n", "inconclusive", "network", "local"]].sum(axis=1)).any()
    assert set(found["level"]) == {"target", "role", "service"}
    assert (done.runs, done.rows["verdicts"], sum(done.rejected.values())) == (120, 600, 0)
