"""Tables of cells written by hand, and a fleet that was simulated and analysed, for the page of a fleet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from click.testing import CliRunner

from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.cells.failure_layers import FAILED
from probe_analysis.cli.analyse import analyse
from probe_lab.cli.fleet import fleet

START = datetime(2025, 3, 1, tzinfo=UTC)
_COUNTS = ("ok", "blocked", "down", "inconclusive", "network", "local")
_PLAIN: Mapping[str, Any] = {
    "lab": True, "probe_cc": "RU", "probe_asn": 64501, "level": "role", "service": "signal", "role": "chat",
    "target_id": "", "witnesses": 3, "block_type": "", "confirmed": 0,
    **dict.fromkeys(FAILED, 0), "failure_type": "", "standing": "established", "hellos": "", "struck_hellos": "",
    **dict.fromkeys(_COUNTS, 0),
}


def cell(hour: int, **values: Any) -> dict[str, Any]:
    """One row, so many hours after START: nothing counted but what is told."""
    row = {**_PLAIN, "cell_start": START + timedelta(hours=hour), **values}
    return {**row, "n": row["ok"] + row["blocked"] + row["down"]}


def levels(hour: int, **values: Any) -> list[dict[str, Any]]:
    """The same counts of a role, of its one target and of the whole service."""
    row = cell(hour, **values)
    return [row, {**row, "level": "service", "role": ""},
            {**row, "level": "target", "target_id": f"{row['service']}.{row['role']}.1"}]


def write_cells(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Writes `cells.parquet` and returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), folder / "cells.parquet")
    return folder


def analysed_fleet(folder: Path) -> Path:
    """A week of twenty volunteers in four networks, with events; returns the folder of the cells."""
    steps = ((fleet, ["simulate", "--rows", "60000", "--networks", "4", "--services", "13", "--volunteers", "20",
                      "--days", "40", "--seed", "3", "--out", str(folder)]),
             (analyse, [str(folder), "--lab", "--out", str(folder / "cells")]))
    for command, words in steps:
        done = CliRunner().invoke(command, words)
        assert done.exit_code == 0, done.output
    return folder / "cells"
