"""What accusations rest on, and what several allowed outcomes hide. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probe.core.tables.basis_words import BASES
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe_lab.scoring.judged import JudgedRow

NO_BASIS = "none"
"""For accusations without one, of which there must not be any."""
_OPEN = ("inconclusive", NOT_ATTEMPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisCount:
    """Accusations with one basis."""

    right: int = 0
    """On targets with which something interfered."""
    wrong: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UndecidedCount:
    """The verdicts of which the same several outcomes are allowed, and which each was given how often."""

    allowed: tuple[str, ...]
    rows: int
    given: Mapping[str, int]

    @property
    def undecided(self) -> int:
        """Those that decide nothing, right as they are."""
        return sum(count for outcome, count in self.given.items() if outcome in _OPEN)


def count_bases(rows: Iterable[JudgedRow]) -> dict[str, BasisCount]:
    """Basis -> accusations that rest on it. Each word has its line, and `none` where any accusation lacks one."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for row in rows:
        if row.accused:
            (right if row.may_be_blocked else wrong)[row.basis if row.basis in BASES else NO_BASIS] += 1
    words = (*BASES, *((NO_BASIS,) if right[NO_BASIS] or wrong[NO_BASIS] else ()))
    return {word: BasisCount(right=right[word], wrong=wrong[word]) for word in words}


def count_undecided(rows: Iterable[JudgedRow]) -> tuple[UndecidedCount, ...]:
    """A line for each set of allowed outcomes of more than one, the largest first."""
    given: dict[tuple[str, ...], Counter[str]] = {}
    for row in rows:
        allowed = tuple(sorted(set(row.outcomes)))
        if len(allowed) > 1:
            given.setdefault(allowed, Counter())[row.got.split(" ")[0]] += 1
    found = [UndecidedCount(allowed=allowed, rows=sum(counts.values()), given=dict(counts.most_common()))
             for allowed, counts in given.items()]
    return tuple(sorted(found, key=lambda each: (-each.rows, each.allowed)))
