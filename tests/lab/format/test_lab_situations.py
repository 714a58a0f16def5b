"""Innocents that look like censorship come with a twin of the same look, made by a box before the service's door."""

from __future__ import annotations

import pytest

from probe_lab.format.scenario import Scenario, list_scenario_names, load_scenario

BOX = "-box"
NO_TWIN = {
    "op-challenge-tls": "a page under the service's own certificate is the service's own",
    "op-forbidden-tls": "a page under the service's own certificate is the service's own",
    "op-edge-expired": "nobody but the holder of its key can show the service's certificate, however old",
    "op-transfer-cap": "no action of the laboratory's box ends a flow in good order after so many bytes",
    "op-family-refused": "no rule of the laboratory's box can be held to one family of one service's addresses",
}
"""Innocents without a twin, and why there can be none."""
AT_LEAST = 40

INNOCENTS = [name for name in list_scenario_names() if name.startswith("op-") and not name.endswith(BOX)]
TWINS = [name for name in list_scenario_names() if name.startswith("op-") and name.endswith(BOX)]


def _causes(scenario: Scenario) -> set[str]:
    """What its rules and faults stand for."""
    return {part.block_type for part in (*scenario.rules, *scenario.faults)} - {""}


def test_there_are_many_classes_of_innocents() -> None:
    assert len(INNOCENTS) >= AT_LEAST


def test_every_innocent_has_a_twin_or_a_reason_why_there_is_none() -> None:
    assert {name.removesuffix(BOX) for name in TWINS} == set(INNOCENTS) - set(NO_TWIN)
    assert set(NO_TWIN) <= set(INNOCENTS)


@pytest.mark.parametrize("name", INNOCENTS)
def test_an_innocent_may_not_be_accused(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.kind == "innocent"
    assert not _causes(scenario)
    assert scenario.expects
    assert not any("blocked" in expect.outcomes for expect in scenario.expects)


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_is_one_act_of_censorship_that_may_be_told_or_left_open(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.kind == "censorship"
    assert len(_causes(scenario)) == 1
    (expect,) = scenario.expects
    assert "blocked" in expect.outcomes
    assert set(expect.outcomes) <= {"blocked", "inconclusive", "ok"}


def test_an_innocent_and_its_twin_are_one_situation_and_no_other() -> None:
    found = {name: load_scenario(name).situation for name in (*INNOCENTS, *TWINS)}
    assert len({found[name] for name in INNOCENTS}) == len(INNOCENTS)
    assert [name for name in TWINS if found[name] != found[name.removesuffix(BOX)]] == []


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_draws_whom_its_innocent_draws(name: str) -> None:
    """Or several of them, or a service that lives where the other is closed."""
    twin, innocent = load_scenario(name).draw, load_scenario(name.removesuffix(BOX)).draw
    assert set(twin) == set(innocent)
    for alias, spec in twin.items():
        other = innocent[alias]
        assert other.dead or (spec.service, spec.tls, spec.ipv6) == (other.service, other.tls, other.ipv6)
