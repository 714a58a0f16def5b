"""A score in words, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe_lab.scoring.class_tables import CountTable, class_line, count_tables, undecided_line
from probe_lab.scoring.score_report import (
    CALIBRATION_HEAD,
    Report,
    accuracy_line,
    accusation_line,
    calibration_rows,
    cause_pairs,
    miss_line,
    outcome_matrix,
)
from probe_lab.scoring.score_run import Score, TrialTrouble, WrongVerdict

MOST_FINDINGS = 12
"""Shown of one trial."""


def as_text(report: Report) -> str:
    """The score in words: what must never happen first."""
    parts = [line for level, part in report.levels.items() for line in (*_level_lines(level, part, report), "")]
    parts += _troubles("Skipped", report.total.skipped, indent="")
    if report.list_unreached and not report.patterns:
        parts += ["Rules that decided nothing: " + ", ".join(report.list_unreached)]
    alone_s = sum(part.wall_s for part in report.levels.values())
    return "\n".join([
        *parts,
        f"Took {report.wall_s:.0f} s; the trials alone, one after another, {alone_s:.0f} s.",
        f"All of it again: {report.replay}",
    ])


def _level_lines(level: str, part: Score, report: Report) -> Iterable[str]:
    yield f"At {report.levels_in_words(level)}"
    yield f"  False accusations: {accusation_line(part)}"
    yield from _findings(part.false_accusations)
    yield f"  Misses: {miss_line(part)}"
    yield f"  Users' blocks: {part.users.line}"
    yield f"  Targets that users lost half the time: {part.users.lost_line}"
    yield from (f"    {miss.scenario}  {miss.program}  {miss.target}: {miss.got}"
                for miss in part.users.misses[:MOST_FINDINGS])
    yield f"  Classes falsely accused: {class_line(part)}"
    yield f"  Undecided: {undecided_line(part)}"
    yield f"  Accuracy: {accuracy_line(part)}"
    for name, each in sorted(part.by_scenario.items(), key=lambda item: (item[1].accuracy, item[0])):
        if each.accuracy < 1:
            yield f"    {each.accuracy:6.1%}  {name}"
    yield from _matrix(part)
    yield from _causes(part)
    yield "  Does confidence keep its word?"
    yield from (f"    {'  '.join(f'{cell:16}' for cell in row).rstrip()}"
                for row in (CALIBRATION_HEAD, *calibration_rows(part.calibration)))
    for table in count_tables(part):
        yield from _table(table)
    if part.misses:
        yield "  The misses:"
        yield from _findings(part.misses)
    if part.unstable:
        yield f"  Verdicts that differed between repetitions: {len(part.unstable)}"
        yield from (f"    {line}" for line in part.unstable)
    yield from _troubles("Invalid scenarios (the truth log disagrees)", part.invalid)
    yield from _troubles("Broken trials", part.broken)


def _table(table: CountTable) -> Iterable[str]:
    """The last column as wide as it is."""
    lines = (table.head, *table.rows)
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.head))]
    yield f"  {table.title}"
    yield from ("    " + "  ".join(f"{text:{width}}" for text, width in zip(line, widths, strict=True)).rstrip()
                for line in lines)


def _matrix(part: Score) -> Iterable[str]:
    """Outcomes: a row for what was expected, a column for what came."""
    columns, rows = outcome_matrix(part.confusion)
    if not rows:
        return
    width = max(len(name) for name in rows)
    yield "  Outcome expected (rows) and got (columns):"
    yield f"    {'':{width}}" + "".join(f"  {column:>13}" for column in columns)
    for name, cells in rows.items():
        yield f"    {name:{width}}" + "".join(f"  {cells.get(column, 0) or '.':>13}" for column in columns)


def _causes(part: Score) -> Iterable[str]:
    pairs = cause_pairs(part.confusion)
    if not pairs:
        return
    width = max(len(expected) for expected, _, _ in pairs)
    yield "  Causes expected and got:"
    for expected, got, count in pairs:
        yield f"    {count:5}  {expected:{width}}  ->  {got}"


def _findings(findings: Sequence[WrongVerdict]) -> Iterable[str]:
    """Each finding, those of one trial together and no more than a screen of them, with the way to see them again."""
    by_trial: dict[str, list[WrongVerdict]] = {}
    for finding in findings:
        by_trial.setdefault(finding.replay, []).append(finding)
    for replay, members in by_trial.items():
        yield f"    {replay}"
        for finding in members[:MOST_FINDINGS]:
            rule = f" by {finding.rule_id}" if finding.rule_id else ""
            yield f"      {finding.input}: expected {finding.expected or 'no block'}, got {finding.got}{rule}"
            if finding.evidence:
                yield f"        evidence: {finding.evidence[:200]}"
        if len(members) > MOST_FINDINGS:
            yield f"      ... and {len(members) - MOST_FINDINGS} more; --json has all"


def _troubles(title: str, troubles: Sequence[TrialTrouble], *, indent: str = "  ") -> Iterable[str]:
    """Troubles alike of one scenario are told once."""
    if not troubles:
        return
    yield f"{indent}{title}: {len(troubles)}"
    seen: dict[tuple[str, str], list[TrialTrouble]] = {}
    for trouble in troubles:
        seen.setdefault((trouble.scenario, trouble.reason), []).append(trouble)
    for (scenario, reason), members in seen.items():
        seeds = ", ".join(str(seed) for seed in dict.fromkeys(trouble.seed for trouble in members))
        yield f"{indent}  {scenario} (seed {seeds}): {reason[-1000:]}"
