"""A score in words for people and in JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from operator import itemgetter

from probe.lab.score import Finding, Score, Trouble

MOST_FINDINGS = 12
"""Shown of one trial."""


def as_json(
    total: Score, levels: Mapping[str, Score], *, seed: int, scenarios: Sequence[str]
) -> dict[str, object]:
    """The score as JSON values. `levels` has one score for each evidence level that was run."""
    return {
        "seed": seed,
        "scenarios": list(scenarios),
        "accuracy": total.accuracy,
        "n_rows": total.n_rows,
        "false_accusations": [asdict(finding) for finding in total.false_accusations],
        "misses": [asdict(finding) for finding in total.misses],
        "levels": {level: _level(part) for level, part in levels.items()},
    }


def _level(part: Score) -> dict[str, object]:
    return {
        "accuracy": part.accuracy,
        "by_scenario": dict(part.by_scenario),
        "n_rows": part.n_rows,
        "n_innocent": part.n_innocent,
        "n_false_accusations": len(part.false_accusations),
        "false_accusation_bound": part.bound,
        "n_misses": len(part.misses),
        "confusion": [{"expected": pair[0], "got": pair[1], "n": n} for pair, n in sorted(part.confusion.items())],
        "invalid": [asdict(trouble) for trouble in part.invalid],
        "broken": [asdict(trouble) for trouble in part.broken],
        "wall_s": round(part.wall_s, 1),
    }


def as_text(levels: Mapping[str, Score], *, wall_s: float) -> str:
    """The score in words: what must never happen first. `wall_s`: time that passed."""
    parts = [line for level, part in levels.items() for line in (*_level_lines(level, part), "")]
    return "\n".join([*parts, f"Took {wall_s:.0f} s; the trials alone, one after another, {_sum(levels):.0f} s."])


def _sum(levels: Mapping[str, Score]) -> float:
    return sum(part.wall_s for part in levels.values())


def _level_lines(level: str, part: Score) -> Iterable[str]:
    yield f"Evidence level: {level}"
    yield (
        f"  False accusations: {len(part.false_accusations)} of {part.n_innocent} verdicts that must not be blocked "
        f"(95 % sure of less than {part.bound:.2%})"
    )
    yield from _findings(part.false_accusations)
    accuracy = "nothing to judge" if part.accuracy is None else f"{part.accuracy:.1%}"
    yield f"  Accuracy: {accuracy} (mean of {len(part.by_scenario)} scenarios; {part.n_rows} verdicts)"
    for name, share in sorted(part.by_scenario.items(), key=itemgetter(1)):
        if share < 1:
            yield f"    {share:6.1%}  {name}"
    yield from _confusion(part.confusion)
    if part.misses:
        yield f"  Misses: {len(part.misses)}"
        yield from _findings(part.misses)
    yield from _troubles("Invalid scenarios (the truth log disagrees)", part.invalid)
    yield from _troubles("Broken trials", part.broken)


def _confusion(confusion: Mapping[tuple[str, str], int]) -> Iterable[str]:
    width = max((len(expected) for expected, _ in confusion), default=0)
    yield "  Expected and got:"
    for (expected, got), count in sorted(confusion.items()):
        yield f"    {count:5}  {expected:{width}}  ->  {got}"


def _findings(findings: Sequence[Finding]) -> Iterable[str]:
    """Each finding, those of one trial together and no more than a screen of them, with the way to see them again."""
    by_trial: dict[tuple[str, int, str], list[Finding]] = {}
    for finding in findings:
        by_trial.setdefault((finding.scenario, finding.seed, finding.level), []).append(finding)
    for (scenario, seed, level), members in by_trial.items():
        yield f"    probe lab score --scenario {scenario} --seed {seed} --level {level} --keep DIR"
        for finding in members[:MOST_FINDINGS]:
            rule = f" by {finding.rule_id}" if finding.rule_id else ""
            yield f"      {finding.input}: expected {finding.expected or 'no block'}, got {finding.got}{rule}"
            if finding.evidence:
                yield f"        evidence: {finding.evidence[:200]}"
        if len(members) > MOST_FINDINGS:
            yield f"      ... and {len(members) - MOST_FINDINGS} more; --json has all"


def _troubles(title: str, troubles: Sequence[Trouble]) -> Iterable[str]:
    if troubles:
        yield f"  {title}: {len(troubles)}"
    for trouble in troubles:
        yield f"    {trouble.scenario} (seed {trouble.seed}): {trouble.reason[-1000:]}"
