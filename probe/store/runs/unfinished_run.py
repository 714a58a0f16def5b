"""What a run has seen so far, on disk while it goes on: a run that is ended from outside is lost to nobody.

The files are tables as the store writes them, in a folder of their own; whoever holds the folder's lock next makes a
stored run of them. Lines are handed to the system at once, and not forced to the disk: after a power cut some may lack.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from probe.core.observations import ControlAnswer, Observation
from probe.core.runs import Run, RunResult
from probe.core.stamps import format_time
from probe.core.tables.run_words import CUT_SHORT
from probe.store.files.atomic import (
    StoreError,
    explain_os_error,
    make_folder,
    open_private,
    replace_file,
    translate_os_errors,
)
from probe.store.files.csv_files import MAX_FILE_BYTES, make_csv, parse_text
from probe.store.files.listing import is_there
from probe.store.layout import UNFINISHED_FOLDER
from probe.store.row_codec import framed_rows, record_from, run_from, run_row, table_of
from probe.store.schema import TABLES

T = TypeVar("T", Observation, ControlAnswer)
_LINE_END = b"\r\n"


class UnfinishedRun:
    """The files of the run that goes on."""

    def __init__(self, directory: Path, run: Run) -> None:
        """Begin them, where none are there. Raises StoreError."""
        self._run, self._folder = run, directory / UNFINISHED_FOLDER
        make_folder(self._folder)
        replace_file(_file(self._folder, "runs"), make_csv(TABLES["runs"], [run_row(run, TABLES["runs"])]))

    def add(self, observations: Sequence[Observation], controls: Sequence[ControlAnswer]) -> None:
        """Write them behind the others. Raises StoreError."""
        for name, records in (("observations", observations), ("controls", controls)):
            if records:
                table = TABLES[name]
                text = make_csv(table, framed_rows(self._run, table, records))
                self._append(_file(self._folder, name), text, header=make_csv(table, ()))

    def _append(self, file: Path, text: bytes, *, header: bytes) -> None:
        with translate_os_errors(file):
            if not is_there(file):
                open_private(file).close()
                header = b""
            with file.open("ab") as handle:
                handle.write(text[len(header):])


def remove_unfinished(directory: Path) -> None:
    """The run is stored, or not to be kept. Raises StoreError."""
    folder = directory / UNFINISHED_FOLDER
    with translate_os_errors(folder), suppress(FileNotFoundError):
        shutil.rmtree(folder)


def read_unfinished(directory: Path) -> RunResult | None:
    """The run that was ended from outside, without verdicts: as far as it was measured; None where there is none, or
    nothing that makes sense. Raises StoreError for a file that is there and cannot be read: it must not be lost."""
    folder = directory / UNFINISHED_FOLDER
    text = _read_whole_lines(_file(folder, "runs"))
    try:
        rows = list(parse_text(folder, text, TABLES["runs"]))
        run = run_from(rows[0])
        began = datetime.fromisoformat(run.measurement_start_time)
    except (StoreError, ValueError, IndexError):
        return None
    seen = {o.sequence: o for o in _read_records(folder, Observation) if o.run_id == run.run_id}
    observations = tuple(seen[number] for number in sorted(seen))
    runtime_s = max((o.t_s for o in observations), default=0.0)
    run = replace(
        run, measurement_end_time=format_time(began + timedelta(seconds=runtime_s)), runtime_s=round(runtime_s, 3),
        conditions=(*run.conditions, CUT_SHORT), n_observations=len(observations),
        bytes_written=sum(o.bytes_written for o in observations), bytes_read=sum(o.bytes_read for o in observations))
    return RunResult(run=run, observations=observations, controls=tuple(_read_records(folder, ControlAnswer)),
                     verdicts=(), services=())


def _read_records(folder: Path, kind: type[T]) -> Iterator[T]:
    """What was written of one table, up to what cannot be read."""
    table = table_of(kind)
    text = _read_whole_lines(_file(folder, table.name))
    with suppress(StoreError, ValueError):
        for row in parse_text(folder, text, table):
            yield record_from(row, kind)


def _read_whole_lines(file: Path) -> bytes:
    """The file without a line at its end that was cut; empty where there is none. Raises StoreError."""
    text = b""
    try:
        with suppress(FileNotFoundError), file.open("rb") as handle:
            text = handle.read(MAX_FILE_BYTES)
    except OSError as error:
        raise StoreError(f"{file}: {explain_os_error(error)}; it holds what a run had measured before it was ended: "
                         "move it away to go on without it") from error
    return text[:text.rfind(_LINE_END) + len(_LINE_END)] if _LINE_END in text else b""


def _file(folder: Path, table: str) -> Path:
    return folder / f"{table}.csv"
