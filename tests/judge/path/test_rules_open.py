"""What no rule of its own decides: it stays open, or falls to the rule that says no more than is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import EOF, REFUSED, RESET, TIMEOUT, WELL
from path_scenes import CONTRARY, FORGED, SHOWS, scene
from probe.core.tables.block_types import is_ancestor
from probe.judge.common.rule import find_first_rule
from probe.judge.dns.dns_rules import DNS_RULES
from probe.judge.hops.hop_evidence import NOWHERE, HopLocation
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.network.network_rules import NETWORK_RULES
from probe.judge.path.path_context import PathContext
from probe.judge.path.path_rules import PATH_RULES
from probe.judge.tls.shape_evidence import ShapeEvidence
from recorded_app import app
from recorded_datagrams import OPEN_DATAGRAMS
from recorded_names import FALLS_TO
from recorded_networks import NOTHING
from recorded_transfers import flowing
from test_rules import BY_ID, FAMILIES

NOT_MADE = {rule_id: seen for rule_id, seen in FAMILIES.items() if rule_id not in BY_ID}
"""Combinations of action and depth without a rule of their own."""

OPEN: dict[str, PathContext] = OPEN_DATAGRAMS | {
    "a genuine messenger's server that ends the connection": app(failure=EOF, secure=True, proven=True),
    "an address that vanishes where no other port was tried": scene(stage="connect", failure=TIMEOUT, lost="near",
                                                                    **CONTRARY),
    "a connection that is cut off once it is encrypted": scene(stage="http", failure=RESET, proven=True, **CONTRARY),
    **{f"a hello that is answered in pieces, beside an innocent name that {word}, {acked}": scene(
        stage="tls", failure=TIMEOUT, acked=acked, innocent=word, shapes=ShapeEvidence(narrow="cut", elsewhere=other),
        **CONTRARY) for word in ("reached", "unasked", "tainted") for acked in ("yes", "no") for other in ("", "name")},
    **{f"{stem} for one name, by whom it may be": scene(**SHOWS[stem], **CONTRARY, innocent="reached",
                                                        located_by_name=place)
       for stem in ("tls/alert", "tls/close", "http/close") for place in (NOWHERE, HopLocation(where="end"))},
    "controls that contradict each other": scene(stage="tls", failure=RESET, controls_asked=2, controls_answered=2,
                                                 controls_ok=1, controls_failed=1),
    "an operator that refuses some places": scene(self_block=True, stage="tls", failure=RESET, **CONTRARY),
}
"""What no rule decides."""


@pytest.mark.parametrize("rule_id", NOT_MADE)
def test_what_no_rule_of_a_family_tells_stays_open(rule_id: str) -> None:
    stem = rule_id.split("_", maxsplit=1)[0].replace("/", ".")
    got = find_first_rule(PATH_RULES, NOT_MADE[rule_id])
    forged = rule_id.endswith("injected") and NOT_MADE[rule_id].path.innocent == "reached"
    assert got.outcome == "inconclusive" or (forged and is_ancestor(stem, got.block_type)), got.id


@pytest.mark.parametrize("seen", OPEN.values(), ids=OPEN)
def test_what_no_rule_decides_stays_open(seen: PathContext) -> None:
    assert find_first_rule(PATH_RULES, seen).outcome == "inconclusive"


@pytest.mark.parametrize(("ladder", "rule_id"), [
    (LadderEvidence(link=False), "net/offline"), (LadderEvidence(link=False, tunnel="full"), "net/offline"),
    (LadderEvidence(gateway="silent", tunnel="full", **NOTHING), "net/tunnel"),
])
def test_without_a_route_nobody_is_asked(ladder: LadderEvidence, rule_id: str) -> None:
    assert find_first_rule(NETWORK_RULES, ladder).id == rule_id


def test_a_page_behind_which_every_transfer_falls_silent_is_not_called_well() -> None:
    assert find_first_rule(PATH_RULES, flowing(own_stalls=1, innocent_passes=1)).id == "flow/silent_after_the_page"


@pytest.mark.parametrize("case", FALLS_TO)
def test_other_looks_of_a_name_fall_to_the_rule_that_fits(case: str) -> None:
    seen, rule_id = FALLS_TO[case]
    assert find_first_rule(DNS_RULES, seen).id == rule_id


@pytest.mark.parametrize("family", ["connect", "quic", "stun"])
def test_where_no_ipv6_address_answers_none_is_missed(family: str) -> None:
    seen = scene(replace(WELL, ipv6="broken"), family=6, stage=family, kind=family, failure=TIMEOUT, **CONTRARY)
    assert find_first_rule(PATH_RULES, seen).block_type == "local.ipv6"


@pytest.mark.parametrize("shown", [
    dict(failure=TIMEOUT, other_port="silent"), dict(failure=TIMEOUT, other_port="closed"), dict(failure=REFUSED),
    dict(failure=REFUSED, **FORGED), dict(failure=TIMEOUT),
], ids=str)
def test_who_takes_our_first_connections_and_no_more_may_count_them(shown: dict[str, Any]) -> None:
    late = scene(stage="connect", lost="near", opened_before=True, **shown, **CONTRARY)
    assert find_first_rule(PATH_RULES, late).outcome == "inconclusive"
