"""Merges the runs of finished days into one file per table and day.

Each table's day takes its place in one step (`probe.store.archive.folder_swap`): whoever reads, with this program or
with a glob, finds every run once, before, after, and wherever a crash stopped it. The bytes of the rows are kept as
they are.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run
from probe.core.safe_files import open_regular
from probe.store.archive.finish_merge import is_within, settle_all_folders, settle_folder
from probe.store.archive.folder_swap import swap_folders
from probe.store.archive.own_files import SWAP_FOLDER, parse_day, parse_temporary_name
from probe.store.files.atomic import StoreError, Writer, make_folder, translate_os_errors, write_files
from probe.store.files.listing import is_file, is_folder, is_there, list_paths, list_regular
from probe.store.files.parquet import available, write_parquet
from probe.store.files.parquet_texts import GatheredTexts, open_writer
from probe.store.layout import PARQUET_FOLDER
from probe.store.row_codec import run_row
from probe.store.runs.canonical_texts import are_canonical
from probe.store.runs.merged_days import (
    MANIFEST,
    MAX_MERGED_BYTES,
    PREFIX,
    is_merged,
    manifest_text,
    merged_files,
    merged_runs,
)
from probe.store.runs.run_reader import runs_in, table_rows, table_text, text_of_today, whole
from probe.store.schema import TABLES, Table
from probe.store.verification.csv_checks import check_csv_run

UNFINISHED_DAYS = 2
"""Today and yesterday by UTC are left alone: a run that began before midnight may still be written."""



@dataclass(frozen=True, slots=True, kw_only=True)
class CompactionResult:
    """What a merge did."""

    days: tuple[str, ...] = ()
    runs: int = 0
    files: int = 0
    """Files that became part of another."""
    kept: tuple[str, ...] = ()
    """What stays as it is, with the reason, one line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The rows of some runs in one file."""

    path: Path
    header: bytes
    size: int
    counts: Mapping[str, int]


def compact_days(
    directory: Path, *, today: date, parquet: bool = False, progress: Progress = ignore_progress,
) -> CompactionResult:
    """Merges every finished day; only the holder of the folder's lock may call this.

    The Parquet files of such a day become one as well, and with `parquet` there is one for every such day. Runs that
    cannot be read whole stay as they are and are named. Raises StoreError when the folder cannot be written; what was
    merged until then stays merged.
    """
    kept = [f"{path}: put aside by an earlier merge, and its name is taken" for path in settle_all_folders(directory)]
    days = [day for day in _days(directory) if day < (today - timedelta(days=UNFINISHED_DAYS - 1)).isoformat()]
    merged, runs, files = [], 0, 0
    for done, day in enumerate(days, start=1):
        ready, why_not = _whole_runs(directory, day)
        kept += why_not
        count = sum(_merge_day(directory, table, day, ready) for table in TABLES)
        columnar = _merge_parquet(directory, day, wanted=parquet)
        if count or columnar:
            merged.append(day)
            runs += len(ready)
            files += count + columnar
        progress(done, len(days))
    return CompactionResult(days=tuple(merged), runs=runs, files=files, kept=tuple(kept))


def _days(directory: Path) -> Iterator[str]:
    folder = directory / "runs"
    for path in sorted(folder.iterdir()) if is_folder(folder) else ():
        if parse_day(path.name) and is_folder(path):
            yield parse_day(path.name)


def _whole_runs(directory: Path, day: str) -> tuple[frozenset[str], list[str]]:
    """The runs of a day with files of their own in some table, all of which can be read; and why others are not."""
    ready, kept = [], []
    for run_id in sorted(_own_names(directory, day)):
        try:
            _check(directory, day, run_id)
            ready.append(run_id)
        except StoreError as error:
            kept.append(str(error))
    return frozenset(ready), kept


def _check(directory: Path, day: str, run_id: str) -> None:
    run = _read_run(directory / "runs" / f"date={day}" / f"{run_id}.csv", run_id)
    if not are_canonical(run, {table: table_text(directory, run, table) for table in TABLES}):
        whole(directory, run)
    found = check_csv_run(directory, day, run_row(run, TABLES["runs"]))
    if not found.usable:
        raise StoreError(f"{directory}: run {run_id} is {found.state}: {found.reason}; see probe verify")
    for table in TABLES:
        folder = directory / table / f"date={day}"
        path = folder / f"{run_id}.csv"
        if not is_there(path):
            continue
        _own_part(path)
        merged = [file for file in merged_files(folder) if run_id in merged_runs(file)]
        if merged and not is_within(path, merged):
            raise StoreError(f"{path}: another run of this name is merged already; remove this file or find out whose "
                             "it is")


def _own_names(directory: Path, day: str) -> set[str]:
    return {path.stem for table in TABLES for path in list_regular(directory / table / f"date={day}", "*.csv")
            if not is_merged(path)}


def _read_run(path: Path, run_id: str) -> Run:
    """The run, from its own runs file or, when a crash stopped a merge before its last table, from the merged one."""
    for source in (path, *merged_files(path.parent)):
        if is_there(source):
            for run in runs_in(source):
                if run.run_id == run_id:
                    return run
    raise StoreError(f"{path}: is missing, so this run was never whole; remove its other files when you like")


def _merge_day(directory: Path, table: str, day: str, ready: frozenset[str]) -> int:
    """Merges one table of one day; returns how many files went into another."""
    live = directory / table / f"date={day}"
    own = [live / f"{run_id}.csv" for run_id in sorted(ready) if is_file(live / f"{run_id}.csv")]
    if not own:
        return 0
    before = merged_files(live)
    parts = [_merged_part(path) for path in before]
    held = {run_id for part in parts for run_id in part.counts}
    parts += [_own_part(path) for path in own if path.stem not in held]
    aside = directory / SWAP_FOLDER / table / f"date={day}"
    replace_day(aside, live, _new_files(aside, parts), gone=frozenset({*before, *own}))
    return len(own)


def replace_day(aside: Path, live: Path, files: Sequence[tuple[Path, Writer]], *, gone: frozenset[Path]) -> None:
    """Puts a folder with these files in the place of another; of that, all but what is `gone` is kept."""
    try:
        write_files(files)
        make_folder(live)
        _carry(live, aside, gone | {path.with_suffix(MANIFEST) for path in gone})
        swap_folders(aside, live)
    finally:
        settle_folder(aside, live)


def _own_part(path: Path) -> _Part:
    """A run's file, checked to be what may be put into another: one line a row, each beginning with the run."""
    with translate_os_errors(path), open_regular(path) as file:
        header, *lines = file.read().splitlines(keepends=True) or [b""]
    start = f"{path.stem},".encode()
    ours = header.startswith(b"run_id,") and header.endswith(b"\r\n")
    if not ours or not all(line.startswith(start) and line.endswith(b"\r\n") for line in lines):
        raise StoreError(f"{path}: its lines are not those of this run; restore the file or remove this run")
    size = len(header) + sum(map(len, lines))
    return _Part(path=path, header=header, size=size, counts={path.stem: len(lines)})


