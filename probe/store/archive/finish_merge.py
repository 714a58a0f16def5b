"""Finish a swap of files: remove an old file when the new files hold each of its lines; put back any other file.

The same works after a crash at any moment. Before the swap the old files still hold the day; after it the new ones do.
So nothing has to be remembered or guessed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from probe.core.safe_files import open_regular
from probe.store.archive.own_files import SWAP_FOLDER, list_table_folders, parse_day, parse_temporary_name
from probe.store.files.atomic import make_folder, sync_folder, translate_os_errors
from probe.store.files.listing import is_file, is_folder, is_there, list_paths
from probe.store.layout import PARQUET_FOLDER
from probe.store.runs.merged_days import MANIFEST, is_merged

Line = bytes
"""Digest of a row together with its file's header."""


def settle_all_folders(directory: Path) -> tuple[Path, ...]:
    """Settles whatever an earlier merge left; returns what had to stay because its name is taken.

    Only the holder of the folder's lock may call this. Raises StoreError.
    """
    left: list[Path] = []
    root = directory / SWAP_FOLDER
    if not is_folder(root):
        return ()
    for aside, table, _ in list_table_folders(root):
        if not is_folder(aside):
            continue
        parent = directory / PARQUET_FOLDER if aside.parent.name == PARQUET_FOLDER else directory
        for day in sorted(aside.iterdir()):
            if parse_day(day.name) and is_folder(day):
                left += settle_folder(day, parent / table / day.name)
    return tuple(left)


def settle_folder(aside: Path, live: Path) -> tuple[Path, ...]:
    """Empties the folder that was put aside, as far as nothing is lost by it, and removes it when it is empty."""
    left = []
    with translate_os_errors(aside):
        make_folder(live)
        held = set(_lines_of(list_paths(live, "*.csv")))
        for path in sorted(aside.iterdir()):
            if _is_held(path, live, held):
                path.unlink()
            elif path.name.endswith(MANIFEST) and is_merged(path):
                continue  # goes with its file, below
            elif not is_there(live / path.name):
                path.rename(live / path.name)
            else:
                left.append(path)
        _remove_manifests(aside)
        sync_folder(live)
        with suppress(OSError):
            aside.rmdir()
    return tuple(left)


def _is_held(path: Path, live: Path, held: set[Line]) -> bool:
    """Whether nothing is lost with this file: it never was whole, stands there too, or every row of it does."""
    if not is_file(path):
        return False
    twin = live / path.name
    if parse_temporary_name(path.name) or (is_file(twin) and twin.samefile(path)):
        return True
    if path.suffix == ".csv":
        return held.issuperset(_lines_of([path]))
    if path.suffix != ".parquet":
        return False
    return is_merged(path) or any(map(is_merged, list_paths(live, "*.parquet")))  # the CSV files have it all


def _remove_manifests(aside: Path) -> None:
    for path in list_paths(aside, f"*{MANIFEST}"):
        if is_merged(path) and is_file(path) and not is_there(path.with_suffix(".csv")):
            path.unlink()


def is_within(path: Path, others: Iterable[Path]) -> bool:
    """Whether every row of a CSV file stands, under the same header, in one of the others."""
    return set(_lines_of(others)).issuperset(_lines_of([path]))


def _lines_of(paths: Iterable[Path]) -> Iterator[Line]:
    for path in paths:
        if not is_file(path):
            continue
        with open_regular(path) as file:
            header = file.readline()
            for line in file:
                yield hashlib.blake2b(header + line, digest_size=16).digest()
