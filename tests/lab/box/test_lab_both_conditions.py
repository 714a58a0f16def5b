"""Rules that ask for a name and an address together, or for one and not the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab_scenario_files import BY_INPUT, CATALOGUE, GOOD, write
from lab_traffic import HELLO, INNOCENT, SERVER, SERVER6, Flow, Scene, flow_of, rule
from probe_lab.draw import draw_scenario, resolve_addresses
from probe_lab.format.scenario import read_scenario
from probe_lab.format.toml_table import ScenarioError

OTHER = "151.101.2.2"


@pytest.mark.parametrize(("trigger", "params", "struck"), [
    ("sni", {"at": SERVER}, {(HELLO, SERVER)}),
    ("sni", {"at": ("151.101.1.0/24", OTHER)}, {(HELLO, SERVER), (HELLO, OTHER)}),
    ("sni", {"not_at": SERVER}, {(HELLO, OTHER)}),
    ("not_sni", {"at": SERVER}, {(INNOCENT, SERVER)}),
    ("not_sni", {"not_at": SERVER}, {(INNOCENT, OTHER)}),
    ("sni", {"at": "151.101.0.0/16", "not_at": SERVER}, {(HELLO, OTHER)}),
])
def test_both_conditions_must_hold(
    tmp_path: Path, trigger: str, params: dict[str, str], struck: set[tuple[bytes, str]]
) -> None:
    scene = Scene(tmp_path, rule(trigger, "t.example", "drop", **params))
    found = set()
    for number, (hello, server) in enumerate((h, s) for h in (HELLO, INNOCENT) for s in (SERVER, OTHER)):
        flow = scene.open(Flow(cport=40_000 + number, server=server))
        if scene.out(flow.data(hello)).forward is None:
            found.add((hello, server))
    assert found == struck


def test_an_address_of_the_other_family_is_another_address(tmp_path: Path) -> None:
    scene = Scene(tmp_path, rule("sni", "t.example", "drop", at=SERVER6))
    passes = [scene.out(scene.open(flow_of(version)).data(HELLO)).forward is not None for version in (4, 6)]
    assert passes == [True, False]


@pytest.mark.parametrize(("text", "whole"), [("@t", True), ("@t.first", False)])
def test_a_reference_in_a_parameter_stands_for_addresses(tmp_path: Path, text: str, whole: bool) -> None:
    scenario = read_scenario(write(tmp_path, GOOD.replace("copies = 3", f'not_at = ["{text}", "192.0.2.0/24"]')))
    drawn = draw_scenario(scenario, seed=4, endpoints=CATALOGUE.endpoints)
    addresses = resolve_addresses(BY_INPUT[drawn.aliases["t"][0]], drawn.world)
    assert drawn.rules[0].params["not_at"] == (*(addresses if whole else addresses[:1]), "192.0.2.0/24")


@pytest.mark.parametrize("text", ["@t.routs", "nowhere", "192.0.2.0/99"])
def test_what_is_no_address_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError, match=r"params\.at"):
        read_scenario(write(tmp_path, GOOD.replace("copies = 3", f'at = ["{text}"]')))
