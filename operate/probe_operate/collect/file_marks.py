"""By what the files of a submitted run are known again without reading them: their names, sizes, times and places."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from probe.store.archive.own_files import OwnFile
from probe.store.layout import PACKETS_FOLDER, SUMS_FOLDER
from probe.store.schema import TABLES

_SETTLED_NS = 2_000_000_000
"""A file that changed this lately may change again without its time showing it."""
_FOLDERS = (*((table, ".csv") for table in TABLES), (SUMS_FOLDER, ".sha256"), (PACKETS_FOLDER, ".pcapng"))


def run_paths(directory: Path, runs_file: OwnFile) -> Sequence[Path]:
    """The files that a run with a runs file of its own may have: its tables, then checksums, then packets."""
    return [directory / folder / f"date={runs_file.day}" / f"{runs_file.stem}{suffix}" for folder, suffix in _FOLDERS]


def mark_files(paths: Iterable[Path]) -> str:
    """What the files have now; another one once any of them was written, replaced, added or removed. Empty where one
    changed a moment ago."""
    seen = hashlib.blake2b(digest_size=16)
    newest = 0
    for path in paths:
        try:
            found = os.lstat(path)
        except OSError:
            seen.update(b"-;")
            continue
        newest = max(newest, found.st_ctime_ns, found.st_mtime_ns)
        seen.update(f"{path.name}:{found.st_dev}:{found.st_ino}:{found.st_mode}:{found.st_size}:{found.st_mtime_ns}:"
                    f"{found.st_ctime_ns};".encode("utf-8", "surrogateescape"))
    return "" if newest > time.time_ns() - _SETTLED_NS else seen.hexdigest()
