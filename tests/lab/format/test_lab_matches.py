"""What a match lists is what is compared with: what would be heeded by nobody is refused."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from lab_scenario_files import BY_INPUT, CATALOGUE, GOOD, write
from probe_lab.draw import draw_scenario, resolve_addresses
from probe_lab.format.scenario import read_scenario
from probe_lab.format.toml_table import ScenarioError

HOLE = '[[fault]]\nkind = "blackhole"\nmatch = ["@t.routes"]\nparams = {hop = 3}\n'


@pytest.mark.parametrize(("old", "new", "message"), [
    ('match = ["@t"]', 'match = ["@t.routs"]', "rule[1].match: @t.routs: want one of @t.first, @t.owner, @t.routes"),
    ('match = ["@t"]', 'match = ["@t.routes"]', "rule[1].match: @t.routes stands for addresses"),
    ('match = ["@t"]', 'match = ["@t.first"]', "rule[1].match: @t.first stands for addresses"),
    ("[[rule]]", f'{HOLE.replace("blackhole", "host_off")}[[rule]]', "fault[1].match: @t.routes stands for networks"),
    ("[[rule]]", f'{HOLE.replace("hop = 3", "from_s = 3")}[[rule]]', "fault[1].match: a blackhole on the client's"),
    ("[[rule]]", '[[fault]]\nkind = "quota"\nmatch = ["@t"]\nparams = {after_bytes = 9}\n[[rule]]',
     "fault[1].match: quota concerns the whole line"),
])
def test_a_match_that_nobody_would_heed_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(tmp_path, GOOD.replace(old, new, 1)))
    assert message in str(caught.value)


def test_the_routes_of_a_hole_hold_every_address_that_was_drawn(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, GOOD.replace("[[rule]]", f"{HOLE}[[rule]]")))
    drawn = draw_scenario(scenario, seed=3, endpoints=CATALOGUE.endpoints)
    networks = [ipaddress.ip_network(text) for text in drawn.faults[0].match]
    addresses = resolve_addresses(BY_INPUT[drawn.aliases["t"][0]], drawn.world)
    assert {network.prefixlen for network in networks} <= {24, 48}
    for address in map(ipaddress.ip_address, addresses):
        assert sum(address in network for network in networks) == 1


def test_a_name_in_the_match_of_a_hole_stands_for_its_addresses(tmp_path: Path) -> None:
    text = GOOD.replace("[[rule]]", f'{HOLE.replace("@t.routes", "2GIS.ru")}[[rule]]')
    drawn = draw_scenario(read_scenario(write(tmp_path, text)), seed=3, endpoints=CATALOGUE.endpoints)
    plan = drawn.world.hosts["2gis.ru"]
    assert drawn.faults[0].match == (*plan.ipv4, *plan.ipv6)
