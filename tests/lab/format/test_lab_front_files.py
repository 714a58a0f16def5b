"""Fronts of operators in scenario files, the class of a situation, and causes with all that lies below them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab_scenario_files import BY_INPUT, CATALOGUE, GOOD, write
from probe_lab.draw import draw_scenario, resolve_addresses
from probe_lab.format.scenario import read_scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.servers.faults import shows_to

FRONT = """
title = "a sentence"
kind = "innocent"
situation = "front-refuses"

[draw.t]
protocol = "http"
tls = true
trust = "web_pki"

[[front]]
trigger = "sni"
match = ["@t"]
action = "reset"

[[expect]]
of = "@t"
outcome = ["inconclusive", "blocked"]
"""


def innocent(text: str) -> str:
    return text.replace('["inconclusive", "blocked"]', '"inconclusive"')


def test_a_front_stands_before_its_owners_hosts_for_the_clients_country(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, innocent(FRONT)))
    drawn = draw_scenario(scenario, seed=1, endpoints=CATALOGUE.endpoints)
    (found,) = drawn.fronts
    (target,) = drawn.aliases["t"]
    row = BY_INPUT[target]
    assert drawn.situation == "front-refuses"
    assert found.rule.match == (row.sni,)
    assert (found.rule.block_type, found.rule.params["ttl"], found.rule.params["df"]) == ("", "server", True)
    assert found.hosts == resolve_addresses(row, drawn.world)
    assert (found.countries, found.at_door) == ((drawn.world.cc,), False)


def test_a_front_of_an_owner_stands_before_all_its_hosts(tmp_path: Path) -> None:
    text = innocent(FRONT).replace('action = "reset"', 'action = "reset"\nof = ["@t.owner"]\ncountries = ["*"]')
    drawn = draw_scenario(read_scenario(write(tmp_path, text)), seed=1, endpoints=CATALOGUE.endpoints)
    (found,) = drawn.fronts
    (owner,) = {drawn.world.owners[address] for address in found.hosts}
    assert set(found.hosts) == {address for address, whose in drawn.world.owners.items() if whose == owner}
    assert found.countries == ("*",)


def test_a_fault_can_strike_every_tenant_of_a_front(tmp_path: Path) -> None:
    head, _, expects = innocent(FRONT).partition("[[front]]")
    text = head + """
[draw.u]
service = "signal"
protocol = "http"
tls = true
behind = "t"

[[fault]]
kind = "resolver_servfail"
match = ["@t.owner"]
""" + expects[expects.index("[[expect]]"):]
    drawn = draw_scenario(read_scenario(write(tmp_path, text)), seed=1, endpoints=CATALOGUE.endpoints)
    world = drawn.world
    t, u = (BY_INPUT[drawn.aliases[alias][0]] for alias in "tu")
    (owner,) = {world.owners[address] for row in (t, u) for address in resolve_addresses(row, world)}
    owned = {address for address, whose in world.owners.items() if whose == owner}
    struck = {name for name, plan in world.hosts.items() if owned & {*plan.ipv4, *plan.ipv6}}
    assert {t.host, u.host} < struck
    assert {*drawn.faults[0].match} == struck | owned


def test_what_only_a_server_can_do_is_a_fault_of_it(tmp_path: Path) -> None:
    text = innocent(FRONT).replace('action = "reset"', 'action = "page"\nparams = {status = 451}')
    drawn = draw_scenario(read_scenario(write(tmp_path, text)), seed=1, endpoints=CATALOGUE.endpoints)
    assert drawn.fronts == ()
    (fault,) = drawn.faults
    assert (fault.kind, fault.params["status"]) == ("status", 451)
    assert [shows_to(peer, fault, drawn.world) for peer in (drawn.world.client4, drawn.world.client6)] == [True, True]
    assert not any(shows_to(point.ipv4, fault, drawn.world) for point in drawn.world.vantages)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('action = "reset"', 'action = "reset"\nblock_type = "tls.reset"', "front[1].block_type: a front"),
        ('action = "reset"', 'action = "frown"', "front[1].action: unknown 'frown'"),
        ('action = "reset"', 'action = "inject_dns"', "front[1].action: inject_dns cannot follow"),
        ('action = "reset"', 'action = "page"\nat_door = true', "front[1].at_door: only the server"),
        ('action = "reset"', 'action = "page"\nparams = {status = 7}', "front[1].params.status: want 100 to 999"),
        ('action = "reset"', 'action = "page"\nparams = {only_client = true}', "front[1].params.only_client: unknown"),
        ('action = "reset"', 'action = "reset"\ncountries = ["ru"]', "front[1].countries: want two capitals"),
        ('action = "reset"', 'action = "reset"\nof = "@u"', "front[1].of: alias not drawn: @u"),
        ('action = "reset"', 'action = "reset"\ncolour = 1', "front[1].colour: unknown field"),
        ('match = ["@t"]', 'match = ["a.example"]', "front[1].of: missing"),
        ('situation = "front-refuses"', 'situation = "Front"', "mine.toml: situation: want small letters"),
        ("[[front]]", "[world]\nat_door = 1\n[[front]]", "mine.toml: world.at_door: want true or false"),
        ("[[front]]", "[world]\ndoor_hops = 9\n[[front]]", "mine.toml: world.door_hops: impossible range"),
        ("[[front]]", '[draw.u]\nbehind = "x"\n[[front]]', "mine.toml: draw.u.behind: alias not drawn before"),
        ("[[front]]", '[draw.u]\nbehind = "t"\nshares = "t"\n[[front]]', "mine.toml: draw.u.behind: with shares"),
        ("[[front]]", "[front_program]\n[[front]]", "mine.toml: front_program.program: missing, and so is setup"),
        ("[[front]]", '[front_program]\nsetup = "x"\nready = "up"\n[[front]]', "ready: there is no program"),
        ("[[front]]", '[front_program]\nprogram = "x"\nready = "("\n[[front]]', "front_program.ready: no regular expr"),
        ("[[front]]", '[front_program]\nprogram = "x"\nlog = "a"\n[[front]]', "front_program.log: unknown field"),
    ],
)
def test_mistakes_about_fronts_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = innocent(FRONT)
    assert old in text
    with pytest.raises(ScenarioError, match=re.escape(message)):
        read_scenario(write(tmp_path, text.replace(old, new, 1)))


def test_a_front_alone_is_no_censorship(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="rule or fault"):
        read_scenario(write(tmp_path, FRONT))


def test_the_situation_is_the_name_unless_given(tmp_path: Path) -> None:
    assert read_scenario(write(tmp_path, GOOD)).situation == "mine"


def test_an_expectation_may_mean_a_cause_and_all_below_it(tmp_path: Path) -> None:
    text = GOOD.replace('block_type = "tls.reset.sni"\nmin_depth = 2', 'block_type = ["tls.reset+", "http.reset.host"]')
    (expect,) = read_scenario(write(tmp_path, text)).expects
    assert (expect.block_types, expect.below) == (("tls.reset", "http.reset.host"), ("tls.reset",))
    assert expect.causes_in_words() == "tls.reset+ or http.reset.host"
    with pytest.raises(ScenarioError, match="unknown block type"):
        read_scenario(write(tmp_path, GOOD.replace('sni"\nparams', 'sni+"\nparams')))
