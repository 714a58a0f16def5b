"""What scenarios look like, and whether the classes that make a rule surer are there and look so."""

from __future__ import annotations

from pathlib import Path

import pytest

from probe.core.tables.block_types import BLOCK_TYPES
from probe.judge.common.innocents_tried import INNOCENTS, find_action
from probe.judge.path.all_rules import list_rules
from probe_lab.box.actions import TRIGGERS
from probe_lab.format.scenario import Scenario, list_scenario_names, load_scenario, read_scenario
from probe_lab.scoring import looks
from probe_lab.scoring.looks import list_looks
from probe_lab.servers.faults import FAULTS

SCENARIOS = [load_scenario(name) for name in list_scenario_names()]
INNOCENT = [scenario for scenario in SCENARIOS if scenario.kind == "innocent"]


@pytest.mark.parametrize("action", INNOCENTS)
def test_the_classes_that_make_a_rule_surer_are_innocents_of_the_laboratory_that_look_like_it(action: str) -> None:
    alike = {scenario.situation for scenario in INNOCENT if action in list_looks(scenario)}
    assert set(INNOCENTS[action]) <= alike  # type: ignore[index]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_look_is_one_that_a_cause_has(scenario: Scenario) -> None:
    assert {find_action(cause) for cause in BLOCK_TYPES} >= set(list_looks(scenario))


def test_most_actions_that_rules_name_have_innocents_that_look_so() -> None:
    named = {find_action(rule.block_type) for rule in list_rules() if rule.outcome == "blocked"}
    seen = {look for scenario in SCENARIOS for look in list_looks(scenario)}
    assert len(named & seen) > len(named) * 3 // 4


def test_the_tables_know_no_fault_and_no_trigger_that_is_none() -> None:
    assert {*looks._FAULTS, *looks._BY_VALUE, *looks._OVER_UDP} <= set(FAULTS)
    assert set(looks._LAYERS) == set(TRIGGERS)


@pytest.mark.parametrize(("acts", "seen"), [
    ('[[fault]]\nkind = "tls_picky"\nmatch = ["@t"]\nparams = {reply = {any = ["reset", "silence"]}}',
     ("tls.mute", "tls.reset")),
    ('[[fault]]\nkind = "tls_picky"\nmatch = ["@t"]', ("tls.alert",)),
    ('[[fault]]\nkind = "app_reply"\nmatch = ["@t"]\nparams = {style = "echo"}', ()),
    ('[[front]]\ntrigger = "sni"\nmatch = ["@t"]\naction = "reset"', ("tls.reset",)),
    ('[[front]]\ntrigger = "host"\nmatch = ["@t"]\naction = "fin"', ("http.close",)),
    ('[[front]]\ntrigger = "sni"\nmatch = ["@t"]\naction = "certificate"', ("tls.mitm",)),
    ('[[fault]]\nkind = "status"\nmatch = ["@t"]\nparams = {status = 403}', ("http.blockpage",)),
    ('[[fault]]\nkind = "status"\nmatch = ["@t"]\nparams = {status = 302, headers = ["Location: http://@foreign/"]}',
     ("http.redirect",)),
    ('[[front]]\ntrigger = "sni"\nmatch = ["@t"]\naction = "ban"\nparams = {residual_action = "drop"}',
     ("ip.blackhole",)),
    ('[[rule]]\ntrigger = "address"\nmatch = ["@t"]\naction = "redirect"\nparams = {to = "@sinkhole"}',
     ("tls.mitm",)),
    ('[[rule]]\ntrigger = "port"\nmatch = ["853"]\naction = "drop"', ("tcp.drop",)),
    ('[[rule]]\ntrigger = "address"\nmatch = ["@t"]\naction = "drop"', ("ip.blackhole",)),
])
def test_an_act_looks_like_what_the_client_meets(acts: str, seen: tuple[str, ...], tmp_path: Path) -> None:
    file = tmp_path / "made.toml"
    file.write_text(f'title = "made"\nkind = "innocent"\n\n[draw.t]\nprotocol = "http"\n\n{acts}\n')
    assert list_looks(read_scenario(file)) == seen


def test_servers_of_datagrams_that_are_gone_look_so(tmp_path: Path) -> None:
    file = tmp_path / "made.toml"
    file.write_text('title = "made"\nkind = "innocent"\n\n[draw.t]\nprotocol = "stun"\n\n'
                    '[[fault]]\nkind = "host_silent"\nmatch = ["@t"]\n')
    assert "udp" in list_looks(read_scenario(file))
