"""Scenarios: what is drawn, that the packaged ones are sound, and the commands that name them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab_scenario_files import BY_INPUT, CATALOGUE, GOOD, write
from probe.catalogue.owners import ServiceAt, choose_unrelated
from probe.core.endpoints import Endpoint
from probe.core.tables.protocols import PROTOCOLS
from probe_lab.box.actions import list_problems, texts_of
from probe_lab.cli.lab import lab
from probe_lab.draw import NOT_BUILT, TARGET, accepts, draw_scenario, resolve_addresses
from probe_lab.format.scenario import list_scenario_names, load_scenario, read_scenario
from probe_lab.format.scenario_parts import PLACES
from probe_lab.format.toml_table import ScenarioError
from probe_lab.lab_types import DrawnScenario
from probe_lab.scoring.convictions import uncertain_aliases
from probe_lab.servers.faults import FAULTS
from project_root import ROOT

SEED = int(os.environ["PROBE_TEST_SEED"]) % 100_000
"""Each run of the tests has one for itself, and prints it in its header."""
CENSORS, CONFUSERS = 49, 22
"""Of the table of scenarios: every number up to these has a file."""


# --- what is drawn


def _hosts(row: Endpoint) -> set[str]:
    return {name for name in (row.host, row.sni) if name}


def _aliases(drawn: DrawnScenario) -> list[Endpoint]:
    return [BY_INPUT[url] for alias, inputs in drawn.aliases.items() if ":" not in alias for url in inputs]


def test_every_number_of_this_version_has_a_scenario() -> None:
    have = {load_scenario(name).number for name in list_scenario_names()}
    assert {str(number) for number in range(1, CENSORS + 1)} - have == set()
    assert {f"C{number}" for number in range(1, CONFUSERS + 1)} - have == set()
    assert load_scenario("clean").kind == "innocent"


@cache
def _drawn(name: str) -> DrawnScenario:
    return draw_scenario(load_scenario(name), seed=SEED, endpoints=CATALOGUE.endpoints)


def test_the_same_seed_draws_the_same() -> None:
    for name in ("clean", "dns-gfw-3", "ru-wechat-2017"):
        assert _drawn(name) == draw_scenario(load_scenario(name), seed=SEED, endpoints=CATALOGUE.endpoints)


@pytest.mark.parametrize("name", list_scenario_names())
def test_packaged_scenarios_draw_soundly(name: str) -> None:
    scenario, drawn = load_scenario(name), _drawn(name)
    assert len(set(drawn.targets)) == len(drawn.targets)
    assert [problem for rule in drawn.rules for problem in list_problems(rule)] == []
    assert all(fault.kind in FAULTS for fault in drawn.faults)
    texts = [text for rule in drawn.rules for value in rule.params.values() for text in texts_of(value)]
    texts += [text for rule in drawn.rules for text in rule.match] + [text for f in drawn.faults for text in f.match]
    censor = drawn.censor
    texts += [*censor.setup, censor.program, *censor.match] if censor else []
    assert uncertain_aliases(drawn) <= set(scenario.draw)
    assert not [text for text in texts for place in (*PLACES, *scenario.draw) if f"@{place}" in text]


@pytest.mark.parametrize("name", [name for name in list_scenario_names() if load_scenario(name).draw])
def test_company_is_out_of_the_censors_reach(name: str) -> None:
    drawn, specs = _drawn(name), load_scenario(name).draw
    chosen = _aliases(drawn)
    company = [BY_INPUT[url] for url in drawn.targets if BY_INPUT[url] not in chosen]
    assert 4 <= len(company) <= 20
    names_drawn = {host for row in chosen for host in _hosts(row)}
    addresses = {address for row in chosen for address in resolve_addresses(row, drawn.world)}
    for row in company:
        assert not [n for n in names_drawn for own in _hosts(row) if n in own or own in n], row.input
        assert addresses.isdisjoint(resolve_addresses(row, drawn.world)), row.input
        assert row.target_id not in {one.target_id for one in chosen}
    apart = company if any(spec.together for spec in specs.values()) else (*chosen, *company)
    assert len({row.host for row in apart}) == len({row.target_id for row in apart}) == len(apart)


@pytest.mark.parametrize(("name", "seed"), [
    ("dns-resolver-lie", 6046),  # one service's made-up address lies in a network that another's owner uses
    *((name, SEED) for name in ("dns-resolver-lie", "dns-cname-lie", "fp-name-drop"))])
def test_who_is_drawn_apart_is_apart_where_it_is_met(name: str, seed: int) -> None:
    scenario = load_scenario(name)
    drawn = draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
    for alias in (alias for alias, spec in scenario.draw.items() if spec.apart):
        met = [ServiceAt(service=row.service, host=row.host, addresses=frozenset(resolve_addresses(row, drawn.world)))
               for row in (BY_INPUT[url] for url in drawn.aliases[alias])]
        assert choose_unrelated(met) == tuple(met)


def test_what_is_rare_is_drawn_before_what_could_take_it() -> None:
    few = [row for row in CATALOGUE.endpoints if row.service in ("facebook", "control") or row.protocol in (
        "dns", "stun", "tcp", "mtproto", "wa_noise")]
    scenario = load_scenario("cert-self-signed")
    for seed in range(40):
        drawn = draw_scenario(scenario, seed=seed, endpoints=few)
        assert list(drawn.aliases)[:2] == ["t", "q"]
        assert drawn.aliases["q"] == ("quichandshake://www.facebook.com:443",)


@pytest.mark.parametrize("name", [name for name in list_scenario_names() if load_scenario(name).draw])
def test_what_is_drawn_is_alive_and_refuses_nobody_unless_asked_for(name: str) -> None:
    drawn, specs = _drawn(name), load_scenario(name).draw
    asked_for = {protocol for spec in specs.values() for protocol in spec.protocol}
    controls = any("control" in spec.role for spec in specs.values())
    closed, named = any(spec.dead for spec in specs.values()), {s for spec in specs.values() for s in spec.service}
    for row in _aliases(drawn):
        assert row.status == "active" or closed, row.input
        assert row.tier >= 1 or (controls and row.role == "control"), row.input
        assert PROTOCOLS[row.protocol].built or row.protocol in asked_for, row.input
        assert not row.self_block or row.service in named, row.input


def test_seeds_differ_in_names_addresses_delays_and_headers() -> None:
    worlds = [draw_scenario(load_scenario("sni-gfw2"), seed=seed, endpoints=CATALOGUE.endpoints) for seed in range(12)]
    assert len({drawn.aliases["t"] for drawn in worlds}) > 6
    assert len({drawn.world.client4 for drawn in worlds}) == 12
    assert len({drawn.world.client_delay_ms for drawn in worlds}) > 6
    assert len({drawn.rules[0].params["ttl"] for drawn in worlds}) > 6
    assert {drawn.rules[0].params["window"] for drawn in worlds} == {"ttl+1375"}


def test_filters_hold(tmp_path: Path) -> None:
    filters = ["tls = true", "ipv6 = true", "min_addresses = 3", "rejects = [403]", "tier = [1, 2]", "count = 4"]
    text = GOOD.replace("tls = true", "\n".join(filters))
    scenario = read_scenario(write(tmp_path, text))
    for seed in range(6):
        drawn = draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
        rows = [BY_INPUT[url] for url in drawn.aliases["t"]]
        assert len({row.host for row in rows}) == 4
        for row in rows:
            found = resolve_addresses(row, drawn.world)
            assert row.protocol == "http"
            assert row.sni
            assert row.tier in (1, 2)
            assert len(found) >= 3
            assert any(":" in address for address in found)
            assert accepts(row, 403) is False
            assert row.expect.status


def test_references_become_names_addresses_and_places(tmp_path: Path) -> None:
    text = GOOD.replace('trigger = "sni"', 'trigger = "address_port"') + """
