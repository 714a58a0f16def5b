"""The permutation test against counting every draw by hand."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.judge.common.fisher import fisher_p
from probe.judge.common.permutation import permutation_p

SCORES = st.lists(st.integers(0, 4), min_size=1, max_size=6)


@given(SCORES, SCORES)
def test_it_is_the_share_of_draws_that_score_as_high(ours: list[int], others: list[int]) -> None:
    draws = list(combinations([*ours, *others], len(ours)))
    assert permutation_p(ours, others) == pytest.approx(sum(sum(draw) >= sum(ours) for draw in draws) / len(draws))


@given(st.lists(st.integers(0, 1), min_size=1, max_size=20), st.lists(st.integers(0, 1), min_size=1, max_size=20))
def test_of_yes_and_no_it_is_fishers_exact_test(ours: list[int], others: list[int]) -> None:
    p = fisher_p((len(ours), ours.count(0)), (len(others), others.count(0)))
    assert permutation_p(ours, others) == pytest.approx(p)


@pytest.mark.parametrize(("ours", "others"), [([], [1]), ([1], []), ([0, 0], [0] * 9)])
def test_nothing_is_no_difference(ours: list[int], others: list[int]) -> None:
    assert permutation_p(ours, others) == 1.0


def test_many_members_are_bounded() -> None:
    assert permutation_p([4] * 500, [0] * 5000) < 1e-30
