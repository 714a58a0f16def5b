"""What the verdicts of one run should have said, and whether they did. Pure.

Two questions, kept apart. Was each verdict right: its outcome among those expected, its block type the truth or
an ancestor that is deep enough? And was anybody falsely accused: a `blocked` row for a target that the truth log
does not convict, whatever was expected of it?
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from probe.core.tables.block_types import BLOCK_TYPES, is_ancestor
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.words import read_word
from probe_lab.draw import TARGET
from probe_lab.lab_types import DrawnScenario, Expect
from probe_lab.scoring.convictions import Acts, Log, uncertain_aliases
from probe_lab.scoring.expect_roles import judge_roles
from probe_lab.scoring.hidden import is_hidden
from probe_lab.scoring.judged import MISSING, JudgedRow, Row
from probe_lab.scoring.true_cause import find_true_cause
from probe_lab.truth import TruthEntry
from probe_lab.users.claims import list_unseen

RUN = "run"
WELL = Expect(of="*", outcomes=("ok",))
"""What is expected of every target that no expectation names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One run, judged."""

    rows: tuple[JudgedRow, ...]
    """Of every target that was to be measured; `missing` where there is no verdict."""
    others: tuple[JudgedRow, ...] = ()
    """Of targets measured besides (controls): nothing is expected of them but not to be accused."""
    roles: tuple[JudgedRow, ...] = ()
    """Of the roles of services of which something was expected."""
    run: JudgedRow | None = None
    """None when nothing was expected of the run as a whole."""
    network_rule: str = ""
    """What decided on the network."""
    invalid: str = ""
    """Why the scenario proves nothing here; empty when it is sound."""


def judge(
    drawn: DrawnScenario, rows: Sequence[Row], run_row: Row, log: Iterable[TruthEntry], *, level: str, helpers: bool,
    services: Sequence[Row] = (),
) -> Judgement:
    """Judge the verdict rows of one run.

    `rows`, `run_row` and `services` are rows of the verdicts, runs and services files, `log` the truth log, `level`
    the evidence level that the run had. Without `helpers` an `inconclusive` verdict is right as well.
    """
    by_input = {_subject_of(row, drawn): row for row in rows}
    acts = Log(log, drawn)
    wanted = {subject: _expected_of(drawn, subject, level) for subject in drawn.targets}
    uncertain = {subject for alias in uncertain_aliases(drawn) for subject in drawn.aliases[alias]}
    in_fact = {
        subject: _in_fact(expect, acted=acts.of(subject).any, may_rest=subject in uncertain)
        for subject, expect in wanted.items()
    }
    judged = tuple(
        replace(
            _judge_row(subject, by_input.get(subject), in_fact[subject], acts.of(subject), helpers=helpers),
            unfired=in_fact[subject] is not wanted[subject],
            true=find_true_cause(drawn, in_fact[subject].outcomes,
                                 by_input[subject]["outcome"] if subject in by_input else MISSING,
                                 acts.of(subject).causes),
        )
        for subject in drawn.targets
    )
    others = tuple(
        _judge_row(subject, row, None, acts.of(subject), helpers=helpers)
        for subject, row in by_input.items()
        if subject not in drawn.targets
    )
    return Judgement(
        rows=judged,
        others=others,
        roles=judge_roles(drawn, services, acts, level=level, helpers=helpers),
        run=_judge_run(drawn, run_row, acts, level=level, helpers=helpers),
        network_rule=run_row.get("rule_id", ""),
        invalid=_why_invalid(drawn, by_input, acts, wanted, uncertain),
    )


def _in_fact(expect: Expect, *, acted: bool, may_rest: bool) -> Expect:
    """What is expected of a target after the truth log has told whether anything acted on it.

    Censorship that need not act and has not leaves a target as well as any other, unless the file says otherwise.
    """
    outcomes = expect.unless_fired or (WELL.outcomes if may_rest and "blocked" in expect.outcomes else ())
    return expect if acted or not outcomes else Expect(of=expect.of, outcomes=outcomes)


def _subject_of(row: Row, drawn: DrawnScenario) -> str:
    """The input that stands for the row's target: a target of several endpoints shows the one that decided."""
    inputs = drawn.aliases.get(f"{TARGET}{row.get('target_id', '')}", ())
    return next((url for url in inputs if url in drawn.targets), row["input"])


def _expected_of(drawn: DrawnScenario, subject: str, level: str) -> Expect:
    """The last expectation that names this target at this level; where the line hides a throttle, `ok` is right too."""
    named = [e for e in drawn.expects if e.level in ("any", level) and subject in _subjects(drawn, e)]
    expect = named[-1] if named else WELL
    if "ok" in expect.outcomes or not is_hidden(drawn, subject):
        return expect
    return replace(expect, outcomes=(*expect.outcomes, *WELL.outcomes))


def _subjects(drawn: DrawnScenario, expect: Expect) -> tuple[str, ...]:
    return drawn.targets if expect.of == "*" else drawn.aliases.get(expect.of.removeprefix("@"), ())


def _judge_row(subject: str, row: Row | None, expect: Expect | None, acts: Acts, *, helpers: bool) -> JudgedRow:
    outcome = row["outcome"] if row else MISSING
    causes, claim = _labels(expect, outcome, row["block_type"]) if row and expect else ((), "")
    return JudgedRow(
        subject=subject,
        expected=_wanted(expect) if expect else "",
        got=_got(row, expect) if row else MISSING,
        met=expect is None or (row is not None and is_met(expect, row, helpers=helpers)),
        may_be_blocked=bool(acts.causes),
        accused=outcome == "blocked",
        causes=causes,
        claim=claim,
        rule_id=row.get("rule_id", "") if row else "",
        evidence=row.get("evidence", "") if row else "",
        confidence=float(row.get("confidence") or 0) if row else 0.0,
        basis=row.get("basis", "") if row else "",
        suspected=row.get("suspected", "") if row else "",
        block_type=row["block_type"] if row else "",
        p_blocked=float(row["p_blocked"]) if row and row.get("p_blocked") else None,
        unseen=list_unseen(row) if row else (),
        outcomes=_list_right_outcomes(expect, helpers=helpers) if expect else (),
        expected_causes=expect.block_types if expect else (),
    )


