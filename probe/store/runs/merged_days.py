"""A day's runs in one file: `day@<hash>.csv` beside, or in the place of, the files of single runs.

`day@<hash>.runs` stands beside it and names each run in it with its number of rows, so that a run without rows is
told from one that is missing, and a file that was cut from a whole one. The hash is that of the header and of the
first run: files of different headers are never mixed. `@` stands in no run's name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from probe.core.safe_files import open_regular
from probe.store.files.atomic import StoreError, translate_os_errors
from probe.store.files.csv_files import MAX_FILE_BYTES, parse_text
from probe.store.files.listing import is_there, list_paths, list_regular
from probe.store.row_codec import Row
from probe.store.schema import Table

PREFIX = "day@"
MANIFEST = ".runs"
MAX_MERGED_BYTES = 128 << 20
"""A merged file grows to this and no further, then another one is begun."""
_MAX_MANIFEST_BYTES = 16 << 20

Places = dict[bytes, list[tuple[int, int]]]
_HEADER = b"\n"
_MAX_PLACES = 16
_MAX_MANIFESTS = 64
_manifests: dict[tuple[int, int, int, int], Mapping[str, int]] = {}
"""Manifest, as it was when it was read -> what it says: each run of a day looks for itself in all of them."""
_places: dict[tuple[int, int, int, int], Places] = {}
"""File, as it was when it was looked through -> where its runs are: so that a day is searched once, not once a run."""
_found_last: dict[Path, Path] = {}
"""A day's folder of a table -> the merged file that held the run that was looked for last: the next run is mostly there
as well. Else each run of a big day would be looked for in all of its files."""


def is_merged(path: Path) -> bool:
    """True for a file that holds several runs, and for its manifest."""
    return path.name.startswith(PREFIX)


def merged_files(day: Path) -> list[Path]:
    """The merged CSV files in one table's folder of one day."""
    return list_regular(day, f"{PREFIX}*.csv")


def manifest_text(counts: Mapping[str, int]) -> bytes:
    """The manifest of a merged file: `run_id,rows` a line."""
    return "".join(f"{run_id},{rows}\n" for run_id, rows in sorted(counts.items())).encode()


def merged_runs(merged: Path) -> Mapping[str, int]:
    """Run -> rows of a merged file, from its manifest. Raises StoreError when that is missing or none of ours."""
    path = merged.with_suffix(MANIFEST)
    with translate_os_errors(path), open_regular(path) as file:
        state = os.fstat(file.fileno())
        key = state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size
        if (known := _manifests.get(key)) is not None:
            return known
        text = file.read(_MAX_MANIFEST_BYTES).decode("utf-8", "replace")
    counts: dict[str, int] = {}
    for line in text.splitlines():
        run_id, _, rows = line.partition(",")
        if not rows.isdecimal():
            raise StoreError(f"{path}: is no list of runs; restore it, or remove it with {merged.name}")
        counts[run_id] = int(rows)
    if len(_manifests) >= _MAX_MANIFESTS:
        _manifests.clear()
    _manifests[key] = counts
    return counts


def merged_rows(day: Path, table: Table, run_id: str) -> tuple[Row, ...] | None:
    """The rows of one run in a day's merged files; None when none of these holds the run.

    Raises StoreError for fewer or more rows than the manifest names.
    """
    if (path := _find_holder(day, run_id)) is None:
        return None
    rows = tuple(parse_text(path, _piece(path, run_id), table))
    _check_count(path, run_id, len(rows))
    return rows


def _check_count(path: Path, run_id: str, count: int) -> None:
    if count != (expected := merged_runs(path)[run_id]):
        raise StoreError(f"{path}: {count} rows of run {run_id}, there were {expected}; restore the file")


def merged_text(day: Path, run_id: str) -> bytes | None:
    """What the run's own file of this table held, byte for byte; None when no merged file of the day holds the run.

    Raises StoreError as `merged_rows`: each row is one line.
    """
    if (path := _find_holder(day, run_id)) is None:
        return None
    text = _piece(path, run_id)
    _check_count(path, run_id, text.count(b"\n") - 1)
    return text


def _find_holder(day: Path, run_id: str) -> Path | None:
    """The merged file of a day that holds a run."""
    last = _found_last.get(day)
    if last and _still_holds(last, run_id):
        return last
    for path in merged_files(day):
        if run_id in merged_runs(path):
            if len(_found_last) >= _MAX_PLACES:
                _found_last.clear()
            _found_last[day] = path
            return path
    return None


def _still_holds(path: Path, run_id: str) -> bool:
    """False also where the file is gone: its day may have been merged again."""
    try:
        return is_there(path) and run_id in merged_runs(path)
    except StoreError:
        return False


def _piece(path: Path, run_id: str) -> bytes:
    """The header and the lines of one run."""
    with translate_os_errors(path), open_regular(path) as file:
        state = os.fstat(file.fileno())
        if state.st_size > MAX_FILE_BYTES:
            raise StoreError(f"{path}: larger than {MAX_FILE_BYTES >> 20} MiB, which none of ours is; remove it")
        key = state.st_dev, state.st_ino, state.st_mtime_ns, state.st_size
        if key not in _places:
            if len(_places) >= _MAX_PLACES:
                _places.clear()
            _places[key] = _find_places(file)
        pieces = []
        for start, end in (_places[key].get(_HEADER, []) + _places[key].get(run_id.encode(), [])):
            file.seek(start)
            pieces.append(file.read(end - start))
    return b"".join(pieces)


def _find_places(file: BinaryIO) -> Places:
    """Where each run's lines are: they begin with its name, and mostly stand together."""
    places: Places = {_HEADER: [(0, len(file.readline()))]}
    at, last = places[_HEADER][0][1], _HEADER
    for line in file:
        run_id = line.partition(b",")[0]
        if run_id == last:
            places[run_id][-1] = places[run_id][-1][0], at + len(line)
        else:
            places.setdefault(run_id, []).append((at, at + len(line)))
        at, last = at + len(line), run_id
    return places


def list_stored_names(directory: Path) -> Iterator[str]:
    """The names of all runs of a results folder, as its files are named; none is opened but manifests.

    Raises StoreError for a manifest that is none of ours.
    """
    for day in list_paths(directory / "runs", "date=*"):
        yield from list_day_names(day)


def list_day_names(day: Path) -> Iterator[str]:
    """The same of one day's folder below `runs`."""
    for path in list_regular(day, "*.csv"):
        yield from merged_runs(path) if is_merged(path) else (path.stem,)


def find_merged(directory: Path, run_id: str) -> Path | None:
    """The merged runs file that holds a run, or None."""
    return next((path for path in _merged_days(directory) if run_id in merged_runs(path)), None)


def _merged_days(directory: Path) -> Iterator[Path]:
    for day in list_paths(directory / "runs", "date=*"):
        yield from merged_files(day)