[[rule]]
trigger = "host"
match = ["@t", "other.example"]
action = "http_response"
params = {headers = ["Location: http://@foreign/?@t"], body = "@portal"}

[[fault]]
kind = "resolver_lie"
match = ["@t"]
params = {address = "@sinkhole"}
"""
    drawn = draw_scenario(read_scenario(write(tmp_path, text)), seed=5, endpoints=CATALOGUE.endpoints)
    row, world = BY_INPUT[drawn.aliases["t"][0]], drawn.world
    places = [f"[{a}]:{row.port}" if ":" in a else f"{a}:{row.port}" for a in resolve_addresses(row, world)]
    assert list(drawn.rules[0].match) == places
    assert drawn.rules[1].match == (row.host, "other.example")
    foreign = next(name for name, plan in world.hosts.items() if plan.ipv4 == (world.sinkhole,))
    assert foreign not in {endpoint.host for endpoint in CATALOGUE.endpoints}
    assert drawn.rules[1].params == {"headers": (f"Location: http://{foreign}/?{row.host}",), "body": world.portal}
    assert drawn.faults[0].params == {"address": world.sinkhole}
    assert row.host in drawn.faults[0].match


def test_the_whole_catalogue_is_clean() -> None:
    drawn = draw_scenario(load_scenario("clean"), seed=1, endpoints=CATALOGUE.endpoints)
    active = [row for row in CATALOGUE.endpoints if row.status == "active"]
    fixed = [row for row in active if "{rand16}" not in row.input and "{8hex}" not in row.input]
    assert len(drawn.targets) == len({row.target_id for row in fixed})
    several = drawn.aliases[f"{TARGET}telegram.chat.dc2"]
    assert sum(url in drawn.targets for url in several) == 1
    assert BY_INPUT[next(url for url in several if url in drawn.targets)].protocol == "mtproto"
    assert not [url for url in drawn.targets if "{" in url]
    assert drawn.expects[-1].of == NOT_BUILT, "or `*` would override it"
    assert drawn.aliases[NOT_BUILT]


def test_world_parameters_are_drawn(tmp_path: Path) -> None:
    ranges = ["hops = 3", "loss = 0.05", "clock_shift_s = {any = [-9, 9]}", "helpers = 1"]
    world = "\n".join(["[world]", "rtt_ms = {between = [40, 41]}", *ranges])
    scenario = read_scenario(write(tmp_path, GOOD + world))
    drawn = [draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints).world for seed in range(10)]
    assert all(40 <= 2 * w.client_delay_ms <= 41 and (w.hops, w.loss, len(w.vantages)) == (3, 0.05, 1) for w in drawn)
    assert {w.clock_shift_s for w in drawn} == {-9, 9}
    assert all(w.censor_hop <= w.hops for w in drawn)


def test_the_censor_sits_where_the_file_says(tmp_path: Path) -> None:
    world = "\n[world]\nhops = {between = [4, 9]}\ncensor_hop = {between = [2, 3]}\n"
    scenario = read_scenario(write(tmp_path, GOOD + world))
    places = {draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints).world.censor_hop for seed in range(10)}
    assert places == {2, 3}


def test_two_names_can_share_addresses(tmp_path: Path) -> None:
    text = GOOD.replace("[[rule]]", '[draw.u]\nprotocol = "http"\ntls = true\nshares = "t"\n\n[[rule]]', 1)
    scenario = read_scenario(write(tmp_path, text))
    for seed in range(6):
        drawn = draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
        t, u = (BY_INPUT[drawn.aliases[alias][0]] for alias in "tu")
        assert t.host != u.host
        assert t.port == u.port
        assert resolve_addresses(t, drawn.world) == resolve_addresses(u, drawn.world)
        others = [BY_INPUT[url] for url in drawn.targets if url not in (t.input, u.input)]
        assert not [row for row in others
                    if set(resolve_addresses(row, drawn.world)) & set(resolve_addresses(t, drawn.world))]


@pytest.mark.parametrize("text", ["www.facebook.com", "https://www.facebook.com/"])
def test_targets_can_be_pinned(text: str) -> None:
    drawn = draw_scenario(load_scenario("sni-fin"), seed=8, endpoints=CATALOGUE.endpoints, pinned={"t": (text,)})
    assert drawn.aliases["t"] == ("https://www.facebook.com/",)
    assert "https://www.facebook.com/" in drawn.targets
    assert drawn.rules[0].match == ("www.facebook.com",)


def test_every_host_of_the_catalogue_can_be_pinned(rng: random.Random) -> None:
    scenario = load_scenario("sni-fin")
    for row in rng.sample([row for row in CATALOGUE.endpoints if row.host and "{" not in row.input], 12):
        drawn = draw_scenario(scenario, seed=1, endpoints=CATALOGUE.endpoints, pinned={"t": (row.input,)})
        assert drawn.aliases["t"] == (row.input,)


def test_pinning_what_does_not_exist_is_said_so() -> None:
    scenario = load_scenario("sni-fin")
    with pytest.raises(ScenarioError, match=r"nowhere\.invalid"):
        draw_scenario(scenario, seed=1, endpoints=CATALOGUE.endpoints, pinned={"t": ("nowhere.invalid",)})
    with pytest.raises(ScenarioError, match="draws no 'x'"):
        draw_scenario(scenario, seed=1, endpoints=CATALOGUE.endpoints, pinned={"x": ("nowhere.invalid",)})


def test_dead_and_unbuilt_endpoints_are_never_drawn(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, GOOD.replace("tls = true", "tls = true\ntier = 1")))
    rows = [row for row in CATALOGUE.endpoints if row.protocol == "http" and row.sni and row.tier == 1]
    spoiled = tuple(replace(row, status="unproven") for row in rows[1:])
    living = next(row for row in rows if row.status == "active" and row.role != "control" and "{" not in row.input)
    others = [row for row in CATALOGUE.endpoints if row.tier != 1]
    drawn = draw_scenario(scenario, seed=3,
                          endpoints=(*(r for r in spoiled if r.input != living.input), living, *others))
    assert drawn.aliases["t"] == (living.input,)


# --- commands


def test_list_as_json_has_the_promised_shape() -> None:
    done = CliRunner().invoke(lab, ["list", "--json"])
    listed = json.loads(done.stdout)
    assert {entry["name"] for entry in listed} == set(list_scenario_names())
    assert all({"name", "title", "kind", "expect", "needs"} <= set(entry) for entry in listed)
    assert {entry["kind"] for entry in listed} == {"censorship", "innocent"}
    assert all(entry["expect"] for entry in listed)


def test_the_table_has_a_row_for_each_scenario_with_what_it_expects() -> None:
    done = CliRunner().invoke(lab, ["list", "--table"])
    head, _, *rows = done.stdout.splitlines()
    cells = {name.strip("`"): (kind, expected, needs) for _, name, kind, *_, expected, needs in
             (row.strip("|").split("|") for row in (row.replace(" | ", "|") for row in rows))}
    assert head.count("|") == 7
    assert sorted(cells) == sorted(list_scenario_names())
    assert cells["clean"] == ("innocent", "*: ok", " ")
    assert cells["x-iptables"] == ("censorship", "@t: blocked tls.reset.sni", "iptables, ip6tables ")


def test_an_unknown_pattern_is_a_helpful_error() -> None:
    done = CliRunner().invoke(lab, ["score", "--scenario", "nothing-*"])
    assert done.exit_code == 1
    assert "no laboratory on this machine" in done.output or "probe lab list" in done.output


def _probe(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "probe", *arguments],
        capture_output=True, text=True, env=environment, timeout=240, check=False,
    )


@pytest.mark.lab
def test_exec_runs_a_program_on_the_client_and_passes_its_status() -> None:
    script = "import pathlib; print(pathlib.Path('/etc/resolv.conf').read_text().split()[1]); raise SystemExit(7)"
    done = _probe("lab", "exec", "sni-gfw2", "--seed", "4", "--", sys.executable, "-c", script)
    drawn = draw_scenario(load_scenario("sni-gfw2"), seed=4, endpoints=CATALOGUE.endpoints)
    assert (done.returncode, done.stdout.strip()) == (7, drawn.world.resolver), done.stderr
    assert all(url in done.stderr for url in drawn.aliases["t"])
