"""Are two groups of connections different, or is it chance? An exact permutation test over small whole scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import comb

MOST = 80
"""Members of a group that are counted: the test's time grows with their square."""


def permutation_p(ours: Sequence[int], others: Sequence[int]) -> float:
    """Probability that as many as ours, drawn by chance from all, score as high together: one-sided p, 1 where a group
    is empty.

    The unit is the member: of what lies within one, and is therefore not independent, only its score counts. Scores are
    whole numbers from 0 up. Fisher, R. A. (1935), The Design of Experiments, section 21; the distribution of the sum is
    that of draws without replacement, counted score by score.
    """
    ours, others = ours[:MOST], others[: 4 * MOST]
    if not ours or not others:
        return 1.0
    size, least = len(ours), sum(ours)
    ways: dict[tuple[int, int], int] = {(0, 0): 1}
    """(members drawn, their sum) -> in how many ways."""
    for score, members in Counter((*ours, *others)).items():
        grown: Counter[tuple[int, int]] = Counter()
        for (drawn, total), count in ways.items():
            for more in range(min(members, size - drawn) + 1):
                grown[drawn + more, min(least, total + more * score)] += count * comb(members, more)
        ways = grown
    return ways[size, least] / comb(len(ours) + len(others), size)
