"""What is kept of days beside the cells: whether a day is as it was, and the files that belong to none any more."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol

import numpy as np

from probe_analysis.counting.run_crossings import NO_RUNS, RunNumbers


class KeptFacts(Protocol):
    """What is kept of one day says of itself."""

    @property
    def files(self) -> str:
        """Digest of the files that it was made from."""

    @property
    def settled(self) -> bool:
        """No run of it lies in the future, where time alone would change what counts."""


def is_as_it_was(days: Mapping[str, KeptFacts], day: str, *, files: str, counted_at: str, now: datetime) -> bool:
    """Whether a day was counted, at an ISO time, from these very files, and time alone changes nothing of it."""
    told = days.get(day)
    same = told is not None and told.files == files and told.settled
    return same and (counted_at <= now.isoformat() or day < now.date().isoformat())


def read_numbers(path: Path) -> RunNumbers:
    """The numbers of runs in a file; none where it is not there."""
    return np.fromfile(path, dtype=np.uint64) if path.is_file() else NO_RUNS


def remove_others(folder: Path, pattern: re.Pattern[str], wanted: Collection[str]) -> None:
    """Removes the files of a folder that are called by a pattern and are not wanted."""
    for path in folder.iterdir():
        if pattern.fullmatch(path.name) and path.name not in wanted:
            with suppress(OSError):
                path.unlink()
