"""The score of many trials: false accusations first, then how often the verdict was right.

Pure but for `run_trials`.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from probe.catalogue.types import Catalogue
from probe_lab.laboratory import start_warm
from probe_lab.scoring.accusations import BasisCount, UndecidedCount, count_bases, count_undecided
from probe_lab.scoring.calibration import Bin, calibrate_classes, calibrate_rules, calibration, list_rule_classes
from probe_lab.scoring.judged import MISSING, JudgedRow
from probe_lab.scoring.odds_cases import score_results
from probe_lab.scoring.odds_score import OddsScore
from probe_lab.scoring.score_measures import Overlap, mean, overlap, scenario_accuracy, upper_bound
from probe_lab.scoring.situations import (
    InnocentClasses,
    NamedCause,
    SituationScore,
    count_innocent_classes,
    count_named_causes,
    count_situations,
)
from probe_lab.scoring.trial import Trial, TrialResult, run_trial
from probe_lab.scoring.trial_order import Queue
from probe_lab.scoring.user_score import UserScore, count_users


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongVerdict:
    """One verdict that should have been another; `replay` makes the same laboratory again."""

    scenario: str
    seed: int
    level: str
    """The evidence level."""
    consent_level: int
    helpers: bool
    input: str
    expected: str
    got: str
    rule_id: str
    evidence: str
    replay: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialTrouble:
    """A trial that proves nothing, and why."""

    scenario: str
    seed: int
    level: str
    """The evidence level."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioScore:
    """What the trials of one scenario add up to."""

    accuracy: float
    """Balanced (`scenario_accuracy`)."""
    causes: Overlap
    n_rows: int
    n_misses: int
    n_false_accusations: int
    n_unfired: int
    """Verdicts on targets that censorship was expected to act on and did not (`unless_fired`)."""
    wall_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a set of trials adds up to."""

    accuracy: float | None
    """Mean over scenarios of the balanced accuracy; None when no trial counts."""
    precision: float | None
    """Mean over scenarios of the hierarchical precision of causes; None when no verdict claims one."""
    recall: float | None
    """Mean over scenarios of the hierarchical recall of causes; None when none was expected."""
    by_scenario: Mapping[str, ScenarioScore]
    n_rows: int
    """Verdicts that were judged."""
    n_innocent: int
    """Verdicts that must not be `blocked`."""
    false_accusations: tuple[WrongVerdict, ...]
    bound: float
    """Upper end of the one-sided 95 % interval for the share of false accusations."""
    misses: tuple[WrongVerdict, ...]
    n_undecided: int
    """Misses that are `inconclusive`: nothing wrong was said."""
    calibration: tuple[Bin, ...]
    calibration_by_rule: tuple[Bin, ...]
    calibration_by_class: tuple[Bin, ...]
    situations: tuple[SituationScore, ...]
    classes: InnocentClasses
    named: tuple[NamedCause, ...]
    basis: Mapping[str, BasisCount]
    """Word -> accusations that rest on it."""
    odds: tuple[OddsScore, ...]
    """What the probabilities of failing targets are worth, at each prevalence; twins apart."""
    odds_of_twins: tuple[OddsScore, ...]
    undecided: tuple[UndecidedCount, ...]
    """What expectations that allow several outcomes were given."""
    rules: Mapping[str, int]
    """Rule -> verdicts that it decided."""
    confusion: Mapping[tuple[str, str], int]
    """(expected, got) -> verdicts."""
    users: UserScore
    """Of the scenarios in which users' programs run."""
    unstable: tuple[str, ...]
    """`scenario input` of the verdicts that differed between repetitions of one and the same trial."""
    invalid: tuple[TrialTrouble, ...]
    """Scenarios whose truth disagrees with their expectation."""
    broken: tuple[TrialTrouble, ...]
    """Laboratories that failed, and programs that left no results."""
    skipped: tuple[TrialTrouble, ...]
    """Scenarios that need programs which this machine lacks."""
    wall_s: float
    """Sum over the trials."""


def run_trials(
    trials: Sequence[Trial], *, catalogue: Catalogue, jobs: int, progress: Callable[[TrialResult], None]
) -> tuple[TrialResult, ...]:
    """Run trials side by side, since most of their time is waiting; results in the order of `trials`, which begin in
    another (`Queue`).

    `progress` is called in this thread after each. The first error of the machine, or Ctrl-C, ends all, with their
    laboratories.
    """
    pool = ThreadPoolExecutor(max_workers=jobs)
    waiting = Queue([trial.scenario.name for trial in trials])
    with start_warm() as interpreter:

        def run_next() -> tuple[int, TrialResult]:
            index = waiting.take()
            result = run_trial(trials[index], catalogue=catalogue, warm=interpreter)
            waiting.tell(index, result.wall_s)
            return index, result

        try:
            results: dict[int, TrialResult] = {}
            for future in as_completed([pool.submit(run_next) for _ in trials]):
                index, results[index] = future.result()
                progress(results[index])
        except BaseException:
            interpreter.end_laboratories()  # else a person who stops it waits for the longest run
            raise
        finally:
            pool.shutdown(cancel_futures=True)
    return tuple(results[index] for index in range(len(trials)))


