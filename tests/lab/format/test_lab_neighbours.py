"""Names at, beside and far from other names' addresses: what a filter of one address, or a lost route, strikes."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from lab_net import Net, datagram
from lab_scenario_files import BY_INPUT, CATALOGUE, GOOD, write
from probe_lab.draw import draw_scenario, resolve_addresses
from probe_lab.format.scenario import read_scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.lab_types import DrawnScenario

BESIDE = '[draw.{alias}]\nprotocol = "http"\ntls = true\nport = 443\nliteral = false\n{how} = "t"\n\n'
FILTER = '[[rule]]\ntrigger = "address"\nmatch = ["{match}"]\naction = "drop"\nblock_type = "ip.blackhole"\n'
CDN = GOOD.replace('protocol = "http"', 'protocol = "http"\nport = 443\nliteral = false').replace("[[rule]]", "".join(
    BESIDE.format(alias=how, how=how) for how in ("shares", "near", "behind")) + "[[rule]]")


def drawn_with(folder: Path, act: str, seed: int) -> DrawnScenario:
    text = CDN.replace('[[rule]]\ntrigger = "sni"', f'{act}\n[[rule]]\ntrigger = "sni"')
    return draw_scenario(read_scenario(write(folder, text)), seed=seed, endpoints=CATALOGUE.endpoints)


def addresses_of(drawn: DrawnScenario, alias: str) -> tuple[str, ...]:
    return resolve_addresses(BY_INPUT[drawn.aliases[alias][0]], drawn.world)


@pytest.mark.parametrize("seed", range(4))
def test_neighbours_are_in_the_same_small_networks_and_nobody_else_is(tmp_path: Path, seed: int) -> None:
    drawn = drawn_with(tmp_path, "", seed)
    bits = {4: 24, 6: 64}
    networks = [ipaddress.ip_network((a, bits[ipaddress.ip_address(a).version]), strict=False)
                for a in addresses_of(drawn, "t")]
    inside = {a for a in drawn.world.owners if any(ipaddress.ip_address(a) in network for network in networks)}
    assert inside == {*addresses_of(drawn, "t"), *addresses_of(drawn, "near")}
    assert {drawn.world.owners[a] for a in addresses_of(drawn, "near")} == {
        drawn.world.owners[a] for a in addresses_of(drawn, "t")}
    assert not {*addresses_of(drawn, "near")} & {*addresses_of(drawn, "t")}
    assert any(":" not in a for a in addresses_of(drawn, "near"))


@pytest.mark.parametrize(("act", "struck"), [
    (FILTER.format(match="@t"), {"t", "shares"}),
    (FILTER.format(match="@t.routes"), {"t", "shares", "near"}),
    ('[[fault]]\nkind = "blackhole"\nmatch = ["@t.routes"]\nparams = {hop = 1}\n', {"t", "shares", "near"}),
    (FILTER.format(match="@t.owner"), {"t", "shares", "near", "behind"}),
])
def test_who_suffers_by_an_address_a_route_or_an_owner(tmp_path: Path, act: str, struck: set[str]) -> None:
    drawn = drawn_with(tmp_path, act, 5)
    net = Net(tmp_path, *drawn.rules, faults=drawn.faults, world=drawn.world)
    lost = set()
    for alias in ("t", "shares", "near", "behind"):
        for address in addresses_of(drawn, alias):
            src = drawn.world.client6 if ":" in address else drawn.world.client4
            if not net.send("client", datagram(src, address)):
                lost.add(alias)
    assert lost == struck


@pytest.mark.parametrize(("old", "new", "message"), [
    ('near = "t"', 'near = "x"', "draw.near.near: alias not drawn before this one: x"),
    ('near = "t"', 'near = "t"\nshares = "t"', "draw.near.near: with shares it has addresses already"),
])
def test_an_alias_leans_on_one_that_was_drawn(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(tmp_path, CDN.replace(old, new)))
    assert message in str(caught.value)
