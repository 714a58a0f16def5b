"""Sketches of times: they add up, keep medians, and rank what was given up by what is sure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe_analysis.times.time_sketch import TimeSketch, find_bin, find_chance, find_seconds, merge_sketches

TIMES = st.lists(st.floats(0.001, 200), min_size=1, max_size=40)


def sketch(*seconds: float, late: tuple[float, ...] = ()) -> TimeSketch:
    made = TimeSketch()
    for one in seconds:
        made.add(find_bin(one))
    for one in late:
        made.add(find_bin(one), censored=True)
    return made


@given(TIMES)
def test_a_median_is_known_within_a_tenth(times: list[float]) -> None:
    ordered = sorted(times)
    assert find_seconds(sketch(*times).median) == pytest.approx(ordered[(len(times) - 1) // 2], rel=0.1)


@given(TIMES, TIMES)
def test_parts_add_up_to_the_whole(one: list[float], other: list[float]) -> None:
    assert merge_sketches((sketch(*one), sketch(*other))) == sketch(*one, *other)


@pytest.mark.parametrize(("slow", "fast", "is_sure"), [
    (sketch(*[6.0] * 9), sketch(*[0.1] * 30), True),
    (sketch(*[0.1] * 9), sketch(*[0.1] * 30), False),
    (sketch(*[0.1] * 9), sketch(*[6.0] * 30), False),
    (sketch(6.0), sketch(*[0.1] * 3), False),
    (sketch(late=(10.0,) * 9), sketch(*[0.1] * 30), True),
    (sketch(late=(0.05,) * 9), sketch(*[0.1] * 30), False),
    (sketch(*[6.0] * 9), sketch(late=(1.0,) * 30), False),
    (sketch(*[6.0] * 9), sketch(), False),
])
def test_ranks_say_what_is_slower(slow: TimeSketch, fast: TimeSketch, is_sure: bool) -> None:
    assert (find_chance(slow, fast) < 1e-4) is is_sure


def test_hostile_times_stay_within_the_bins() -> None:
    assert find_bin(0.0) == 0
    assert find_bin(1e12) == find_bin(1e6)
