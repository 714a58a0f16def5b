"""What is kept of result files by day, brought up to date and open for questions."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from probe.store.archive.vouched_names import read_vouched_names
from probe_analysis.cells.name_standing import number_vouched
from probe_analysis.engines.duckdb_connection import open_duckdb
from probe_analysis.engines.duckdb_engine import DuckDB
from probe_analysis.population.hour_making import HourTerms, update_hours
from probe_analysis.population.kept_hours import KeptHours, open_kept_hours

_OWN_PART, _LEAST_MB = 3, 150
"""The part of the memory in which questions are answered; the rest is for reading the files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourWishes:
    """Which results are wanted, and what may be taken for them."""

    now: datetime
    lab: bool
    memory_mb: int
    threads: int = 0
    """0: as many as there are processors."""
    since: str = ""
    """The first day (YYYY-MM-DD) and the first that is not wanted; empty: all days."""
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedHours:
    """What is kept of all days that are wanted, and what reads it."""

    kept: KeptHours
    connection: duckdb.DuckDBPyConnection


@contextmanager
def open_hours(directory: Path, out: Path, wishes: HourWishes) -> Iterator[OpenedHours]:
    """Reads the days of result folders whose files are others than they were; what does not fit the memory goes to a
    temporary folder in `out`. Raises StoreError.
    """
    threads = wishes.threads or os.cpu_count() or 1
    own_mb = max(_LEAST_MB, wishes.memory_mb // _OWN_PART)
    kept = open_kept_hours(out, directory)
    with (tempfile.TemporaryDirectory(prefix="probe-population-", dir=out) as folder,
          closing(open_duckdb(memory_mb=own_mb, threads=threads, folder=folder)) as connection):
        with closing(DuckDB(memory_mb=max(_LEAST_MB, wishes.memory_mb - own_mb), threads=threads, temporary=out)) as (
                engine):
            update_hours(kept, HourTerms(engine=engine, connection=connection, directory=directory, now=wishes.now,
                                         lab=wishes.lab, vouched=number_vouched(read_vouched_names(directory)),
                                         since=wishes.since, until=wishes.until))
        yield OpenedHours(kept=kept, connection=connection)
