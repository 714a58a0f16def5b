"""What of a run is sent, and under which name: an archive a run, in a results folder for each of the volunteer's
monthly names.

CSV tables alone. Parquet holds the same again. Captured packets are bytes of the wire as they were: who wants to hand
them on looks at them first and carries them by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from probe.core.runs import Run
from probe.store.archive.run_archive import pack_files
from probe.store.files.atomic import StoreError
from probe.store.files.listing import is_there, list_paths
from probe.store.layout import archive_path, csv_path, sums_path
from probe.store.runs.checksums import sums_text
from probe.store.runs.run_reader import runs_in, table_text, whole
from probe.store.schema import TABLES
from probe.store.signing.signature_check import check_run

_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
NAMELESS = "nameless"
"""Folder of runs without a monthly name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunParcel:
    """One run, ready to be sent."""

    run: Run
    name: str
    """At the place."""
    content: bytes
    unpacked_bytes: int
    """Of the tables, as they are stored."""


def pack_run(directory: Path, day: str, run_id: str) -> RunParcel:
    """Read a stored run and check that it is whole. Raises StoreError."""
    run = _find(directory / "runs" / f"date={day}", run_id)
    whole(directory, run)
    texts = {table: table_text(directory, run, table) for table in TABLES}
    found = check_run(texts)
    if not found.usable:
        raise StoreError(f"{directory}: run {run_id} is {found.state}: {found.reason}; see probe verify")
    tables = {str(csv_path(Path(), table, run)): text for table, text in texts.items()}
    content = pack_files(tables | {str(sums_path(Path(), run)): sums_text(tables)})
    folder = run.vantage.probe_id if _FOLDER.fullmatch(run.vantage.probe_id) else NAMELESS
    return RunParcel(run=run, name=f"{folder}/{archive_path(Path(), run)}", content=content,
                     unpacked_bytes=sum(map(len, tables.values())))


def _find(day: Path, run_id: str) -> Run:
    """The run in its own file or in a merged one. Raises StoreError."""
    own = day / f"{run_id}.csv"
    for path in (own,) if is_there(own) else list_paths(day, "*.csv"):
        for run in runs_in(path):
            if run.run_id == run_id:
                return run
    raise StoreError(f"{own}: is gone")
