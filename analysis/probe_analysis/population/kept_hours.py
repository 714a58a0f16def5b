"""What is kept of each day for what many probes say together: its probe-hours, and what was said of the stretches.

The folder `days/population` beside the cells holds for each day the files of KINDS, and `known.json`, which says from
which files of results they were made. All of it can be removed: it is then made again. It is believed as the cells
beside it are, and what is torn in it is made again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from probe.store.files.atomic import make_folder, replace_file
from probe_analysis.cells.file_names import DAYS_FOLDER
from probe_analysis.cells.name_standing import NO_NAMES, DayNames
from probe_analysis.code_digest import digest_code
from probe_analysis.counting.kept_files import read_numbers, remove_others
from probe_analysis.counting.run_crossings import NO_RUNS, RunNumbers
from probe_analysis.counting.seen_files import SeenFiles, read_seen_files

Kind = Literal["hours", "marks", "vantages", "planned"]
KINDS: tuple[Kind, ...] = ("hours", "marks", "vantages", "planned")
"""Probe-hours; what failed by hour and network; what controls in the country said; planned connections."""
_FOLDER = "population"
_KNOWN, _ROWS = "known.json", "judged.parquet"
_FORMAT = 3
_MOST_BYTES = 1 << 30
_KEPT = re.compile(r"\d{4}-\d\d-\d\d-[0-9a-f]{16}\.(hours|marks|vantages|planned|runs|names)")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptDay:
    """One day, as it was when its probe-hours were made."""

    files: str
    """Digest of its files and of the program."""
    key: str
    """Digest of all that its probe-hours follow from."""
    settled: bool
    """No run of it lies in the future, where time alone would change what counts."""
    crossings: RunNumbers


@dataclass(slots=True, kw_only=True)
class KeptHours:
    """Everything that is kept, and the folder that it is kept in."""

    folder: Path
    seen: SeenFiles
    days: dict[str, KeptDay] = field(default_factory=dict)
    counted_at: str = ""
    """When, as an ISO time: an earlier clock judges anew what lies in its future."""

    def path(self, day: str, kind: Kind) -> Path:
        """The file of one kind of a day, as the day is known."""
        return self.folder / f"{day}-{self.days[day].key[:16]}.{kind}"

    @property
    def rows(self) -> Path:
        """Where what was said of stretches is kept."""
        return self.folder / _ROWS

    def is_kept(self, day: str) -> bool:
        """Whether the files of a day are there."""
        return all(path.is_file() for path in self._list_files(day))

    def numbers(self, day: str) -> RunNumbers:
        """The numbers of a day's runs."""
        return read_numbers(self._runs(day)) if day in self.days else NO_RUNS

    def keep_numbers(self, day: str, numbers: RunNumbers) -> None:
        """Keeps the numbers of the runs of a day, as it is known."""
        replace_file(self._runs(day), numbers.tobytes())

    def names(self, day: str) -> DayNames:
        """Who measured on a day."""
        return read_numbers(self._names(day)).reshape(-1, 2) if day in self.days else NO_NAMES

    def keep_names(self, day: str, names: DayNames) -> None:
        """Keeps who measured on a day, as it is known."""
        replace_file(self._names(day), names.tobytes())

    def _runs(self, day: str) -> Path:
        return self.folder / f"{day}-{self.days[day].files[:16]}.runs"

    def _names(self, day: str) -> Path:
        return self._runs(day).with_suffix(".names")

    def save(self) -> None:
        """Writes what is known, and removes what is kept of days as they are no more."""
        told = {"format": _FORMAT, "counted_at": self.counted_at, "files": self.seen.to_json(),
                "days": {day: _day_to_json(kept) for day, kept in sorted(self.days.items())}}
        replace_file(self.folder / _KNOWN, json.dumps(told, separators=(",", ":")).encode())
        wanted = {path.name for day in self.days for path in self._list_files(day)}
        remove_others(self.folder, _KEPT, wanted)

    def _list_files(self, day: str) -> list[Path]:
        return [*(self.path(day, kind) for kind in KINDS), self._runs(day), self._names(day)]


def open_kept_hours(out: Path, results: Path) -> KeptHours:
    """What is kept of `results` beside the cells in `out`; nothing where there is none, or where it is torn."""
    folder = out / DAYS_FOLDER / _FOLDER
    make_folder(folder)
    path = folder / _KNOWN
    empty = KeptHours(folder=folder, seen=SeenFiles(folder=folder, results=results))
    try:
        if path.stat().st_size > _MOST_BYTES:
            return empty
        told = json.loads(path.read_bytes())
        if told["format"] != _FORMAT:
            return empty
        return KeptHours(folder=folder, seen=read_seen_files(folder, results, told["files"]),
                         counted_at=str(told["counted_at"]),
                         days={str(day): _day_from_json(row) for day, row in told["days"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        return empty


@cache
def digest_program() -> str:
    """A digest of all code and tables that a population's verdicts follow from: another program judges anew."""
    import duckdb

    root = Path(__file__).parents[2]
    rooms = ("core", "catalogue", "inference",
             *(f"research/{name}" for name in ("cells", "counting", "engines", "population", "slowed")))
    return digest_code((root / room for room in rooms), duckdb.__version__)


def _day_to_json(kept: KeptDay) -> dict[str, Any]:
    return {"files": kept.files, "key": kept.key, "settled": kept.settled,
            "crossings": [int(number) for number in kept.crossings]}


def _day_from_json(row: Mapping[str, Any]) -> KeptDay:
    numbers: Sequence[Any] = row["crossings"]
    return KeptDay(files=str(row["files"]), key=str(row["key"]), settled=bool(row["settled"]),
                   crossings=np.array([int(number) for number in numbers], dtype=np.uint64))
