"""Programs' hellos that fail where the library's pass: who may be blamed, and who never is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from observations import RESET
from probe.core.endpoints import Endpoint
from probe.core.tables.basis_words import Basis
from probe.judge.common.rule import decide
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.packets.packet_anatomy import PacketAnatomy
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.program.program_evidence import UNTRIED, ProgramEvidence
from probe.judge.verdicts.combine import combine_endpoints, combine_paths
from probe.judge.verdicts.rule_verdict import make_path_verdict
from program_scenes import ANY, ENDS, SOONER, STRUCK, TOO_LARGE, recorded, scene

ENDPOINT = Endpoint(target_id="t", service="s", role="web", input="https://t.example/", protocol="http", tier=1,
                    host="t.example", port=443)
BEFORE = HopLocation(least=3, most=3, where="before")
FORGED = PacketAnatomy(captured=4, signs=("ttl", "early", "copies"))


@pytest.mark.parametrize("action", ENDS)
@pytest.mark.parametrize(("shown", "changes", "basis"), [
    (dict(timing=SOONER), {}, "time"), (dict(anatomy=FORGED), {}, "packets"), (dict(others_alike=2), {}, "company"),
    ({}, dict(located=BEFORE), "place"),
], ids=str)
def test_a_struck_program_accuses_on_a_basis(
    action: str, shown: dict[str, Any], changes: dict[str, Any], basis: Basis,
) -> None:
    decision = decide(PATH_TABLE, scene(replace(ENDS[action], **shown), **changes))
    verdict = make_path_verdict(ENDPOINT, decision)
    assert (verdict.outcome, verdict.block_type, verdict.basis) == ("blocked", f"tls.{action}.fingerprint", basis)
    assert (verdict.struck, verdict.spared) == (("chrome", "firefox"), ("library", "conscrypt"))
    assert (verdict.attempts, verdict.failed_attempts) == (1 + ENDS[action].failed, ENDS[action].failed)


@pytest.mark.parametrize("action", ENDS)
@pytest.mark.parametrize("shown", [{}, dict(others_alike=1), dict(others_pass=5)], ids=str)
def test_without_a_basis_it_is_suspected_and_the_site_is_not_called_well(action: str, shown: dict[str, Any]) -> None:
    verdict = make_path_verdict(ENDPOINT, decide(PATH_TABLE, scene(replace(ENDS[action], **shown))))
    assert (verdict.block_type, verdict.suspected) == ("inconclusive.unplaced", f"tls.{action}.fingerprint")
    assert verdict.struck


@pytest.mark.parametrize("action", ENDS)
def test_an_early_end_at_a_door_that_may_be_the_services_own_accuses_nobody(action: str) -> None:
    seen = scene(replace(ENDS[action], timing=SOONER), located=replace(BEFORE, where="door"))
    verdict = make_path_verdict(ENDPOINT, decide(PATH_TABLE, seen))
    assert (verdict.block_type, verdict.suspected) == ("inconclusive.unplaced", f"tls.{action}.fingerprint")


@pytest.mark.parametrize(("ok", "failed", "word"), [(0, 0, "none"), (2, 0, "contrary"), (0, 1, "agrees"),
                                                    (1, 1, "doubtful")])
def test_a_verdict_tells_what_controls_met_in_that_shape(ok: int, failed: int, word: str) -> None:
    seen = scene(replace(STRUCK, timing=SOONER, control_ok=ok, control_failed=failed))
    assert make_path_verdict(ENDPOINT, decide(PATH_TABLE, seen)).control == word


@pytest.mark.parametrize("programs", [
    STRUCK, TOO_LARGE, replace(TOO_LARGE, others_lost=2), replace(UNTRIED, fails_at_times=True),
    replace(UNTRIED, lost_at_last=True)], ids=["suspected", "large", "large everywhere", "at times", "at last"])
def test_another_address_that_answers_us_does_not_outweigh_programs_that_fail(programs: ProgramEvidence) -> None:
    judged = [(seen.path, make_path_verdict(ENDPOINT, decide(PATH_TABLE, seen)))
              for seen in (scene(UNTRIED), scene(programs))]
    whole = combine_paths(ENDPOINT, judged)
    other = combine_paths(ENDPOINT, judged[:1])
    assert (whole.verdict.outcome != "ok", whole.verdict.partial, other.verdict.outcome) == (True, True, "ok")
    assert combine_endpoints([other, whole]).outcome != "ok"


def test_shapes_that_were_answered_at_another_address_are_told_unless_one_is_struck() -> None:
    seen = scene(UNTRIED), scene(replace(UNTRIED, spared=("chrome",))), scene(STRUCK)
    bare, answered, struck = ((s.path, make_path_verdict(ENDPOINT, decide(PATH_TABLE, s))) for s in seen)
    assert combine_paths(ENDPOINT, [bare, answered]).verdict.spared == ("chrome",)
    assert combine_paths(ENDPOINT, [bare, answered, struck]).verdict.spared == STRUCK.spared


INNOCENT: dict[str, PathContext] = {
    "too few failures": scene(replace(STRUCK, timing=SOONER, failed=3)),
    "the library failed in between": scene(replace(STRUCK, timing=SOONER, turns=1)),
    "not alike": scene(replace(STRUCK, timing=SOONER, same_failure=False)),
    "imitations alone": scene(replace(STRUCK, timing=SOONER, verified=False)),
    "a neighbour's failure": scene(replace(STRUCK, timing=SOONER, tainted=True)),
    "nothing to compare with": scene(replace(STRUCK, timing=SOONER, innocent="failed")),
    "an operator that refuses places": replace(scene(replace(STRUCK, timing=SOONER)), self_block=True),
    "controls meet the same": scene(replace(STRUCK, timing=SOONER, control_failed=1)),
    "large hellos": scene(replace(TOO_LARGE, others_pass=3, others_alike=3)),
    "large hellos, found": scene(replace(TOO_LARGE, others_pass=3), located=BEFORE),
}


@pytest.mark.parametrize("seen", INNOCENT.values(), ids=INNOCENT)
def test_innocents_are_neither_accused_nor_called_well(seen: PathContext) -> None:
    assert decide(PATH_TABLE, seen).rule.outcome in ("inconclusive", "local")


@settings(max_examples=300, deadline=None)
@given(ANY)
def test_a_program_that_fails_leaves_no_site_surely_well(programs: Any) -> None:
    rule = decide(PATH_TABLE, scene(programs)).rule
    assert bool(programs.struck) == (rule.outcome != "ok")
    if rule.outcome == "blocked":
        assert programs.failed >= 3
        assert programs.turns >= 2
        assert programs.verified
        assert not programs.control_failed


def test_where_the_library_fails_its_own_rules_decide() -> None:
    failing = scene(STRUCK, stage="tls", failure=RESET, last_ok=False, attempts=5, failed_attempts=5, proven=False)
    assert not decide(PATH_TABLE, failing).rule.id.startswith("program/")
    assert decide(PATH_TABLE, scene(UNTRIED)).rule.id == "tls/proven"


@pytest.mark.parametrize(("rule_id", "seen"), list(recorded()))
def test_every_rule_has_its_recording(rule_id: str, seen: PathContext) -> None:
    assert next(rule.id for rule in PATH_TABLE.rules if rule.holds(seen)) == rule_id
