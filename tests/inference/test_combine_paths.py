"""An endpoint of several addresses: what people meet when only some connections work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observations import endpoint, path
from probe.core.tables.outcomes import Outcome
from probe.inference.verdicts.combine import combine_paths
from probe.inference.verdicts.confidence import OF_DOUBTFUL
from probe.inference.verdicts.judged_endpoint import PathVerdict
from probe.inference.verdicts.rule_verdict import make_bare_verdict


def tried(outcome: Outcome, attempts: int, failed: int = 0, *, unopened: int = 0, depth: int = 3) -> PathVerdict:
    """`failed` connections of so many attempts failed once they stood, `unopened` never stood."""
    seen = replace(path(), attempts=attempts, failed_attempts=failed + unopened, failed_later=failed, depth=depth)
    return seen, replace(make_bare_verdict(endpoint(), outcome), confidence=0.9)


@pytest.mark.parametrize(("paths", "outcome", "partial", "is_sure"), [
    pytest.param([tried("ok", 2), tried("ok", 1)], "ok", False, True, id="all well"),
    pytest.param([tried("ok", 1), tried("inconclusive", 3, 2)], "inconclusive", True, True, id="half is cut off"),
    pytest.param([tried("ok", 2), tried("inconclusive", 3, 2)], "inconclusive", True, True, id="two of five"),
    pytest.param([tried("ok", 4), tried("inconclusive", 3, 2)], "ok", False, False, id="two of seven"),
    pytest.param([tried("ok", 1), tried("inconclusive", 1, 1)], "ok", False, False, id="one may be chance"),
    pytest.param([tried("ok", 2, 1), tried("ok", 3, 2)], "ok", False, False, id="no address is doubtful"),
    pytest.param([tried("ok", 1), tried("inconclusive", 3, unopened=3)], "ok", False, True,
                 id="programs turn away from what they cannot connect to"),
    pytest.param([tried("ok", 2, 1, depth=2), tried("ok", 2)], "ok", False, False, id="the deeper look tells not all"),
    pytest.param([tried("ok", 1), tried("blocked", 3, 2)], "blocked", True, True, id="a block shows anyhow"),
    pytest.param([tried("ok", 1), tried("down", 3, 3)], "ok", False, False, id="a server that is down somewhere"),
])
def test_what_several_connections_lose_is_not_ok(paths: list[PathVerdict], outcome: Outcome, partial: bool,
                                                 is_sure: bool) -> None:
    found = combine_paths(endpoint(), paths).verdict
    assert (found.outcome, found.partial, found.confidence > OF_DOUBTFUL) == (outcome, partial, is_sure)
