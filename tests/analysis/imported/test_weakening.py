"""What an imported file cannot say makes a verdict weaker."""

from __future__ import annotations

from datetime import date

from observations import HERE4, replace_flat, visit_to
from probe.core.verdicts import Verdict
from probe_analysis.imported.weakening import ImportScale, weaken_verdict


def test_a_service_that_answers_with_any_status_is_neither_blocked_nor_suspected() -> None:
    rows = {"0": replace_flat(visit_to(HERE4)[-1], trust="valid", status=403)}
    verdict = Verdict(target_id="signal.api.storage", service="signal", role="api", input="https://storage.example/",
                      outcome="inconclusive", block_type="inconclusive.unplaced", suspected="http.reset",
                      basis="time", confirmed=True, also=("http",), scope="access", reason="nothing shows who",
                      rule_id="http/reset", evidence=tuple(rows))
    found = weaken_verdict(verdict, ImportScale(cc="IR", day=date(2026, 11, 1), rows=rows), theirs=(), last=True)
    assert (found.outcome, found.block_type, found.suspected, found.basis) == ("ok", "", "", "")
    assert (found.confirmed, found.also, found.scope, found.reason) == (False, (), "unknown", "")
