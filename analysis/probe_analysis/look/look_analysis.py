"""The analysis of one source, by the functions of `probe analyse`, into a folder of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from probe.store.archive.vouched_names import read_vouched_names
from probe.store.files.atomic import make_folder
from probe_analysis.cells.file_names import DAYS_FOLDER, POPULATION_FILE
from probe_analysis.cells.known_names import KnownNames
from probe_analysis.cells.name_standing import number_vouched
from probe_analysis.counting.cell_files import write_cells
from probe_analysis.counting.known_days import KnownDays
from probe_analysis.counts.counts_cells import write_counts
from probe_analysis.engines.engine_choice import choose_engine
from probe_analysis.events.event import Event
from probe_analysis.events.event_findings import find_events
from probe_analysis.events.outage_curves import NO_CURVES, OutageCurves
from probe_analysis.findings.logged_findings import Row
from probe_analysis.look.look_cells import MEMORY_MB
from probe_analysis.look.look_sources import Analysis
from probe_analysis.population.opened_hours import HourWishes, open_hours
from probe_analysis.population.population_files import write_opened_population
from probe_analysis.slowed.slow_times_kept import list_examined, list_slow_events
from probe_analysis.slowed.slowed_rows import list_tallies


def analyse_results(directory: Path, out: Path, *, now: datetime, lab: bool = False,
                    curves: OutageCurves = NO_CURVES) -> Analysis:
    """Count results, find events, and judge all probes together. Raises StoreError."""
    make_folder(out)
    computing = choose_engine("duckdb", url="", memory_mb=MEMORY_MB, threads=0, temporary=out)
    try:
        counted = write_cells(directory, out, computing, now=now, lab=lab)
    finally:
        computing.close()
    with open_hours(directory, out, HourWishes(now=now, lab=lab, memory_mb=MEMORY_MB)) as opened:
        together = write_opened_population(opened, out, lab=lab)
        tallies = list_tallies(opened.kept)
        slowed, times = list_slow_events(opened, lab=lab), list_examined(opened)
    names = KnownNames(KnownDays.open(out / DAYS_FOLDER, directory).names,
                       number_vouched(read_vouched_names(directory)))
    return Analysis(folder=out, found=_find(out, now, curves, out / POPULATION_FILE, slowed),
                    population=together.reported, tallies=tallies, names=names, times=times,
                    other_side=counted.other_side)


def analyse_counts(path: Path, out: Path, *, now: datetime, curves: OutageCurves = NO_CURVES) -> Analysis:
    """Find events in what somebody counted. Raises StoreError."""
    make_folder(out)
    write_counts(path, out, now)
    return Analysis(folder=out, found=_find(out, now, curves))


def _find(out: Path, now: datetime, curves: OutageCurves, population: Path | None = None,
          slowed: Sequence[Event] = ()) -> Sequence[Row]:
    return find_events(out, since=None, now=now, curves=curves, slowed=lambda: slowed,
                       population=(lambda: population) if population else None).rows
