"""Days as rows of a chart: the same words as for one day, and sums that lose nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.pages.strip_rows import make_strip_rows
from probe_analysis.pages.time_buckets import make_fleet_cell
from probe_analysis.site.day_lines import DayLine, add_day_lines, make_day_row, split_day_lines

EDGES = (0, 1, 4, 5, 9, 50)
"""About the least number that is told, a tenth and half of what was decided."""


def test_each_day_is_called_as_it_is_alone() -> None:
    counts = np.array(list(itertools.product(EDGES, repeat=len(COUNTED)))[::7])
    cells = [make_fleet_cell(dict(zip(COUNTED, row, strict=True))) for row in counts.tolist()]
    row, known = make_day_row(counts), make_strip_rows({"": cells})[""]
    assert list(row.states) == [cell.state for cell in cells]
    assert {"none", "blocked", "mixed", "network", "few", "down", "ok", "local", "inconclusive"} == set(row.states)
    assert (row.decided, dict(row.outcomes)) == (known.decided, dict(known.outcomes))
    assert [n for _, n in row.outcomes] == sorted(dict(row.outcomes).values(), reverse=True)


def line(*days: tuple[int, int]) -> DayLine:
    """(day, ok of that day)."""
    return DayLine(np.array([day for day, _ in days]), np.array([[n, 0, 0, 0, 0, 0] for _, n in days]))


def test_sums_hold_each_day_once() -> None:
    added = add_day_lines([line((0, 1), (3, 2)), line((3, 5)), line((1, 7), (9, 1))])
    assert {day: counts[0] for day, counts in added.items()} == {0: 1, 1: 7, 3: 7, 9: 1}
    assert added.last == (9, (1, 0, 0, 0, 0, 0))
    assert repr(added) == repr(line((0, 1), (1, 7), (3, 7), (9, 1))) != repr(line((0, 1), (1, 7), (3, 8), (9, 1)))


@pytest.mark.parametrize(("first", "count", "found"), [
    (0, 4, [1, 0, 0, 2]), (1, 2, [0, 0]), (3, 1, [2]), (2, 9, [0, 2, 0, 0, 0, 0, 0, 4, 0]), (20, 2, [0, 0])])
def test_days_without_counts_are_laid_out_as_zeros(first: int, count: int, found: list[int]) -> None:
    held = line((0, 1), (3, 2), (9, 4))
    assert held.lay_out(first, count)[:, 0].tolist() == found
    assert held.has_day(first, first + count - 1) is any(found)


def test_rows_are_split_where_a_key_changes() -> None:
    keys = [np.array(["DE", "DE", "RU", "RU"], dtype=object), np.array([1, 1, 1, 2])]
    split = split_day_lines(keys, np.array([4, 5, 4, 4]), np.arange(24).reshape(4, 6))
    assert {key: dict(days) for key, days in split.items()} == {
        ("DE", 1): {4: tuple(range(6)), 5: tuple(range(6, 12))}, ("RU", 1): {4: tuple(range(12, 18))},
        ("RU", 2): {4: tuple(range(18, 24))}}
