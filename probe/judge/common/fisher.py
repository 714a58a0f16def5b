"""Are two shares different, or is it chance? Fisher's exact test, for counts as small as a series of requests."""

from __future__ import annotations

from math import exp, lgamma


def fisher_p(ours: tuple[int, int], others: tuple[int, int]) -> float:
    """Probability of losing so many of ours by chance if both lost alike: one-sided p. Pairs are (sent, answered).

    Fisher, R. A. (1935), The Logic of Inductive Inference: the hypergeometric tail with both margins fixed.
    """
    sent, answered = ours
    total, got = sent + others[0], answered + others[1]
    if not 0 <= answered <= sent or not 0 <= others[1] <= others[0]:
        raise ValueError("more answers than requests")
    lowest = max(0, got - others[0])
    return min(1.0, sum(exp(_log_chance(k, sent, got, total)) for k in range(lowest, answered + 1)))


def _log_chance(k: int, sent: int, got: int, total: int) -> float:
    """Logarithm of the hypergeometric probability that k of the answers are among ours."""
    return log_choose(sent, k) + log_choose(total - sent, got - k) - log_choose(total, got)


def log_choose(n: int, k: int) -> float:
    """Logarithm of the number of ways to choose k of n."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
