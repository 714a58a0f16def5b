"""The analysis of one source, by the functions of `probe analyse`, into a folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from probe.research.counting.cell_files import write_cells
from probe.research.counts.counts_cells import write_counts
from probe.research.engines.engine_choice import choose_engine
from probe.research.events.event_findings import find_events
from probe.research.look.look_sources import Analysis
from probe.research.population.population_files import write_population
from probe.results.files.atomic import make_folder

MEMORY_MB = 450


def analyse_results(directory: Path, out: Path, *, now: datetime, lab: bool = False) -> Analysis:
    """Count results, find events, and judge all probes together. Raises StoreError."""
    make_folder(out)
    computing = choose_engine("duckdb", url="", memory_mb=MEMORY_MB, threads=0, temporary=out)
    try:
        write_cells(directory, out, computing, now=now, lab=lab)
    finally:
        computing.close()
    together = write_population(directory, out, now=now, lab=lab, memory_mb=MEMORY_MB)
    return Analysis(folder=out, found=_find(out, now), population=together.told)


def analyse_counts(path: Path, out: Path, *, now: datetime) -> Analysis:
    """Find events in what somebody counted. Raises StoreError."""
    make_folder(out)
    write_counts(path, out, now)
    return Analysis(folder=out, found=_find(out, now))


def _find(out: Path, now: datetime) -> Mapping[str, Any]:
    return find_events(out, since=None, now=now).found
