"""What every column of the results means, and in which unit: `columns.csv`, by results table and column.

Names and types come from the dataclasses of `probe.core`; the words are in that file and nowhere else. A row of it
without a meaning has that of the same column of `frame`, with which every table but `runs` begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from probe.core.tables.table_file import read_table

Words = Mapping[str, tuple[str, str]]
"""Column -> (unit or empty, meaning)."""
_Table = Literal["frame", "observations", "controls", "verdicts", "services", "runs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    table: _Table
    column: str
    unit: str
    meaning: str


_ROWS = read_table(Path(__file__).with_name("columns.csv"), _Row)


def _list_words(table: _Table) -> Words:
    return MappingProxyType({row.column: (row.unit, row.meaning) if row.meaning else FRAME[row.column]
                             for row in _ROWS if row.table == table})


FRAME = _list_words("frame")
OBSERVATIONS = _list_words("observations")
CONTROLS = _list_words("controls")
VERDICTS = _list_words("verdicts")
SERVICES = _list_words("services")
RUNS = _list_words("runs")