def _merged_part(path: Path) -> _Part:
    with translate_os_errors(path), open_regular(path) as file:
        return _Part(path=path, header=file.readline(), size=path.stat().st_size, counts=merged_runs(path))


def _new_files(aside: Path, parts: list[_Part]) -> list[tuple[Path, Writer]]:
    files: list[tuple[Path, Writer]] = []
    for group in _groups(parts):
        counts = {run_id: rows for part in group for run_id, rows in part.counts.items()}
        start = group[0].header + min(counts, default="").encode()
        name = PREFIX + hashlib.sha256(start).hexdigest()[:12]
        files.append((aside / f"{name}{MANIFEST}", partial(_write, pieces=[manifest_text(counts)])))
        files.append((aside / f"{name}.csv", partial(_join, parts=group)))
    return files


def _groups(parts: Iterable[_Part]) -> Iterator[list[_Part]]:
    """What goes into one file: parts under the same header, up to a size."""
    by_header: defaultdict[bytes, list[_Part]] = defaultdict(list)
    for part in parts:
        by_header[part.header].append(part)
    for same in by_header.values():
        group, size = same[:1], same[0].size
        for part in same[1:]:
            if size + part.size > MAX_MERGED_BYTES:
                yield group
                group, size = [], 0
            group.append(part)
            size += part.size
        yield group


def _write(file: BinaryIO, *, pieces: list[bytes]) -> None:
    for piece in pieces:
        file.write(piece)


def _join(file: BinaryIO, *, parts: list[_Part]) -> None:
    file.write(parts[0].header)
    for part in parts:
        with open_regular(part.path) as source:
            source.readline()
            while piece := source.read(1 << 20):
                file.write(piece)


def _carry(live: Path, aside: Path, gone: Set[Path]) -> None:
    """Gives every other file of the folder a second name in the new one, so that it is not missed for a moment."""
    with translate_os_errors(live):
        for path in live.iterdir():
            if path not in gone and is_file(path) and not parse_temporary_name(path.name):
                os.link(path, aside / path.name)


def make_merged_name(runs: Iterable[str]) -> str:
    """What the Parquet file of a day's merged runs is called, without its suffix."""
    return PREFIX + hashlib.sha256("\n".join(sorted(runs)).encode()).hexdigest()[:12]


def _merge_parquet(directory: Path, day: str, *, wanted: bool) -> int:
    """Makes a day's Parquet files anew from its merged CSV files; returns how many files they replace."""
    files = list_paths(directory / PARQUET_FOLDER, "*", f"date={day}", "*.parquet")
    if not available() or not (wanted or any(not is_merged(path) for path in files)):
        return 0
    runs = {run.run_id: run for path in merged_files(directory / "runs" / f"date={day}") for run in runs_in(path)}
    name = f"{make_merged_name(runs)}.parquet"
    replaced = 0
    for table in TABLES.values() if runs else ():
        live = directory / PARQUET_FOLDER / table.name / f"date={day}"
        gone = frozenset(path for path in list_paths(live, "*.parquet") if is_merged(path) or path.stem in runs)
        if gone == {live / name}:
            continue
        aside = directory / SWAP_FOLDER / PARQUET_FOLDER / table.name / f"date={day}"
        rows = partial(_write_rows, directory=directory, table=table, runs=tuple(runs.values()))
        replace_day(aside, live, [(aside / name, rows)], gone=gone)
        replaced += max(1, len(gone))
    return replaced


def _write_rows(file: BinaryIO, *, directory: Path, table: Table, runs: tuple[Run, ...]) -> None:
    try:
        with open_writer(file, table) as writer:
            rows = GatheredTexts(table, {"": writer})
            for run in runs:
                rows.add("", text_of_today(directory, run, table))
            rows.finish()
    except StoreError:  # a cell is written in a way of its own, which reading row by row takes
        file.seek(0)
        file.truncate()
        write_parquet(file, table, (row for run in runs for row in table_rows(directory, run, table)))
