"""What was read of each day, what of it counted, and the sum over all days."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from probe.core.stamps import format_time

_DAY = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_COUNTERS = ("rows", "used", "duplicates", "rejected", "bad_runs", "cells")
_TOLD_AT_NOTHING = ("rows", "used")
_FIRST_WORDS = ("verdicts", "services", "runs", "target", "role", "service")


@dataclass(slots=True, kw_only=True)
class DayCount:
    """What was counted of one day, or of several together."""

    runs: int = 0
    """Runs that count."""
    rows: Counter[str] = field(default_factory=Counter)
    """Table -> rows that were read."""
    used: Counter[str] = field(default_factory=Counter)
    """Table -> rows that count, each once."""
    duplicates: Counter[str] = field(default_factory=Counter)
    """Table -> rows that came again, alike."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Word of REASONS -> rows; of `file` and `signature` files."""
    bad_runs: Counter[str] = field(default_factory=Counter)
    """Word of REASONS -> runs none of whose rows counts."""
    other_side: int = 0
    """Rows of the laboratory, or where those are wanted of all others."""
    cells: Counter[str] = field(default_factory=Counter)
    """Level -> cells."""
    first: str = ""
    last: str = ""
    """First and last hour with a cell."""

    def add(self, other: DayCount) -> None:
        """Adds a later day."""
        self.runs += other.runs
        self.other_side += other.other_side
        for name in _COUNTERS:
            getattr(self, name).update(getattr(other, name))
        self.first, self.last = self.first or other.first, other.last or self.last

    def add_cells(self, cells: pa.Table) -> None:
        """Counts cells, in their order."""
        if not cells.num_rows:
            return
        for count in cells["level"].value_counts().to_pylist():
            self.cells[count["values"]] += count["counts"]
        self.first = self.first or format_time(cells["cell_start"][0].as_py())
        self.last = format_time(cells["cell_start"][-1].as_py())


@dataclass(slots=True, kw_only=True)
class CellSummary(DayCount):
    """What was read of all days, what of it counted, and what became of it."""

    engine: str
    folders: int = 0
    days: int = 0
    since: str = ""
    until: str = ""
    """The first day that was wanted, and the first that was not; empty: all of them."""


def add_up(days: Iterable[DayCount], summary: CellSummary) -> None:
    """Sums up days in their order; the words of each count come in one order, whichever day had them first."""
    for day in days:
        summary.add(day)
    for name in _COUNTERS:
        setattr(summary, name, Counter(_in_order(name, getattr(summary, name))))


def summary_to_json(done: CellSummary) -> dict[str, Any]:
    """The summary for a program."""
    return {"engine": done.engine, "folders": done.folders, "days": done.days, "since": done.since, "until": done.until,
            "runs": done.runs, **{name: _in_order(name, getattr(done, name)) for name in _COUNTERS},
            "other_side": done.other_side, "first": done.first, "last": done.last}


def day_in(path: str) -> str:
    """The day whose folder a file lies in, the last that its path names; empty where it names none."""
    found = _DAY.findall(path)
    return str(found[-1]) if found else ""


def name_day(number: int) -> str:
    """YYYY-MM-DD of YYYYMMDD; empty of 0."""
    return f"{number // 10000:04}-{number // 100 % 100:02}-{number % 100:02}" if number else ""


def _in_order(name: str, counter: Counter[str]) -> dict[str, int]:
    def place(word: str) -> tuple[int, str]:
        return (_FIRST_WORDS.index(word) if word in _FIRST_WORDS else len(_FIRST_WORDS), word)

    return {word: counter[word] for word in sorted(counter, key=place) if counter[word] or name in _TOLD_AT_NOTHING}
