"""Deletes what the probe keeps on this machine, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from probe.config.folders import find_own_cache, find_own_state
from probe.store.archive.own_files import (
    FLEET_CACHE,
    RUN_ORIGINS_FOLDER,
    SCHEDULE_FOLDER,
    SUBMIT_FOLDER,
    SWAP_FOLDER,
    UPLOAD_FOLDER,
    is_ours,
    list_batch_folders,
    list_own_files,
    list_table_folders,
    list_top_files,
    parse_day,
)
from probe.store.files.atomic import translate_os_errors
from probe.store.files.listing import is_folder, list_paths
from probe.store.layout import PARQUET_FOLDER, UNFINISHED_FOLDER
from probe.store.verification.folder_checks import CHECKS_FILES

STATE_FILES = (
    "identity.key", ".identity.key.*.part", "last-errors.txt", "list.signed", "list-looks.json", "list-*.keys",
    ".list*.part", "feed-*.signed", "feed-*.json", "feed-*.keys", "crowd-*.json", "globalping/*.json",
    "age-*.json", ".age-*.part", ".feed-*.part", ".crowd-*.part", "globalping/.*.part", ".lock")
"""Files that the program keeps below its state folder, as paths or patterns relative to it."""
CACHE_FILES = (CHECKS_FILES, ".verified-*.part", FLEET_CACHE, f".{FLEET_CACHE}.*.part")
"""The same of its cache folder: what it remembers of results that it verified or counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFiles:
    """What the probe keeps, found and not yet deleted."""

    results: tuple[Path, ...]
    state: tuple[Path, ...]
    bytes: int
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetResult:
    """What is gone, and what is left in the folders because it is not the probe's."""

    files: int
    left: tuple[Path, ...]


def find_kept(directory: Path) -> KeptFiles:
    """Everything of the probe's in a results folder and in this user's state and cache."""
    own = tuple(file for file in list_own_files(directory) if is_ours(file.path)) if directory.is_dir() else ()
    # Names of ours at the top, as `report.html` or a lock, are others' as well: alone they make no results folder.
    is_results = bool(own) or is_folder(directory / SCHEDULE_FOLDER) or bool(list(list_batch_folders(directory)))
    top = tuple(path for path in list_top_files(directory)
                if is_ours(path)) if is_results and directory.is_dir() else ()
    results = (*(file.path for file in own), *top)
    state = tuple(_known_files(find_own_state(), STATE_FILES)) + tuple(
        _known_files(find_own_cache(), CACHE_FILES))
    runs = {file.stem for file in own if file.table == "runs" and not file.temporary}
    size = sum(_size(path) for path in (*results, *state))
    return KeptFiles(results=results, state=state, bytes=size, runs=len(runs))


def delete_kept(directory: Path, kept: KeptFiles) -> ForgetResult:
    """Deletes what was found, the lock last, then the folders that are empty by that: of one that held no results it
    touches nothing. Raises StoreError."""
    files = sorted((*kept.state, *kept.results), key=lambda path: path.name == ".lock")
    for path in files:
        with translate_os_errors(path):
            path.unlink(missing_ok=True)
    for folder in _folders(directory) if kept.results else ():
        with suppress(OSError):  # not empty: somebody else's files are in it
            folder.rmdir()
    homes = {path.parent for path in kept.state} | {find_own_state(), find_own_cache()}
    for home in sorted(homes, key=lambda path: -len(path.parts)):  # the deepest first
        with suppress(OSError):
            home.rmdir()
    left = tuple(sorted(directory.iterdir())) if directory.is_dir() else ()
    return ForgetResult(files=len(files), left=left)


def _known_files(home: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from (path for path in list_paths(home, *pattern.split("/"))
                    if (path.is_file() or path.is_symlink()) and (path.parent == home or is_folder(path.parent)))


def _folders(directory: Path) -> Iterator[Path]:
    """The folders of ours, the deepest first."""
    for root in (directory / SWAP_FOLDER, directory):
        for folder, _, _ in list_table_folders(root):
            if is_folder(folder):
                yield from (day for day in sorted(folder.iterdir()) if parse_day(day.name) and is_folder(day))
                yield folder
        yield from list_batch_folders(root)
        yield root / PARQUET_FOLDER
        yield root / SCHEDULE_FOLDER
        yield root / UPLOAD_FOLDER
        yield root / SUBMIT_FOLDER
        yield root / UNFINISHED_FOLDER
        yield root / RUN_ORIGINS_FOLDER
        yield root


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0
