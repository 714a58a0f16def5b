"""Exact tests of a handful of samples: tables from books, and properties that no sample may break."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.judge.common.rank_tests import binomial_tail, expected_chance, rank_sum_p, sign_p

PACES = st.lists(st.floats(1, 1e6), min_size=1, max_size=5)


@pytest.mark.parametrize(("fewer", "pairs", "p"), [
    (0, 4, 1.0), (4, 4, 1 / 16), (3, 4, 5 / 16), (5, 5, 1 / 32), (8, 8, 1 / 256), (1, 1, 0.5), (0, 0, 1.0)])
def test_sign_test(fewer: int, pairs: int, p: float) -> None:
    assert sign_p(fewer, pairs) == pytest.approx(p)


@pytest.mark.parametrize(("hits", "tries", "chance", "p"), [
    (3, 5, 0.1, 0.00856), (5, 5, 0.75, 0.2373), (1, 3, 0.5, 0.875), (2, 2, 0.0, 0.0), (0, 9, 0.3, 1.0),
    (2, 2, 1.0, 1.0), (3, 2, 1.0, 0.0), (0, 0, 0.0, 1.0), (1, 0, 0.5, 0.0), (5000, 9999, 0.5, 0.5),
    (100, 1000, 0.1, 0.5154), (40_000, 40_000, 0.5, 0.0)])
def test_binomial_tail(hits: int, tries: int, chance: float, p: float) -> None:
    assert binomial_tail(hits, tries, chance) == pytest.approx(p, rel=1e-3)


@pytest.mark.parametrize(("low", "high", "p"), [
    ([1, 2, 3, 4], [5, 6, 7, 8], 1 / 70),
    ([1, 2, 3], [4, 5, 6], 1 / 20),
    ([1, 2], [3, 4], 1 / 6),
    ([1, 3], [2, 4], 2 / 6),
    ([5, 6, 7, 8], [1, 2, 3, 4], 1.0),
    ([1, 1], [1, 1], 1.0),
    ([], [1.0], 1.0),
    ([1.0] * 9, [2.0] * 9, 1.0),
])
def test_rank_sum(low: Sequence[float], high: Sequence[float], p: float) -> None:
    assert rank_sum_p(low, high) == pytest.approx(p)


@given(PACES, PACES)
def test_both_sides_cannot_be_the_lower_one(one: list[float], other: list[float]) -> None:
    assert rank_sum_p(one, other) + rank_sum_p(other, one) >= 1 - 1e-9


@given(PACES, PACES, st.floats(0.01, 100))
def test_the_unit_does_not_matter(one: list[float], other: list[float], unit: float) -> None:
    scaled = rank_sum_p([v * unit for v in one], [v * unit for v in other])
    if len(set(one + other)) == len({v * unit for v in one + other}):
        assert scaled == pytest.approx(rank_sum_p(one, other))


@given(PACES, PACES)
def test_slower_is_never_less_telling(one: list[float], other: list[float]) -> None:
    assert rank_sum_p([v / 2 for v in one], other) <= rank_sum_p(one, other) + 1e-9


@given(st.integers(0, 8), st.integers(0, 8), st.floats(0, 1))
def test_more_hits_are_less_likely(hits: int, tries: int, chance: float) -> None:
    assert binomial_tail(hits + 1, tries, chance) <= binomial_tail(hits, tries, chance) + 1e-12


def test_equal_senders_are_told_apart_no_more_often_than_stated() -> None:
    """All orders of eight different paces are equally likely where names do not matter."""
    orders = list(permutations(range(8)))
    accused = sum(rank_sum_p(order[:4], order[4:]) <= 0.05 for order in orders[::7])
    assert accused / len(orders[::7]) <= 0.05


@given(st.integers(0, 20), st.integers(0, 20))
def test_none_in_few_is_not_never(hits: int, more: int) -> None:
    assert 0 < expected_chance(hits, hits + more) < 1
