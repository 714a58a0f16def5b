"""Situations by somebody who had not read the rules: they are read as any scenario, and say what they expect."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe_lab.format.scenario import read_scenario
from project_root import ROOT

FILES = sorted((ROOT / "tests" / "lab" / "strangers").glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_strangers_situation_is_a_scenario_with_sources(path: Path) -> None:
    scenario = read_scenario(path)
    assert scenario.expects
    assert scenario.sources


def test_there_are_as_many_innocents_as_censors() -> None:
    kinds = [read_scenario(path).kind for path in FILES]
    assert kinds.count("innocent") >= kinds.count("censorship") >= 14
