"""Reads the runs of a results folder day by day, each run once: what was counted of a day is kept in this user's cache.

The cache only spares work: a day counts as known while its runs are those that it was counted from, or more; without
the cache all is read. Only rows of runs are read, so a row that is not as it was signed is found, and a changed
verdict is not: `probe verify` finds that.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import msgspec

from probe import __version__
from probe.config.folders import find_own_cache
from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.core.safe_files import open_regular
from probe.store.archive.own_files import FLEET_CACHE, parse_day
from probe.store.files.atomic import StoreError, replace_file
from probe.store.files.listing import list_paths, list_regular
from probe.store.row_codec import run_row
from probe.store.runs.merged_days import is_merged, list_day_names
from probe.store.runs.run_reader import runs_in
from probe.store.schema import COLUMNS_VERSION, TABLES
from probe.store.signing.signature_check import check_run_row
from probe_analysis.fleet_health.probe_days import DayRuns, add_runs

_FORM = f"1 {__version__} {COLUMNS_VERSION}"
_MAX_BYTES = 512 << 20


class _KnownDay(msgspec.Struct, kw_only=True):
    counted: DayRuns
    names: frozenset[str]


class _Cache(msgspec.Struct, kw_only=True):
    form: str = _FORM
    days: dict[str, _KnownDay] = {}


def read_fleet_days(directory: Path, *, since: date, progress: Progress = ignore_progress) -> list[DayRuns]:
    """Every day from one on, by date. Raises StoreError where there are no results."""
    there = list_paths(directory / "runs", "date=*")
    folders = {day: path for path in there if (day := parse_day(path.name)) and day >= since.isoformat()}
    if not there:
        raise StoreError(f"{directory}: no results here; a results folder has a folder `runs` with CSV files")
    file = find_own_cache() / FLEET_CACHE.replace("*", _name(directory))
    known, found = _load(file), {}
    for done, (day, path) in enumerate(folders.items(), start=1):
        found[day] = _count_day(day, path, known.days.get(day))
        progress(done, len(folders))
    if found != known.days:
        with suppress(StoreError, OSError):  # a cache that cannot be written is none
            replace_file(file, msgspec.msgpack.encode(_Cache(days=found)))
    return [each.counted for each in found.values()]


def _name(directory: Path) -> str:
    return hashlib.sha256(os.fsencode(directory.resolve())).hexdigest()[:24]


def _load(file: Path) -> _Cache:
    try:
        with open_regular(file) as packed:
            found = msgspec.msgpack.decode(packed.read(_MAX_BYTES), type=_Cache)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _Cache()
    return found if found.form == _FORM else _Cache()


def _count_day(day: str, folder: Path, known: _KnownDay | None) -> _KnownDay:
    """The day with its new runs; from the beginning where one is gone."""
    names = frozenset(list_day_names(folder))
    if known and known.names == names and not known.counted.unreadable:  # else what could not be read is gone
        return known
    counted, before = DayRuns(day=day), frozenset[str]()
    if known and known.names < names:
        counted, before = msgspec.structs.replace(known.counted, unreadable=0), known.names
    read: set[str] = set()
    add_runs(counted, _usable(counted, _read_new(counted, folder, before, read)))
    return _KnownDay(counted=counted, names=before | read)


def _read_new(counted: DayRuns, folder: Path, before: frozenset[str], read: set[str]) -> Iterator[Run]:
    for path in sorted(list_regular(folder, "*.csv"), key=is_merged):
        if path.stem in before:
            continue
        try:
            runs = runs_in(path, without=before | read)
        except StoreError:
            counted.unreadable += 1  # not noted as read: it is tried again
            continue
        read.update(run.run_id for run in runs)
        yield from runs


def _usable(counted: DayRuns, runs: Iterator[Run]) -> Iterator[Run]:
    for run in runs:
        if check_run_row(run_row(run, TABLES["runs"])).usable:
            yield run
        else:
            counted.unusable += 1
