"""What the program says of stored data is what it said before: verdicts, services, populations, events."""

from __future__ import annotations

from dataclasses import replace

import pytest

import frozen_rows
import same
from frozen_rows import FrozenRow, make_row
from probe_lab.format.scenario import list_scenario_names, load_scenario

ROW = FrozenRow(source="s", table="verdicts", key="k", words="ok", digest="d")


def check(today: list[FrozenRow], stored: list[FrozenRow]) -> None:
    assert stored
    changes = same.describe_changes(stored, today)
    assert not changes, "\n".join([*changes[:20], "make same names all; tools/same.py --write stores them"])


def test_a_part_of_the_stored_data_is_judged_as_before() -> None:
    check(frozen_rows.judge_all(part=True), [row for row in same.read_stored() if frozen_rows.is_of_part(row.source)])


@pytest.mark.slow
def test_stored_data_are_judged_as_before() -> None:
    check(frozen_rows.judge_all(), same.read_stored())


def test_a_row_that_changed_is_named_before_and_after() -> None:
    other = replace(ROW, words="blocked tls.reset.sni", digest="e")
    gone = replace(ROW, key="gone")
    lines = same.describe_changes([ROW, gone], [other])
    assert [(line[0], line.split()[3].strip(":"), line.split()[-1]) for line in lines] == [
        ("-", "gone", "[d]"), ("+", "k", "[e]"), ("-", "k", "[d]")]
    assert same.describe_changes([ROW, gone], [gone, ROW]) == []


def test_an_empty_column_changes_no_digest_and_a_filled_one_does() -> None:
    rows = [make_row("s", "t", "k", "w", content) for content in
            ({"a": 1}, {"a": 1, "b": ""}, {"b": (), "a": 1}, {"a": 1, "b": "x"}, {"a": 2})]
    assert len({row.digest for row in rows[:3]}) == 1
    assert len({row.digest for row in rows}) == 3


def test_every_scenario_is_frozen_but_those_that_lacked_a_program() -> None:
    frozen = {row.source.removeprefix("laboratory/") for row in same.read_stored()
              if row.source.startswith("laboratory/")}
    lacking = {name for name in list_scenario_names() if name not in frozen}
    assert all(load_scenario(name).needs for name in lacking), lacking
