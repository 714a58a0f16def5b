"""Scores of probabilities: what is right scores well at every prevalence, abstaining scores nothing."""

from __future__ import annotations

import random

import pytest

from probe_lab.scoring.odds_score import PREVALENCES, OddsCase, OddsScore, score_odds


def make_cases(*, sure: float, count: int = 1500) -> list[OddsCase]:
    """Said is what is so, but for log-odds that are multiplied by `sure`."""
    dice, cases = random.Random(5), []
    for number in range(count):
        so = dice.betavariate(0.6, 0.6) * 0.98 + 0.01
        odds = (so / (1 - so)) ** sure
        cases.append(OddsCase(situation=str(number), blocked=dice.random() < so, p_blocked=odds / (1 + odds),
                              said_at=0.5))
    return cases


def score(cases: list[OddsCase], prevalence: float) -> OddsScore:
    found = score_odds(cases, prevalence, draws=20)
    assert found is not None
    return found


@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_what_is_so_scores_well_at_every_prevalence(prevalence: float) -> None:
    found = score(make_cases(sure=1.0), prevalence)
    assert found.brier_skill > 0.1
    assert found.slope_low < 1.0 < found.slope_high
    assert found.error < 0.06
    assert sum(each.weight for each in found.diagram) == pytest.approx(1)


def test_who_is_too_sure_has_a_low_slope_and_an_error() -> None:
    modest, sure = score(make_cases(sure=1.0), 0.5), score(make_cases(sure=3.0), 0.5)
    assert sure.slope < 0.6 < modest.slope
    assert sure.error > modest.error


def test_abstaining_is_worth_nothing() -> None:
    flat = [OddsCase(situation=str(n), blocked=n % 3 == 0, p_blocked=0.5, said_at=0.5) for n in range(99)]
    assert score(flat, 0.1).brier_skill == pytest.approx(0, abs=1e-9)


def test_a_class_of_many_targets_weighs_as_one() -> None:
    once = [OddsCase(situation=name, blocked=name == "b", p_blocked=0.6, said_at=0.5) for name in "abc"]
    many = [*once, *[once[0]] * 50]
    assert score(many, 0.5).brier_skill == pytest.approx(score(once, 0.5).brier_skill)


def test_one_side_alone_is_not_scored() -> None:
    assert score_odds([OddsCase(situation="a", blocked=True, p_blocked=0.6, said_at=0.5)], 0.5) is None
