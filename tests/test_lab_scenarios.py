"""Scenario files: what is refused and why, what is drawn, and that the packaged ones are sound."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue.load import load as load_catalogue
from probe.cli.lab import lab
from probe.lab.actions import problems, texts_of
from probe.lab.draw import NOT_BUILT, TARGET, accepts, addresses_of, draw
from probe.lab.laboratory import unavailable
from probe.lab.ranges import RangeError, bounds, draw_range, parse_range, samples
from probe.lab.scenario import PLACES, names, read_scenario
from probe.lab.scenario import load as load_scenario
from probe.lab.servers.faults import FAULTS
from probe.lab.toml_table import ScenarioError
from probe.lab.types import Drawn
from probe.model import Endpoint
from probe.tables.protocols import PROTOCOLS

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = load_catalogue(str(ROOT / "targets.csv"))
BY_INPUT = {row.input: row for row in CATALOGUE.endpoints}
SEEDS = (1, 2, 3)
NUMBERS = {
    *("1", "2", "6", "7", "9", "10", "11", "14", "16", "17", "18", "20", "25", "31", "35", "37", "38", "39"),
    *("C1", "C2", "C3", "C4", "C5", "C6", "C7", "C10", "C11", "C12", "C14", "C16", "C20"),
}

GOOD = """
title = "a sentence"
kind = "censorship"

[draw.t]
protocol = "http"
tls = true

[[rule]]
trigger = "sni"
match = ["@t"]
action = "reset"
block_type = "tls.reset.sni"
params = {ttl = {between = [60, 220]}, copies = 3}

