"""What a server may do by itself, or a line may do to anybody, convicts nobody: its own pages, lost large packets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from made_up_net import Net, walk
from observations import HERE4, HOST, THERE4, TIMEOUT, WELL, change_path, endpoint, site_of, told
from path_scenes import CONTRARY, NO_CONTROL, scene
from probe.core.observations import ControlAnswer
from probe.instruments.steps import AskControl
from probe.judge.common.rule import find_first_rule
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.packets.packet_anatomy import PacketAnatomy
from probe.judge.path.path_rules import PATH_RULES
from probe.judge.tls.shape_evidence import ShapeEvidence
from probe.judge.verdicts.classify import judge_run
from probe.judge.verdicts.site_case import RunContext, SiteCase
from probe.session.observation_log import ObservationLog

IN_CLEAR: dict[str, Any] = dict(secure=False, stage="page", met="no", status=200)
FORGED: dict[str, Any] = dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "early", "copies")))
VANISHES: dict[str, Any] = CONTRARY | dict(
    stage="tls", failure=TIMEOUT, acked="no", innocent="failed", other_bytes="passed",
    shapes=ShapeEvidence(narrow="silent"))
BLOCKPAGE: dict[str, Any] = {"met_expectation": "no", "title": "Not accessible", "body_bytes": 900}


def other_page(step: AskControl) -> ControlAnswer:
    return told(step.control_id, input=step.input, http_failure="", http_status=200, http_title="Chat",
                http_body_bytes=999)


def run_context() -> RunContext:
    return RunContext(ladder=WELL, quorums={}, cc="ZZ", private_roots={})


@pytest.mark.parametrize(("shown", "outcome"), [
    ({}, "inconclusive"), ({"located": HopLocation(where="end")}, "inconclusive"),
    ({"located": HopLocation(least=2, most=3, where="unknown")}, "inconclusive"),
    ({"located": HopLocation(least=2, most=3, where="before")}, "blocked"),
    ({"page_of_others": True}, "blocked"), (FORGED, "blocked"),
], ids=str)
def test_a_page_of_ones_own_for_a_country_is_no_block(shown: dict[str, Any], outcome: str) -> None:
    differs = IN_CLEAR | dict(page_differs=1, controls_asked=1, controls_answered=1)
    assert find_first_rule(PATH_RULES, scene(**differs | shown)).outcome == outcome


@pytest.mark.parametrize("doubt", [
    {"other_bytes": "failed"},  # a neighbour's residual blocking takes every packet
    {"other_bytes": "unasked"}, {"shapes": ShapeEvidence()}, {"innocent": "unasked", **NO_CONTROL},
    NO_CONTROL, {"shapes": ShapeEvidence(narrow="passed")},
], ids=str)
def test_hellos_that_vanish_convict_only_where_other_bytes_pass(doubt: dict[str, Any]) -> None:
    evidence = scene(**VANISHES)
    assert find_first_rule(PATH_RULES, replace(evidence, path=change_path(evidence.path, **doubt))).outcome != "blocked"
    narrow = replace(WELL, full_segments=False)
    assert find_first_rule(PATH_RULES, replace(evidence, ladder=narrow)).outcome != "blocked"


def test_hellos_that_arrive_and_are_met_with_silence_did_not_vanish() -> None:
    evidence = scene(**VANISHES)
    muted = replace(evidence, path=replace(evidence.path, acked="yes"))
    assert find_first_rule(PATH_RULES, muted).block_type == "tls.mute"


def test_one_page_for_many_services_is_suspected() -> None:
    """A server may have a page for each country; unrelated services seldom have the same one. Yet two web servers as
    they are installed have: it accuses nobody by itself."""
    told_so: list[SiteCase] = []
    for name, address, service in ((HOST, HERE4, "chat"), ("other.example", THERE4, "o")):
        site = site_of(endpoint(f"http://{name}/", target_id=f"{service}.web.main", service=service))
        dns: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (address,))
        book = ObservationLog("r")
        page = BLOCKPAGE | {"body_sha256": name}
        walk(site, Net(dns=dns, page=page, told=other_page), book=book)
        told_so.append(book.case(site))
    both, _ = judge_run(told_so, {}, run_context())
    assert {(v.rule_id, v.suspected) for v in both} == {("path/unplaced", "http.blockpage")}
    for case in told_so:
        (alone,), _ = judge_run([case], {}, run_context())
        assert alone.rule_id == "http/page_varies"