def _list_right_outcomes(expect: Expect, *, helpers: bool) -> tuple[str, ...]:
    return expect.outcomes if helpers else tuple(dict.fromkeys((*expect.outcomes, "inconclusive")))


def _labels(expect: Expect, outcome: str, got: str) -> tuple[tuple[str, ...], str]:
    """The block types that were expected and the one that a verdict claims, for measures over the tree of causes.

    Both are empty where the outcome is right and none of the causes is of it: then nothing was to be named.
    """
    claim = "" if outcome in ("inconclusive", NOT_ATTEMPTED) else got
    fitting = [path for path in expect.block_types if BLOCK_TYPES[read_word(path, BLOCK_TYPES)].outcome == outcome]
    if outcome in expect.outcomes and not fitting:
        return (), ""
    # What lies below a cause that stands for all of it is as true as the cause.
    return (*expect.block_types, *((claim,) if claim and is_below(expect, claim) else ())), claim


def _wanted(expect: Expect) -> str:
    """An expectation in words."""
    causes = _written(" or ".join(expect.outcomes), expect.causes_in_words())
    return f"{causes}{_besides(expect, also=', '.join(expect.also), scope=expect.scope)}"


def _got(row: Row, expect: Expect | None) -> str:
    """A verdict in words: as much of it as something was expected of."""
    verdict = _written(row["outcome"], row["block_type"])
    also = ", ".join(row.get("also", "").split(";"))
    return f"{verdict}{_besides(expect, also=also, scope=row.get('scope', ''))}" if expect else verdict


def _besides(expect: Expect, *, also: str, scope: str) -> str:
    behind = f" (also {also or 'nothing'})" if expect.also else ""
    return f"{behind} (scope {scope or 'untold'})" if expect.scope else behind


def _written(outcome: str, block_type: str) -> str:
    return f"{outcome} {block_type}" if block_type else outcome


def is_met(expect: Expect, row: Row, *, helpers: bool) -> bool:
    """True when a row says what is expected, as deep as is expected and no deeper than the truth."""
    outcome, got = row["outcome"], row["block_type"]
    if not helpers and outcome == "inconclusive":
        return True
    if outcome not in expect.outcomes:
        return False
    causes = [path for path in expect.block_types if BLOCK_TYPES[read_word(path, BLOCK_TYPES)].outcome == outcome]
    named = any(_names_cause(got, path, expect.min_depth) for path in causes) or is_below(expect, got)
    if causes and not named:
        return False
    if not helpers:  # what is behind the first block may then go unseen
        return True
    behind = row.get("also", "").split(";")
    also_named = all(any(_names_cause(item, path, 1) for item in behind) for path in expect.also)
    return also_named and expect.scope in ("", row.get("scope", ""))


def is_below(expect: Expect, got: str) -> bool:
    """True when a cause lies below one that stands for everything below it."""
    return any(is_ancestor(path, got) for path in expect.below)


def _names_cause(got: str, path: str, min_depth: int) -> bool:
    """True when `got` is the cause or an ancestor that is deep enough."""
    return bool(got) and is_ancestor(got, path) and got.count(".") >= min(min_depth - 1, path.count("."))


def _judge_run(drawn: DrawnScenario, row: Row, acts: Log, *, level: str, helpers: bool) -> JudgedRow | None:
    expects = [expect for expect in drawn.expects if expect.of == RUN and expect.level in ("any", level)]
    if not expects:
        return None
    return _judge_row(RUN, row, _in_fact(expects[-1], acted=bool(acts), may_rest=False), Acts(), helpers=helpers)


def _why_invalid(
    drawn: DrawnScenario, by_input: Mapping[str, Row], acts: Log, wanted: Mapping[str, Expect], uncertain: set[str]
) -> str:
    """A rule that never fired where it should, or an expectation that the log contradicts.

    A target that was not measured is the program's failure, not the scenario's. Where the file says what holds
    unless something fires, or all that could fire may as well rest, nothing needs to have fired.
    """
    measured = {subject for subject, row in by_input.items() if row["outcome"] != NOT_ATTEMPTED}
    for subject in sorted(_suspects(drawn, wanted) & measured & set(drawn.targets)):
        expect, causes = wanted[subject], acts.of(subject).causes
        if not causes:
            if subject in uncertain or expect.unless_fired:
                continue
            return f"no rule fired for {subject}"
        in_log = any(is_ancestor(path, made) for path in expect.block_types for made in causes)
        if "blocked" in expect.outcomes and not in_log:
            return f"{subject}: expects {' or '.join(expect.block_types)}, but the log says {', '.join(sorted(causes))}"
    return ""


def _suspects(drawn: DrawnScenario, wanted: Mapping[str, Expect]) -> set[str]:
    """The targets that something ought to have acted on: those that it names, and those that must be `blocked`."""
    acting = (*drawn.rules, *drawn.faults, *((drawn.censor,) if drawn.censor else ()))
    named = {part.alias for part in acting if part.block_type and part.alias}
    suspects = {subject for alias in named for subject in drawn.aliases[alias]}
    return suspects | {subject for subject, expect in wanted.items() if expect.outcomes == ("blocked",)}
