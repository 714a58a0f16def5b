"""Fisher's exact test against known tables, and what must hold of any."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.judge.common.fisher import fisher_p


@pytest.mark.parametrize(("ours", "others", "p"), [
    ((4, 1), (4, 3), 0.242857),  # Fisher's tea
    ((10, 0), (10, 10), 1 / comb(20, 10)),
    ((10, 10), (30, 30), 1.0),
    ((30, 0), (30, 0), 1.0),
    ((30, 20), (80, 55), 0.50),
])
def test_known_tables(ours: tuple[int, int], others: tuple[int, int], p: float) -> None:
    assert fisher_p(ours, others) == pytest.approx(p, rel=0.15)


@given(st.integers(0, 60), st.integers(0, 60), st.data())
def test_it_is_a_probability_and_more_answers_are_less_remarkable(sent: int, others: int, data: st.DataObject) -> None:
    answered = data.draw(st.integers(0, sent))
    rest = (others, data.draw(st.integers(0, others)))
    p = fisher_p((sent, answered), rest)
    assert 0 <= p <= 1
    if answered < sent:
        assert p <= fisher_p((sent, answered + 1), rest) + 1e-9


@given(st.integers(1, 60), st.integers(1, 60))
def test_equal_shares_are_no_finding(sent: int, others: int) -> None:
    assert fisher_p((sent, 0), (others, 0)) == 1.0
    assert fisher_p((sent, sent), (others, others)) == 1.0


def test_more_answers_than_requests_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="more answers"):
        fisher_p((3, 4), (5, 5))
