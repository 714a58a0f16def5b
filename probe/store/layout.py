"""Where a run's files are: `<results>/<table>/date=YYYY-MM-DD/<run_id>.csv`, Parquet below `<results>/parquet`."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probe.core.runs import Run


PARQUET_FOLDER = "parquet"
PACKETS_FOLDER = "packets"
SUMS_FOLDER = "sums"
ARCHIVES_FOLDER = "archives"
UNFINISHED_FOLDER = ".unfinished"
"""Of what the run that goes on has seen so far."""
BATCH_FOLDERS = ("store_changes", "store_checks")
"""Tables of batches, which a plug-in writes: kept as long as the folder is."""
DAMAGED = ".damaged"
"""Ends the name under which a damaged file stays beside the one that took its place; a number may follow."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)


def csv_path(directory: Path, table: str, run: Run) -> Path:
    """File of one table of one run. Raises ValueError when run id or start time cannot be part of a path."""
    return directory / table / _day(run) / f"{check_run_id(run.run_id)}.csv"


def packets_path(directory: Path, run: Run) -> Path:
    """File of a run's captured packets; there is none where nothing was captured, or nothing failed."""
    return directory / PACKETS_FOLDER / _day(run) / f"{check_run_id(run.run_id)}.pcapng"


def sums_path(directory: Path, run: Run) -> Path:
    """File of the checksums that travel with an uploaded run; what the probe keeps itself has none."""
    return directory / SUMS_FOLDER / _day(run) / f"{check_run_id(run.run_id)}.sha256"


def archive_path(directory: Path, run: Run) -> Path:
    """File of a whole run as it is uploaded, packed; what the probe keeps itself is not."""
    return directory / ARCHIVES_FOLDER / _day(run) / f"{check_run_id(run.run_id)}.tgz"


def parquet_path(directory: Path, table: str, run: Run) -> Path:
    """As `csv_path`, for Parquet: a tree of its own, so that one glob reads one format."""
    return directory / PARQUET_FOLDER / table / _day(run) / f"{check_run_id(run.run_id)}.parquet"


def is_run_id(text: str) -> bool:
    """Whether this can be the name of a run."""
    return _RUN_ID.fullmatch(text) is not None


def _day(run: Run) -> str:
    return f"date={date.fromisoformat(run.measurement_start_time[:10]).isoformat()}"


def check_run_id(run_id: str) -> str:
    """The same name. Raises ValueError for what can be none."""
    if not is_run_id(run_id):
        raise ValueError(f"{run_id[:40]!r} cannot be the name of a run")
    return run_id
