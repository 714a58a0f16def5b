"""The sum: from findings to the probability of each cause. A person can do it by hand.

Begin with the logarithm of each cause's base rate. For each group of findings add its strength times the logarithm of
how often the laboratory shows the word found under that cause. The exponentials of these sums, divided by their total,
are the probabilities, but for what is kept for situations that nobody foresaw.

A situation that the laboratory does not have shows any word of a group as easily as any other. How probable such a one
is follows in the same way, from its own base rate, and is never less than that. It says nothing of the cause, so its
share goes back to the base rates. The more findings are such as no cause shows, the nearer to these is the result.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from probe.catalogue.odds_table import BaseRates, LikelihoodTable
from probe.core.tables.odds_words import CAUSES, GROUPS, Cause, Group, State

_PARTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """What one finding adds."""

    group: Group
    word: str
    adds: Mapping[Cause, float]
    unforeseen: float
    """What it adds to a situation that nobody foresaw."""
    classes: int
    """Classes of situations in the laboratory that show the word; 0: none, and it adds nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """The sum, term by term."""

    profile: str
    """Whose base rates; `answers` of targets that answer."""
    base: Mapping[Cause, float]
    terms: tuple[Term, ...]
    unforeseen: float
    """Probability that the laboratory has nothing like it; it is shared out by the base rates."""
    shares: Mapping[Cause, float]
    """Three decimals; they add up to 1."""


def weigh_findings(findings: Mapping[Group, str], state: State, *, profile: str, table: LikelihoodTable,
                   rates: BaseRates) -> Odds:
    """`profile`: of the country, for the base rates."""
    base = (rates.fails[profile] if state == "fails" else rates.answers).list_shares()
    terms = tuple(_weigh(state, group, findings[group], table, rates) for group in GROUPS)
    sums = {cause: math.log(base[cause]) + sum(term.adds[cause] for term in terms) for cause in CAUSES}
    known = _add_exponentials(sums.values())
    strange = sum(term.unforeseen for term in terms) + math.log(rates.unforeseen / (1 - rates.unforeseen))
    unforeseen = max(rates.unforeseen, math.exp(strange - _add_exponentials((known, strange))))
    return Odds(profile=profile if state == "fails" else state, base=base, terms=terms, unforeseen=unforeseen,
                shares=round_shares({cause: (1 - unforeseen) * math.exp(sums[cause] - known) + unforeseen * base[cause]
                                     for cause in CAUSES}))


def _weigh(state: State, group: Group, word: str, table: LikelihoodTable, rates: BaseRates) -> Term:
    found = table.lines.get((state, group, word))
    if found is None:
        return Term(group=group, word=word, adds=dict.fromkeys(CAUSES, 0.0), unforeseen=0.0, classes=0)
    strength = rates.strength.conclusion if group == "conclusion" else rates.strength.others
    return Term(group=group, word=word, adds={cause: strength * math.log(found.of[cause]) for cause in CAUSES},
                unforeseen=-strength * math.log(table.words[state, group]), classes=found.classes)


def _add_exponentials(values: Iterable[float]) -> float:
    """The logarithm of the sum of what these are the logarithms of."""
    given = tuple(values)
    most = max(given)
    return most + math.log(sum(math.exp(value - most) for value in given))


def round_shares(shares: Mapping[Cause, float]) -> dict[Cause, float]:
    """Three decimals that add up to 1: what rounding down leaves goes to those that lost most by it."""
    parts = {cause: int(share * _PARTS) for cause, share in shares.items()}
    by_loss = sorted(shares, key=lambda cause: parts[cause] - shares[cause] * _PARTS)
    for cause in by_loss[:_PARTS - sum(parts.values())]:
        parts[cause] += 1
    return {cause: part / _PARTS for cause, part in parts.items()}
