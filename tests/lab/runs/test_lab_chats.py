"""Chats at consent level 1, in the laboratory: asked where the country allows it, and told first where they fail."""

from __future__ import annotations

import ipaddress
import json
import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from lab_warm import forked
from mmdb_files import write_mmdb
from probe.catalogue.load import load_catalogue
from probe.config.geo.geo_table import is_public
from probe.core.runs import RunResult
from probe.core.tables.answer_words import ROLE_WORDS
from probe.core.tables.consent_words import CONCERNED, TEXT_NUMBER, list_sent
from probe.core.tables.outcomes import NOT_ATTEMPTED
from probe.core.tables.untested_words import ELSEWHERE
from probe.session.chat_choice import MOST_CHATS, is_chat
from probe.session.run_verdicts import judge_stored_run
from probe.store.runs.run_reader import read_runs
from probe.upkeep.page.answer_page import make_answer_page
from probe.upkeep.status.answer_lookup import find_shown
from probe.upkeep.status.first_screen import describe_first_screen
from probe.upkeep.status.run_answer import RunAnswer, answer_run
from probe.upkeep.status.service_answer import ServiceAnswer, gather_catalogue_facts
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario, read_scenario
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.trial import program_environment

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(300)]

CATALOGUE = load_catalogue(search=False)
FAILING = {"blocked", "suspected", "fails", "partly"}
"""Of a chat of which at least one of two servers fails."""
NAME_RESET = """
title = "Signal's chat is reset by its name"
kind = "censorship"
[draw.t]
service = "signal"
role = "chat"
protocol = "http"
tier = 1
[[rule]]
trigger = "sni"
match = ["@t"]
action = "reset"
block_type = "tls.reset.sni"
[[expect]]
of = "@t"
outcome = "blocked"
block_type = "tls.reset.sni"
"""
CASES = {"telegram": "telegram-dcs", "whatsapp": "app-drop", "wechat": "app-drop", "signal": NAME_RESET}


def configure(cc: str, *, chat: bool) -> str:
    """A configuration at level 1; `chat`: with the consent of a person who said yes."""
    lines = ["[run]", "consent_level = 1", "[vantage]", f'cc = "{cc}"']
    if chat:
        sends = list(list_sent(1, by_profile=True))
        lines += ["[consent]", 'date = "2026-12-02"', f"text = {TEXT_NUMBER}", "level = 1", f"sends = {sends!r}",
                  "to = []", f"concerned = {list(CONCERNED)!r}"]
    return "\n".join(lines)


def measure(name: str, service: str, config: str, folder: Path, *, lies_in: str = "") -> RunResult:
    """One run of all of the service's endpoints; `lies_in`: the country that a table of addresses gives the client."""
    seed = random.Random(f"chats {name} {os.environ['PROBE_TEST_SEED']}").randrange(1, 100_000)
    print(f"seed {seed}")
    (own := folder.with_suffix(".toml")).write_text(name)
    scenario = read_scenario(own) if "\n" in name else load_scenario(name)
    draws = (draw_scenario(scenario, seed=n, endpoints=CATALOGUE.endpoints) for n in range(seed, seed + 50))
    drawn = next(d for d in draws if not lies_in or (is_public(d.world.client4) and is_public(d.world.client6)))
    inputs = tuple(e.input for e in CATALOGUE.endpoints if e.service == service and e.tier <= 1)
    if lies_in:
        mine = {f"{ipaddress.ip_network((own, 16 if '.' in own else 32), strict=False)}": {"country_code": lies_in}
                for own in (drawn.world.client4, drawn.world.client6)}
        config += f"\n[geo]\nfiles = [{json.dumps(write_mmdb(folder.with_suffix('.mmdb'), mine))}]\n"
    with forked(replace(drawn, targets=inputs), level="packet", helpers=False) as lab:
        file = lab.directory / "probe.toml"
        file.write_text(config)
        done = lab.run([*make_probe_command(), "run", "--fast", "--no-parquet", "--config", str(file), "--results",
                        str(folder), "--catalogue", CATALOGUE.path, "--seed", "1", "--deadline-s", "60",
                        *(part for url in inputs for part in ("--input", url))],
                       timeout_s=120, env=program_environment())
        assert done.returncode == 0, done.stderr[-2000:]
    (result,) = read_runs(folder)
    return result


def answer(result: RunResult, service: str) -> tuple[RunAnswer, ServiceAnswer]:
    whole = answer_run(result.run, result.verdicts, result.services, gather_catalogue_facts(CATALOGUE), {})
    return whole, next(one for one in whole.services if one.service == service)


@pytest.mark.parametrize(("cc", "chat"), [("DE", False), ("TR", True)])
@pytest.mark.parametrize("service", CASES)
def test_a_chat_that_fails_is_told_in_the_first_three_lines(service: str, cc: str, chat: bool, tmp_path: Path) -> None:
    result = measure(CASES[service], service, configure(cc, chat=chat), tmp_path / "results")
    whole, one = answer(result, service)
    assert one.answer in FAILING
    assert next(part.part for part in one.parts) == "chat"
    first = "\n".join(describe_first_screen(whole)[:3])
    assert one.title in first
    assert ROLE_WORDS["chat"] in first
    asked = {o.input for o in result.observations} & {e.input for e in CATALOGUE.endpoints if is_chat(e)}
    assert len(asked) <= MOST_CHATS


@pytest.mark.parametrize(("cc", "lies_in", "asked"), [("DE", "DE", True), ("DE", "NL", False), ("ZZ", "DE", False),
                                                      ("RU", "RU", False), ("RU", "DE", False)])
def test_no_chat_is_asked_elsewhere_than_agreed(cc: str, lies_in: str, asked: bool, tmp_path: Path) -> None:
    result = measure("clean", "whatsapp", configure(cc, chat=True), tmp_path / "results", lies_in=lies_in)
    chats = [v for v in result.verdicts if v.role == "chat"]
    assert [v for v in chats if v.outcome != NOT_ATTEMPTED] if asked else {v.reason for v in chats} >= {ELSEWHERE}
    assert any(is_chat(e) and o.input == e.input for e in CATALOGUE.endpoints for o in result.observations) is asked
    _, one = answer(result, "whatsapp")
    assert one.answer == ("works" if asked else "unknown")
    page = make_answer_page(find_shown(tmp_path / "results", "", gather_catalogue_facts(CATALOGUE)), [])
    assert ('<li class="works">' in page) is asked, "no green bar for an untested chat"
    again, _ = judge_stored_run(result, CATALOGUE)
    assert {v.target_id: (v.outcome, v.reason) for v in again} == {
        v.target_id: (v.outcome, v.reason) for v in result.verdicts}

