"""A data set as a lake: `<lake>/<table>/country=RU/month=2026-11/day-04.parquet`, which engines read as one table.

A day is written once it is over, and again where runs came late; a file takes the place of another in one step, so
each row is there once at every moment. Within a file rows are in the order in which their runs began. `_days.json`
tells from which runs each day was made; who reads a lake passes over names that begin with `_`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.store.archive.compaction import UNFINISHED_DAYS
from probe.store.archive.own_files import parse_day
from probe.store.files.atomic import replace_file, translate_os_errors
from probe.store.files.listing import list_paths
from probe.store.runs.merged_days import list_day_names
from probe.store.runs.run_reader import list_runs_of_day, text_of_today
from probe.store.schema import TABLES
from probe.store.verification.csv_checks import check_csv_day
from probe_operate.collect.lake_files import MOST_FILES, open_country_files

DAYS_FILE = "_days.json"
NOWHERE = "ZZ"
"""Where no country is known, or the word is none."""
_MAX_DAYS_BYTES = 16 << 20
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeResult:
    """What was written."""

    days: tuple[str, ...] = ()
    runs: int = 0
    unusable: tuple[str, ...] = ()
    """The runs of these days that are not as they were signed: they stay out."""


def update_lake(directory: Path, lake: Path, *, today: date, progress: Progress = ignore_progress) -> LakeResult:
    """Writes every finished day of a results folder whose runs are not those that the lake has; only the holder of the
    folder's lock may call this.

    Raises StoreError when a run cannot be read or the lake not be written; days that were written until then stay.
    """
    known = _read_days(lake)
    last = (today - timedelta(days=UNFINISHED_DAYS - 1)).isoformat()
    found = {day: path for path in list_paths(directory / "runs", "date=*")
             if (day := parse_day(path.name)) and day < last}
    states = {day: hashlib.sha256("\n".join(sorted(list_day_names(path))).encode()).hexdigest()
              for day, path in found.items()}
    changed = [day for day in states if known.get(day) != states[day]]
    runs, unusable = 0, list[str]()
    for done, day in enumerate(changed, start=1):
        without = {check.run_id for check in check_csv_day(directory, day) if not check.usable}
        runs += _write_day(directory, lake, day, list_runs_of_day(found[day], without=without))
        unusable += sorted(without)
        known[day] = states[day]
        replace_file(lake / DAYS_FILE, json.dumps(known, indent=0, sort_keys=True).encode())
        progress(done, len(changed))
    return LakeResult(days=tuple(changed), runs=runs, unusable=tuple(unusable))


def _read_days(lake: Path) -> dict[str, str]:
    """Day -> state of its runs; empty where that cannot be read: then every day is written anew."""
    path = lake / DAYS_FILE
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_MAX_DAYS_BYTES))
    except (OSError, ValueError):
        return {}
    return {str(day): str(state) for day, state in found.items()} if isinstance(found, dict) else {}


def _write_day(directory: Path, lake: Path, day: str, runs: Sequence[Run]) -> int:
    ordered = sorted(runs, key=lambda run: (run.measurement_start_time, run.run_id))
    countries = sorted({_country_of(run) for run in ordered})
    name = f"day-{day[8:]}.parquet"
    for table in TABLES.values():
        month = f"month={day[:7]}"
        written = {cc: lake / table.name / f"country={cc}" / month / name for cc in countries}
        for start in range(0, len(countries), MOST_FILES):
            paths = {cc: written[cc] for cc in countries[start:start + MOST_FILES]}
            with open_country_files(table, paths) as files:
                for run in ordered:
                    if (cc := _country_of(run)) in paths:
                        files.add(cc, text_of_today(directory, run, table))
        for path in list_paths(lake / table.name, "country=*", month, name):
            if path not in written.values():  # its runs are gone, or of another country
                with translate_os_errors(path):
                    path.unlink()
    return len(runs)


def _country_of(run: Run) -> str:
    cc = run.vantage.probe_cc
    return cc if _COUNTRY.fullmatch(cc) else NOWHERE
