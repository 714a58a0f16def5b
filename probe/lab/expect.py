"""What the verdicts of one run should have said, and whether they did. Pure.

Two questions, kept apart. Was each verdict right: its outcome among those expected, its block type the truth or
an ancestor that is deep enough? And was anybody falsely accused: a `blocked` row for a target that the truth log
does not convict, whatever was expected of it?
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.lab.draw import TARGET
from probe.lab.truth import TruthEntry
from probe.lab.types import Drawn, Expect
from probe.tables.blocks import BLOCK_TYPES, is_prefix
from probe.tables.outcomes import NOT_ATTEMPTED

Row = Mapping[str, str]
"""One row of a results file."""

RUN = "run"
MISSING = "missing"
WELL = Expect(of="*", outcomes=("ok",))
"""What is expected of every target that no expectation names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """One verdict beside its expectation."""

    subject: str
    """The target's input, or `run`."""
    expected: str
    got: str
    met: bool
    may_be_blocked: bool
    """The truth log convicts: interference with this target took place."""
    accused: bool
    """The verdict says `blocked`."""
    rule_id: str = ""
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One run, judged."""

    rows: tuple[JudgedRow, ...]
    """Of every target that was to be measured; `missing` where there is no verdict."""
    others: tuple[JudgedRow, ...] = ()
    """Of targets measured besides (controls): nothing is expected of them but not to be accused."""
    run: JudgedRow | None = None
    """None when nothing was expected of the run as a whole."""
    invalid: str = ""
    """Why the scenario proves nothing here; empty when it is sound."""


def judge(
    drawn: Drawn, rows: Sequence[Row], run_row: Row, log: Iterable[TruthEntry], *, level: str, helpers: bool
) -> Judgement:
    """Judge the verdict rows of one run.

    `rows` and `run_row` are rows of the verdicts and runs files, `log` the truth log, `level` the evidence level
    that the run had. Without `helpers` an `inconclusive` verdict is right as well.
    """
    by_input = {_subject_of(row, drawn): row for row in rows}
    entries = tuple(log)
    truths = {subject: frozenset(_convictions(drawn, subject, entries)) for subject in (*drawn.targets, *by_input)}
    wanted = {subject: _expected_of(drawn, subject, level) for subject in drawn.targets}
    judged = tuple(
        _judge_row(subject, by_input.get(subject), wanted[subject], truths[subject], helpers=helpers)
        for subject in drawn.targets
    )
    others = tuple(
        _judge_row(subject, row, None, truths[subject], helpers=helpers)
        for subject, row in by_input.items()
        if subject not in drawn.targets
    )
    return Judgement(
        rows=judged,
        others=others,
        run=_judge_run(drawn, run_row, level=level, helpers=helpers),
        invalid=_why_invalid(drawn, by_input, truths, level=level),
    )


def _subject_of(row: Row, drawn: Drawn) -> str:
    """The input that stands for the row's target: a target of several endpoints shows the one that decided."""
    inputs = drawn.aliases.get(f"{TARGET}{row.get('target_id', '')}", ())
    return next((url for url in inputs if url in drawn.targets), row["input"])


def _expected_of(drawn: Drawn, subject: str, level: str) -> Expect:
    """The last expectation that names this target at this level."""
    named = [e for e in drawn.expects if e.level in ("any", level) and subject in _subjects(drawn, e)]
    return named[-1] if named else WELL


def _subjects(drawn: Drawn, expect: Expect) -> tuple[str, ...]:
    return drawn.targets if expect.of == "*" else drawn.aliases.get(expect.of.removeprefix("@"), ())


def _judge_row(
    subject: str, row: Row | None, expect: Expect | None, truth: frozenset[str], *, helpers: bool
) -> JudgedRow:
    outcome = row["outcome"] if row else MISSING
    return JudgedRow(
        subject=subject,
        expected=_written(" or ".join(expect.outcomes), expect.block_type) if expect else "",
        got=_written(outcome, row["block_type"]) if row else MISSING,
        met=expect is None or (row is not None and is_met(expect, row, helpers=helpers)),
        may_be_blocked=bool(truth),
        accused=outcome == "blocked",
        rule_id=row.get("rule_id", "") if row else "",
        evidence=row.get("evidence", "") if row else "",
    )


def _written(outcome: str, block_type: str) -> str:
    return f"{outcome} {block_type}" if block_type else outcome


def is_met(expect: Expect, row: Row, *, helpers: bool) -> bool:
    """True when a row says what is expected, as deep as is expected and no deeper than the truth."""
    outcome, got = row["outcome"], row["block_type"]
    if not helpers and outcome == "inconclusive":
        return True
    if outcome not in expect.outcomes:
        return False
    if not expect.block_type or BLOCK_TYPES[expect.block_type].outcome != outcome:
        return True
    return bool(got) and is_prefix(got, expect.block_type) and got.count(".") + 1 >= expect.min_depth


def _judge_run(drawn: Drawn, row: Row, *, level: str, helpers: bool) -> JudgedRow | None:
    expects = [expect for expect in drawn.expects if expect.of == RUN and expect.level in ("any", level)]
    return _judge_row(RUN, row, expects[-1], frozenset(), helpers=helpers) if expects else None


def _convictions(drawn: Drawn, subject: str, log: Iterable[TruthEntry]) -> Iterator[str]:
    """The block types of the interference that the log shows with this target."""
    host = (urlsplit(subject).hostname or "").lower()
    plan = drawn.world.hosts.get(host)
    places = {host, *(plan.ipv4 + plan.ipv6 if plan else ())}
    own = {alias for alias, inputs in drawn.aliases.items() if inputs == (subject,)}
    for entry in log:
        if entry.block_type and (entry.alias in own or not places.isdisjoint((entry.name.lower(), entry.address))):
            yield entry.block_type


def _why_invalid(
    drawn: Drawn, by_input: Mapping[str, Row], truths: Mapping[str, frozenset[str]], *, level: str
) -> str:
    """A rule that never fired where it should, or an expectation that the log contradicts.

    A target that was not measured is the program's failure, not the scenario's.
    """
    censored = {rule.alias for rule in drawn.rules if rule.block_type}
    censored |= {fault.alias for fault in drawn.faults if fault.block_type}
    measured = {subject for subject, row in by_input.items() if row["outcome"] != NOT_ATTEMPTED}
    for subject in (subject for alias in sorted(censored - {""}) for subject in drawn.aliases[alias]):
        if subject not in measured:
            continue
        if not truths[subject]:
            return f"no rule fired for {subject}"
        expect = _expected_of(drawn, subject, level)
        if "blocked" in expect.outcomes and not any(is_prefix(expect.block_type, made) for made in truths[subject]):
            return f"{subject}: expects {expect.block_type}, but the log says {', '.join(sorted(truths[subject]))}"
    return ""
