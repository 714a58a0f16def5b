"""Situations by somebody who had not read the rules: they are read as any scenario, and say what they expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import read_scenario
from project_root import ROOT

FOLDER = ROOT / "tests" / "lab" / "strangers"
FILES = sorted(FOLDER.rglob("*.toml"))
ENDPOINTS = load_catalogue(search=False).endpoints


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_strangers_situation_is_a_scenario_with_sources(path: Path) -> None:
    scenario = read_scenario(path)
    assert scenario.expects
    assert scenario.sources
    assert draw_scenario(scenario, seed=1, endpoints=ENDPOINTS).targets


def test_no_two_have_one_name() -> None:
    assert len({path.name for path in FILES}) == len(FILES)


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=lambda folder: folder.name)
def test_there_are_as_many_innocents_as_censors(folder: Path) -> None:
    kinds = [read_scenario(path).kind for path in folder.glob("*.toml")]
    assert kinds.count("innocent") >= kinds.count("censorship") >= 14