[[expect]]
of = "@t"
outcome = "blocked"
block_type = "tls.reset.sni"
min_depth = 2
"""


def _write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


# --- ranges


@given(st.integers(-1000, 1000), st.integers(0, 1000), st.integers())
def test_whole_numbers_stay_whole_and_within(low: int, width: int, seed: int) -> None:
    spec = parse_range({"between": [low, low + width]})
    value = draw_range(spec, rng=random.Random(seed))
    assert isinstance(value, int)
    assert low <= value <= low + width
    assert bounds(spec) == (low, low + width)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=5), st.integers())
def test_samples_cover_what_is_drawn_from_a_choice(options: list[int], seed: int) -> None:
    spec = parse_range({"any": options})
    assert draw_range(spec, rng=random.Random(seed)) in samples(spec)


def test_items_of_a_list_are_drawn_apart() -> None:
    spec = parse_range([7, {"between": [1, 1000]}, {"between": [1, 1000]}, True])
    drawn = {draw_range(spec, rng=random.Random(seed)) for seed in range(20)}
    assert len(drawn) > 10
    assert all(isinstance(items, tuple) and items[0] == "7" and items[3] == "true" for items in drawn)
    assert any(items[1] != items[2] for items in drawn if isinstance(items, tuple))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"between": [5, 4]}, "impossible range"),
        ({"between": [1]}, "two numbers"),
        ({"between": ["a", "b"]}, "two numbers"),
        ({"between": [True, 3]}, "two numbers"),
        ({"any": []}, "one or more"),
        ({"some": [1]}, "between"),
        ({"any": [{"any": [{"any": [{"any": [{"any": [1]}]}]}]}]}, "nested"),
        (None, "want a value"),
    ],
)
def test_bad_ranges_are_refused(value: object, reason: str) -> None:
    with pytest.raises(RangeError, match=reason):
        parse_range(value)


# --- files


def test_a_good_file_is_read(tmp_path: Path) -> None:
    scenario = read_scenario(_write(tmp_path, GOOD))
    assert (scenario.name, scenario.kind, scenario.rules[0].alias) == ("mine", "censorship", "t")
    assert scenario.expects[0].min_depth == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "a sentence"', "", "mine.toml: title: missing"),
        ('kind = "censorship"', 'kind = "evil"', "mine.toml: kind: unknown 'evil'"),
        ("[draw.t]", "colour = 1\n[draw.t]", "mine.toml: colour: unknown field"),
        ("tls = true", "tls = 1", "mine.toml: draw.t.tls: want true or false"),
        ("tls = true", "tier = [true]", "mine.toml: draw.t.tier: want a whole number"),
        ("tls = true", "count = 50", "mine.toml: draw.t.count: impossible range: 50 to 50"),
        ("tls = true", 'count = "many"', "mine.toml: draw.t.count: want a number"),
        ('trigger = "sni"', 'trigger = "mood"', "mine.toml: rule[1].trigger: unknown 'mood'"),
        ('action = "reset"', 'action = "frown"', "mine.toml: rule[1].action: unknown 'frown'"),
        ('action = "reset"', 'action = "inject_dns"', "rule[1].action: inject_dns cannot follow the trigger sni"),
        ('match = ["@t"]', 'match = ["@u"]', "mine.toml: rule[1].match: alias not drawn: @u"),
        ('match = ["@t"]', "match = []", "mine.toml: rule[1].action: sni wants something to match"),
        ("copies = 3", "copies = 300", "mine.toml: rule[1].params.copies"),
        ("copies = 3", "kopies = 3", "mine.toml: rule[1].params.kopies: unknown parameter"),
        ("[60, 220]", "[220, 60]", "mine.toml: rule[1].params.ttl: impossible range"),
        ("[60, 220]", "[60, 900]", "mine.toml: rule[1].params.ttl: ttl: '900' is no ttl"),
        ('block_type = "tls.reset.sni"\np', 'block_type = "tls.curse"\np', "rule[1].block_type: unknown block type"),
        ('block_type = "tls.reset.sni"\np', 'block_type = "server.error"\np', "server.error is no cause of blocked"),
        ('of = "@t"', 'of = "@x"', "mine.toml: expect[1].of: alias not drawn: @x"),
        ('of = "@t"', 'of = "proto:fax"', "mine.toml: expect[1].of: unknown 'proto:fax'"),
        ('outcome = "blocked"', 'outcome = "bad"', "mine.toml: expect[1].outcome: unknown 'bad'"),
        ('outcome = "blocked"', 'outcome = "ok"', "expect[1].block_type: tls.reset.sni is no cause of ok"),
        ("min_depth = 2", "min_depth = 4", "mine.toml: expect[1].min_depth: want a whole number from 1 to 3"),
        ("min_depth = 2", 'level = "psychic"', "mine.toml: expect[1].level: unknown 'psychic'"),
        ('block_type = "tls.reset.sni"\nmin', 'block_type = "tls.close"\nmin', "no rule or fault makes tls.close"),
        ("[draw.t]", "[world]\nhops = {between = [0, 90]}\n[draw.t]", "mine.toml: world.hops: impossible range"),
        ("[draw.t]", "[[fault]]\nkind = 'gremlins'\n[draw.t]", "mine.toml: fault[1].kind: unknown 'gremlins'"),
        ("[draw.t]", "[draw.portal]\n[draw.t]", "mine.toml: draw.portal: this name stands for a place"),
        ("[draw.t]", "[draw.t", "mine.toml: "),
    ],
)
def test_mistakes_are_named_with_file_key_and_reason(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        read_scenario(_write(tmp_path, GOOD.replace(old, new)))
    assert message in str(caught.value)


def test_censorship_needs_a_cause_and_an_expectation(tmp_path: Path) -> None:
    without_cause = GOOD.replace('block_type = "tls.reset.sni"\nparams', "params")
    with pytest.raises(ScenarioError, match="without a rule or fault that has a block_type"):
        read_scenario(_write(tmp_path, without_cause))
    with pytest.raises(ScenarioError, match="without an expected `blocked`"):
        read_scenario(_write(tmp_path, GOOD.partition("[[expect]]")[0]))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ScenarioError, match="probe lab list"):
        load_scenario("../../etc/passwd")


def test_too_few_endpoints_are_said_so(tmp_path: Path) -> None:
    scenario = read_scenario(_write(tmp_path, GOOD.replace("tls = true", 'service = "nobody"')))
    with pytest.raises(ScenarioError, match=r"draw.t: the catalogue has no 1 such endpoints"):
        draw(scenario, seed=1, endpoints=CATALOGUE.endpoints)


# --- what is drawn


def _hosts(row: Endpoint) -> set[str]:
    return {name for name in (row.host, row.sni) if name}


def _aliases(drawn: Drawn) -> list[Endpoint]:
    return [BY_INPUT[url] for alias, inputs in drawn.aliases.items() if ":" not in alias for url in inputs]


def test_every_number_of_this_version_has_a_scenario() -> None:
    assert {load_scenario(name).number for name in names()} == {*NUMBERS, ""}
    assert load_scenario("clean").kind == "innocent"


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("seed", SEEDS)
def test_packaged_scenarios_draw_soundly(name: str, seed: int) -> None:
    scenario = load_scenario(name)
    drawn = draw(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
    assert drawn == draw(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
    assert len(set(drawn.targets)) == len(drawn.targets)
    assert [problem for rule in drawn.rules for problem in problems(rule)] == []
    assert all(fault.kind in FAULTS for fault in drawn.faults)
    texts = [text for rule in drawn.rules for value in rule.params.values() for text in texts_of(value)]
    texts += [text for rule in drawn.rules for text in rule.match] + [text for f in drawn.faults for text in f.match]
    assert not [text for text in texts for place in (*PLACES, *scenario.draw) if f"@{place}" in text]


@pytest.mark.parametrize("name", [name for name in names() if load_scenario(name).draw])
@pytest.mark.parametrize("seed", SEEDS)
def test_company_is_out_of_the_censors_reach(name: str, seed: int) -> None:
    drawn = draw(load_scenario(name), seed=seed, endpoints=CATALOGUE.endpoints)
    chosen = _aliases(drawn)
    assert all(row.status == "active" and PROTOCOLS[row.protocol].built and row.tier >= 1 for row in chosen)
    company = [BY_INPUT[url] for url in drawn.targets if BY_INPUT[url] not in chosen]
    assert 6 <= len(company) <= 20
    names_drawn = {host for row in chosen for host in _hosts(row)}
    addresses = {address for row in chosen for address in addresses_of(row, drawn.world)}
    for row in company:
        assert not [n for n in names_drawn for own in _hosts(row) if n in own or own in n], row.input
        assert addresses.isdisjoint(addresses_of(row, drawn.world)), row.input
    assert len({row.host for row in (*chosen, *company)}) == len(chosen) + len(company)
    assert len({row.target_id for row in (*chosen, *company)}) == len(chosen) + len(company)
    assert not [row.input for row in chosen if row.self_block]


def test_seeds_differ_in_names_addresses_delays_and_headers() -> None:
    worlds = [draw(load_scenario("sni-gfw2"), seed=seed, endpoints=CATALOGUE.endpoints) for seed in range(12)]
    assert len({drawn.aliases["t"] for drawn in worlds}) > 6
    assert len({drawn.world.client4 for drawn in worlds}) == 12
    assert len({drawn.world.client_delay_ms for drawn in worlds}) == 12
    assert len({drawn.rules[0].params["ttl"] for drawn in worlds}) > 6
    assert {drawn.rules[0].params["window"] for drawn in worlds} == {"ttl+1375"}


def test_filters_hold(tmp_path: Path) -> None:
    filters = ["tls = true", "ipv6 = true", "min_addresses = 3", "rejects = [403]", "tier = [1, 2]", "count = 4"]
    text = GOOD.replace("tls = true", "\n".join(filters))
    scenario = read_scenario(_write(tmp_path, text))
    for seed in range(6):
        drawn = draw(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
        rows = [BY_INPUT[url] for url in drawn.aliases["t"]]
        assert len({row.host for row in rows}) == 4
        for row in rows:
            found = addresses_of(row, drawn.world)
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
    drawn = draw(read_scenario(_write(tmp_path, text)), seed=5, endpoints=CATALOGUE.endpoints)
    row, world = BY_INPUT[drawn.aliases["t"][0]], drawn.world
    places = [f"[{a}]:{row.port}" if ":" in a else f"{a}:{row.port}" for a in addresses_of(row, world)]
    assert list(drawn.rules[0].match) == places
    assert drawn.rules[1].match == (row.host, "other.example")
    foreign = next(name for name, plan in world.hosts.items() if plan.ipv4 == (world.sinkhole,))
    assert foreign not in {endpoint.host for endpoint in CATALOGUE.endpoints}
    assert drawn.rules[1].params == {"headers": (f"Location: http://{foreign}/?{row.host}",), "body": world.portal}
    assert drawn.faults[0].params == {"address": world.sinkhole}
    assert row.host in drawn.faults[0].match


def test_the_whole_catalogue_is_clean() -> None:
    drawn = draw(load_scenario("clean"), seed=1, endpoints=CATALOGUE.endpoints)
    active = [row for row in CATALOGUE.endpoints if row.status == "active"]
    fixed = [row for row in active if "{rand16}" not in row.input and "{8hex}" not in row.input]
    assert len(drawn.targets) == len({row.target_id for row in fixed})
    several = drawn.aliases[f"{TARGET}telegram.chat.dc2"]
    assert sum(url in drawn.targets for url in several) == 1
    assert BY_INPUT[next(url for url in several if url in drawn.targets)].protocol == "http"
    assert not [url for url in drawn.targets if "{" in url]
    assert drawn.expects[-1].of == NOT_BUILT, "or `*` would override it"
    assert drawn.aliases[NOT_BUILT]


def test_world_parameters_are_drawn(tmp_path: Path) -> None:
    ranges = ["hops = 3", "loss = 0.05", "clock_shift_s = {any = [-9, 9]}", "helpers = 1"]
    world = "\n".join(["[world]", "rtt_ms = {between = [40, 41]}", *ranges])
    scenario = read_scenario(_write(tmp_path, GOOD + world))
    drawn = [draw(scenario, seed=seed, endpoints=CATALOGUE.endpoints).world for seed in range(10)]
    assert all(40 <= 2 * w.client_delay_ms <= 41 and (w.hops, w.loss, len(w.vantages)) == (3, 0.05, 1) for w in drawn)
    assert {w.clock_shift_s for w in drawn} == {-9, 9}
    assert all(w.censor_hop <= w.hops for w in drawn)


def test_dead_and_unbuilt_endpoints_are_never_drawn(tmp_path: Path) -> None:
    scenario = read_scenario(_write(tmp_path, GOOD.replace("tls = true", "tls = true\ntier = 1")))
    rows = [row for row in CATALOGUE.endpoints if row.protocol == "http" and row.sni and row.tier == 1]
    spoiled = tuple(replace(row, status="unproven") for row in rows[1:])
    living = next(row for row in rows if row.status == "active" and row.role != "control" and "{" not in row.input)
    others = [row for row in CATALOGUE.endpoints if row.tier != 1]
    drawn = draw(scenario, seed=3, endpoints=(*(r for r in spoiled if r.input != living.input), living, *others))
    assert drawn.aliases["t"] == (living.input,)


# --- commands


def test_list_as_json_has_the_promised_shape() -> None:
    done = CliRunner().invoke(lab, ["list", "--json"])
    listed = json.loads(done.stdout)
    assert {entry["name"] for entry in listed} == set(names())
    assert all(set(entry) == {"name", "title", "kind", "expect"} for entry in listed)
    assert {entry["kind"] for entry in listed} == {"censorship", "innocent"}
    assert all(entry["expect"] for entry in listed)


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
    if reason := unavailable():
        pytest.skip(reason)
    script = "import pathlib; print(pathlib.Path('/etc/resolv.conf').read_text().split()[1]); raise SystemExit(7)"
    done = _probe("lab", "exec", "sni-gfw2", "--seed", "4", "--", sys.executable, "-c", script)
    drawn = draw(load_scenario("sni-gfw2"), seed=4, endpoints=CATALOGUE.endpoints)
    assert (done.returncode, done.stdout.strip()) == (7, drawn.world.resolver), done.stderr
    assert all(url in done.stderr for url in drawn.aliases["t"])
