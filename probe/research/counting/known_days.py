"""What an analysis keeps of each day, so that the next one counts only days whose files are others.

The folder `days` beside the cells holds the cells of each day and the numbers of its runs; `known.json` in it says from
which files they were counted. All of it can be removed: it is then counted again. Whether a file is the one that was
counted is told by its content's SHA-256; a file is read for that once, and again when its size, its times or its inode
are others. What lies in the folder is believed as the cells beside it are; what is torn in it is counted again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from probe.research.cells.cell_schema import SCHEMA
from probe.research.counting.day_counts import DayCount, count_from_json, count_to_json
from probe.research.counting.run_crossings import NO_RUNS, RunNumbers
from probe.results.archive.own_files import OwnFile
from probe.results.files.atomic import make_folder, replace_file, replace_whole

KNOWN_FILE = "known.json"
_FORMAT = 2
_RACY_NS = 2_000_000_000
"""A file that changed so shortly before it was looked at may have changed again within the clock's tick."""
_MOST_BYTES = 1 << 30
_CELLS, _RUNS = ".parquet", ".runs"
_KEPT = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{16}\.(parquet|runs)")

Stat = tuple[int, int, int, int]
"""Size, time of content and of inode in nanoseconds, inode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """A file of results as it was when its digest was taken."""

    stat: Stat
    digest: str
    sure: bool
    """It had not changed just before."""


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
    files: dict[str, SeenFile] = field(default_factory=dict)
    days: dict[str, KnownDay] = field(default_factory=dict)
    counted_at: str = ""
    """When, as an ISO time: an earlier clock judges anew what lies in its future."""
    framed: bool = False
    cells: str = ""
    """Digest of the cells that were made of these days."""

    def digest(self, own: OwnFile) -> str:
        """The SHA-256 of a file's content, empty where it cannot be read."""
        path = str(own.path)
        try:
            stat = own.path.stat()
            now: Stat = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
            before = self.files.get(path)
            if before and before.stat == now and before.sure:
                return before.digest
            with own.path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            looked = _clock_ns(self.folder)
        except OSError:
            return ""
        self.files[path] = SeenFile(stat=now, digest=digest, sure=max(now[1], now[2]) < looked - _RACY_NS)
        return digest

    def digest_day(self, files: Sequence[OwnFile]) -> str:
        """The digest of a day's files, whatever their names and order."""
        told = sorted(f"{own.table} {own.parquet} {self.digest(own)}" for own in files)
        return sha256("\n".join(told).encode()).hexdigest()

    def is_kept(self, day: str) -> bool:
        """Whether the files of a day are there."""
        known = self.days[day]
        return self._path(day, known.key, _CELLS).is_file() and self._path(day, known.files, _RUNS).is_file()

    def numbers(self, day: str) -> RunNumbers:
        """The numbers of a day's runs."""
        known = self.days.get(day)
        path = self._path(day, known.files, _RUNS) if known else None
        return np.fromfile(path, dtype=np.uint64) if path and path.is_file() else NO_RUNS

    def keep_numbers(self, day: str, files: str, numbers: RunNumbers) -> None:
        """Keeps the numbers of the runs in these files of a day."""
        replace_file(self._path(day, files, _RUNS), numbers.tobytes())

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
                  for digest, ending in ((known.key, _CELLS), (known.files, _RUNS))}
        for path in self.folder.iterdir():
            if _KEPT.fullmatch(path.name) and path.name not in wanted:
                with suppress(OSError):
                    path.unlink()

    def _path(self, day: str, digest: str, ending: str) -> Path:
        return self.folder / f"{day}-{digest[:16]}{ending}"

    def save(self) -> None:
        """Writes what is known; files of results that are gone are forgotten."""
        for path in [path for path in self.files if not os.path.exists(path)]:
            del self.files[path]
        told = {
            "format": _FORMAT, "counted_at": self.counted_at, "framed": self.framed, "cells": self.cells,
            "files": {path: [*seen.stat, seen.digest, seen.sure] for path, seen in self.files.items()},
            "days": {day: _day_to_json(known) for day, known in sorted(self.days.items())},
        }
        replace_file(self.folder / KNOWN_FILE, json.dumps(told, separators=(",", ":")).encode())


def open_known_days(folder: Path) -> KnownDays:
    """What is kept in a folder; nothing where there is none, or where it is torn."""
    empty = KnownDays(folder=folder)
    path = folder / KNOWN_FILE
    try:
        if path.stat().st_size > _MOST_BYTES:
            return empty
        told = json.loads(path.read_bytes())
        if told["format"] != _FORMAT:
            return empty
        return KnownDays(
            folder=folder, counted_at=str(told["counted_at"]), framed=bool(told["framed"]), cells=str(told["cells"]),
            files={str(path): _seen(row) for path, row in told["files"].items()},
            days={str(day): _day_from_json(row) for day, row in told["days"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return empty


def _clock_ns(folder: Path) -> int:
    """What time it is by the clock of the file system, which may be another machine's."""
    make_folder(folder)
    probe = folder / ".clock"
    probe.touch()
    return probe.stat().st_mtime_ns


def _seen(row: Sequence[Any]) -> SeenFile:
    size, content_ns, inode_ns, inode, digest, sure = row
    return SeenFile(stat=(int(size), int(content_ns), int(inode_ns), int(inode)), digest=str(digest), sure=bool(sure))


def _day_to_json(known: KnownDay) -> dict[str, Any]:
    return {"files": known.files, "key": known.key, "has_runs": known.has_runs, "usable": known.usable,
            "settled": known.settled, "count": count_to_json(known.count),
            "crossings": [int(number) for number in known.crossings]}


def _day_from_json(row: Mapping[str, Any]) -> KnownDay:
    return KnownDay(files=str(row["files"]), key=str(row["key"]), has_runs=bool(row["has_runs"]),
                    usable=bool(row["usable"]), settled=bool(row["settled"]), count=count_from_json(row["count"]),
                    crossings=np.array([int(number) for number in row["crossings"]], dtype=np.uint64))
