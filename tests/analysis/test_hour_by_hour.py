"""A fleet told hour by hour: an analysis that goes on from the last says what one says that keeps its log alone."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("probe_lab", reason="needs the laboratory")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from probe_analysis.cells.file_names import CELLS_FILE, DAYS_FOLDER, EVENTS_FILE
from probe_analysis.counting.cell_files import write_cells
from probe_analysis.engines.duckdb_engine import DuckDB
from probe_analysis.events.event_findings import find_events
from probe_analysis.events.kept_cells import KEPT_FOLDER
from probe_lab.fleet.fleet_rows import TABLES_WRITTEN, write_rows
from probe_lab.fleet.fleet_world import FleetSize

NOW = datetime(2025, 6, 1, tzinfo=UTC)
SIZE = FleetSize(volunteers=24, networks=4, services=6, uptime=0.9, even=True)


def tell(whole: Path, told: Path, day: str, hours: int) -> None:
    """Puts the runs of the first hours of a day where they are analysed."""
    for table in TABLES_WRITTEN:
        for path in (whole / "parquet" / table / day).iterdir():
            rows = pq.read_table(path, partitioning=None)
            hour = np.array([int(name[-5:]) % 24 for name in rows["run_id"].to_pylist()])
            to = told / "parquet" / table / day / path.name
            to.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(rows.filter(pa.array(hour < hours)), to)


def analysed(told: Path, out: Path) -> tuple[bytes, bytes]:
    engine = DuckDB(memory_mb=300, threads=1)
    try:
        write_cells(told, out, engine, now=NOW, lab=True)
    finally:
        engine.close()
    find_events(out, since=None, now=NOW)
    return (out / CELLS_FILE).read_bytes(), (out / EVENTS_FILE).read_bytes()


def test_what_is_kept_changes_no_cell_and_no_row_of_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_analysis.counting.cells_writer.GROUP_ROWS", 1000)
    monkeypatch.setattr("probe_analysis.events.kept_cells._LEAST_ROWS", 0)
    write_rows(20_000, tmp_path / "whole", 7, SIZE)
    days = sorted(path.name for path in (tmp_path / "whole" / "parquet" / "verdicts").iterdir())
    for day in days[:-1]:
        tell(tmp_path / "whole", tmp_path / "told", day, 24)
    sizes = []
    for hours in (1, 10):
        tell(tmp_path / "whole", tmp_path / "told", days[-1], hours)
        kept = analysed(tmp_path / "told", tmp_path / "kept")
        if (tmp_path / "anew").exists():
            shutil.rmtree(tmp_path / "anew" / DAYS_FOLDER)
            (tmp_path / "anew" / CELLS_FILE).unlink()
        assert kept == analysed(tmp_path / "told", tmp_path / "anew")
        assert any((tmp_path / "kept" / DAYS_FOLDER / KEPT_FOLDER).glob("*.arrow"))
        sizes.append(len(kept[1]))
    assert 0 < sizes[0] < sizes[1]
