"""How sure a verdict may be on the word of controls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from made_up_verdicts import cut, verdict_on
from observations import REFUSED, RESET, told
from path_scenes import CONTRARY, scene
from probe.core.observations import ControlAnswer
from probe.instruments.steps import AskControl
from probe.judge.common.rule import Decision, Rule, decide
from probe.judge.hops.hop_evidence import HopLocation
from probe.judge.path.all_rules import list_rules
from probe.judge.path.path_rules import PATH_TABLE
from probe.judge.tls.shape_evidence import ShapeEvidence
from probe.judge.verdicts.confidence import (
    CONTROLS_ALONE,
    ONE_NETWORK,
    WORDS_ABOUT_NAMES,
    WORDS_OF_CONTROLS,
    limit_confidence,
    limit_place,
)

ASKING = [rule for rule in list_rules() if WORDS_OF_CONTROLS.intersection(rule.needs)]
INNOCENT: dict[str, Any] = dict(stage="tls", failure=RESET, innocent="reached")
AT_A_HOP: dict[str, Any] = dict(located=HopLocation(least=3, most=3, where="before"))


def decided(rule: Rule[Any]) -> Decision[Any]:
    """The rule held, and without controls none would."""
    undecided = replace(rule, id="x", outcome="inconclusive", block_type="", holds=lambda e: True)
    return Decision(rule=rule, table=(undecided,), evidence=None)


def unchanged(evidence: Any) -> Any:
    return evidence


@pytest.mark.parametrize("rule", ASKING, ids=lambda rule: rule.id)
def test_no_rule_is_sure_on_the_word_of_controls(rule: Rule[Any]) -> None:
    most = CONTROLS_ALONE if set(rule.needs) <= WORDS_OF_CONTROLS else 1.0
    assert limit_confidence(decided(rule), unchanged, networks=1) == min(rule.confidence, ONE_NETWORK)
    assert limit_confidence(decided(rule), unchanged, networks=2) == min(rule.confidence, most)


def test_a_control_that_agrees_makes_nobody_less_sure() -> None:
    """Of a name that is cut off beside an innocent one: what may be said without a control may be said with one."""
    found, bare = decide(PATH_TABLE, scene(**INNOCENT, **AT_A_HOP, **CONTRARY)), scene(**INNOCENT, **AT_A_HOP)
    assert found.rule.id == "tls/reset_sni_control"
    without = decide(PATH_TABLE, bare)
    assert without.rule.id == "tls/reset_sni"
    assert limit_confidence(found, lambda _: bare, networks=1) == without.rule.confidence
    assert limit_confidence(found, lambda _: bare, networks=2) == found.rule.confidence


@pytest.mark.parametrize(("shown", "most"), [
    (dict(shapes=ShapeEvidence(elsewhere="helpers")), CONTROLS_ALONE),
    (dict(elsewhere_alike="helpers"), CONTROLS_ALONE), (dict(elsewhere_alike="name"), 1.0),
    (dict(shapes=ShapeEvidence(elsewhere="helpers"), **AT_A_HOP), 1.0),
    (dict(shapes=ShapeEvidence(elsewhere="helpers", others_alike=2)), 1.0),
    (dict(shapes=ShapeEvidence(elsewhere="name")), 1.0), (AT_A_HOP, 1.0),
], ids=["helpers alone", "of another name", "another name at an agreed server", "helpers and a search",
        "helpers and company", "a server that agreed", "a search"])
def test_a_place_that_helpers_alone_show_is_their_word(shown: dict[str, Any], most: float) -> None:
    found = decide(PATH_TABLE, scene(**INNOCENT, **CONTRARY, **shown))
    assert (found.rule.outcome, found.basis) == ("blocked", "place")
    assert limit_place(found) == most


def test_where_no_trusted_resolver_spoke_controls_alone_tell_of_names() -> None:
    (rule,) = [rule for rule in list_rules() if rule.id == "dns/denied_everywhere"]
    assert limit_confidence(decided(rule), unchanged, networks=2) == rule.confidence
    assert limit_confidence(decided(rule), unchanged, networks=2, words=WORDS_ABOUT_NAMES) == CONTROLS_ALONE
    assert limit_confidence(decided(rule), unchanged, networks=1, words=WORDS_ABOUT_NAMES) == ONE_NETWORK


def in_one_network(step: AskControl) -> ControlAnswer:
    return told(step.control_id, asn=64500, cc="DE", input=step.input,
                tcp=tuple((f"{a}:443", "") for a in step.addresses))


def test_two_helpers_of_one_network_are_one_word() -> None:
    net = cut("connect", REFUSED)
    one = verdict_on(replace(net, told=in_one_network))
    assert (one.outcome, one.confidence) == ("blocked", ONE_NETWORK)
    assert verdict_on(net).confidence > ONE_NETWORK
