"""What an analysis keeps of each day, so that the next one counts only days whose files are others.

The folder `days` beside the cells holds the cells of each day and the numbers of its runs and names; `known.json` in it
says from which files they were counted. All of it can be removed: it is then counted again. Whether a file is the one
that was counted `probe_analysis.counting.seen_files` tells. What lies in the folder is believed as the cells beside it
are; what is torn in it is counted again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from probe.store.files.atomic import replace_file, replace_whole
from probe_analysis.cells.cell_schema import SCHEMA
from probe_analysis.cells.name_standing import NO_NAMES, DayNames
from probe_analysis.counting.cells_writer import NO_LAYOUT, CellsLayout, layout_from_json, layout_to_json
from probe_analysis.counting.day_counts import DayCount, count_from_json, count_to_json
from probe_analysis.counting.kept_files import read_numbers, remove_others
from probe_analysis.counting.run_crossings import NO_RUNS, RunNumbers
from probe_analysis.counting.seen_files import SeenFiles, read_seen_files

KNOWN_FILE = "known.json"
_FORMAT = 6
_MOST_BYTES = 1 << 30
_CELLS, _RUNS, _NAMES = ".parquet", ".runs", ".names"
_KEPT = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{16}\.(parquet|runs|names)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDay:
    """What is kept of one day."""

    files: str
    """Digest of its files: table, form and content of each."""
    key: str
    """Digest of all that its cells follow from."""
    has_runs: bool
    """Files of runs are among them."""
    usable: bool
    """Any of its files could be opened."""
    settled: bool
    """No run of it lies in the future, where time alone would change what counts."""
    count: DayCount
    crossings: RunNumbers


@dataclass(slots=True, kw_only=True)
class KnownDays:
    """Everything that is kept, and the folder that it is kept in."""

    folder: Path
    seen: SeenFiles
    days: dict[str, KnownDay] = field(default_factory=dict)
    counted_at: str = ""
    """When, as an ISO time: an earlier clock judges anew what lies in its future."""
    framed: bool = False
    cells: str = ""
    """Digest of the cells that were made of these days."""
    layout: CellsLayout = NO_LAYOUT
    """How the file of these cells was written."""

    def is_kept(self, day: str) -> bool:
        """Whether the files of a day are there."""
        known = self.days[day]
        paths = [self._path(day, known.key, _CELLS), *(self._path(day, known.files, kind) for kind in (_RUNS, _NAMES))]
        return all(path.is_file() for path in paths)

    def numbers(self, day: str) -> RunNumbers:
        """The numbers of a day's runs."""
        known = self.days.get(day)
        return read_numbers(self._path(day, known.files, _RUNS)) if known else NO_RUNS

    def keep_numbers(self, day: str, files: str, numbers: RunNumbers) -> None:
        """Keeps the numbers of the runs in these files of a day."""
        replace_file(self._path(day, files, _RUNS), numbers.tobytes())

    def names(self, day: str) -> DayNames:
        """The names of a day."""
        known = self.days.get(day)
        return read_numbers(self._path(day, known.files, _NAMES)).reshape(-1, 2) if known else NO_NAMES

    def keep_names(self, day: str, files: str, names: DayNames) -> None:
        """Keeps the names in these files of a day."""
        replace_file(self._path(day, files, _NAMES), names.tobytes())

    def read_cells(self, day: str) -> pa.Table | None:
        """The cells of a day; None where they are not there as they were written."""
        try:
            table = pq.read_table(self._path(day, self.days[day].key, _CELLS), partitioning=None)
        except (OSError, pa.ArrowException):
            return None
        return table.cast(SCHEMA) if table.schema.names == SCHEMA.names else None

    def keep_cells(self, day: str, key: str, cells: Sequence[pa.Table]) -> None:
        """Keeps the cells of a day that follow from what has this key: a name that no other cells have, so that a kill
        leaves nothing that is taken for something else."""
        with (replace_whole(self._path(day, key, _CELLS)) as temporary,
              pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as file):
            for part in cells:
                file.write_table(part)

    def remove_unknown(self) -> None:
        """Removes what is kept of days as they are no more."""
        wanted = {self._path(day, digest, ending).name for day, known in self.days.items()
                  for digest, ending in ((known.key, _CELLS), (known.files, _RUNS), (known.files, _NAMES))}
        remove_others(self.folder, _KEPT, wanted)

    def _path(self, day: str, digest: str, ending: str) -> Path:
        return self.folder / f"{day}-{digest[:16]}{ending}"

    def save(self) -> None:
        """Writes what is known; files of results that are gone are forgotten."""
        told = {
            "format": _FORMAT, "counted_at": self.counted_at, "framed": self.framed, "cells": self.cells,
            "layout": layout_to_json(self.layout), "files": self.seen.to_json(),
            "days": {day: _day_to_json(known) for day, known in sorted(self.days.items())},
        }
        replace_file(self.folder / KNOWN_FILE, json.dumps(told, separators=(",", ":")).encode())


def open_known_days(folder: Path, results: Path) -> KnownDays:
    """What is kept in a folder of days of `results`; nothing where there is none, or where it is torn."""
    empty = KnownDays(folder=folder, seen=SeenFiles(folder=folder, results=results))
    path = folder / KNOWN_FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return empty
        told = json.loads(path.read_bytes())
        if told["format"] != _FORMAT:
            return empty
        return KnownDays(
            folder=folder, counted_at=str(told["counted_at"]), framed=bool(told["framed"]), cells=str(told["cells"]),
            layout=layout_from_json(told["layout"]), seen=read_seen_files(folder, results, told["files"]),
            days={str(day): _day_from_json(row) for day, row in told["days"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return empty


def _day_to_json(known: KnownDay) -> dict[str, Any]:
    return {"files": known.files, "key": known.key, "has_runs": known.has_runs, "usable": known.usable,
            "settled": known.settled, "count": count_to_json(known.count),
            "crossings": [int(number) for number in known.crossings]}


def _day_from_json(row: Mapping[str, Any]) -> KnownDay:
    return KnownDay(files=str(row["files"]), key=str(row["key"]), has_runs=bool(row["has_runs"]),
                    usable=bool(row["usable"]), settled=bool(row["settled"]), count=count_from_json(row["count"]),
                    crossings=np.array([int(number) for number in row["crossings"]], dtype=np.uint64))
