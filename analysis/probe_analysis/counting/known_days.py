"""What an analysis keeps of each day in the folder `days` beside the cells: its cells, and what was counted of it.

See `probe_analysis.day_cache.day_cache`. What lies in the folder is believed as the cells beside it are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from probe.store.files.atomic import replace_whole
from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.counting.cells_writer import NO_LAYOUT, CellsLayout
from probe_analysis.counting.day_counts import DayCount
from probe_analysis.day_cache.day_cache import OF_RUNS, DayCache, KeptDay

_CELLS = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDay(KeptDay):
    """What is kept of one day."""

    has_runs: bool
    """Files of runs are among them."""
    usable: bool
    """Any of its files could be opened."""
    count: DayCount


@dataclass(slots=True, kw_only=True)
class KnownDays(DayCache[KnownDay]):
    """Everything that is kept."""

    KINDS: ClassVar[tuple[str, ...]] = (_CELLS, *OF_RUNS)
    framed: bool = False
    cells: str = ""
    """Digest of the cells that were made of these days."""
    layout: CellsLayout = NO_LAYOUT
    """How the file of these cells was written."""

    def read_cells(self, day: str) -> pa.Table | None:
        """The cells of a day; None where they are not there as they were written."""
        try:
            table = pq.read_table(self.path(day, _CELLS), partitioning=None)
        except (OSError, pa.ArrowException):
            return None
        return table.cast(SCHEMA) if table.schema.names == SCHEMA.names else None

    def keep_cells(self, day: str, key: str, cells: Sequence[pa.Table]) -> None:
        """Keeps the cells of a day that follow from what has this key."""
        with (replace_whole(self.path(day, _CELLS, key)) as temporary,
              pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as file):
            for part in cells:
                file.write_table(part)