def add_up_trials(results: Iterable[TrialResult], *, capped: frozenset[str] = frozenset()) -> Score:
    """Add up trials; those whose scenario is invalid count for false accusations only. `capped` are rules whose
    confidence is held below their own."""
    results = tuple(results)
    sound = [r for r in results if r.judgement is not None and not r.judgement.invalid]
    innocent = [(r, row) for r in results for row in _all_rows(r) if not row.may_be_blocked and row.got != MISSING]
    expected = [(r, row) for r in sound for row in _expected_rows(r)]
    accused = tuple(_finding(r, row) for r, row in innocent if row.accused)
    by_scenario = _by_scenario(results, expected, accused)
    situations = count_situations(results)
    return Score(
        accuracy=mean([part.accuracy for part in by_scenario.values()]),
        precision=mean([part.causes.precision for part in by_scenario.values()]),
        recall=mean([part.causes.recall for part in by_scenario.values()]),
        by_scenario=by_scenario,
        n_rows=len(expected),
        n_innocent=len(innocent),
        false_accusations=accused,
        bound=upper_bound(len(accused), len(innocent)),
        misses=tuple(_finding(r, row) for r, row in expected if not row.met),
        n_undecided=sum(row.got.startswith("inconclusive") for _, row in expected if not row.met),
        calibration=calibration((row for _, row in expected), capped=capped),
        calibration_by_rule=calibrate_rules(row for _, row in expected),
        calibration_by_class=calibrate_classes(
            list_rule_classes((r.situation or r.scenario, row) for r, row in expected)),
        situations=situations,
        classes=count_innocent_classes(situations),
        named=count_named_causes(results),
        basis=count_bases(row for r in results if r.judgement for row in (*r.judgement.rows, *r.judgement.others)),
        odds=score_results(results, twins=False),
        odds_of_twins=score_results(results, twins=True),
        undecided=count_undecided(row for _, row in expected),
        rules=_rules(results),
        confusion=Counter((row.expected, row.got) for _, row in expected),
        users=count_users((r.scenario, r.users) for r in results),
        unstable=_unstable(sound),
        invalid=tuple(_trouble(r, r.judgement.invalid) for r in results if r.judgement and r.judgement.invalid),
        broken=tuple(_trouble(r, r.note) for r in results if r.note),
        skipped=tuple(_trouble(r, r.skipped) for r in results if r.skipped),
        wall_s=sum(r.wall_s for r in results),
    )


def _by_scenario(
    results: Sequence[TrialResult], expected: Sequence[tuple[TrialResult, JudgedRow]], accused: Sequence[WrongVerdict]
) -> dict[str, ScenarioScore]:
    accuracy = scenario_accuracy((r.scenario, row) for r, row in expected)
    rows = {name: [row for r, row in expected if r.scenario == name] for name in accuracy}
    return {
        name: ScenarioScore(
            accuracy=share,
            causes=overlap(rows[name]),
            n_rows=len(rows[name]),
            n_misses=sum(not row.met for row in rows[name]),
            n_false_accusations=sum(finding.scenario == name for finding in accused),
            n_unfired=sum(row.unfired for row in rows[name]),
            wall_s=sum(r.wall_s for r in results if r.scenario == name),
        )
        for name, share in accuracy.items()
    }


def _rules(results: Iterable[TrialResult]) -> Counter[str]:
    """What decided, of targets and of networks, and how often."""
    judged = [r.judgement for r in results if r.judgement]
    deciding = [rule for j in judged for rule in (j.network_rule, *(row.rule_id for row in (*j.rows, *j.others)))]
    return Counter(filter(None, deciding))


def _all_rows(result: TrialResult) -> tuple[JudgedRow, ...]:
    judged = result.judgement
    return (*judged.rows, *judged.others, *judged.roles) if judged else ()


def _expected_rows(result: TrialResult) -> Iterator[JudgedRow]:
    if result.judgement:
        yield from result.judgement.rows
        yield from result.judgement.roles
        if result.judgement.run:
            yield result.judgement.run


def _unstable(results: Iterable[TrialResult]) -> tuple[str, ...]:
    said: dict[tuple[str, int, str, str], set[str]] = {}
    for result in results:
        for row in _expected_rows(result):
            said.setdefault((result.scenario, result.seed, result.level, row.subject), set()).add(row.got)
    differing = (f"{key[0]} {key[3]}: {', '.join(sorted(got))}" for key, got in said.items() if len(got) > 1)
    return tuple(sorted(differing))


def _finding(result: TrialResult, row: JudgedRow) -> WrongVerdict:
    return WrongVerdict(
        scenario=result.scenario,
        seed=result.seed,
        level=result.level,
        consent_level=result.consent_level,
        helpers=result.helpers,
        input=row.subject,
        expected=row.expected,
        got=row.got,
        rule_id=row.rule_id,
        evidence=row.evidence,
        replay=make_replay_command(result),
    )


def make_replay_command(result: TrialResult) -> str:
    """The command that makes this very laboratory again and keeps what it takes to understand a verdict."""
    helper = "" if result.helpers else " --no-helper"
    levels = f"--level {result.level} --consent-level {result.consent_level}"
    return (f"probe lab score --scenario {shlex.quote(result.file or result.scenario)} --seed {result.seed} "
            f"{levels}{helper}{result.line.flags} --keep DIR")


def _trouble(result: TrialResult, reason: str) -> TrialTrouble:
    return TrialTrouble(scenario=result.scenario, seed=result.seed, level=result.level, reason=reason)
