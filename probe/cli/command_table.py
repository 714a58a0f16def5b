"""All commands of the project: what each does in a line, and who brings it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from probe.core.plugins import Part
from probe.core.tables.table_file import read_table

CommandGroup = Literal["measure", "read", "share", "keep", "more"]
GROUPS: Mapping[CommandGroup, str] = {
    "measure": "Measure", "read": "Read", "share": "Share", "keep": "Keep in order", "more": "More",
}
"""The headings of `probe --help`."""
PARTS: Mapping[Part, str] = {
    "analysis": "for researchers", "operate": "for operators", "lab": "the laboratory",
}
"""Whom the commands of each part are for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEntry:
    """One command."""

    name: str
    help: str
    group: CommandGroup = "more"
    part: Part | Literal["probe"] = "probe"
    """The distribution that brings it; of others than ours, an entry point of `probe.commands` says where it is."""


COMMANDS: Mapping[str, CommandEntry] = {
    row.name: row for row in read_table(Path(__file__).with_name("commands.csv"), CommandEntry)
}
"""Name -> the command, in the order of `probe --help`."""
