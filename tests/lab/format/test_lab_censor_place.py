"""Where the censor sits is what the file says, or the file is refused: it is never moved in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_scenario_files import CATALOGUE, GOOD, write
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import list_scenario_names, load_scenario, read_scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.lab_types import World

SEEDS = range(12)


def drawn_worlds(folder: Path, world: str) -> list[World]:
    scenario = read_scenario(write(folder, f"{GOOD}\n[world]\n{world}\n"))
    return [draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints).world for seed in SEEDS]


@pytest.mark.parametrize(("world", "places"), [
    ("hops = 9\ncensor_hop = 8", {8}),
    ("hops = {between = [9, 12]}\ncensor_hop = {between = [6, 8]}", {6, 7, 8}),
    ("hops = 6\ndoor_hops = 0\ncensor_hop = 6", {6}),
    ("censor_hop = 11", {11}),
    ("door_hops = 3\ncensor_hop = 10", {10}),
])
def test_a_censor_sits_at_its_hop_which_all_paths_share(tmp_path: Path, world: str, places: set[int]) -> None:
    worlds = drawn_worlds(tmp_path, world)
    assert {w.censor_hop for w in worlds} == places
    assert all(w.censor_hop <= w.door for w in worlds)


@pytest.mark.parametrize("world", ["hops = 8\ncensor_hop = 8", "hops = {between = [6, 8]}\ncensor_hop = 5",
                                   "hops = 12\ncensor_hop = 4", "censor_hop = 11"])
def test_a_censor_at_the_door_sits_at_its_hop_among_the_operators_own(tmp_path: Path, world: str) -> None:
    worlds = drawn_worlds(tmp_path, f"{world}\nat_door = true")
    assert {w.censor_hop for w in worlds} == {int(world[-2:])}
    assert all(w.door < w.censor_hop <= w.hops for w in worlds)


@pytest.mark.parametrize(("world", "advice"), [
    ("hops = 8\ncensor_hop = 8", "want at most 7"),
    ("hops = {between = [6, 10]}\ncensor_hop = {between = [3, 6]}", "want at most 5"),
    ("hops = 8\ndoor_hops = {between = [1, 3]}\ncensor_hop = 6", "want at most 5"),
    ("hops = 8\ncensor_hop = 9\nat_door = true", "want 2 to 8"),
    ("hops = 8\ncensor_hop = 1\nat_door = true", "want 2 to 8"),
    ("hops = 8\ndoor_hops = 2\ncensor_hop = 6\nat_door = true", "want 7 to 8"),
])
def test_a_hop_where_the_censor_cannot_sit_is_refused_with_what_to_write(
    tmp_path: Path, world: str, advice: str
) -> None:
    with pytest.raises(ScenarioError, match=r"world\.censor_hop: ") as caught:
        read_scenario(write(tmp_path, f"{GOOD}\n[world]\n{world}\n"))
    assert advice in str(caught.value)
    assert ("[[front]]" in str(caught.value)) == ("at_door" not in world)


@pytest.mark.parametrize("name", [name for name in list_scenario_names() if "censor_hop" in load_scenario(name).world])
def test_packaged_censors_sit_on_their_side_of_the_door(name: str) -> None:
    scenario = load_scenario(name)
    for seed in SEEDS[:3]:
        world = draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints).world
        assert (world.censor_hop > world.door) == scenario.at_door
