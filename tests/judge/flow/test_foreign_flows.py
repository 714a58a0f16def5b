"""Transfers under a service's name at helpers: how they are read, and what they may carry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import EOF, HERE4, HOST, NEAR4, OTHER, RESET, TIMEOUT, observation, site_of
from path_scenes import NEARER, scene
from probe.core.helper_bytes import TEST_BYTES
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.judge.common.rule import Decision, Rule, decide
from probe.judge.flow.foreign_flows import TURNS, ForeignFlows, gather_foreign_flows
from probe.judge.path.all_rules import list_rules
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.verdicts.confidence import CONTROLS_ALONE, limit_place
from recorded_runs import CHAT, INNOCENT, RecordedRun, run
from recorded_transfers import SLOWER_NAME, STOPS, TRICKLES, flowing
from runs_transfers import FAST, SLOW, in_turns, transfer
from runs_transfers import STOPS as STOPPED

HELPERS = ("51.15.60.60", "45.33.60.60")
WHOLE: dict[str, Any] = dict(size=TEST_BYTES + 1800, took_s=0.6)
CRAWLS: dict[str, Any] = dict(size=40_000, took_s=5.9)
FALLS_SILENT: dict[str, Any] = dict(size=17_000, took_s=0.4, failure=TIMEOUT)
NOTHING: dict[str, Any] = dict(size=0, took_s=0.0, failure=TIMEOUT, status=0, body=0)
SLOW_LINE: dict[str, Any] = dict(size=60_000, took_s=5.9)


def fetched(own: bool, helper: str = HELPERS[0], *, size: int, took_s: float, failure: Failure = "", status: int = 200,
            body: int = TEST_BYTES, written: int = 900) -> Observation:
    """One transfer at a helper."""
    return observation(
        operation="transfer", purpose="foreign_helper", address=helper, port=443, input=f"https://{HOST}/",
        hostname=HOST if own else OTHER, sni=HOST if own else OTHER, failure=failure, bytes_read=size, flow_s=took_s,
        t0_s=10.0, t_s=10.0 + took_s + (6.0 if failure == TIMEOUT else 0.0), status=status, body_bytes=body,
        min_rtt_ms=50.0, bytes_written=written)


def at(helper: str, own: dict[str, Any], innocent: dict[str, Any] = WHOLE,
       turns: tuple[bool, ...] = TURNS) -> list[Observation]:
    return [fetched(mine, helper, **own if mine else innocent) for mine in turns]


def read(seen: list[Observation], addresses: tuple[str, ...] = (HERE4,)) -> tuple[str, tuple[str, ...]]:
    found = gather_foreign_flows(site_of(), [replace(o, sequence=n) for n, o in enumerate(seen)], addresses)
    return found.word, found.strikes


A, B = HELPERS
CRAWL = [*at(A, CRAWLS), *at(B, CRAWLS)]


@pytest.mark.parametrize(("seen", "word", "strikes"), [
    pytest.param(CRAWL, "helpers", ("slowed",), id="slowed at both"),
    pytest.param([*at(A, FALLS_SILENT), *at(B, FALLS_SILENT)], "helpers", ("frozen",), id="frozen at both"),
    pytest.param([*at(A, FALLS_SILENT), *at(B, CRAWLS)], "helpers", ("frozen", "slowed"), id="one of each"),
    pytest.param(at(A, CRAWLS), "", (), id="one helper is one word"),
    pytest.param([*at(A, CRAWLS), *at("51.15.60.61", CRAWLS)], "", (), id="and so are two side by side"),
    pytest.param([*at(A, CRAWLS), *at(NEAR4, CRAWLS)], "", (), id="the other is in the service's own network"),
    pytest.param([*at(A, CRAWLS), *at("104.16.1.1", CRAWLS)], "", (), id="the other is behind a shared front"),
    pytest.param([*at(A, CRAWLS), *at(B, CRAWLS)[:-1]], "", (), id="nobody looked whether others come still"),
    pytest.param([*at(A, CRAWLS), *at(B, CRAWLS, turns=(True, False, True, False, True, False))], "", (),
                 id="in another order"),
    pytest.param([*at(A, CRAWLS), *at(B, WHOLE)], "passes", (), id="it comes at the other"),
    pytest.param([*CRAWL[:-2], fetched(True, B, **WHOLE), CRAWL[-1]], "passes", (), id="it comes now and then"),
    pytest.param([*at(A, SLOW_LINE, SLOW_LINE), *at(B, SLOW_LINE, SLOW_LINE)], "", (),
                 id="a line that is slow"),
    pytest.param([*at(A, CRAWLS), *at(B, SLOW_LINE, SLOW_LINE)], "", (), id="a helper that is slow"),
    pytest.param([*at(A, CRAWLS), *at(B, WHOLE | dict(took_s=1.8))], "passes", (), id="three times as slow"),
    pytest.param([], "", (), id="nobody asked"),
    pytest.param([*CRAWL[:-1], fetched(False, B, **CRAWLS)], "", (), id="the address is slow afterwards"),
    pytest.param([*CRAWL[:-1], fetched(False, B, **FALLS_SILENT)], "", (), id="the address is shut afterwards"),
    pytest.param([*at(A, CRAWLS), *at(B, CRAWLS | dict(status=429, body=80))], "", (), id="asked too often"),
    pytest.param([*at(A, CRAWLS), *at(B, CRAWLS, WHOLE | dict(body=80))], "", (), id="a helper that gives none"),
    pytest.param([*at(A, CRAWLS), *at(B, dict(size=0, took_s=0.0, failure=RESET))], "", (), id="cut off at once"),
    pytest.param([*at(A, CRAWLS), *at(B, CRAWLS | dict(failure=EOF))], "", (), id="ended by the helper"),
    pytest.param([*at(A, CRAWLS), *at(B, NOTHING)], "helpers", ("lossy", "slowed"), id="nothing ever comes at one"),
    pytest.param([*at(A, CRAWLS), *at(B, NOTHING | dict(written=0))], "", (), id="nobody connects"),
])
def test_what_transfers_meet_at_helpers(seen: list[Observation], word: str, strikes: tuple[str, ...]) -> None:
    assert read(seen) == (word, strikes)


# ---- what it may carry

AT_BOTH = ForeignFlows(word="helpers", strikes=("slowed",))
BY_NAME: dict[str, Any] = TRICKLES | SLOWER_NAME | dict(same_answer=True)


def judged(foreign: ForeignFlows, flow: dict[str, Any], **changes: Any) -> Decision[PathContext]:
    c = flowing(**flow)
    bare = scene(**changes).path if changes else c.path
    lasting = replace(c.path.lasting, foreign=foreign)
    return decide(PATH_TABLE, replace(c, path=replace(c.path, lasting=lasting, place=bare.place, tcp=bare.tcp,
                                                      udp=bare.udp)))


@pytest.mark.parametrize(("foreign", "flow", "rule"), [
    (AT_BOTH, BY_NAME, "flow/slowed_by_name"),
    (replace(AT_BOTH, strikes=("frozen",)), STOPS | dict(controls_fast=1), "flow/frozen"),
    (replace(AT_BOTH, word="passes"), BY_NAME, "path/unplaced"), (ForeignFlows(), BY_NAME, "path/unplaced"),
    (replace(AT_BOTH, strikes=("frozen",)), BY_NAME, "path/unplaced"),
    (replace(AT_BOTH, strikes=("frozen", "lossy", "slowed")), BY_NAME, "flow/slowed_by_name"),
    (replace(AT_BOTH, strikes=("lossy",)), BY_NAME, "path/unplaced"),
    (replace(AT_BOTH, strikes=("frozen", "slowed")), STOPS | dict(controls_fast=1), "path/unplaced"),
    (AT_BOTH, STOPS | dict(controls_fast=1), "path/unplaced"),
    (AT_BOTH, TRICKLES | SLOWER_NAME | dict(same_answer=True, controls_slow=1), "well/proven"),
], ids=str)
def test_only_what_is_struck_alike_places_a_rule_over_transfers(foreign: ForeignFlows, flow: dict[str, Any],
                                                                rule: str) -> None:
    found = judged(foreign, flow)
    if rule.startswith("flow/"):
        assert (found.rule.id, found.basis, limit_place(found)) == (rule, "place", CONTROLS_ALONE)
    else:
        assert found.rule.outcome != "blocked"


@pytest.mark.parametrize("shown", [dict(located=NEARER), dict(located_by_name=NEARER), dict(lost="near"),
                                   dict(elsewhere_alike="helpers")], ids=str)
def test_no_other_place_carries_a_rule_over_transfers(shown: dict[str, Any]) -> None:
    assert judged(ForeignFlows(), BY_NAME, **shown).rule.id == "path/unplaced"
    assert judged(AT_BOTH, BY_NAME, **shown).basis == "place"


@pytest.mark.parametrize("rule", [r for r in list_rules() if r.block_type.startswith(("flow", "tcp.degrade"))],
                         ids=lambda rule: rule.id)
def test_every_rule_over_transfers_that_rests_on_place_says_whose(rule: Rule[Any]) -> None:
    by_address = rule.block_type == "tcp.degrade.address"
    assert ("place" in rule.rests_on) == (rule.finds_place is not None) or by_address


# ---- whole runs

def lent(own: dict[str, Any]) -> list[Observation]:
    """Transfers for the service's sake at two helpers."""
    return [replace(transfer(600.0 + 10 * n, purpose="foreign_helper", name=CHAT.host if mine else INNOCENT,
                             address=helper, **(own if mine else FAST)), attempt=n)
            for helper in HELPERS for n, mine in enumerate(TURNS)]


SLOW_ALONE, STOPS_ALONE = (in_turns(CHAT, kind, FAST) for kind in (SLOW, STOPPED))


@pytest.mark.parametrize(("seen", "outcome", "block_type"), [
    pytest.param(run(SLOW_ALONE, lent(SLOW)), "blocked", "flow.throttle.sni", id="slowed wherever it goes"),
    pytest.param(run(STOPS_ALONE, lent(STOPPED)), "blocked", "flow.freeze", id="frozen wherever it goes"),
    pytest.param(run(SLOW_ALONE, lent(FAST)), "inconclusive", "inconclusive.unplaced", id="by its own front"),
    pytest.param(run(STOPS_ALONE, lent(FAST)), "inconclusive", "inconclusive.unplaced", id="frozen by its own front"),
    pytest.param(run(SLOW_ALONE), "inconclusive", "inconclusive.unplaced", id="nobody asked"),
])
def test_a_front_that_slows_its_own_name_is_not_accused(seen: RecordedRun, outcome: str, block_type: str) -> None:
    (found,) = seen.judge()
    assert (found.verdict.outcome, found.verdict.block_type) == (outcome, block_type)
    assert found.verdict.confidence <= CONTROLS_ALONE
