"""From addresses to endpoints, and from endpoints to targets: what people meet when only some connections work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import HOST, endpoint, expecting, path
from probe.core.endpoints import Endpoint
from probe.core.tables.block_types import CauseId
from probe.core.tables.outcomes import NOT_ATTEMPTED, Outcome
from probe.judge.verdicts.combine import combine_endpoints, combine_paths, confirm_blocks
from probe.judge.verdicts.confidence import OF_DOUBTFUL
from probe.judge.verdicts.judged_endpoint import JudgedEndpoint, PathVerdict
from probe.judge.verdicts.rule_verdict import make_bare_verdict

PLAIN = f"http://{HOST}/"


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


def on_path(outcome: Outcome, block_type: CauseId = "", depth: int = 0, **changes: Any) -> PathVerdict:
    verdict = replace(make_bare_verdict(endpoint(), outcome), block_type=block_type, **changes)
    return path(depth=depth), verdict


def judged(of: Endpoint, outcome: Outcome, block_type: CauseId = "", **changes: Any) -> JudgedEndpoint:
    return JudgedEndpoint(endpoint=of,
                          verdict=replace(make_bare_verdict(of, outcome), block_type=block_type, **changes))


def test_a_block_at_one_address_shows_and_is_partial_when_another_answers() -> None:
    surer = on_path("blocked", "tls.reset.sni", confidence=0.9, depth=2, attempts=3)
    other = on_path("blocked", "ip.blackhole", confidence=0.8, depth=1, attempts=3)
    found = combine_paths(endpoint(), [on_path("ok", depth=3), other, surer]).verdict
    assert (found.outcome, found.block_type, found.also) == ("blocked", "tls.reset.sni", ("ip.blackhole",))
    assert found.attempts == 6
    assert found.partial


def test_nothing_tried_combines_to_not_attempted() -> None:
    assert combine_paths(endpoint(), []).verdict.outcome == NOT_ATTEMPTED


def test_one_address_that_answers_decides_of_an_endpoint_that_must_stay_closed() -> None:
    well, answers = on_path("ok"), on_path("local")
    closed = expecting("tcpconnect://dc.example:443", status=("closed",))
    assert combine_paths(closed, [well, answers]).verdict.outcome == "local"
    assert combine_paths(closed, [well, well]).verdict.outcome == "ok"
    assert combine_paths(endpoint(), [well, answers]).verdict.outcome == "ok"


def test_the_surest_block_speaks_for_a_target_and_all_others_are_told() -> None:
    members = [judged(endpoint(), "ok"), judged(endpoint(PLAIN), "blocked", "http.blockpage", confidence=0.8),
               judged(endpoint(f"{PLAIN}b"), "blocked", "dns.forged", confidence=0.9, also=("tls.mitm",)),
               judged(endpoint(f"{PLAIN}c"), "blocked", "dns.forged", confidence=0.7, also=("ip.reset",))]
    found = combine_endpoints(members)
    assert (found.block_type, found.input, found.partial) == ("dns.forged", f"{PLAIN}b", True)
    assert set(found.also) == {"tls.mitm", "http.blockpage", "ip.reset"}


@pytest.mark.parametrize(("page", "words", "outcome"), [
    ("ok", "inconclusive", "inconclusive"), ("ok", "ok", "ok"), ("inconclusive", "ok", "ok"), ("ok", "down", "down"),
    ("ok", NOT_ATTEMPTED, "ok"), ("blocked", "ok", "blocked"),
])
def test_a_target_is_well_by_its_strongest_words_alone(page: Outcome, words: Outcome, outcome: Outcome) -> None:
    own = endpoint("tcpconnect://dc.example:443", protocol="mtproto")
    assert combine_endpoints([judged(endpoint(PLAIN), page), judged(own, words)]).outcome == outcome


@pytest.mark.parametrize(("block_type", "outcome"), [
    ("inconclusive.no_control", "inconclusive"), ("inconclusive.control_failed", "inconclusive"),
    ("inconclusive.unconfirmed", "ok")])
def test_a_target_with_an_address_that_fails_and_nobody_to_ask_is_not_called_well(
        block_type: CauseId, outcome: Outcome) -> None:
    """Of a data centre's two addresses one is dropped: with a control that reaches it, it is blocked in part."""
    members = [judged(endpoint(), "ok"), judged(endpoint(f"{PLAIN}b"), "inconclusive", block_type)]
    assert combine_endpoints(members).outcome == outcome
    assert combine_endpoints([*members, judged(endpoint(f"{PLAIN}c"), "blocked", "ip.blackhole")]).outcome == "blocked"


def test_only_the_same_block_confirms() -> None:
    base = combine_endpoints([judged(endpoint(target_id="t"), "blocked", "dns.forged")])
    runs_before = [{"t": "dns.forged"}, {"t": "dns"}, {"u": "dns.forged"}, {}]
    assert [confirm_blocks([base], before)[0].confirmed for before in runs_before] == [True, False, False, False]
    ok = replace(base, outcome="ok", block_type="")
    assert not confirm_blocks([ok], {"t": ""})[0].confirmed
