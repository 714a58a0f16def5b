"""Writes very many runs at once into the files of merged days (`probe.results.runs.merged_days`), with memory that does
not grow.

An import makes thousands of runs, and five files each would be more than a folder bears. Rows go into temporary files
as they come; these take their places when a file is large, when many days are open, and at the end, the runs last.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from probe.core.observations import Observation
from probe.core.runs import Run, RunResult
from probe.results.files.atomic import make_folder, remove_stale, sync_folder, translate_os_errors
from probe.results.files.text_cells import encode
from probe.results.flat_observation import DEFAULTS
from probe.results.layout import csv_path
from probe.results.row_codec import FLATTEN, Record, run_row, subject_of, table_records
from probe.results.runs.merged_days import MANIFEST, PREFIX, is_merged, manifest_text, merged_runs
from probe.results.schema import FRAME, TABLES, Table

MAX_RUNS = 4000
MAX_BYTES = 64 << 20
"""Of one file, as it is written; a little more may be in it."""
MAX_DAYS = 8
"""Days whose files are open at the same time."""


class Quick:
    """Rows of one table as cells: what has its default, which is most of it, is not written anew each time."""

    def __init__(self, table: Table) -> None:
        self.table = table
        frame = {column.name for column in FRAME}
        self._columns = [c for c in table.columns if c.name not in frame]
        names = [c.name for c in self._columns]
        self._values = self._flat_values if table.row in FLATTEN else attrgetter(*names)
        defaults = DEFAULTS if table.row is Observation else {f.name: f.default for f in fields(table.row)}
        self._defaults = [defaults.get(c.name, MISSING) for c in self._columns]
        self._cells = ["" if d is MISSING else encode(d, c) for d, c in zip(self._defaults, self._columns, strict=True)]
        self._zipped = list(zip(self._defaults, self._cells, self._columns, strict=True))

    def _flat_values(self, record: Any) -> list[Any]:
        flat = FLATTEN[self.table.row](record)
        return [flat[column.name] for column in self._columns]

    def cells(self, record: Record) -> list[str]:
        """The cells of a record, without those of the run's frame."""
        return [cell if value == default else encode(value, column)
                for value, (default, cell, column) in zip(self._values(record), self._zipped, strict=True)]


@dataclass(slots=True)
class _File:
    """One table of one day, as far as it is written."""

    path: Path
    file: BinaryIO
    text: io.TextIOWrapper
    writer: Any
    header: bytes
    counts: dict[str, int] = field(default_factory=dict)


class Bulk:
    """Takes runs one after the other; what was taken is there once the block ends without an error."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.written = 0
        self.known = 0
        """Runs that were there already."""
        self._days: dict[str, dict[str, _File]] = {}
        self._stored: dict[str, set[str]] = {}
        self._quick = {name: Quick(table) for name, table in TABLES.items() if table.row is not Run}

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
        stored = self._stored.setdefault(day, self._stored_runs(place.parent) if day not in self._stored else set())
        if result.run.run_id in stored:
            self.known += 1
            return
        stored.add(result.run.run_id)
        files = self._days.get(day) or self._open(day)
        with translate_os_errors(place):
            for name, table in TABLES.items():
                self._write(files[name], table, result)
        self.written += 1
        if len(files["runs"].counts) >= MAX_RUNS or files["observations"].file.tell() >= MAX_BYTES:
            self._place(day)

    @staticmethod
    def _stored_runs(folder: Path) -> set[str]:
        found: set[str] = set()
        for path in folder.glob("*.csv"):
            if not path.name.startswith("."):
                found |= set(merged_runs(path)) if is_merged(path) else {path.stem}
        return found

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
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
            file = os.fdopen(handle, "wb")
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            writer = csv.writer(text, lineterminator="\r\n")
            names = [column.name for column in table.columns]
            writer.writerow(names)
            files[name] = _File(path, file, text, writer, ",".join(names).encode() + b"\r\n")
        return files

    def _write(self, into: _File, table: Table, result: RunResult) -> None:
        run = result.run
        if table.row is Run:
            row = run_row(run, table)
            into.writer.writerow([encode(row[c.name], c) for c in table.columns])
            into.counts[run.run_id] = 1
            into.text.flush()
            return
        row = run_row(run, TABLES["runs"])
        frame = [encode(row.get(c.name, ""), c) for c in FRAME]
        uid = next(i for i, c in enumerate(FRAME) if c.name == "measurement_uid")
        quick, records = self._quick[table.name], table_records(result, table)
        for record in records:
            frame[uid] = encode(".".join(filter(None, (run.run_id, subject_of(record)))), FRAME[uid])
            into.writer.writerow(frame + quick.cells(record))
        into.counts[run.run_id] = len(records)
        into.text.flush()

    def _place(self, day: str) -> None:
        """The files of a day take their places, each manifest before its file and the runs last."""
        files = self._days.pop(day)
        try:
            for one in files.values():
                with translate_os_errors(one.path):
                    one.text.flush()
                    os.fsync(one.file.fileno())
                    one.text.close()
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
            with manifest.open("wb") as file:
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
                one.text.close()
            with suppress(OSError):
                one.path.unlink(missing_ok=True)
