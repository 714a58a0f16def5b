"""Finds the files of runs in a results folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from probe.store.files.listing import list_paths, list_regular
from probe.store.layout import check_run_id


def run_files(directory: Path, table: str = "runs") -> Iterator[Path]:
    """The CSV files of one table, by date and name, those of single runs and of merged days; no temporary ones."""
    for day in list_paths(directory / table, "date=*"):
        yield from list_regular(day, "*.csv")


def find_run(directory: Path, run_id: str) -> Path | None:
    """The runs file of a run's own, or None: then it is merged with others, or not, or not wholly, stored."""
    return next(iter(list_paths(directory / "runs", "date=*", f"{check_run_id(run_id)}.csv")), None)
