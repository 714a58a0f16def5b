"""Measures of judged verdicts: balanced accuracy, precision and recall over the tree of causes, bounds. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe_lab.scoring.judged import JudgedRow


def scenario_accuracy(rows: Iterable[tuple[str, JudgedRow]]) -> dict[str, float]:
    """For each scenario the share of right verdicts, averaged over what was expected.

    One target is censored among ten that are well: counting rows alone, a program that calls everything well would
    be right ten times in eleven. Here each expected verdict weighs the same, and that program gets a half.
    """
    met: dict[str, dict[str, list[bool]]] = {}
    for scenario, row in rows:
        met.setdefault(scenario, {}).setdefault(row.expected, []).append(row.met)
    shares = {name: [sum(marks) / len(marks) for marks in classes.values()] for name, classes in met.items()}
    return {name: sum(values) / len(values) for name, values in sorted(shares.items())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How much of the causes that verdicts claim, and of those that were true, is common to both.

    A cause counts as itself and all its ancestors (Kiritchenko et al., Learning and Evaluation in the Presence of
    Class Hierarchies, 2006): `tls.reset` for `tls.reset.sni` claims nothing wrong, and names two thirds of it.
    """

    common: int = 0
    claimed: int = 0
    true: int = 0

    @property
    def precision(self) -> float | None:
        """Share of what was claimed that is true; None when nothing was claimed."""
        return self.common / self.claimed if self.claimed else None

    @property
    def recall(self) -> float | None:
        """Share of what is true that was claimed; None when nothing was to be claimed."""
        return self.common / self.true if self.true else None


def overlap(rows: Iterable[JudgedRow]) -> Overlap:
    """The sum over rows; where several causes were acceptable, the one that the verdict comes nearest to is true."""
    common = claimed = true = 0
    for row in rows:
        claim = _with_ancestors(row.claim)
        truth = _nearest(claim, row.causes)
        common, claimed, true = common + len(claim & truth), claimed + len(claim), true + len(truth)
    return Overlap(common=common, claimed=claimed, true=true)


def _nearest(claim: set[str], causes: Sequence[str]) -> set[str]:
    sets = list(map(_with_ancestors, causes))
    return max(sets, key=lambda cause: (len(cause & claim), -len(cause)), default=set())


def _with_ancestors(path: str) -> set[str]:
    parts = path.split(".") if path else []
    return {".".join(parts[:length]) for length in range(1, len(parts) + 1)}


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of those that are defined; None when none is."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def upper_bound(count: int, of: int) -> float:
    """Upper end of the one-sided 95 % interval of a share: 3/n for none, else Clopper and Pearson (1934)."""
    if of == 0 or count >= of:
        return 1.0
    if count == 0:
        return min(1.0, 3 / of)
    low, high = count / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance_of_at_most(count, of, middle) > 0.05 else (low, middle)
    return high


def chance_of_at_most(count: int, of: int, share: float) -> float:
    """Probability of at most `count` successes in `of` trials."""
    if share >= 1:
        return float(count >= of)
    logs = (
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * math.log(share) + (of - k) * math.log1p(-share)
        for k in range(count + 1)
    )
    return math.fsum(map(math.exp, logs))
