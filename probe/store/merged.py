"""A day's runs in one file: `day@<hash>.csv` beside, or in the place of, the files of single runs.

`day@<hash>.runs` stands beside it and names each run in it with its number of rows, so that a run without rows is
told from one that is missing, and a file that was cut from a whole one. The hash is that of the header: files of
different headers are never mixed. `@` stands in no run's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from probe.store.atomic import StoreError, explained
from probe.store.csv_files import read_csv
from probe.store.rows import Row
from probe.store.schema import Table

PREFIX = "day@"
MANIFEST = ".runs"
_MAX_MANIFEST_BYTES = 4 << 20


def is_merged(path: Path) -> bool:
    """True for a file that holds several runs, and for its manifest."""
    return path.name.startswith(PREFIX)


def merged_files(day: Path) -> list[Path]:
    """The merged CSV files in one table's folder of one day."""
    return sorted(day.glob(f"{PREFIX}*.csv"))


def manifest_text(counts: Mapping[str, int]) -> bytes:
    """The manifest of a merged file: `run_id,rows` a line."""
    return "".join(f"{run_id},{rows}\n" for run_id, rows in sorted(counts.items())).encode()


def merged_runs(merged: Path) -> dict[str, int]:
    """Run -> rows of a merged file, from its manifest. Raises StoreError when that is missing or none of ours."""
    path = merged.with_suffix(MANIFEST)
    with explained(path), path.open("rb") as file:
        text = file.read(_MAX_MANIFEST_BYTES).decode("utf-8", "replace")
    counts = {}
    for line in text.splitlines():
        run_id, _, rows = line.partition(",")
        if not rows.isdecimal():
            raise StoreError(f"{path}: is no list of runs; restore it, or remove it with {merged.name}")
        counts[run_id] = int(rows)
    return counts


def merged_rows(day: Path, table: Table, run_id: str) -> tuple[Row, ...] | None:
    """The rows of one run in a day's merged files; None when none of these holds the run.

    Raises StoreError for fewer or more rows than the manifest names.
    """
    for path in merged_files(day):
        expected = merged_runs(path).get(run_id)
        if expected is None:
            continue
        rows = tuple(read_csv(path, table, run_id=run_id))
        if len(rows) != expected:
            raise StoreError(f"{path}: {len(rows)} rows of run {run_id}, there were {expected}; restore the file")
        return rows
    return None


def find_merged(directory: Path, run_id: str) -> Path | None:
    """The merged runs file that holds a run, or None."""
    return next((path for path in _merged_days(directory) if run_id in merged_runs(path)), None)


def _merged_days(directory: Path) -> Iterator[Path]:
    for day in sorted((directory / "runs").glob("date=*")):
        yield from merged_files(day)
