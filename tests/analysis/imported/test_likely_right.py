"""Who is likely right where two engines differ: a table of cases."""

from __future__ import annotations

from typing import Any

import pytest

from probe.core.verdicts import Verdict
from probe_analysis.imported.likely_right import TABLE, Disagreement, judge_likely


def differ(relation: str = "we_abstain", *, accuses: bool = True, defect: bool = False, **verdict: Any) -> Disagreement:
    made = Verdict(**{"target_id": "a.web.b", "service": "a", "role": "web", "input": "https://a.example/",
                      "outcome": "inconclusive", **verdict})
    return Disagreement(relation=relation, accuses=accuses, defect=defect, verdict=made)


CASES: tuple[tuple[Disagreement, str], ...] = (
    (differ(defect=True), "ours"),
    (differ(block_type="inconclusive.instrument"), "ours"),
    (differ(outcome="not_attempted"), "ours"),
    (differ("opposite", accuses=False, outcome="blocked", basis="content"), "ours"),
    (differ("opposite", accuses=False, outcome="blocked", basis="company"), "ours"),
    (differ("opposite", outcome="down", control="agrees"), "ours"),
    (differ("opposite", outcome="ok", rule_id="tls/proven"), "ours"),
    (differ("opposite", outcome="ok", control="agrees"), "ours"),
    (differ(suspected="tls.reset", control="contrary"), "theirs"),
    (differ(suspected="tls.reset", control="none"), "theirs"),
    (differ(accuses=False, suspected="dns"), "ours"),
    (differ(block_type="inconclusive.unconfirmed"), "open"),
    (differ("they_abstain", accuses=False, outcome="ok"), "ours"),
    (differ("opposite", outcome="ok", control="none"), "open"),
)


@pytest.mark.parametrize(("found", "side"), CASES)
def test_who_is_likely_right(found: Disagreement, side: str) -> None:
    assert judge_likely(found).side == side


def test_every_row_of_the_table_is_reached() -> None:
    assert [judge_likely(found) for found, _ in CASES] == list(TABLE)
