"""A service is out of order only where controls say so and no place speaks against it."""

from __future__ import annotations

from typing import Any

import pytest

from observations import EOF, REFUSED, RESET, TIMEOUT
from path_scenes import FAILS_TOO, scene
from probe.judge.common.rule import find_first_rule
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.packets.packet_anatomy import PacketAnatomy
from probe.judge.path.path_rules import PATH_RULES
from probe.judge.udp.udp_evidence import UdpEvidence
from recorded_app import app
from recorded_datagrams import STUN

ON_THE_WAY: dict[str, dict[str, Any]] = {
    "lost near": dict(lost="near"),
    "at a hop": dict(located=HopLocation(least=3, most=3, where="before")),
    "by packets of others": dict(anatomy=PacketAnatomy(captured=5, signs=("ttl", "early", "copies"))),
}
FAILING: dict[str, dict[str, Any]] = {
    "refused": dict(stage="connect", failure=REFUSED), "silent": dict(stage="connect", failure=TIMEOUT),
    "handshake": dict(stage="tls", failure=RESET), "request": dict(stage="http", failure=RESET),
    "cut": dict(stage="http", failure=EOF, status=200),
}


@pytest.mark.parametrize("shown", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("place", ON_THE_WAY.values(), ids=ON_THE_WAY)
def test_what_ends_on_the_way_is_no_outage(shown: dict[str, Any], place: dict[str, Any]) -> None:
    assert find_first_rule(PATH_RULES, scene(**shown, **FAILS_TOO)).outcome == "down"
    assert find_first_rule(PATH_RULES, scene(**shown, **place, **FAILS_TOO)).outcome == "inconclusive"


@pytest.mark.parametrize("shown", FAILING.values(), ids=FAILING)
def test_a_single_network_of_controls_makes_no_outage(shown: dict[str, Any]) -> None:
    one = scene(**shown, controls_asked=2, controls_answered=2, controls_failed=1)
    assert find_first_rule(PATH_RULES, one).outcome == "inconclusive"


@pytest.mark.parametrize(("failure", "lost", "outcome"), [
    (TIMEOUT, "", "down"), (TIMEOUT, "far", "down"), (TIMEOUT, "near", "inconclusive"),
    (REFUSED, "near", "inconclusive"),
])
def test_datagrams_that_end_on_the_way_are_no_outage(failure: str, lost: Any, outcome: str) -> None:
    seen = scene(**STUN | dict(failure=failure, udp=UdpEvidence(others_alike=3, others_answering=4, lost=lost)),
                 **FAILS_TOO)
    assert find_first_rule(PATH_RULES, seen).outcome == outcome


@pytest.mark.parametrize("place", ON_THE_WAY.values(), ids=ON_THE_WAY)
def test_a_messengers_words_that_end_on_the_way_are_no_outage(place: dict[str, Any]) -> None:
    said = dict(control_failed=2)
    assert find_first_rule(PATH_RULES, app(said=said, failure=RESET, **FAILS_TOO)).outcome == "down"
    assert find_first_rule(PATH_RULES, app(said=said, failure=RESET, **place, **FAILS_TOO)).outcome == "inconclusive"
