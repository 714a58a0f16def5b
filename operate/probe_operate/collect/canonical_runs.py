"""A run out of the bytes of its files, where these are as this program writes them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from probe.core.runs import Run
from probe.store.files.atomic import StoreError
from probe.store.files.csv_files import parse_csv
from probe.store.layout import SUMS_FOLDER
from probe.store.row_codec import run_from
from probe.store.runs.canonical_texts import are_canonical
from probe.store.runs.checksums import sums_text
from probe.store.runs.run_reader import read_start
from probe.store.schema import SCHEMA_VERSION, TABLES


def read_canonical_run(files: Mapping[str, bytes], *, day: str, run_id: str) -> tuple[Run, Mapping[str, bytes]] | None:
    """The run and its tables' texts; None where anything is not as it would be written, or of another run or version.

    `files`: name below the results folder -> content, of every table and perhaps the checksums.
    """
    names = {table: f"{table}/date={day}/{run_id}.csv" for table in TABLES}
    sums = f"{SUMS_FOLDER}/date={day}/{run_id}.sha256"
    texts = {table: files[name] for table, name in names.items()}
    try:
        (row,) = parse_csv(Path(names["runs"]), io.StringIO(texts["runs"].decode(), newline=""), TABLES["runs"])
        run = run_from(row)
        start = read_start(run)
    except (StoreError, ValueError):
        return None
    is_this = run.run_id == run_id and run.measurement_start_time[:10] == day and bool(start)
    if not is_this or not run.schema_version.isdecimal() or int(run.schema_version) > int(SCHEMA_VERSION):
        return None
    if sums in files and not _fit(files[sums], {name: files[name] for name in names.values()}):
        return None
    return (run, texts) if are_canonical(run, texts) else None


def _fit(sums: bytes, files: Mapping[str, bytes]) -> bool:
    """Whether checksums are those of these files, each once, in whatever order."""
    return sorted(sums.splitlines()) == sorted(sums_text(files).splitlines())
