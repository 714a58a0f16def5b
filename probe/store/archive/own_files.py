"""Which files of a results folder are the program's own; a person's other files are never touched.

Links are never followed: what stands behind one is not ours, whatever its name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from probe.core.safe_files import open_regular
from probe.store.archive.name_origins import NAME_ORIGINS_FILE
from probe.store.archive.vouched_names import FIRST_SEEN_FILE, PROVEN_FILE
from probe.store.files.listing import is_folder
from probe.store.layout import (
    ARCHIVES_FOLDER,
    BATCH_FOLDERS,
    DAMAGED,
    PACKETS_FOLDER,
    PARQUET_FOLDER,
    SUMS_FOLDER,
    UNFINISHED_FOLDER,
    is_run_id,
)
from probe.store.runs.merged_days import MANIFEST, PREFIX
from probe.store.schema import TABLES

SWAP_FOLDER = ".compact"
"""Where a day waits to take its place, and what it replaced to be removed."""
HELD_FILE = "not-uploaded.txt"
REMOVED_FILE = "removed.jsonl"
RUN_ORIGINS_FOLDER = "run-origins"
"""Of what the collector keeps of where runs came from, a file a day."""
CONFLICTS_FILE = "conflicts.txt"
KNOWN_FILE = "collected.sqlite"
"""Of what `probe collect` read: it is made anew, by reading all again, where it is missing."""
TOP_FILES = frozenset({".lock", ".writable", "report.html", "datapackage.json", HELD_FILE, REMOVED_FILE,
                       CONFLICTS_FILE, FIRST_SEEN_FILE, PROVEN_FILE, NAME_ORIGINS_FILE, KNOWN_FILE,
                       f"{KNOWN_FILE}-journal"})
"""Files that commands write at the top of a results folder under these very names."""

FLEET_CACHE = "fleet-*.msgpack"
"""What is kept in this user's cache of the runs of a fleet, a file for each results folder."""

SCHEDULE_FOLDER = "schedule"
"""Of the schedule's log, a file a month."""

UPLOAD_FOLDER = "upload"
"""Of what was uploaded, a file for each place."""

SUBMIT_FOLDER = "submit"
"""Of what was submitted to be public: a file for each collector, one for each run under way, and a log of reports."""
REPORTS_FILE = "reports.jsonl"

