"""The score of many trials: false accusations first, then how often the verdict was right.

Pure but for `run_trials`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from probe.catalogue.types import Catalogue
from probe.lab.expect import MISSING, JudgedRow
from probe.lab.trial import Trial, TrialResult, run_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One verdict that should have been another; scenario, seed and level are what it takes to see it again."""

    scenario: str
    seed: int
    level: str
    input: str
    expected: str
    got: str
    rule_id: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A trial that proves nothing, and why."""

    scenario: str
    seed: int
    level: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a set of trials adds up to."""

    accuracy: float | None
    """Mean over scenarios of the balanced accuracy (see `scenario_accuracy`); None when no trial counts."""
    by_scenario: Mapping[str, float]
    n_rows: int
    """Verdicts that were judged."""
    n_innocent: int
    """Verdicts that must not be `blocked`."""
    false_accusations: tuple[Finding, ...]
    bound: float
    """Upper end of the one-sided 95 % interval for the share of false accusations."""
    misses: tuple[Finding, ...]
    confusion: Mapping[tuple[str, str], int]
    """(expected, got) -> verdicts."""
    invalid: tuple[Trouble, ...]
    """Scenarios whose truth disagrees with their expectation."""
    broken: tuple[Trouble, ...]
    """Laboratories that failed, and programs that left no results."""
    wall_s: float
    """Sum over the trials."""


def run_trials(
    trials: Sequence[Trial], *, catalogue: Catalogue, jobs: int, progress: Callable[[TrialResult], None]
) -> tuple[TrialResult, ...]:
    """Run trials side by side, since most of their time is waiting; results in the order of `trials`.

    `progress` is called in this thread after each. The first error of a scenario or machine ends all.
    """
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        futures = {pool.submit(run_trial, trial, catalogue=catalogue): index for index, trial in enumerate(trials)}
        results: dict[int, TrialResult] = {}
        for future in as_completed(futures):
            results[futures[future]] = future.result()
            progress(results[futures[future]])
    finally:
        pool.shutdown(cancel_futures=True)
    return tuple(results[index] for index in range(len(trials)))


def score(results: Iterable[TrialResult]) -> Score:
    """Add up trials; those whose scenario is invalid count for false accusations only."""
    results = tuple(results)
    sound = [r for r in results if r.judgement is not None and not r.judgement.invalid]
    innocent = [(r, row) for r in results for row in _all_rows(r) if not row.may_be_blocked and row.got != MISSING]
    expected = [(r, row) for r in sound for row in _expected_rows(r)]
    accused = tuple(_finding(r, row) for r, row in innocent if row.accused)
    by_scenario = scenario_accuracy((r.scenario, row) for r, row in expected)
    return Score(
        accuracy=sum(by_scenario.values()) / len(by_scenario) if by_scenario else None,
        by_scenario=by_scenario,
        n_rows=len(expected),
        n_innocent=len(innocent),
        false_accusations=accused,
        bound=upper_bound(len(accused), len(innocent)),
        misses=tuple(_finding(r, row) for r, row in expected if not row.met),
        confusion=Counter((row.expected, row.got) for _, row in expected),
        invalid=tuple(_trouble(r, r.judgement.invalid) for r in results if r.judgement and r.judgement.invalid),
        broken=tuple(_trouble(r, r.note) for r in results if r.note),
        wall_s=sum(r.wall_s for r in results),
    )


def _all_rows(result: TrialResult) -> tuple[JudgedRow, ...]:
    return (*result.judgement.rows, *result.judgement.others) if result.judgement else ()


def _expected_rows(result: TrialResult) -> Iterator[JudgedRow]:
    if result.judgement:
        yield from result.judgement.rows
        if result.judgement.run:
            yield result.judgement.run


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


def _finding(result: TrialResult, row: JudgedRow) -> Finding:
    return Finding(
        scenario=result.scenario,
        seed=result.seed,
        level=result.level,
        input=row.subject,
        expected=row.expected,
        got=row.got,
        rule_id=row.rule_id,
        evidence=row.evidence,
    )


def _trouble(result: TrialResult, reason: str) -> Trouble:
    return Trouble(scenario=result.scenario, seed=result.seed, level=result.level, reason=reason)


def upper_bound(count: int, of: int) -> float:
    """Upper end of the one-sided 95 % interval of a share: 3/n for none, else Clopper and Pearson (1934)."""
    if of == 0 or count >= of:
        return 1.0
    if count == 0:
        return min(1.0, 3 / of)
    low, high = count / of, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, of, middle) > 0.05 else (low, middle)
    return high


def _at_most(count: int, of: int, share: float) -> float:
    """Probability of at most `count` successes in `of` trials."""
    if share >= 1:
        return 0.0
    logs = (
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * math.log(share) + (of - k) * math.log1p(-share)
        for k in range(count + 1)
    )
    return math.fsum(map(math.exp, logs))
