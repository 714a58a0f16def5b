"""Days of small results for the tests of the archive, and how they look to whoever reads them."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from pathlib import Path

from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from stored import a_result

TODAY = date(2017, 5, 10)
ROWS = {"observations": 2, "controls": 1, "verdicts": 1, "services": 1, "runs": 1}


def fill(directory: Path, names: str = "abc", day: int = 4, *, parquet: bool = False) -> None:
    for name in names:
        write_run(a_result(f"r-{name}", f"2017-05-0{day}T06:12:00Z", text=f"=1\n{name}"), directory, parquet=parquet)


def rows_by_glob(directory: Path, table: str) -> Counter[str]:
    """What anybody sees who reads all CSV files of a table: run -> rows."""
    found: Counter[str] = Counter()
    for path in directory.glob(f"{table}/*/*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            found.update(row["run_id"] for row in csv.DictReader(file, strict=True))
    return found


def check(directory: Path, names: str) -> None:
    """Our reader and a glob both find every run once, and what it holds."""
    wanted = [a_result(f"r-{n}", "2017-05-04T06:12:00Z", text=f"=1\n{n}") for n in names]
    assert list(read_runs(directory)) == wanted
    for table, rows in ROWS.items():
        assert rows_by_glob(directory, table) == {f"r-{n}": rows for n in names}
