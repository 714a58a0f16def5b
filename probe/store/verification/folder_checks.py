"""Checks the runs of a results folder, a day again only once its files have changed.

What was found is kept in this user's cache, never in the folder: what somebody sends would vouch for itself. A day
counts as unchanged while name, size, inode and times of its files are the same; a disk that lies without changing
these is found by `probe verify`, which reads everything.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from probe import __version__
from probe.config.folders import find_own_cache
from probe.core.safe_files import open_own
from probe.core.tables.signature_words import SIGNATURE_STATES, SignatureState
from probe.store.files.atomic import StoreError, replace_file
from probe.store.files.listing import list_paths
from probe.store.layout import PARQUET_FOLDER
from probe.store.schema import COLUMNS_VERSION, TABLES
from probe.store.signing.signature_check import SIGNED_TABLES, RunCheck
from probe.store.verification.csv_checks import check_csv_day
from probe.store.verification.parquet_checks import check_parquet_day

CHECKS_FILES = "verified-*.json"
"""What is kept in the cache, a file for each results folder."""
_FORMAT = f"2 {__version__} {COLUMNS_VERSION}"
_RACY_S = 2.0
"""A file that changed so shortly before may change again within the clock's tick."""
_MAX_BYTES = 64 << 20


@dataclass(slots=True, kw_only=True)
class FolderChecks:
    """What was found of the runs of a folder, or of a day."""

    counts: Counter[SignatureState] = field(default_factory=Counter)
    unusable: dict[str, RunCheck] = field(default_factory=dict)
    """Run -> why it is left out."""
    partial: int = 0
    """Of those that are counted: runs that were ended from outside, and hold no verdicts."""

    def add(self, other: FolderChecks) -> None:
        """Takes in what was found elsewhere."""
        self.counts += other.counts
        self.unusable |= other.unusable
        self.partial += other.partial

    def note(self, check: RunCheck) -> None:
        """Takes in one run."""
        self.counts[check.state] += 1
        self.partial += check.usable and check.partial
        if not check.usable:
            self.unusable[check.run_id] = check


class CheckMemory:
    """What is known of one results folder; `save` keeps it for the next command, where it can."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        name = sha256(os.fsencode(directory.resolve())).hexdigest()[:24]
        self._file = find_own_cache() / CHECKS_FILES.replace("*", name)
        self._days: dict[str, Any] = self._load()
        self._changed = False

    def check_day(self, day: str, *, parquet: bool = False, tables: Sequence[str] = SIGNED_TABLES) -> FolderChecks:
        """The runs of a day by the files of one form, of some tables."""
        key, files = " ".join((day, PARQUET_FOLDER if parquet else "csv", *tables)), self._describe(day, parquet)
        if (known := self._days.get(key)) and files and known["files"] == files:
            with suppress(KeyError, TypeError, ValueError, AttributeError):
                return _from_json(known)
        found = FolderChecks()
        for check in (check_parquet_day if parquet else check_csv_day)(self.directory, day, tables):
            found.note(check)
        if files:
            self._days[key] = {"files": files, "counts": found.counts, "partial": found.partial,
                               "unusable": [asdict(check) for check in found.unusable.values()]}
            self._changed = True
        return found

    def save(self) -> None:
        """Keeps what is known; a cache that cannot be written is none."""
        if self._changed:
            with suppress(StoreError, OSError):
                replace_file(self._file, json.dumps({"format": _FORMAT, "days": self._days}).encode())

    def _load(self) -> dict[str, Any]:
        try:
            with open_own(self._file) as file:
                document = json.loads(file.read(_MAX_BYTES))
            return dict(document["days"]) if document["format"] == _FORMAT else {}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return {}

    def _describe(self, day: str, parquet: bool) -> str:
        """A digest of the names, sizes, inodes and times of the day's files; empty where they changed just now."""
        lines, newest = [], 0.0
        root = self.directory / PARQUET_FOLDER if parquet else self.directory
        for name in TABLES:
            with suppress(OSError), os.scandir(root / name / f"date={day}") as entries:
                for entry in entries:
                    stat = entry.stat(follow_symlinks=False)
                    lines.append(f"{name}/{entry.name} {stat.st_size} {stat.st_ino} {stat.st_mtime_ns} "
                                 f"{stat.st_ctime_ns}")
                    newest = max(newest, stat.st_mtime, stat.st_ctime)
        return sha256("\n".join(sorted(lines)).encode("utf-8", "surrogateescape")).hexdigest() if (
            newest < time.time() - _RACY_S) else ""


def check_folder(directory: Path, *, since: date | None = None) -> FolderChecks:
    """The runs of a results folder by their CSV files, from a day on."""
    memory, found = CheckMemory(directory), FolderChecks()
    first = f"date={since.isoformat()}" if since else ""
    for folder in list_paths(directory / "runs", "date=*"):
        if folder.name >= first:
            found.add(memory.check_day(folder.name.removeprefix("date=")))
    memory.save()
    return found


def _from_json(known: dict[str, Any]) -> FolderChecks:
    found = FolderChecks(counts=Counter({state: int(known["counts"].get(state, 0)) for state in SIGNATURE_STATES
                                         if known["counts"].get(state)}), partial=int(known["partial"]))
    for row in known["unusable"]:
        check = RunCheck(run_id=str(row["run_id"]), state=row["state"], tables=tuple(map(str, row["tables"])),
                         reason=str(row["reason"]), read=bool(row["read"]))
        found.unusable[check.run_id] = check
    return found
