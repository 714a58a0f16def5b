"""How sure a verdict may be on the word of controls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from made_up_verdicts import cut, verdict_on
from observations import RESET, TIMEOUT, told
from probe.core.observations import ControlAnswer
from probe.inference.rules.all_rules import list_rules
from probe.inference.rules.path_rules import PATH_RULES
from probe.inference.rules.rule import Rule, decide
from probe.inference.verdicts.confidence import (
    CONTROLS_ALONE,
    ONE_NETWORK,
    WORDS_ABOUT_NAMES,
    WORDS_OF_CONTROLS,
    limit_confidence,
)
from probe.measurement.planning.steps import AskControl
from recorded_datagrams import CONTRARY, scene

ASKING = [rule for rule in list_rules() if WORDS_OF_CONTROLS.intersection(rule.needs)]
INNOCENT: dict[str, Any] = dict(stage="tls", failure=RESET, innocent="reached", **CONTRARY)


def limit(rule: Rule[Any], networks: int, *others: Rule[Any]) -> float:
    table = (rule, *others)
    return limit_confidence(decide((replace(rule, holds=lambda e: True), *others), None) if not others else
                            decide(table, scene(**INNOCENT)), networks)


@pytest.mark.parametrize("rule", ASKING, ids=lambda rule: rule.id)
def test_no_rule_is_sure_on_the_word_of_controls(rule: Rule[Any]) -> None:
    assert limit(rule, 1) <= ONE_NETWORK
    assert limit(rule, 2) == min(rule.confidence, CONTROLS_ALONE if set(rule.needs) <= WORDS_OF_CONTROLS else 1)


def test_a_control_that_agrees_makes_nobody_less_sure() -> None:
    """Of a name that is cut off beside an innocent one: what holds without controls holds with one as well."""
    found = decide(PATH_RULES, scene(**INNOCENT))
    without = decide([rule for rule in PATH_RULES if not WORDS_OF_CONTROLS.intersection(rule.needs)],
                     scene(**INNOCENT))
    assert found.rule.id == "tls/reset_sni_control" and without.rule.block_type == found.rule.block_type
    assert limit_confidence(found, 1) == max(ONE_NETWORK, without.rule.confidence)
    assert limit_confidence(found, 2) == found.rule.confidence


def test_where_no_trusted_resolver_spoke_controls_alone_tell_of_names() -> None:
    (rule,) = [rule for rule in list_rules() if rule.id == "dns/denied_everywhere"]
    found = decide((replace(rule, holds=lambda e: True),), None)
    assert limit_confidence(found, 2) == rule.confidence
    assert limit_confidence(found, 2, WORDS_ABOUT_NAMES) == CONTROLS_ALONE
    assert limit_confidence(found, 1, WORDS_ABOUT_NAMES) == ONE_NETWORK


def in_one_network(step: AskControl) -> ControlAnswer:
    return told(step.control_id, asn=64500, cc="DE", input=step.input,
                tcp=tuple((f"{a}:443", "") for a in step.addresses))


def test_two_helpers_of_one_network_are_one_word() -> None:
    net = cut("connect", TIMEOUT)
    one = verdict_on(replace(net, told=in_one_network))
    assert (one.outcome, one.confidence) == ("blocked", ONE_NETWORK)
    assert verdict_on(net).confidence > ONE_NETWORK
