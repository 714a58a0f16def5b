"""Segmentation of counts: exact, and indifferent to how cells are merged."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probe_analysis.events.partition import segment_series
from probe_analysis.events.segments import (
    Ints,
    count_days,
    estimate_base_rate,
    estimate_dispersion,
    estimate_strength,
    find_boundary,
    log_likelihood_ratio,
    shrink_rate,
)

CELLS = st.lists((st.integers(1, 5) | st.integers(1, 100_000)).flatmap(
    lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=9)


def segment(blocked: Ints, decided: Ints, penalty: float) -> Ints:
    """One series alone."""
    return segment_series([(blocked, decided)], [penalty])[0]


def cost(cells: Sequence[tuple[int, int]]) -> float:
    k, n = sum(k for k, _ in cells), sum(n for _, n in cells)
    return -sum(count * math.log(count / n) for count in (k, n - k) if count)


def total(cells: Sequence[tuple[int, int]], starts: Sequence[int], penalty: float) -> float:
    edges = [*starts, len(cells)]
    return sum(cost(cells[a:b]) + penalty for a, b in itertools.pairwise(edges))


@settings(max_examples=150, deadline=None)
@given(CELLS, st.floats(0.05, 6))
@example([(0, 90_000), (1, 90_000), (0, 90_000), (90_000, 90_000), (89_999, 90_000)], 6.0)
def test_no_other_segmentation_is_better(cells: list[tuple[int, int]], penalty: float) -> None:
    k, n = (np.array(column, dtype=np.int64) for column in zip(*cells, strict=True))
    found = segment(k, n, penalty).tolist()
    inner = range(1, len(cells))
    best = min(total(cells, [0, *cuts], penalty) for size in range(len(cells)) for cuts in
               itertools.combinations(inner, size))
    assert found[0] == 0
    assert total(cells, found, penalty) == pytest.approx(best, rel=1e-12, abs=1e-9)


@given(st.lists(st.tuples(CELLS | st.just([]), st.floats(0.05, 6)), max_size=8))
def test_series_are_cut_together_as_each_alone(series: list[tuple[list[tuple[int, int]], float]]) -> None:
    counts = [tuple(np.array([cell[part] for cell in cells], dtype=np.int64) for part in range(2))
              for cells, _ in series]
    penalties = [penalty for _, penalty in series]
    found = segment_series([(k, n) for k, n in counts], penalties)
    assert [each.tolist() for each in found] == [
        segment(k, n, penalty).tolist() for (k, n), penalty in zip(counts, penalties, strict=True)]


def test_years_of_hours_and_millions_of_verdicts_take_no_more_memory() -> None:
    """Ten years of a million verdicts an hour, in which no two hours are alike: 10^11 verdicts."""
    n = np.full(87_600, 1_000_000, dtype=np.int64)
    k = np.random.default_rng(4).binomial(n, 0.01)
    k[50_000:50_072] += 2_000
    segment(k[:9], n[:9], 8.0)  # compiles
    tracemalloc.start()
    found = segment(k, n, 8.0).tolist()
    most_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [0, 50_000, 50_072]
    assert most_bytes < 200 * len(n)


def test_a_block_of_six_hours_in_half_a_year() -> None:
    n = np.full(4320, 5, dtype=np.int64)
    k = np.random.default_rng(3).binomial(n, 0.01)
    k[2000:2006] = 5
    assert segment(k, n, 7.0).tolist() == [0, 2000, 2006]


def test_gaps_carry_no_weight() -> None:
    k, n = np.array([0, 0, 3, 3, 0]), np.array([3, 3, 3, 3, 3])
    assert segment(k, n, 1.0).tolist() == [0, 2, 4]
    assert segment(np.zeros(0, np.int64), np.zeros(0, np.int64), 1.0).tolist() == []


@given(st.integers(0, 50), st.integers(1, 50), st.floats(0.001, 0.999))
def test_divergence_is_least_at_the_rate_itself(k: int, n: int, base: float) -> None:
    k = min(k, n)
    assert log_likelihood_ratio(k, n, base) >= 0
    if 0 < k < n:
        assert log_likelihood_ratio(k, n, k / n) == pytest.approx(0, abs=1e-9)


def test_the_base_is_that_from_before_the_block() -> None:
    blocked, decided = np.array([1.0, 950.0]), np.array([100.0, 1000.0])
    assert estimate_base_rate(blocked, decided) == shrink_rate(1, 100)


def test_a_flaky_series_has_a_flaky_base() -> None:
    assert estimate_base_rate(np.array([300.0]), np.array([1000.0])) == pytest.approx(0.3, abs=0.02)


def test_strength_is_what_no_longer_passes() -> None:
    assert estimate_strength(0.2, 0.2) == 0
    assert estimate_strength(1.0, 0.2) == 1
    assert estimate_strength(0.6, 0.2) == pytest.approx(0.5)


def test_bursts_inflate_the_variance_and_independent_failures_do_not() -> None:
    rng = np.random.default_rng(4)
    times, n, none = np.arange(2400), np.full(2400, 4), np.zeros(2400, dtype=np.bool_)
    even = rng.binomial(n, 0.1)
    bursts = np.where(np.repeat(rng.random(400) < 0.1, 6), n, 0)
    assert estimate_dispersion(times, even, n, none, 6) < 1.2
    assert estimate_dispersion(times, bursts, n, none, 6) > 10


def test_a_boundary_is_as_wide_as_the_counts_leave_it() -> None:
    sharp = np.array([-4.0, -4.0, 9.0, 9.0])
    assert find_boundary(sharp, 2, 3) == (2, 2)
    short = np.array([-9.0, 5.0, -9.0, -9.0])
    assert find_boundary(short, 1, 1) == (1, 1)
    vague = np.array([-4.0, -0.5, 0.5, 9.0])
    assert find_boundary(vague, 2, 3) == (1, 3)


@given(st.sets(st.integers(-100, 2000), max_size=40), st.integers(1, 48))
def test_days_are_counted_from_times_that_rise(times: set[int], day: int) -> None:
    assert count_days(np.array(sorted(times), dtype=np.int64), day) == len({time // day for time in times})
