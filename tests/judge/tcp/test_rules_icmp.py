"""What ICMP errors to attempts to connect show."""

from __future__ import annotations

import pytest

from path_scenes import CONTRARY, scene
from probe.judge.common.rule import find_first_rule
from probe.judge.path.path_rules import PATH_RULES
from probe.store.text_forms import read_icmp


@pytest.mark.parametrize("lost", ["", "unknown", "far"])
@pytest.mark.parametrize("icmp", ["3/10 service", "3/13 service", "3/13 public", "3/1 public", "1/1 service"])
def test_a_firewall_at_the_operators_own_door_says_prohibited_too(icmp: str, lost: str) -> None:
    got = find_first_rule(PATH_RULES,
                          scene(stage="connect", failure="host_unreachable", icmp=read_icmp(icmp), lost=lost,
                                **CONTRARY))
    assert got.outcome == "inconclusive"


@pytest.mark.parametrize(("icmp", "rule_id"), [
    ("3/9 public", "ip/prohibited"), ("1/5 carrier", "ip/prohibited"), ("3/13", "ip/unreachable_here_only"),
    ("3/11 public", "ip/unreachable_here_only"), ("13 public", "ip/unreachable_here_only"),
])
def test_who_cannot_be_named_prohibits_nothing(icmp: str, rule_id: str) -> None:
    unreachable = scene(stage="connect", failure="host_unreachable", icmp=read_icmp(icmp), lost="near", **CONTRARY)
    assert find_first_rule(PATH_RULES, unreachable).id == rule_id
