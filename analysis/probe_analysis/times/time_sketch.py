"""Times as counts in bins: what two hours hold is added, and medians and rank tests need no more. Pure.

A bin is a quarter of an octave wide, so that a time is known within 10 %. What was given up after a while is censored:
it took at least so long, and is never less than what ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import erfc, log2, sqrt

PER_OCTAVE = 4
LAST_BIN = 72
"""262 s: no operation lasts longer."""
FACTOR_2 = PER_OCTAVE


def find_bin(seconds: float) -> int:
    """The bin of a time; what is shorter than a millisecond lies in the first."""
    return min(LAST_BIN, int(PER_OCTAVE * log2(max(1.0, seconds * 1000))))


def find_seconds(number: float) -> float:
    """The middle of a bin."""
    return float(2 ** ((number + 0.5) / PER_OCTAVE)) / 1000


@dataclass(slots=True, kw_only=True)
class TimeSketch:
    """How many took how long."""

    ended: Counter[int] = field(default_factory=Counter)
    """Bin -> how many."""
    censored: Counter[int] = field(default_factory=Counter)
    """The same of those that were given up."""

    @property
    def n(self) -> int:
        """All of them."""
        return self.ended.total() + self.censored.total()

    @property
    def late_share(self) -> float:
        """Of those that were given up."""
        return self.censored.total() / self.n if self.n else 0.0

    def add(self, number: int, n: int = 1, *, censored: bool = False) -> None:
        """Count some of one bin."""
        (self.censored if censored else self.ended)[number] += n

    def merge(self, other: TimeSketch) -> None:
        """Count what another holds."""
        self.ended.update(other.ended)
        self.censored.update(other.censored)

    def find_quantile(self, share: float) -> float:
        """The bin below which this share lies; those given up count as what ended just then. Raises ValueError where
        nothing is."""
        counts = self.ended + self.censored
        wanted = share * counts.total()
        passed = 0
        for number in sorted(counts):
            passed += counts[number]
            if passed >= wanted:
                return number
        raise ValueError("no time was counted")

    @property
    def median(self) -> float:
        """Its bin."""
        return self.find_quantile(0.5)


def merge_sketches(sketches: Iterable[TimeSketch]) -> TimeSketch:
    """What all of them hold."""
    whole = TimeSketch()
    for one in sketches:
        whole.merge(one)
    return whole


def median_of(numbers: Sequence[float]) -> float:
    """The lower median. Raises IndexError where there is none."""
    return sorted(numbers)[(len(numbers) - 1) // 2]


def quantile_of(numbers: Sequence[float], share: float) -> float:
    """The value below which at least this share lies. Raises IndexError where there is none."""
    return sorted(numbers)[int(share * (len(numbers) - 1))]


def find_chance(slow: TimeSketch, fast: TimeSketch) -> float:
    """One-sided rank-sum test (Mann and Whitney) by the normal approximation with ties: the chance that `slow` lies at
    least so far above `fast` where both are alike. A time that was given up is compared only with what surely took less
    (Gehan 1965); 1 where there is nothing to compare."""
    n, m = slow.n, fast.n
    if not n or not m:
        return 1.0
    higher = _count_pairs(slow, fast)
    lower = _count_pairs(fast, slow)
    ties = slow.ended + slow.censored + fast.ended + fast.censored
    total = n + m
    spread = n * m / 12 * (total + 1 - sum(t ** 3 - t for t in ties.values()) / (total * (total - 1)))
    if spread <= 0:
        return 1.0
    return erfc((higher - lower) / 2 / sqrt(2 * spread)) / 2


def _count_pairs(high: TimeSketch, low: TimeSketch) -> float:
    """Pairs in which the one of `high` surely took longer."""
    below = _sum_up(low.ended)
    return sum(n * below[number] for counts in (high.ended, high.censored) for number, n in counts.items())


def _sum_up(counts: Mapping[int, int]) -> list[int]:
    """How many lie below each bin."""
    sums = [0]
    for number in range(LAST_BIN + 1):
        sums.append(sums[-1] + counts.get(number, 0))
    return sums
