"""The carrier's own box: in its own place, beside the censor's, and never censorship."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab_net import HOPS, PLACE, WORLD, Net, datagram
from lab_scenario_files import BY_INPUT, CATALOGUE, GOOD, write
from lab_traffic import CLIENT, SERVER, read, rule
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import read_scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.lab_types import Rule
from probe_lab.path.line import draw_line

NEAR = 2
CARRIER = '[[carrier]]\ntrigger = "address"\nmatch = ["@t"]\naction = "throttle"\n'


@pytest.mark.parametrize("censors", [(), (rule("address", SERVER, "icmp", code=10),)], ids=["alone", "with censor"])
def test_the_carriers_box_is_before_the_censors(tmp_path: Path, censors: tuple[Rule, ...]) -> None:
    refusal = Rule(trigger="address", match=(SERVER,), action="icmp", params={"code": 13})
    net = Net(tmp_path, *censors, world=replace(WORLD, carrier_hop=NEAR), carrier=(refusal,))
    ((where, _, raw),) = net.send("client", datagram(CLIENT, SERVER))
    answer = read(raw)
    assert (where, answer.src, answer.icmp_code) == ("client", draw_line(WORLD).address(NEAR, version=4), 13)
    assert [(entry.actor, entry.block_type) for entry in net.log] == [("carrier", "")]


def test_both_boxes_act_each_from_its_router(tmp_path: Path) -> None:
    other = "151.101.2.2"
    refusal = Rule(trigger="address", match=(other,), action="icmp")
    net = Net(tmp_path, rule("address", SERVER, "icmp"), world=replace(WORLD, carrier_hop=NEAR), carrier=(refusal,))
    for dst, hop in ((SERVER, PLACE), (other, NEAR)):
        for ttl in range(1, HOPS + 1):
            ((_, _, raw),) = net.send("client", datagram(CLIENT, dst, ttl=ttl))
            assert read(raw).src == draw_line(WORLD).address(min(ttl, hop), version=4)


def test_a_carriers_rule_is_drawn_and_concerns_no_alias(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, GOOD.replace("[[rule]]", f"[world]\ncarrier_hop = 5\n{CARRIER}[[rule]]")))
    for seed in range(8):
        drawn = draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
        (found,) = drawn.carrier
        plan = drawn.world.hosts[BY_INPUT[drawn.aliases["t"][0]].host]
        assert (found.match, found.alias, found.block_type) == ((*plan.ipv4, *plan.ipv6), "", "")
        assert drawn.world.carrier_hop == 5 <= drawn.world.door


@pytest.mark.parametrize(("old", "new", "message"), [
    ("[[rule]]", f'{CARRIER}block_type = "flow.throttle"\n[[rule]]', "carrier[1].block_type: a carrier's own doing"),
    ("[[rule]]", f"{CARRIER}colour = 1\n[[rule]]", "carrier[1].colour: unknown field"),
    ("[[rule]]", f"{CARRIER}[world]\nhops = 6\ncarrier_hop = 6\n[[rule]]", "world.carrier_hop: router 6 of 6"),
    ("[[rule]]", f"{CARRIER}[world]\nhops = 8\ncensor_hop = 7\ncarrier_hop = 7\nat_door = true\n[[rule]]",
     "world.carrier_hop: want a router nearer"),
])
def test_what_is_no_carriers_doing_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(tmp_path, GOOD.replace(old, new, 1)))
    assert message in str(caught.value)