_TEMPORARY = re.compile(r"\.(.+)\.\d+\.part")
_MERGED = re.compile(re.escape(PREFIX) + r"[0-9a-f]{8,64}")
_MONTH = re.compile(r"\d{4}-\d\d\.jsonl")
_ORIGINS = re.compile(r"\d{4}-\d\d-\d\d\.csv")
_PLACE = re.compile(r"[0-9a-f]{12}\.json")
_SUBMITTED = re.compile(r"[0-9a-f]{12}(\.json|-[\w.-]{1,200}\.jsonl)|" + re.escape(REPORTS_FILE), re.ASCII)
_UNFINISHED = re.compile(r"(runs|observations|controls)\.csv|stuck\.txt")
_ASIDE = re.compile(re.escape(DAMAGED) + r"\d*\Z", re.ASCII)
_DAY = re.compile(r"date=(\d{4}-\d\d-\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile:
    """A file of a run, or of a merged day."""

    path: Path
    table: str
    """A table's name, `packets`, `sums` or `archives`."""
    day: str
    """YYYY-MM-DD."""
    stem: str
    """Run id; `day@...` of a merged file; of a temporary file that of the file it was to become."""
    parquet: bool
    temporary: bool
    bytes: int
    """What it takes on the disk."""


_BEGINNINGS = {
    ".csv": b"run_id,", ".parquet": b"PAR1", ".pcapng": b"\n\r\r\n", MANIFEST: b"", ".json": b"reachability-results",
    ".html": b"<!doctype html>", ".tgz": b"\x1f\x8b",
    ".sqlite": b"SQLite format 3",
}

_BATCH_BEGINNING = b"batch_id,"


def is_ours(path: Path) -> bool:
    """Whether a file with one of our names holds what our files hold; asked before one is deleted."""
    if parse_temporary_name(path.name) or path.name.startswith(".") or path.suffix not in _BEGINNINGS:
        return True
    try:
        with open_regular(path) as file:
            head = file.read(512)
    except OSError:
        return False
    mark = _BEGINNINGS[path.suffix]
    if path.suffix == ".json":
        return mark in head
    return head.lower().startswith(mark.lower()) or (path.suffix == ".csv" and head.startswith(_BATCH_BEGINNING))


def list_table_folders(directory: Path) -> Iterator[tuple[Path, str, str]]:
    """(folder, table, suffix of its files) of every tree that the store or an upload writes below a results folder."""
    for table in TABLES:
        yield directory / table, table, ".csv"
    yield directory / PACKETS_FOLDER, PACKETS_FOLDER, ".pcapng"
    yield directory / SUMS_FOLDER, SUMS_FOLDER, ".sha256"
    yield directory / ARCHIVES_FOLDER, ARCHIVES_FOLDER, ".tgz"
    for table in TABLES:
        yield directory / PARQUET_FOLDER / table, table, ".parquet"


def find_results_folders(directory: Path) -> list[Path]:
    """The results folders at a place: it, or those directly below it."""
    if any(is_folder(folder) for folder, _, _ in list_table_folders(directory)):
        return [directory]
    below = [path for path in sorted(directory.iterdir()) if is_folder(path)]
    return [path for path in below if any(is_folder(folder) for folder, _, _ in list_table_folders(path))]


def list_own_files(directory: Path) -> Iterator[OwnFile]:
    """The files of runs and merged days, table by table; also those that wait in, or were left by, a swap."""
    for root in (directory, directory / SWAP_FOLDER):
        if root == directory or is_folder(root):
            for folder, table, suffix in list_table_folders(root):
                if is_folder(folder) and is_folder(folder.parent):
                    yield from _in_table(folder, table, suffix)


def list_top_files(directory: Path) -> Iterator[Path]:
    """What commands write beside the results: at the top under fixed names, the schedule's log, what was
    uploaded and submitted, from where runs came, and batches."""
    for path in sorted(directory.iterdir()):
        if (path.name in TOP_FILES or parse_temporary_name(path.name) in TOP_FILES) and path.is_file():
            yield path
    for folder, names in ((directory / SCHEDULE_FOLDER, _MONTH), (directory / UPLOAD_FOLDER, _PLACE),
                          (directory / SUBMIT_FOLDER, _SUBMITTED), (directory / RUN_ORIGINS_FOLDER, _ORIGINS),
                          (directory / UNFINISHED_FOLDER, _UNFINISHED)):
        for path in sorted(folder.iterdir()) if is_folder(folder) else ():
            ours = path.name == ".lock" or names.fullmatch(parse_temporary_name(path.name) or path.name)
            if ours and path.is_file():
                yield path
    for folder in list_batch_folders(directory):
        for path in sorted(folder.iterdir()):
            if path.is_file() and not path.is_symlink() and (
                    path.name == ".lock" or _stem(parse_temporary_name(path.name) or path.name, ".csv")):
                yield path


def list_batch_folders(directory: Path) -> Iterator[Path]:
    """Those of the days of batches, then those of their tables: batches are kept as long as the folder is."""
    for table in BATCH_FOLDERS:
        folder = directory / table
        if is_folder(folder):
            yield from (day for day in sorted(folder.iterdir()) if parse_day(day.name) and is_folder(day))
            yield folder


def parse_day(name: str) -> str:
    """`YYYY-MM-DD` of a folder `date=YYYY-MM-DD`; empty for any other."""
    match = _DAY.fullmatch(name)
    try:
        return date.fromisoformat(match[1]).isoformat() if match else ""
    except ValueError:
        return ""


def disk_bytes(path: Path) -> int:
    """What a file takes on the disk; 0 when it is gone."""
    try:
        return _taken(path.lstat())
    except OSError:
        return 0


def _taken(found: os.stat_result) -> int:
    return int(found.st_blocks) * 512 if hasattr(found, "st_blocks") else found.st_size  # Windows tells no blocks


def parse_temporary_name(name: str) -> str:
    """The name that a temporary file was to get; empty for a file that is none."""
    match = _TEMPORARY.fullmatch(name)
    return match[1] if match else ""


def _in_table(folder: Path, table: str, suffix: str) -> Iterator[OwnFile]:
    with os.scandir(folder) as entries:
        days = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    for day_name in days:
        if not (day := parse_day(day_name)):
            continue
        day_folder = folder / day_name
        for name, taken in sorted(_files(day_folder).items()):
            meant = parse_temporary_name(name)
            stem = _stem(_ASIDE.sub("", meant or name), suffix)
            if stem:
                yield OwnFile(path=day_folder / name, table=table, day=day, stem=stem,
                              parquet=suffix == ".parquet", temporary=bool(meant), bytes=taken)


def _files(folder: Path) -> dict[str, int]:
    """Name -> what it takes on the disk; without those that go meanwhile."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.is_file(follow_symlinks=False):
                    found[entry.name] = _taken(entry.stat(follow_symlinks=False))
    return found


def _stem(name: str, suffix: str) -> str:
    """Run id or `day@...`; empty when the file is none of ours."""
    stem, dot, ending = name.rpartition(".")
    merged = name.startswith(PREFIX)
    endings = (suffix, MANIFEST) if merged and suffix == ".csv" else (suffix,)
    if dot + ending not in endings:
        return ""
    return stem if (_MERGED.fullmatch(stem) if merged else is_run_id(stem)) else ""
