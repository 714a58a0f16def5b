"""Who may be blamed when a shape passes: the shape, the two together, the line, or nobody."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import EOF, RESET, TIMEOUT, change_path
from probe.core.tables.evidence_words import NarrowHello
from probe.judge.common.rule import find_first_rule
from probe.judge.packets.packet_anatomy import PacketAnatomy
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_rules import PATH_RULES
from probe.judge.tls.shape_evidence import ShapeEvidence
from shape_scenes import CONTRARY, PASSED, scene, shaped

RESET_ENDS: dict[str, Any] = dict(stage="tls", failure=RESET)
DROPPED: dict[str, Any] = dict(stage="tls", failure=TIMEOUT, acked="no")
MUTE: dict[str, Any] = dict(stage="tls", failure=TIMEOUT, acked="yes")
ENDS = {"tls/reset": RESET_ENDS, "tls/close": RESET_ENDS | {"failure": EOF}, "tls/drop": DROPPED, "tls/mute": MUTE}
SHAPED = [(rule_id, s) for rule_id, s in shaped(ENDS) if "fingerprint" in rule_id or "name_and_shape" in rule_id]
FORGED = PacketAnatomy(captured=5, signs=("ttl", "early", "copies"))


@pytest.mark.parametrize(("rule_id", "evidence"), SHAPED, ids=[r[0] for r in SHAPED])
@pytest.mark.parametrize("doubt", [{"control_same": 0}, {"others_alike": 0}, {"passed": (), "firm": ()}], ids=str)
def test_a_server_may_dislike_our_hello_itself(
    rule_id: str, evidence: PathContext, doubt: dict[str, Any],
) -> None:
    """Without a control that sent the same hello, or another operator's server that shows the same from here (a server
    may refuse programs of one country alone), or another hello that passed, no shape is ever blamed."""
    bare = replace(evidence, path=change_path(evidence.path, shapes=replace(evidence.path.tls.shapes, **doubt)))
    assert not find_first_rule(PATH_RULES, bare).block_type.endswith(".fingerprint")
    if "passed" not in doubt:
        assert find_first_rule(PATH_RULES, bare).outcome == "inconclusive", rule_id


@pytest.mark.parametrize("action", ["drop", "mute"])
@pytest.mark.parametrize("narrow", ["unasked", "silent", "passed"])
def test_silence_blames_a_shape_only_if_small_segments_fail_too(action: str, narrow: NarrowHello) -> None:
    got = find_first_rule(PATH_RULES, scene(replace(PASSED, narrow=narrow), **ENDS[f"tls/{action}"], **CONTRARY,
                                            innocent="failed"))
    assert got.outcome == ("local" if narrow == "passed" else "inconclusive")


@pytest.mark.parametrize(("narrow", "outcome"), [
    ("unasked", "inconclusive"), ("passed", "local"), ("cut", "inconclusive"), ("silent", "blocked"),
    ("failed", "blocked")])
def test_a_small_answer_to_the_innocent_does_not_show_that_large_ones_arrive(narrow: NarrowHello, outcome: str) -> None:
    got = find_first_rule(PATH_RULES, scene(ShapeEvidence(narrow=narrow, innocent_small=True), **MUTE, **CONTRARY,
                                            innocent="reached"))
    assert got.outcome == outcome
    plain = find_first_rule(PATH_RULES, scene(ShapeEvidence(innocent_small=True), **RESET_ENDS, **CONTRARY,
                                              innocent="reached"))
    assert plain.block_type == "tls.reset.sni"  # no large packet is lost where a reset arrives


def test_one_that_passed_once_blames_no_shape() -> None:
    once = replace(PASSED, firm=())
    got = find_first_rule(PATH_RULES, scene(once, **RESET_ENDS, **CONTRARY, innocent="failed"))
    assert got.outcome == "inconclusive"
    got = find_first_rule(PATH_RULES, scene(once, **RESET_ENDS, **CONTRARY, innocent="reached"))
    assert (got.outcome, got.block_type) == ("blocked", "tls.reset")  # but the name alone is not shown any more


@pytest.mark.parametrize("innocent", ["reached", "failed"])
def test_packets_show_as_well_that_it_is_not_the_server(innocent: str) -> None:
    alone = scene(replace(PASSED, control_same=0), **RESET_ENDS, innocent=innocent, anatomy=FORGED)
    expected = "tls.reset" if innocent == "reached" else "tls.reset.fingerprint"
    assert find_first_rule(PATH_RULES, alone).block_type == expected
