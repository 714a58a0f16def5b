"""Do some probes find something else than the rest of their country on the same day? Pure.

Each probe counts once in each stratum (country, day, service), however often it measured there, so that nobody gains by
measuring more. Strata are weighed as Mantel and Haenszel did. The interval comes from leaving out each probe in turn
(Tukey's jackknife), since what one probe finds in many strata is no independent evidence.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

Group = Literal["first", "rest"]
MIN_PROBES = 5
"""In each group, for an interval."""
Stratum = tuple[str, str, str]
"""Country, day, service."""
_WIDEST = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeShare:
    """What one probe found in one stratum."""

    probe_id: str
    group: Group
    stratum: Stratum
    share: float
    """Of its verdicts there: 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDifference:
    """The share among the first, less that of the rest of the same country and day."""

    first_probes: int
    """Those that somebody of the rest could be compared with, as the next."""
    rest_probes: int
    strata: int
    difference: float | None = None
    """None where there is nothing to compare."""
    low: float | None = None
    """Of the interval; None where too few probes are there for one. Likewise the next."""
    high: float | None = None

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high


@dataclass(slots=True)
class _Sums:
    """Of one stratum: probes, and the sum of their shares."""

    first: int = 0
    rest: int = 0
    first_sum: float = 0.0
    rest_sum: float = 0.0

    def add(self, one: ProbeShare, sign: int) -> None:
        if one.group == "first":
            self.first += sign
            self.first_sum += sign * one.share
        else:
            self.rest += sign
            self.rest_sum += sign * one.share

    @property
    def terms(self) -> tuple[float, float]:
        """Weight times difference, and weight."""
        if not (self.first and self.rest):
            return 0.0, 0.0
        weight = self.first * self.rest / (self.first + self.rest)
        return weight * (self.first_sum / self.first - self.rest_sum / self.rest), weight


def compare_groups(shares: Iterable[ProbeShare], *, level: float = 0.95) -> GroupDifference:
    """How much higher the share is among the first. `level`: of the interval."""
    strata: defaultdict[Stratum, _Sums] = defaultdict(_Sums)
    every = list(shares)
    for one in every:
        strata[one.stratum].add(one, 1)
    both = {stratum: sums for stratum, sums in strata.items() if sums.first and sums.rest}
    own: defaultdict[tuple[Group, str], list[ProbeShare]] = defaultdict(list)
    for one in every:
        if one.stratum in both:
            own[one.group, one.probe_id].append(one)
    first, rest = (sum(group == wanted for group, _ in own) for wanted in ("first", "rest"))
    found = GroupDifference(first_probes=first, rest_probes=rest, strata=len(both))
    if not both:
        return found
    over = sum(sums.terms[0] for sums in both.values())
    weight = sum(sums.terms[1] for sums in both.values())
    difference = over / weight
    half = _find_half_width(own, both, over, weight, level) if min(first, rest) >= MIN_PROBES else None
    return GroupDifference(
        first_probes=first, rest_probes=rest, strata=len(both), difference=difference,
        low=None if half is None else max(-_WIDEST, difference - half),
        high=None if half is None else min(_WIDEST, difference + half))


def _find_half_width(own: Mapping[tuple[Group, str], Sequence[ProbeShare]], both: Mapping[Stratum, _Sums], over: float,
                     weight: float, level: float) -> float | None:
    """Of the interval; None where one probe carries all of a group's comparison."""
    without: dict[Group, list[float]] = {"first": [], "rest": []}
    for (group, _), shares in own.items():
        left_over, left_weight = over, weight
        for one in shares:
            sums = both[one.stratum]
            term = sums.terms
            sums.add(one, -1)
            less = sums.terms
            sums.add(one, 1)
            left_over += less[0] - term[0]
            left_weight += less[1] - term[1]
        if left_weight <= weight * 1e-9:
            return None
        without[group].append(left_over / left_weight)
    variance = sum((len(some) - 1) / len(some) * sum((value - sum(some) / len(some)) ** 2 for value in some)
                   for some in without.values())
    fewest = min(map(len, without.values()))
    if variance < 1e-12:  # all alike: what none of n probes shows may still be found by 3 / n of all probes
        return 3 / fewest
    return find_t_quantile(0.5 + level / 2, fewest - 1) * math.sqrt(variance)


def find_t_quantile(chance: float, degrees: int) -> float:
    """Of Student's distribution, by the expansion of Cornish and Fisher (Abramowitz and Stegun 26.7.5): for 4 degrees
    and more, within 1 % at usual levels."""
    z = NormalDist().inv_cdf(chance)
    return (z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
            + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
            + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92160 * degrees**4))
