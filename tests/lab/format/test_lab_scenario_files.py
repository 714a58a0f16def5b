"""Scenario files: how they are written, what is refused and why."""

from __future__ import annotations

import ast
import dataclasses
import random
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab_scenario_files import BY_INPUT, CATALOGUE, GOOD, write
from probe.judge.path.all_rules import list_rules
from probe_lab.draw import draw_scenario, resolve_addresses
from probe_lab.format.needs import explain_lacking_needs
from probe_lab.format.ranges import RangeError, bounds, draw_range, parse_range, samples
from probe_lab.format.scenario import DIRECTORY, list_scenario_names, load_scenario, read_scenario
from probe_lab.format.toml_table import ScenarioError
from probe_lab.lab_types import Expect

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
    scenario = read_scenario(write(tmp_path, GOOD))
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
        ('of = "@t"', 'of = "role:chat"', "mine.toml: expect[1].of: want role:SERVICE.ROLE, got 'role:chat'"),
        ('of = "@t"', 'of = "role:qq.fax"', "mine.toml: expect[1].of: want role:SERVICE.ROLE, got 'role:qq.fax'"),
        ("min_depth = 2", "partial = true", "mine.toml: expect[1].of: partial and endpoints are expected of roles"),
        ("min_depth = 2", 'endpoints = ["@x"]', "mine.toml: expect[1].endpoints: alias not drawn: @x"),
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
        ("[draw.t]", 'number = "Z1"\n[draw.t]', 'mine.toml: number: want "1"'),
        ("[draw.t]", 'cc = "ru"\n[draw.t]', "mine.toml: cc: want two capitals, got 'ru'"),
        ("[draw.t]", 'needs = ["/bin/sh"]\n[draw.t]', "mine.toml: needs: '/bin/sh' is no program's name"),
        ("[draw.t]", 'layers = ["sni-nothing"]\n[draw.t]', "mine.toml: layers: no scenario 'sni-nothing'"),
        ("[draw.t]", 'layers = ["sni-fin", "sni-fin"]\n[draw.t]', "mine.toml: layers: want at most 12, each once"),
        ("[draw.t]", 'layers = ["ru-wechat-2017"]\n[draw.t]',
         "mine.toml: layer ru-wechat-2017: rule[1].match: alias not drawn: @named"),
        ("[draw.t]", 'profile = "yes"\n[draw.t]', "mine.toml: profile: want true or false"),
        ("[draw.t]", "[world]\ncensor_hop = 0\n[draw.t]", "mine.toml: world.censor_hop: impossible range"),
        ("[draw.t]", "[draw.T]\n[draw.t]", "mine.toml: draw.T: want small letters"),
        ("tls = true", 'tls = true\nshares = "u"', "mine.toml: draw.t.shares: alias not drawn before this one: u"),
        ("[draw.t]", '[company]\nshares = "t"\n[draw.t]', "company.shares: company has addresses of its own"),
        ("[draw.t]", "[company]\ncolour = 1\n[draw.t]", "mine.toml: company.colour: unknown field"),
        ('block_type = "tls.reset.sni"\np', 'block_type = ["tls.drop", "tls.reset"]\np', "block_type: want 1, got 2"),
        ("min_depth = 2", 'also = "dns.curse"', "mine.toml: expect[1].also: unknown block type 'dns.curse'"),
        ("min_depth = 2", 'scope = "galaxy"', "mine.toml: expect[1].scope: unknown 'galaxy'"),
        ("min_depth = 2", 'unless_fired = "fine"', "mine.toml: expect[1].unless_fired: unknown 'fine'"),
        ("[draw.t]", "[censor]\n[draw.t]", "mine.toml: censor.program: missing, and so is setup"),
        ("[draw.t]", '[censor]\nsetup = "true"\n[draw.t]', "mine.toml: censor.counters: missing, and so is log"),
        ("[draw.t]", '[censor]\nsetup = "true"\nlog = "x"\n[draw.t]', "mine.toml: censor.log: there is no program"),
        ("[draw.t]", '[censor]\nprogram = "true"\nlog = "("\n[draw.t]', "mine.toml: censor.log: no regular expression"),
        ("[draw.t]", '[censor]\nsetup = "true"\ncounters = "abacus"\n[draw.t]', "censor.counters: unknown 'abacus'"),
        ("[draw.t]", '[censor]\nsetup = "true"\ncounters = "nft"\nmatch = "@x"\n[draw.t]', "match: alias not drawn"),
    ],
)
def test_mistakes_are_named_with_file_key_and_reason(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        read_scenario(write(tmp_path, GOOD.replace(old, new)))
    assert message in str(caught.value)


def test_censorship_needs_a_cause_and_an_expectation(tmp_path: Path) -> None:
    without_cause = GOOD.replace('block_type = "tls.reset.sni"\nparams', "params")
    with pytest.raises(ScenarioError, match="block_type"):
        read_scenario(write(tmp_path, without_cause))
    with pytest.raises(ScenarioError, match="expected `blocked`"):
        read_scenario(write(tmp_path, GOOD.partition("[[expect]]")[0]))
    unseen = '[[expect]]\nof = "role:whatsapp.call"\noutcome = "not_attempted"\n'
    assert read_scenario(write(tmp_path, GOOD.partition("[[expect]]")[0] + unseen)).kind == "censorship"
    for other in ('of = "role:whatsapp.call"\noutcome = "ok"', 'of = "@t"\noutcome = "not_attempted"'):
        with pytest.raises(ScenarioError, match="expected `blocked`"):
            read_scenario(write(tmp_path, f"{GOOD.partition('[[expect]]')[0]}[[expect]]\n{other}\n"))


DARK = """
title = "a sentence"
kind = "censorship"

[[rule]]
trigger = "not_address"
match = ["@gateway"]
action = "drop"
block_type = "{made}"

[[expect]]
of = "run"
outcome = "network"
block_type = "{expected}"
"""


@pytest.mark.parametrize(("made", "expected", "is_right"), [
    ("network.shutdown", "network.shutdown", True),
    ("network.shutdown", "network", True),
    ("network.allowlist", "network.allowlist.address", True),
    ("network.national_only", "network.national_only", True),
    ("network.national_only", "network.degraded", False),
    ("ip.blackhole", "network.shutdown", False),
])
def test_a_shutdown_expects_nobody_to_be_called_blocked(
    tmp_path: Path, made: str, expected: str, is_right: bool
) -> None:
    path = write(tmp_path, DARK.format(made=made, expected=expected))
    if is_right:
        assert read_scenario(path).rules[0].block_type == made
        return
    with pytest.raises(ScenarioError, match="expected `network`"):
        read_scenario(path)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ScenarioError, match="probe lab list"):
        load_scenario("../../etc/passwd")


