"""Chats at consent level 1, in the laboratory: asked where the country allows it, and told first where they fail."""

from __future__ import annotations

import os
import random
from dataclasses import replace
from pathlib import Path

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe.core.runs import RunResult
from probe.core.tables.answer_words import ROLE_WORDS
from probe.core.tables.consent_words import CONCERNED, TEXT_NUMBER, list_sent
from probe.session.chat_choice import MOST_CHATS, is_chat
from probe.store.runs.run_reader import read_runs
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


def configure(cc: str, *, chat: bool, table: str = "") -> str:
    """A configuration at level 1; `chat`: with the consent of a person who said yes."""
    lines = ["[run]", "consent_level = 1", "[vantage]", f'cc = "{cc}"']
    if table:
        lines += ["[geo]", f'files = ["{table}"]']
    if chat:
        sends = list(list_sent(1, by_profile=True))
        lines += ["[consent]", 'date = "2026-12-02"', f"text = {TEXT_NUMBER}", "level = 1", f"sends = {sends!r}",
                  "to = []", f"concerned = {list(CONCERNED)!r}"]
    return "\n".join(lines)


def measure(name: str, service: str, config: str, folder: Path, *, table: dict[str, str] | None = None) -> RunResult:
    """One run of all of the service's endpoints."""
    seed = random.Random(f"chats {name} {os.environ['PROBE_TEST_SEED']}").randrange(1, 100_000)
    print(f"seed {seed}")
    (own := folder.with_suffix(".toml")).write_text(name)
    scenario = read_scenario(own) if "\n" in name else load_scenario(name)
    drawn = draw_scenario(scenario, seed=seed, endpoints=CATALOGUE.endpoints)
    inputs = tuple(e.input for e in CATALOGUE.endpoints if e.service == service and e.tier <= 1)
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
