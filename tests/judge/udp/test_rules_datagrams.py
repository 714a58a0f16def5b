"""Who may be convicted over UDP, and by what: look-alikes that must not be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import REFUSED
from path_scenes import CONTRARY, NO_CONTROL, scene
from probe.core.tables.block_types import CauseId
from probe.core.tables.evidence_words import LostWhere
from probe.judge.common.rule import find_first_rule
from probe.judge.path.path_rules import PATH_RULES
from probe.judge.udp.udp_evidence import UdpEvidence
from recorded_datagrams import OTHERS, QUIC, STUN, UNSPOKEN


@pytest.mark.parametrize("alike", [
    dict(udp=replace(OTHERS, lost="near", others_alike=0)), dict(udp=replace(OTHERS, lost="")),
    dict(udp=replace(OTHERS, lost="far")), dict(udp=replace(OTHERS, lost="near", responses=9)),
    dict(udp=replace(OTHERS, lost="near", lossy=True)),  # of whom else is answered most is lost too: it may be chance
    dict(failure="unknown_failure: answer to no request", udp=replace(OTHERS, lost="near")),
    dict(failure=REFUSED, udp=replace(OTHERS, lost="near")),
], ids=str)
def test_silence_over_udp_accuses_nobody_that_others_or_the_place_do_not_single_out(alike: dict[str, Any]) -> None:
    assert find_first_rule(PATH_RULES, scene(**STUN | alike, **CONTRARY)).outcome == "inconclusive"


def test_a_port_for_quic_that_falls_silent_alone_may_be_a_neighbours_doing() -> None:
    near = replace(OTHERS, version="silent", lost="near")
    ends: tuple[tuple[LostWhere, CauseId], ...] = (("unknown", "inconclusive.unconfirmed"), ("near", "udp"))
    for beside, block_type in ends:
        udp = replace(near, lost_beside=beside)
        assert find_first_rule(PATH_RULES, scene(**UNSPOKEN | {"udp": udp}, **CONTRARY)).block_type == block_type


AGAIN: dict[str, Any] = dict(innocent="reached", udp=replace(QUIC["udp"], again="reached"))
"""The innocent name is answered before and after ours, which never is."""


@pytest.mark.parametrize("udp", [AGAIN["udp"], replace(QUIC["udp"], again="failed", lost="near")], ids=["1", "2"])
def test_a_name_is_to_blame_in_turns_or_where_its_datagrams_end_on_the_way(udp: UdpEvidence) -> None:
    assert find_first_rule(PATH_RULES, scene(**QUIC | CONTRARY | AGAIN | {"udp": udp})).block_type == "quic.drop.sni"


@pytest.mark.parametrize("alike", [
    dict(innocent="failed", udp=replace(OTHERS, version="silent")),  # UDP does not pass at all
    dict(innocent="failed", udp=replace(OTHERS, version="answered")),  # another version of the protocol
    dict(innocent="failed", udp=replace(OTHERS, version="answered", offers_v1=True, others_shaken=1)),
    dict(AGAIN, udp=replace(AGAIN["udp"], mute=1)),  # something is heard: the line may be poor
    dict(AGAIN, udp=replace(AGAIN["udp"], lossy=True)),
    dict(innocent="failed", udp=replace(QUIC["udp"], lossy=True)),
    dict(innocent="failed", udp=replace(QUIC["udp"], versions_answered=1)),
    # The innocent name went first, and a server that takes one handshake of an address is silent to every later one.
    dict(innocent="reached"), dict(innocent="reached", udp=replace(QUIC["udp"], again="failed")),
    dict(innocent="reached", udp=replace(QUIC["udp"], again="failed", lost="far")),
    dict(innocent="reached", udp=replace(QUIC["udp"], again="failed", lost="unknown")),
    dict(AGAIN, failure=REFUSED), dict(AGAIN, tainted=True), dict(AGAIN, **NO_CONTROL),
], ids=str)
def test_a_handshake_that_fails_convicts_by_its_name_or_version_alone(alike: dict[str, Any]) -> None:
    assert find_first_rule(PATH_RULES, scene(**QUIC | CONTRARY | alike)).outcome == "inconclusive"
