"""The sum of findings: what adds nothing, what is never less than its floor, and what rounding keeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue.odds_table import BaseRate, BaseRates, Likelihood, LikelihoodTable, Strength
from probe.core.tables.odds_words import CAUSES, GROUPS, Cause, Group
from probe.judge.odds.weigh import Odds, round_shares, weigh_findings

RATE = BaseRate(ok=20, blocked=20, service=40, network=10, local=10, source="")
RATES = BaseRates(unforeseen=0.02, strength=Strength(conclusion=1.0, others=0.5), answers=RATE, fails={"open": RATE})
SHOWN: dict[Cause, float] = {"ok": 0.1, "blocked": 0.9, "service": 0.1, "network": 0.1, "local": 0.1}
RARE: dict[Cause, float] = dict.fromkeys(CAUSES, 1e-6)


def table(*rows: tuple[Group, str, dict[Cause, float]]) -> LikelihoodTable:
    return LikelihoodTable(lines={("fails", group, word): Likelihood(of=of, classes=1) for group, word, of in rows})


def weigh(known: LikelihoodTable, **words: str) -> Odds:
    return weigh_findings({group: words.get(group, "unheard of") for group in GROUPS}, "fails", profile="open",
                          table=known, rates=RATES)


@pytest.mark.parametrize(("known", "words", "blocked", "unforeseen"), [
    (table(), {}, 0.2, 0.02),
    (table(("conclusion", "x", SHOWN), ("conclusion", "y", SHOWN)), {"conclusion": "x"}, 0.674, 0.0378),
    (table(("way", "x", SHOWN), ("way", "y", SHOWN)), {"way": "x"}, 0.421, 0.0316),
    (table(("conclusion", "x", RARE)), {"conclusion": "x"}, 0.2, 1.0),
])
def test_findings_add_up(known: LikelihoodTable, words: dict[str, str], blocked: float, unforeseen: float) -> None:
    found = weigh(known, **words)
    assert found.shares["blocked"] == pytest.approx(blocked, abs=0.002)
    assert found.unforeseen == pytest.approx(unforeseen, abs=0.002)


@given(st.lists(st.floats(0, 1, allow_subnormal=False), min_size=5, max_size=5).filter(lambda parts: sum(parts) > 1e-9))
def test_rounded_shares_add_up(parts: list[float]) -> None:
    shares = {cause: part / sum(parts) for cause, part in zip(CAUSES, parts, strict=True)}
    rounded = round_shares(shares)
    assert round(sum(rounded.values()), 9) == 1
    assert all(abs(rounded[cause] - shares[cause]) <= 0.001 + 1e-9 for cause in CAUSES)
