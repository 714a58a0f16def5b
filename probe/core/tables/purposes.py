"""Why an operation was made: the words of the observation's `purpose`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probe.core.tables.table_file import read_table

Purpose = Literal[
    "target", "innocent", "port", "bytes", "shape", "program", "foreign", "foreign_helper",
    "trusted", "ladder", "dark", "trace",
    "route", "reference", "neighbour", "version", "sample", "yardstick", "locate", "residual", "redirect", "aside",
    "again", "turn", "beside", "stay", "records", "zone", "https",
]



@dataclass(frozen=True, slots=True)
class _Row:
    purpose: Purpose
    meaning: str


PURPOSES: dict[Purpose, str] = {
    row.purpose: row.meaning for row in read_table(Path(__file__).with_name("purposes.csv"), _Row)
}
FOREIGN_NAMES: frozenset[Purpose] = frozenset({"foreign", "foreign_helper"})
"""What asks servers for names that are not theirs."""
OF_OWN_LINE: frozenset[Purpose] = frozenset({"ladder", "locate", "trace", "route", "reference", "neighbour"})
"""What tells of the volunteer's own line."""
NOT_PUBLISHED: frozenset[Purpose] = OF_OWN_LINE | FOREIGN_NAMES
"""That, and where helpers and other servers are that the volunteer's configuration names: they may be his own."""
