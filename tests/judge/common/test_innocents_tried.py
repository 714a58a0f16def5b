"""How sure a rule may be."""

from __future__ import annotations

from typing import Any

import pytest

from probe.core.tables.block_types import BLOCK_TYPES
from probe.judge.common.innocents_tried import INNOCENTS, cap_by_innocents, count_innocents, find_action
from probe.judge.common.rule import Rule
from probe.judge.path.all_rules import list_rules

RULES = list_rules()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_that_accuses_is_no_surer_than_the_innocents_allow(rule: Rule[Any]) -> None:
    stated = cap_by_innocents(rule)
    if rule.outcome != "blocked":
        assert stated == rule.confidence
    else:
        m = count_innocents(rule)
        assert 0 < stated <= min(rule.confidence, (m + 1) / (m + 2))
        assert stated == rule.confidence or (m + 1) / (m + 2) - stated < 0.01


def test_whatever_sets_an_action_off_it_looks_the_same() -> None:
    assert [find_action(cause) for cause in ("tls.reset.sni", "tls.reset", "dns", "dns.forged.redirect", "udp")] == [
        "tls.reset", "tls.reset", "dns.forged", "dns.forged", "udp"]


def test_each_class_is_named_once_for_an_action_and_actions_are_causes() -> None:
    for action, names in INNOCENTS.items():
        assert action in BLOCK_TYPES
        assert find_action(action) == action
        assert list(names) == sorted(set(names))
