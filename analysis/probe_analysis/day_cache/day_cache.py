"""What is kept of days between two calls, so that only days whose files are others are read again.

A cache is a folder. It has some files for each day, named by the day and by a digest of all that they follow from
(files of results, other days, the program), and `known.json`, which says which of them count. Files are written whole,
and before `known.json` names them: so a kill leaves nothing that is taken for something else. What is torn or lost is
made again, and what belongs to no day any more is removed. All of it can be removed: it is then made again.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar, get_origin

import msgspec
import numpy as np

from probe.store.archive.own_files import OwnFile
from probe.store.files.atomic import make_folder, replace_file
from probe_analysis.cells.name_standing import NO_NAMES, DayNames
from probe_analysis.day_cache.run_crossings import NO_RUNS, RunNumbers
from probe_analysis.day_cache.seen_files import SeenFile, SeenFiles

KNOWN_FILE = "known.json"
_FORMAT = 7
_MOST_BYTES = 1 << 30
_RUNS, _NAMES = OF_RUNS = ("runs", "names")
"""Kinds of files: the numbers of a day's runs, and who measured on it."""
_PLACE = ("folder", "results")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDay:
    """One day, as it was when what is kept of it was made."""

    files: str = ""
    """Digest of the files of results that it was made from, and of the program."""
    key: str
    """Digest of all that is kept of it follows from."""
    settled: bool = True
    """No run of it lies in the future, where time alone would change what counts."""
    crossings: RunNumbers = field(default_factory=lambda: NO_RUNS)
    size: int = -1
    """Bytes of its files: where they are others, something is torn. -1: not all were there."""


Day = TypeVar("Day", bound=KeptDay)


@dataclass(slots=True, kw_only=True)
class DayCache(Generic[Day]):
    """What is kept of days. Who keeps more of each day, or of all together, adds fields that msgspec can write."""

    KINDS: ClassVar[tuple[str, ...]] = OF_RUNS
    """Endings of the files of each day."""
    folder: Path
    results: Path
    seen: dict[str, SeenFile] = field(default_factory=dict)
    """The files of results that were read, by their paths below `results`."""
    days: dict[str, Day] = field(default_factory=dict)
    counted_at: str = ""
    """When, as an ISO time: an earlier clock judges anew what lies in its future."""

    @classmethod
    def open(cls, folder: Path, results: Path) -> Self:
        """What is kept of `results` in a folder; nothing where there is none, or where it is torn."""
        path = folder / KNOWN_FILE
        try:
            document = msgspec.json.decode(path.read_bytes()) if path.stat().st_size <= _MOST_BYTES else {}
            if document.pop("format") == _FORMAT:
                return msgspec.convert({**document, "folder": folder, "results": results}, cls, dec_hook=_decode)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError,
                msgspec.MsgspecError):
            pass
        return cls(folder=folder, results=results)

    def digest_files(self, by_day: Mapping[str, Sequence[OwnFile]], program: str) -> dict[str, str]:
        """Day -> digest of its files as they are now, and of the program."""
        make_folder(self.folder)
        seen = SeenFiles(folder=self.folder, results=self.results, files=self.seen)
        return {day: sha256(f"{program} {seen.digest_day(own)}".encode()).hexdigest() for day, own in by_day.items()}

    def is_as_it_was(self, day: str, files: str, now: datetime) -> bool:
        """Whether all of a day is there, made from these very files, and time alone changes nothing of it."""
        known = self.days.get(day)
        return (known is not None and known.files == files and known.settled
                and (self.counted_at <= now.isoformat() or day < now.date().isoformat())
                and self.is_whole(day))

    def is_whole(self, day: str) -> bool:
        """Whether the files of a day are there as they were written."""
        return 0 <= self.days[day].size == self.measure(day, self.days[day].key)

    def measure(self, day: str, key: str) -> int:
        """Bytes of the files of a day; -1 where one is not there."""
        try:
            return sum(self.path(day, kind, key).stat().st_size for kind in self.KINDS)
        except OSError:
            return -1

    def path(self, day: str, kind: str, key: str = "") -> Path:
        """The file of one kind of a day: as it is known, or as a key names it."""
        return self.folder / f"{day}-{(key or self.days[day].key)[:16]}.{kind}"

    def numbers(self, day: str) -> RunNumbers:
        """The numbers of a day's runs."""
        return self._read(day, _RUNS)

    def names(self, day: str) -> DayNames:
        """Who measured on a day."""
        return self._read(day, _NAMES).reshape(-1, NO_NAMES.shape[1])

    def keep_runs(self, day: str, key: str, numbers: RunNumbers, names: DayNames) -> None:
        """Keeps the numbers of a day's runs, and who measured on it."""
        replace_file(self.path(day, _RUNS, key), numbers.tobytes())
        replace_file(self.path(day, _NAMES, key), names.tobytes())

    def save(self) -> None:
        """Writes what is known, and removes what is kept of days as they are no more."""
        self.seen = {path: seen for path, seen in self.seen.items() if (self.results / path).exists()}
        values = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _PLACE}
        replace_file(self.folder / KNOWN_FILE,
                     msgspec.json.encode({"format": _FORMAT, **values}, enc_hook=np.ndarray.tolist))
        pattern = re.compile(rf"\d{{4}}-\d\d-\d\d-[0-9a-f]{{16}}\.({'|'.join(self.KINDS)})")
        wanted = {self.path(day, kind).name for day in self.days for kind in self.KINDS}
        for path in self.folder.iterdir():
            if pattern.fullmatch(path.name) and path.name not in wanted:
                with suppress(OSError):
                    path.unlink()

    def _read(self, day: str, kind: str) -> RunNumbers:
        return np.fromfile(self.path(day, kind), dtype=np.uint64) if day in self.days else NO_RUNS


def _decode(kind: Any, value: Any) -> Any:
    """What msgspec knows no form of."""
    if get_origin(kind) is np.ndarray:
        return np.array(msgspec.convert(value, list[int]), dtype=np.uint64)
    return Counter(msgspec.convert(value, dict[str, int])) if get_origin(kind) is Counter else value
