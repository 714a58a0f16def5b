"""The probe in every scenario of the laboratory, against the truth: real connections, the kernel's evidence level.

All trials run side by side once, since most of their time is waiting; the tests read what came of them.
"""

from __future__ import annotations

import os
import random

import pytest

from probe.catalogue.load import load as load_catalogue
from probe.lab.laboratory import unavailable
from probe.lab.scenario import load, names
from probe.lab.score import Score, run_trials, score
from probe.lab.trial import Trial, TrialResult

JOBS = 6 * (os.cpu_count() or 1)
WHOLE = "clean"
"""Measures the whole catalogue, which takes as long as twenty others; it has a test of its own."""

pytestmark = [pytest.mark.lab, pytest.mark.timeout(570)]

Trials = dict[tuple[str, bool], TrialResult]


@pytest.fixture(scope="module")
def trials() -> Trials:
    """(scenario, with helpers) -> what came of it; the seed is printed with every failure."""
    if reason := unavailable():
        pytest.skip(reason)
    seed = random.Random(f"verdicts {os.environ['PROBE_TEST_SEED']}").randrange(1, 100_000)
    wanted = [Trial(scenario=load(name), seed=seed + (not helpers), level="socket", helpers=helpers)
              for helpers in (True, False) for name in names() if name != WHOLE]
    results = run_trials(wanted, catalogue=load_catalogue(search=False), jobs=JOBS, progress=lambda _: None)
    return {(r.scenario, t.helpers): r for t, r in zip(wanted, results, strict=True)}


def told(found: Score) -> str:
    """The misses, and how to see them again."""
    return "\n".join(f"probe lab score --scenario {m.scenario} --seed {m.seed} --level socket: {m.input} "
                     f"expected {m.expected}, got {m.got} by {m.rule_id}" for m in found.misses)


def judged(result: TrialResult) -> Score:
    assert result.judgement is not None, f"seed {result.seed}: {result.note}"
    assert not result.judgement.invalid, f"seed {result.seed}: {result.judgement.invalid}"
    return score([result])


@pytest.mark.parametrize("name", [n for n in names() if n != WHOLE])
def test_every_expectation_is_met(trials: Trials, name: str) -> None:
    found = judged(trials[name, True])
    assert not found.misses, told(found)


@pytest.mark.parametrize("name", [n for n in names() if n != WHOLE])
def test_without_helpers_a_verdict_is_right_or_undecided(trials: Trials, name: str) -> None:
    found = judged(trials[name, False])
    assert not found.misses, told(found)


def test_nobody_is_accused_falsely(trials: Trials) -> None:
    found = score(trials.values())
    assert found.n_innocent > 300
    assert not found.false_accusations, found.false_accusations


@pytest.mark.parametrize("helpers", [True, False])
def test_the_whole_catalogue_answers_where_nothing_is_censored(helpers: bool) -> None:
    if reason := unavailable():
        pytest.skip(reason)
    seed = random.Random(f"clean {helpers} {os.environ['PROBE_TEST_SEED']}").randrange(1, 100_000)
    trial = Trial(scenario=load(WHOLE), seed=seed, level="socket", helpers=helpers)
    found = judged(run_trials([trial], catalogue=load_catalogue(search=False), jobs=1, progress=lambda _: None)[0])
    assert found.n_rows > 400
    assert not found.misses, told(found)
