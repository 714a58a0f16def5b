"""Transfers at helpers, in the laboratory: who slows or freezes a name wherever it goes is named, a front never."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from probe.catalogue.load import load_catalogue
from probe.catalogue.owners import find_front
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import Scenario, read_scenario
from probe_lab.scoring.judged import Row
from probe_lab.scoring.score_run import run_trials
from probe_lab.scoring.trial import Trial, read_rows

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(570)]

JOBS = 4 * (os.cpu_count() or 1)
SEED = 3
STRIKES = {
    "throttle": "rate_bps = {between = [40000, 90000]}\nbucket_bytes = {between = [1600, 8000]}",
    "freeze": 'after_bytes = {between = [14000, 24000]}\ntransport = "tcp"',
}
TYPES = {"throttle": "flow.throttle.sni", "freeze": "flow.freeze"}
NAMED = """
title = "Every connection that names one service is struck once bytes flow"
kind = "censorship"
cc = "TR"
{world}
[[rule]]
trigger = "sni"
match = ["@t"]
action = "{action}"
block_type = "{block_type}"

[rule.params]
{params}

[[expect]]
of = "@t"
outcome = "blocked"
block_type = "{block_type}"
"""
FRONTED = """
title = "A service's own front strikes its own name once bytes flow"
kind = "innocent"
cc = "TR"
sources = ["generic"]
{world}
[[front]]
of = ["@t"]
trigger = "sni"
match = ["@t"]
action = "{action}"
at_door = true

[front.params]
{params}

[[expect]]
of = "@t"
outcome = ["ok", "down", "inconclusive"]
"""
WORLD = """
[draw.t]
protocol = "http"
tls = true
trust = "web_pki"
port = 443
literal = false
role = ["web", "media"]

[world]
rtt_ms = {between = [40, 80]}
hops = {between = [8, 10]}
door_hops = {between = [2, 3]}
loss = 0
"""


def _scenario(folder: Path, name: str, text: str, action: str) -> Scenario:
    path = folder / f"{name}-{action}.toml"
    path.write_text(text.replace("{world}", WORLD).replace("{action}", action).replace(
        "{params}", STRIKES[action]).replace("{block_type}", TYPES[action]))
    return read_scenario(path)


def _first_seed(scenario: Scenario) -> int:
    """Of a world in which no helper stands where shared fronts do: those count for nothing."""
    endpoints = load_catalogue(search=False).endpoints
    return next(seed for seed in itertools.count(SEED) if not any(
        find_front(point.ipv4) for point in draw_scenario(scenario, seed=seed, endpoints=endpoints).world.vantages))


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """Scenario -> the verdict of its target, of runs with everything agreed to."""
    folder, catalogue = tmp_path_factory.mktemp("foreign"), load_catalogue(search=False)
    scenarios = [_scenario(folder, name, text, action) for action in STRIKES
                 for name, text in (("named", NAMED), ("fronted", FRONTED))]
    trials = [Trial(scenario=one, seed=_first_seed(one), level="socket", keep=folder) for one in scenarios]
    for made in run_trials(trials, catalogue=catalogue, jobs=JOBS, progress=lambda _: None):
        assert made.judgement is not None, f"{made.scenario}: {made.note}"
    found = {}
    for trial in trials:
        drawn = draw_scenario(trial.scenario, seed=trial.seed, endpoints=catalogue.endpoints)
        (target_id,) = {e.target_id for e in catalogue.endpoints if e.input == drawn.aliases["t"][0]}
        rows = read_rows(folder / f"{drawn.name}-{trial.seed}-socket" / "results", "verdicts")
        found[drawn.name] = next(row for row in rows if row["target_id"] == target_id)
    return found


@pytest.mark.parametrize("action", STRIKES)
def test_who_strikes_a_name_wherever_it_goes_is_named(verdicts: dict[str, Row], action: str) -> None:
    found = verdicts[f"named-{action}"]
    assert (found["outcome"], found["basis"]) == ("blocked", "place"), found
    assert found["block_type"].startswith(TYPES[action])
    assert float(found["confidence"]) <= 0.9


@pytest.mark.parametrize("action", STRIKES)
def test_a_front_that_strikes_its_own_name_is_not(verdicts: dict[str, Row], action: str) -> None:
    found = verdicts[f"fronted-{action}"]
    assert found["outcome"] in ("ok", "down", "inconclusive"), found
