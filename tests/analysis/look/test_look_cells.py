"""`probe look` counts cells of many row groups."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from made_fleet import START, cell
from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.counting.cell_view import open_cells
from probe_analysis.counts.cells_origin import CellsOrigin
from probe_analysis.look.look_cells import MEMORY_MB, LookCells


def test_row_groups_that_know_other_words_are_summed_together(tmp_path: Path) -> None:
    rows = [cell(hour, level=level, service=service, standing=standing, probe_cc=cc, ok=hour % 2, blocked=1,
                 witnesses=6 + hour)
            for hour, (level, service, standing, cc) in enumerate((
                ("role", "whatsapp", "established", "RU"), ("role", "whatsapp", "", "RU"),
                ("role", "signal", "fresh", "RU"), ("role", "whatsapp", "established", "RU"),
                ("target", "whatsapp", "established", "RU"), ("role", "whatsapp", "established", "DE")))]
    path = tmp_path / "cells.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, row_group_size=1)
    origin = CellsOrigin()
    with open_cells(LookCells, path, memory_mb=MEMORY_MB) as cells:
        assert cells.list_services("RU") == {"whatsapp", "signal"}
        assert cells.count_countries_beside("RU", ["whatsapp"]) == 1
        assert cells.count_countries_beside("RU", ["signal"]) == 0
        (part,) = cells.list_parts("RU", ["whatsapp"], origin)
        assert (part.n, part.blocked, part.ok, part.witnesses, part.known) == (5, 3, 2, 9, True)
        assert (part.first, part.last, part.last_ok) == (START, *[START + 3 * timedelta(hours=1) + origin.step] * 2)
        cells.leave_out_before(START + timedelta(hours=2))
        (part,) = cells.list_parts("RU", ["whatsapp", "signal"][:1], origin)
        assert (part.n, part.first) == (2, START + timedelta(hours=3))
