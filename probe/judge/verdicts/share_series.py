"""What a series of runs says of one target that fails at times: pure.

In a single run a share of failures accuses nobody, and few connections hardly show one. Over many runs two situations
of the same share come apart. A server of several behind one address fails for every name; so does a lossy or broken
link, and whatever draws by source port. What acts on the name spares an innocent one at the same address.

Theory of operation. Each run is a table of its own: own connections and innocent ones, in trouble or not. Given how
many of a run's connections were in trouble, which of them were is a draw without a choice, if names make no
difference; so an evening on which everything fails tells nothing. The chance that all runs together have so few
innocent ones among them is exact (the conditional test of strata: Mantel and Haenszel 1959; Gart 1970).

Whoever is watched because of trouble gets more connections. That leaves the test exact as long as the choice looks at
how many of a run's connections were in trouble and not at which of them: `choose_watched` counts both kinds together.

What it cannot tell: the service's own front, which knows names as a box does, and leads them to servers one of which
may be broken. So a series suspects and never accuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Literal

from probe.core.planned_shares import read_share
from probe.core.verdicts import Verdict
from probe.judge.verdicts.confidence import OF_DOUBTFUL

SeriesWord = Literal["too_few", "steady", "at_times", "by_name"]
"""too_few: nothing can be said; steady: none failed; at_times: a share fails, whoever is named or nobody knows;
by_name: a share of this name's is in trouble, and innocent ones at the same address are spared."""
ENOUGH = 10
"""Connections under each name; fewer tell nothing."""
MOST_OF_A_TARGET = 200
"""Connections that one run plans to one target, under each name."""
ENOUGH_RUNS = 4
"""Runs in which the own name was in trouble: one bad moment may last for two."""
BY_CHANCE = 0.01
MOST_RUNS = 20
"""Of a series: the latest ones."""
MOST_WATCHED = 6
TIMES = 4
"""An innocent name's share of trouble must be so many times smaller, whatever chance says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShare:
    """One run's planned connections to a target."""

    made: int
    failed: int = 0
    troubled: int = 0
    """Those that failed or had to send anything again."""
    beside: int = 0
    """Innocent ones to the same addresses."""
    beside_troubled: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareSeries:
    """What several runs say together."""

    word: SeriesWord
    runs: int
    made: int
    failed: int
    troubled: int
    beside: int
    beside_troubled: int
    chance: float
    """How likely so few innocent ones are in trouble where names make no difference."""

    @property
    def most_sure(self) -> float:
        """The confidence that `ok` may state at most."""
        return 1.0 if self.word in ("steady", "too_few") else OF_DOUBTFUL


def read_run_share(verdict: Verdict) -> RunShare:
    """The counts of a stored verdict; rows without them, or with more than any run makes, have none."""
    failed, made = read_share(verdict.intermittent)
    troubled, _ = read_share(verdict.troubled)
    beside_troubled, beside = read_share(verdict.troubled_beside)
    if max(made, beside) > MOST_OF_A_TARGET:
        return RunShare(made=0)
    return RunShare(made=made, failed=failed, troubled=min(troubled, made), beside=beside,
                    beside_troubled=beside_troubled)


def judge_series(shares: Iterable[RunShare]) -> ShareSeries:
    """Hold a target's connections of several runs against innocent ones to the same addresses."""
    counted = [share for share in shares if share.made]
    made, failed = sum(s.made for s in counted), sum(s.failed for s in counted)
    troubled = sum(s.troubled for s in counted)
    beside, beside_troubled = sum(s.beside for s in counted), sum(s.beside_troubled for s in counted)
    chance = find_chance(counted)
    spared = beside >= ENOUGH and TIMES * beside_troubled * made <= troubled * beside
    often = sum(s.troubled > 0 for s in counted) >= ENOUGH_RUNS
    by_name = made >= ENOUGH and spared and often and chance <= BY_CHANCE
    word: SeriesWord = ("by_name" if by_name else "at_times" if failed else "too_few" if made < ENOUGH else "steady")
    return ShareSeries(word=word, runs=len(counted), made=made, failed=failed, troubled=troubled, beside=beside,
                       beside_troubled=beside_troubled, chance=chance)


def pool_shares(shares: Sequence[RunShare]) -> RunShare:
    """One run's connections to several targets together. They may share an address, and so an innocent connection:
    those of one target alone are counted, of the one beside which most were in trouble."""
    beside = max(shares, key=lambda share: (share.beside_troubled, share.beside))
    return RunShare(made=sum(s.made for s in shares), failed=sum(s.failed for s in shares),
                    troubled=sum(s.troubled for s in shares), beside=beside.beside,
                    beside_troubled=beside.beside_troubled)


def choose_watched(shares: Mapping[str, Sequence[RunShare]]) -> frozenset[str]:
    """Of targets with their latest runs' connections, those of which more are to be made: where most of them were in
    trouble, whatever name they had, and neither all nor none."""
    trouble = {target: sum(s.troubled + s.beside_troubled for s in runs) for target, runs in shares.items()}
    made = {target: sum(s.made + s.beside for s in runs) for target, runs in shares.items()}
    at_times = [target for target in trouble if 0 < trouble[target] < made[target]]
    return frozenset(sorted(at_times, key=lambda target: (-trouble[target], target))[:MOST_WATCHED])


def find_chance(shares: Sequence[RunShare]) -> float:
    """The chance of at most so many innocent connections in trouble, given how many of each run's were."""
    spread = [1.0]
    for share in shares:
        spread = _convolve(spread, _spread_of(share))
    return min(1.0, sum(spread[:1 + sum(share.beside_troubled for share in shares)]))


def _spread_of(share: RunShare) -> list[float]:
    """How likely each number of innocent ones is among a run's that are in trouble (hypergeometric)."""
    every, struck = share.made + share.beside, share.troubled + share.beside_troubled
    ways = comb(every, struck)
    return [comb(share.beside, k) * comb(share.made, struck - k) / ways if k <= struck else 0.0
            for k in range(share.beside + 1)]


def _convolve(first: Sequence[float], second: Sequence[float]) -> list[float]:
    total = [0.0] * (len(first) + len(second) - 1)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            total[i + j] += a * b
    return total


def describe_series(series: ShareSeries) -> str:
    """In a sentence, with the counts that it rests on; empty where there is nothing to tell."""
    if series.word in ("too_few", "steady"):
        return ""
    own = f"over {series.runs} runs {series.failed} of {series.made} planned connections failed"
    if not series.beside:
        return f"{own}; there is nothing to compare them with"
    beside = (f"{series.troubled} failed or lost something, and of innocent names at the same addresses "
              f"{series.beside_troubled} of {series.beside}")
    word = ("it is the name that is struck, by something on the way or by the service's own front"
            if series.word == "by_name" else "the name is not shown to matter")
    return f"{own}; {beside}: {word}; that it works is {series.most_sure:.2f} sure at most"
