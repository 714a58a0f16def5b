"""An accusation needs a basis; without one the suspicion is kept, and nobody is accused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import RESET, THERE4
from path_scenes import CONTRARY, scene
from probe.core.endpoints import Endpoint
from probe.core.tables.basis_words import BASES, Basis
from probe.judge.common.fingerprint_weight import FingerprintMark
from probe.judge.common.rule import Rule, decide
from probe.judge.dns.dns_rules import NAME_TABLE
from probe.judge.dns.port53 import Port53Evidence
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.packets.end_timing import EndTiming
from probe.judge.packets.packet_anatomy import PacketAnatomy
from probe.judge.path.all_rules import list_rules
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.tls.shape_evidence import ShapeEvidence
from probe.judge.udp.udp_evidence import UdpEvidence
from probe.judge.verdicts.combine import combine_paths
from probe.judge.verdicts.rule_verdict import make_path_verdict
from recorded_names import NAMES, failing

NAMED_RESET: dict[str, Any] = dict(stage="tls", failure=RESET, innocent="reached", **CONTRARY)
SUSPICION = scene(**NAMED_RESET)
FORGED = PacketAnatomy(captured=5, signs=("ttl", "early", "copies"))
FAR_GUARD = PacketAnatomy(captured=5, signs=("early", "went_on"))
TOO_SOON = EndTiming(attempts=5, sooner=5, answered=1, served_after=True, where="before")
ENDPOINT = Endpoint(target_id="t", service="s", role="web", input="https://t.example/", protocol="http", tier=1,
                    host="t.example", port=443)


@pytest.mark.parametrize("rule", list_rules(), ids=lambda rule: rule.id)
def test_exactly_the_rules_that_accuse_need_a_basis(rule: Rule[Any]) -> None:
    accuses = rule.outcome == "blocked" or rule.id.startswith("net/allowlist")
    assert bool(rule.rests_on) == accuses
    assert set(rule.rests_on) <= set(BASES)


def test_without_a_basis_the_suspicion_is_kept() -> None:
    decision = decide(PATH_TABLE, SUSPICION)
    verdict = make_path_verdict(ENDPOINT, decision)
    assert (verdict.outcome, verdict.block_type, verdict.basis) == ("inconclusive", "inconclusive.unplaced", "")
    assert verdict.suspected == "tls.reset.sni"
    assert verdict.rules[:2] == ("path/unplaced", "tls/reset_sni_control")


@pytest.mark.parametrize(("shown", "basis"), [
    (dict(anatomy=FORGED), "packets"),
    (dict(anatomy=FAR_GUARD, timing=TOO_SOON), "packets"),
    (dict(located=HopLocation(least=2, most=3, where="before")), "place"),
    (dict(located_by_name=HopLocation(least=3, most=3, where="before")), "place"),
    (dict(shapes=ShapeEvidence(elsewhere="name")), "place"),
    (dict(shapes=ShapeEvidence(elsewhere="helpers")), "place"), (dict(elsewhere_alike="helpers"), "place"),
    (dict(elsewhere_alike="name"), "place"),
    (dict(anatomy=FORGED, located=HopLocation(least=2, most=3, where="before")), "packets"),
], ids=str)
def test_an_accusation_names_its_strongest_basis(shown: dict[str, Any], basis: Basis) -> None:
    decision = decide(PATH_TABLE, scene(**NAMED_RESET | shown))
    assert (decision.rule.outcome, decision.basis) == ("blocked", basis)
    assert make_path_verdict(ENDPOINT, decision).basis == basis


@pytest.mark.parametrize("shown", [
    dict(located=HopLocation(where="end")), dict(located=HopLocation(least=2, most=3, where="unknown")),
    dict(located_by_name=HopLocation(least=2, most=3, where="unknown")),
    dict(mark=FingerprintMark(name="page", fits=True)),
    dict(lost="far"), dict(lost="unknown"), dict(udp=UdpEvidence(lost="far")),
    dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "df", "ip_id_constant"))),
    dict(anatomy=FAR_GUARD),  # a guard at the border of the operator's own network is nearer than its servers
    dict(anatomy=FAR_GUARD, timing=EndTiming(attempts=5, sooner=5, where="unknown")),
    dict(anatomy=FORGED, controls_failed=1),
    dict(controls_same_country=2),  # a front may refuse this provider, or this visitor, alone
], ids=str)
def test_what_a_front_of_the_service_can_show_is_no_basis(shown: dict[str, Any]) -> None:
    assert decide(PATH_TABLE, scene(**NAMED_RESET | shown)).rule.outcome != "blocked"


@pytest.mark.parametrize("state", ["nxdomain", "empty", "refused", "servfail", "timeout"])
def test_a_resolver_that_fails_alone_is_suspected(state: str) -> None:
    alive: dict[str, Any] = {"resolver_alive": "ok"}
    alone = decide(NAME_TABLE, failing(state, **alive))
    assert (alone.rule, alone.suspected[0].outcome) == (NAME_TABLE.unplaced, "blocked")
    struck: dict[str, Any] = dict(same_operator_answers=frozenset({THERE4}), port53=Port53Evidence(tried=True))
    both = decide(NAME_TABLE, replace(failing(state, public_udp=state, **alive | struck), resolvers_apart=True))
    assert (both.rule.outcome, both.basis) == ("blocked", "place")


def test_false_content_is_a_basis() -> None:
    assert decide(NAME_TABLE, NAMES["dns/two_answers"]).basis == "content"


def test_one_suspected_address_is_not_outweighed_by_one_that_answers() -> None:
    served = scene(proven=True, status=200, met="yes", last_ok=True, stage="", attempts=1, failed_attempts=0, depth=3)
    paths = [(c.path, make_path_verdict(ENDPOINT, decide(PATH_TABLE, c))) for c in (SUSPICION, served)]
    assert [verdict.outcome for _, verdict in paths] == ["inconclusive", "ok"]
    found = combine_paths(ENDPOINT, paths).verdict
    assert (found.block_type, found.partial) == ("inconclusive.unplaced", True)
