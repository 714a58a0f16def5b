"""The table of a scenario file's fields has each that is read, and no other."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

from probe_lab.format.guide import SECTIONS, fields
from probe_lab.format.scenario import DIRECTORY, list_scenario_names, read_scenario
from probe_lab.format.toml_table import Table

_PARTS = {"draw": r"draw\.\w+\.$", "world": r"world\.$", "front": r"front\[\d+\]\.$", "expect": r"expect\[\d+\]\.$",
          "censor": r"censor\.$"}
_TABLES = {"draw", "company", "world", "rule", "fault", "carrier", "front", "expect", "censor", "front_program"}
"""Fields of a file that are tables, with headings of their own."""
_REFUSED = {"scenario": _TABLES, "front": {"block_type"}}
"""Section -> what is asked for and has no row; a front censors nothing, so its `block_type` is an error."""


@pytest.fixture(scope="module")
def read() -> dict[str, set[str]]:
    """Section -> the fields that were asked for while all scenarios were read."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    close = Table.close

    def note(table: Table) -> None:
        where = table.where.partition(": ")[2]
        for name in ("scenario", *_PARTS):
            if re.fullmatch(_PARTS.get(name, ""), where):
                found[name] |= table._read
        close(table)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "close", note)
        for name in list_scenario_names():
            read_scenario(DIRECTORY / f"{name}.toml")
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_each_field_has_a_row_and_each_row_a_field(section: str, read: dict[str, set[str]]) -> None:
    told = [name for words, _ in fields(section) for name in re.findall(r"`(\w+)`", words)]
    assert len(told) == len(set(told))
    assert set(told) == read[section] - _REFUSED.get(section, set())
