"""Names that a network slows are found in made-up worlds, and innocent causes suspect nobody."""

from __future__ import annotations

import pytest

from probe_lab.fleet.timed_innocents import INNOCENTS, draw_innocent
from probe_lab.fleet.timed_score import judge_world
from probe_lab.fleet.timed_world import draw_slowed


@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_slowed_names_are_found_with_their_networks_and_days(seed: int) -> None:
    found = judge_world(draw_slowed(seed))
    assert found.found == found.sought > 0
    assert found.false == ()


@pytest.mark.parametrize("word", INNOCENTS)
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_innocent_causes_suspect_nobody(word: str, seed: int) -> None:
    assert judge_world(draw_innocent(word, seed)).false == ()
