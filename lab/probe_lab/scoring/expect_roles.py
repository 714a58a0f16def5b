"""What the verdict on a role of a service should have said: blocked or not, in part or wholly, and which endpoints.

Pure, as its neighbour for targets.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.tables.block_types import is_ancestor
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe_lab.lab_types import ROLE, DrawnScenario, Expect
from probe_lab.scoring.convictions import Log
from probe_lab.scoring.judged import MISSING, JudgedRow, Row


def judge_roles(drawn: DrawnScenario, rows: Sequence[Row], acts: Log, *, level: str,
                helpers: bool) -> tuple[JudgedRow, ...]:
    """One judgement for each role that an expectation names at this level; `rows` are those of the services file.

    Of a role without a row nothing is claimed: it was not attempted.
    """
    wanted = {e.of: e for e in drawn.expects if e.of.startswith(ROLE) and e.level in ("any", level)}
    found = {f"{ROLE}{row['service']}.{row['role']}": row for row in rows}
    return tuple(_judge(drawn, expect, found.get(of), acts, helpers=helpers) for of, expect in wanted.items())


def _judge(drawn: DrawnScenario, expect: Expect, row: Row | None, acts: Log, *, helpers: bool) -> JudgedRow:
    blocked = _split(row["blocked_inputs"]) if row else frozenset()
    unclaimed = NOT_ATTEMPTED in expect.outcomes
    return JudgedRow(
        subject=expect.of, expected=_wanted(drawn, expect),
        got=_said(row["outcome"], row["block_types"], _is_partial(row), blocked) if row
        else NOT_ATTEMPTED if unclaimed else MISSING,
        met=is_role_met(drawn, expect, row, helpers=helpers) if row else unclaimed,
        may_be_blocked=any(acts.of(url).causes for url in blocked),
        accused=row is not None and row["outcome"] == "blocked",
    )


def is_role_met(drawn: DrawnScenario, expect: Expect, row: Row, *, helpers: bool) -> bool:
    """True when a row says what is expected: the outcome, a cause, whether it is so in part, and of what."""
    if not helpers and row["outcome"] == "inconclusive":
        return True
    if row["outcome"] not in expect.outcomes:
        return False
    causes = _split(row["block_types"])
    named = any(is_ancestor(got, path) for got in causes for path in expect.block_types)
    named = named or any(is_ancestor(path, got) for got in causes for path in expect.below)
    if row["outcome"] == "blocked" and expect.block_types and not named:
        return False
    if expect.partial is not None and expect.partial != _is_partial(row):
        return False
    return not expect.endpoints or _split(row["blocked_inputs"]) == _meant(drawn, expect)


def _meant(drawn: DrawnScenario, expect: Expect) -> frozenset[str]:
    return frozenset(url for alias in expect.endpoints for url in drawn.aliases[alias.removeprefix("@")])


def _split(cell: str) -> frozenset[str]:
    return frozenset(filter(None, cell.split(";")))


def _is_partial(row: Row) -> bool:
    return row["partial"].lower() == "true"


def _wanted(drawn: DrawnScenario, expect: Expect) -> str:
    causes = expect.causes_in_words()
    return _said(" or ".join(expect.outcomes), causes, bool(expect.partial), _meant(drawn, expect))


def _said(outcome: str, causes: str, partial: bool, blocked: frozenset[str]) -> str:
    facts = ", ".join((*(("in part",) if partial else ()), *sorted(blocked)))
    return " ".join(filter(None, (outcome, causes, f"({facts})" if facts else "")))
