"""Exact tests for a handful of samples: how often chance alone would look at least so."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import exp, fsum, log, log1p

from probe.judge.common.fisher import log_choose

MAX_SAMPLES = 16
"""Of both kinds together: more are not enumerated."""


def sign_p(fewer: int, pairs: int) -> float:
    """One-sided sign test: the chance that of `pairs` fair coins at least `fewer` fall the same way."""
    return binomial_tail(fewer, pairs, 0.5)


def binomial_tail(hits: int, tries: int, chance: float) -> float:
    """The chance of at least `hits` in `tries`, each with `chance`. By logarithms: the numbers of ways are too large
    from about a thousand tries on."""
    if hits <= 0 or chance >= 1:
        return 1.0 if hits <= tries else 0.0
    if chance <= 0:
        return 0.0
    hit, missed = log(chance), log1p(-chance)
    return min(1.0, fsum(exp(log_choose(tries, k) + k * hit + (tries - k) * missed) for k in range(hits, tries + 1)))


def expected_chance(hits: int, tries: int) -> float:
    """What to expect of the next try (Laplace's rule of succession): none in four is not never."""
    return (hits + 1) / (tries + 2)


def rank_sum_p(low: Sequence[float], high: Sequence[float]) -> float:
    """One-sided exact rank-sum test (Wilcoxon, Mann and Whitney): the chance that ranks dealt at random put `low` at
    least so far below `high`. 1 where there is nothing to rank; equal values share their ranks."""
    values = [*low, *high]
    if not low or not high or len(values) > MAX_SAMPLES:
        return 1.0
    ordered = sorted(values)
    ranks = [ordered.index(v) + (ordered.count(v) + 1) / 2 for v in values]
    seen = sum(ranks[: len(low)])
    deals = [sum(deal) for deal in combinations(ranks, len(low))]
    return sum(total <= seen + 1e-9 for total in deals) / len(deals)
