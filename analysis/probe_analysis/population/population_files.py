"""From result files to `population.parquet` and `population.csv`: what many probes say together of what fails."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from probe.core.stamps import format_time
from probe.store.files.atomic import replace_whole
from probe.store.files.text_cells import encode
from probe.store.schema import Column, Kind
from probe_analysis.cells.file_names import POPULATION_FILE, POPULATION_TEXT
from probe_analysis.population.judged_stretches import judge_stretches
from probe_analysis.population.opened_hours import HourWishes, OpenedHours, open_hours
from probe_analysis.population.population_schema import SCHEMA
from probe_analysis.population.stretches import Stretches

MAX_REPORTED = 10_000
"""So many rows are reported beside the files."""
_GROUP_ROWS = 1 << 14
_UNREPORTED = ("pop/too_few", "pop/one_witness", "pop/one_device", "pop/some_probes", "pop/comes_and_goes",
               "pop/line_unknown")
"""Rules whose rows are in the files alone: too little was seen."""
_TEXT = Column(name="", kind=Kind.TEXT, nullable=False, unit="", meaning="")
Row = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class PopulationSummary:
    """What came of it."""

    rows: int = 0
    """Rows of the files."""
    reported: list[Row] = field(default_factory=list)
    """Rows that say something, the first MAX_REPORTED; times as text."""


def write_population(directory: Path, out: Path, *, now: datetime, lab: bool = False, memory_mb: int = 2500,
                     threads: int = 0, since: str = "", until: str = "") -> PopulationSummary:
    """Read result folders and write what their probes say together to `out`. Raises StoreError.

    Days whose files are as they were are not read again, and stretches of which no day changed are not judged again;
    the outcome is the same, byte for byte. `since`, `until`: the first day (YYYY-MM-DD) and the first that is not
    wanted; no other is read. Whatever counts the cells, this is DuckDB's work; what does not fit `memory_mb` goes to a
    temporary folder. Where there are no files of runs or of verdicts the table is empty.
    """
    with open_hours(directory, out, HourWishes(now=now, lab=lab, memory_mb=memory_mb, threads=threads, since=since,
                                               until=until)) as opened:
        return write_opened_population(opened, out, lab=lab)


def write_opened_population(opened: OpenedHours, out: Path, *, lab: bool) -> PopulationSummary:
    """The same of what is kept of days and open for other questions too. Raises StoreError."""
    stretches = Stretches(opened.connection, opened.kept)
    stretches.find()
    return _write(out, judge_stretches(stretches, opened.kept, lab=lab))


def _write(out: Path, rows: Iterable[Row]) -> PopulationSummary:
    done = PopulationSummary()
    with _open_files(out) as write:
        for row in rows:
            _note(done, row)
            write(row)
    return done


def _note(done: PopulationSummary, row: Row) -> None:
    done.rows += 1
    if row["rule_id"] not in _UNREPORTED and len(done.reported) < MAX_REPORTED:
        done.reported.append({name: format_time(value) if isinstance(value, datetime) else value
                              for name, value in row.items()})


@contextmanager
def _open_files(out: Path) -> Iterator[Any]:
    """Both files, which take their places when they are whole; gives what writes a row."""
    waiting: list[Row] = []
    with (replace_whole(out / POPULATION_TEXT) as lines, replace_whole(out / POPULATION_FILE) as groups,
          pq.ParquetWriter(groups, SCHEMA, compression="zstd") as columnar,
          lines.open("w", encoding="utf-8", newline="") as file):
        plain = csv.writer(file, lineterminator="\r\n")
        plain.writerow(SCHEMA.names)

        def flush() -> None:
            columnar.write_table(pa.Table.from_pylist(waiting, schema=SCHEMA))
            waiting.clear()

        def write(row: Row) -> None:
            plain.writerow([_cell(row[name]) for name in SCHEMA.names])
            waiting.append(row)
            if len(waiting) >= _GROUP_ROWS:
                flush()

        yield write
        flush()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return encode(format_time(value) if isinstance(value, datetime) else str(value), _TEXT)
