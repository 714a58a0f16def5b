"""The set of sequences: of each class at least two censors and two innocents that look alike, each with its sources."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from probe.catalogue.load import load_catalogue
from probe_lab.box.rulebook import make_ready
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import DIRECTORY, Scenario, list_scenario_names, read_scenario

SCENARIOS = [read_scenario(path) for path in sorted((DIRECTORY / "sequences").glob("*.toml"))]
CLASSES = ("slow", "lossy", "frozen", "cut", "punished", "limited", "dark", "listed", "intercepted", "refused")
ENDPOINTS = load_catalogue(search=False).endpoints
SEED = int(os.environ["PROBE_TEST_SEED"]) % 100_000


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_is_drawn_and_expected(scenario: Scenario) -> None:
    assert scenario.sources
    assert scenario.expects
    drawn = draw_scenario(scenario, seed=SEED, endpoints=ENDPOINTS)
    for rules in (drawn.rules, drawn.carrier, tuple(front.rule for front in drawn.fronts)):
        assert len(make_ready(rules)) == len(rules)
    if scenario.kind == "innocent":
        assert not scenario.rules
        assert not any("blocked" in expect.outcomes for expect in scenario.expects)


def test_each_class_has_two_censors_and_two_innocents() -> None:
    assert {scenario.name.partition("-")[0] for scenario in SCENARIOS} == set(CLASSES)
    count = Counter((scenario.name.partition("-")[0], scenario.kind) for scenario in SCENARIOS)
    assert [key for key in ((c, k) for c in CLASSES for k in ("censorship", "innocent")) if count[key] < 2] == []


def test_none_is_named_like_another() -> None:
    assert not {scenario.name for scenario in SCENARIOS} & set(list_scenario_names())