def test_too_few_endpoints_are_said_so(tmp_path: Path) -> None:
    scenario = read_scenario(write(tmp_path, GOOD.replace("tls = true", 'service = "nobody"')))
    with pytest.raises(ScenarioError, match=r"draw\.t: "):
        draw_scenario(scenario, seed=1, endpoints=CATALOGUE.endpoints)


def test_an_innocent_profile_is_a_contradiction(tmp_path: Path) -> None:
    text = GOOD.replace('kind = "censorship"', 'kind = "innocent"\nprofile = true')
    with pytest.raises(ScenarioError, match=r"profile: .*censorship"):
        read_scenario(write(tmp_path, text))


def test_layers_bring_rules_and_faults_but_neither_draws_nor_expectations(tmp_path: Path) -> None:
    text = GOOD.replace("[draw.t]", 'layers = ["dns-gfw-3", "server-down"]\nprofile = true\nnumber = "P1"\n[draw.t]')
    scenario = read_scenario(write(tmp_path, text))
    assert [rule.block_type for rule in scenario.rules] == ["tls.reset.sni", "dns.injection"]
    assert [fault.action for fault in scenario.faults] == ["closed"]
    assert (len(scenario.expects), list(scenario.draw), scenario.profile) == (1, ["t"], True)
    drawn = draw_scenario(scenario, seed=2, endpoints=CATALOGUE.endpoints)
    row = BY_INPUT[drawn.aliases["t"][0]]
    assert [rule.match for rule in drawn.rules] == [(row.sni,), (row.host,)]
    assert {rule.alias for rule in drawn.rules} == {"t"}


