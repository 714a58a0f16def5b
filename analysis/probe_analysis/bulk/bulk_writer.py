"""Writes very many runs at once into the files of merged days (`probe.store.runs.merged_days`), with memory that does
not grow.

An import makes thousands of runs, and five files each would be more than a folder bears. Rows go into temporary files
as they come; these take their places when a file is large, when many days are open, and at the end, the runs last.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from probe.core.runs import Run, RunResult
from probe.core.safe_files import create_new
from probe.store.files.atomic import make_folder, remove_stale, sync_folder, translate_os_errors
from probe.store.layout import csv_path
from probe.store.row_codec import table_records
from probe.store.runs.merged_days import MANIFEST, PREFIX, list_day_names, manifest_text
from probe.store.schema import TABLES
from probe_analysis.bulk.csv_row_texts import FrameText, RowTexts, RunTexts

MAX_RUNS = 4000
MAX_BYTES = 64 << 20
"""Of one file, as it is written; a little more may be in it."""
MAX_DAYS = 8
"""Days whose files are open at the same time."""


@dataclass(slots=True)
class _File:
    """One table of one day, as far as it is written."""

    path: Path
    file: BinaryIO
    header: bytes
    counts: dict[str, int] = field(default_factory=dict)

    def write(self, run: Run, lines: str, rows: int) -> None:
        """Takes a run's lines, so many of them."""
        self.file.write(lines.encode())
        self.counts[run.run_id] = rows


class Bulk:
    """Takes runs one after the other; what was taken is there once the block ends without an error."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written = 0
        self.known = 0
        """Runs that were there already."""
        self._days: dict[str, dict[str, _File]] = {}
        self._stored: dict[str, set[str]] = {}
        self._texts = {name: RowTexts(table) for name, table in TABLES.items() if table.row is not Run}
        self._run_texts = RunTexts(TABLES["runs"])

    def __enter__(self) -> Bulk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for day in list(self._days):
            if kind is None:
                self._place(day)
            else:
                self._drop(self._days.pop(day))

    def add(self, result: RunResult) -> None:
        """Takes one run; one that is stored already is passed over. Raises StoreError."""
        place = csv_path(self.directory, "runs", result.run)
        day = place.parent.name
        if day not in self._stored:
            self._stored[day] = set(list_day_names(place.parent))
        stored = self._stored[day]
        if result.run.run_id in stored:
            self.known += 1
            return
        stored.add(result.run.run_id)
        files = self._days.get(day) or self._open(day)
        with translate_os_errors(place):
            run_text = FrameText(result.run)
            for name, texts in self._texts.items():
                records = table_records(result, TABLES[name])
                files[name].write(result.run, texts.write(run_text, records), len(records))
            files["runs"].write(result.run, self._run_texts.write(result.run), 1)
        self.written += 1
        if len(files["runs"].counts) >= MAX_RUNS or files["observations"].file.tell() >= MAX_BYTES:
            self._place(day)

    def _open(self, day: str) -> dict[str, _File]:
        while len(self._days) >= MAX_DAYS:
            self._place(next(iter(self._days)))
        files: dict[str, _File] = {}
        self._days[day] = files
        for name, table in TABLES.items():
            folder = self.directory / name / day
            make_folder(folder)
            remove_stale(folder)
            path = folder / f".import.{os.getpid()}.part"
            with translate_os_errors(path):
                file = os.fdopen(create_new(path), "wb")
            header = ",".join(column.name for column in table.columns).encode() + b"\r\n"
            file.write(header)
            files[name] = _File(path, file, header)
        return files

    def _place(self, day: str) -> None:
        """The files of a day take their places, each manifest before its file and the runs last."""
        files = self._days.pop(day)
        try:
            for one in files.values():
                with translate_os_errors(one.path):
                    one.file.flush()
                    os.fsync(one.file.fileno())
                    one.file.close()
            for one in files.values():
                self._name(one)
        except BaseException:
            self._drop(files)
            raise

    @staticmethod
    def _name(one: _File) -> None:
        name = PREFIX + hashlib.sha256(one.header + min(one.counts, default="").encode()).hexdigest()[:12]
        target = one.path.with_name(f"{name}.csv")
        manifest = one.path.with_name(f".{name}.{os.getpid()}.part")
        with translate_os_errors(target):
            with os.fdopen(create_new(manifest), "wb") as file:
                file.write(manifest_text(one.counts))
                file.flush()
                os.fsync(file.fileno())
            os.replace(manifest, target.with_suffix(MANIFEST))
            os.replace(one.path, target)
            sync_folder(target.parent)

    @staticmethod
    def _drop(files: dict[str, _File]) -> None:
        for one in files.values():
            with suppress(OSError, ValueError):
                one.file.close()
            with suppress(OSError):
                one.path.unlink(missing_ok=True)