def test_several_causes_one_of_which_is_made(tmp_path: Path) -> None:
    expected = GOOD.replace('block_type = "tls.reset.sni"\nmin', 'block_type = ["ip.reset", "tls.reset.sni"]\nmin')
    assert read_scenario(write(tmp_path, expected)).expects[0].block_types == ("ip.reset", "tls.reset.sni")
    with pytest.raises(ScenarioError, match=r"ip\.reset or tls\.drop"):
        read_scenario(write(tmp_path, expected.replace("tls.reset.sni\"]", "tls.drop\"]")))


def test_an_expectation_never_names_a_rule_of_the_program() -> None:
    """Verdicts are compared with the truth; were our own reasoning compared with itself, it would always be right."""
    rules = {rule.id for rule in list_rules()}
    for name in list_scenario_names():
        fields = tomllib.loads((DIRECTORY / f"{name}.toml").read_text(encoding="utf-8"))
        texts = {text for expect in fields.get("expect", ()) for value in expect.values()
                 for text in (value if isinstance(value, list) else [value])}
        assert not texts & rules, name
        assert "rule_id" not in {key for expect in fields.get("expect", ()) for key in expect}, name
    assert not {field.name for field in dataclasses.fields(Expect)} & {"rule", "rule_id", "rules"}


def test_every_scenario_is_watched_on_the_wire(root: Path) -> None:
    """What a scenario does is checked from captures, by tests that name it; else its verdicts may rest on nothing."""
    watched: set[str] = set()
    for file in (root / "tests").rglob("test_fidelity_*.py"):
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        watched |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not set(list_scenario_names()) - watched


# --- programs


CENSOR = """
[censor]
setup = ["iptables -A FORWARD -m string --string @t -j DROP", "nft add rule x @ih,0,8 1", "block @t:ipv4 @t:ipv6"]
program = "watch @t --resolver @resolver"
match = ["@t"]
counters = "iptables"
block_type = "tls.drop.sni"
"""


def test_a_program_as_the_censor_is_told_whom_to_censor(tmp_path: Path) -> None:
    rules, _, expects = GOOD.partition("[[rule]]")
    text = rules.replace("tls = true", "tls = true\ncount = 2\nipv6 = true") + CENSOR
    text += expects.partition("\n\n")[2].replace("tls.reset.sni", "tls.drop.sni").replace("[[rule]]", "")
    scenario = read_scenario(write(tmp_path, text.replace("[draw.t]", 'needs = ["iptables"]\n[draw.t]')))
    drawn = draw_scenario(scenario, seed=3, endpoints=CATALOGUE.endpoints)
    censor = drawn.censor
    assert censor is not None
    rows = [BY_INPUT[url] for url in drawn.aliases["t"]]
    addresses = [address for row in rows for address in resolve_addresses(row, drawn.world)]
    n_ipv6 = sum(":" in address for address in addresses)
    assert [line for line in censor.setup if line.startswith("ipt")] == [
        f"iptables -A FORWARD -m string --string {row.sni} -j DROP" for row in rows
    ]
    assert "nft add rule x @ih,0,8 1" in censor.setup
    assert len([line for line in censor.setup if line.startswith("block")]) == n_ipv6 * (len(addresses) - n_ipv6)
    assert censor.program == f"watch {rows[0].sni} --resolver {drawn.world.resolver}"
    assert (censor.needs, censor.alias, censor.counters) == (("iptables",), "t", "iptables")
    assert {row.sni for row in rows} < set(censor.match)


def test_programs_that_are_missing_are_named() -> None:
    assert explain_lacking_needs(("sh",)) == ""
    assert "no-such-program-here" in explain_lacking_needs(("sh", "no-such-program-here"))
