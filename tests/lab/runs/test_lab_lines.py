"""Lines that carry nobody, or nobody abroad: one line says so, the status is 4, and nothing is advised that would not
help; and a clock that is wrong accuses nobody."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from typing import Any

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe.upkeep.commands.exit_codes import EXIT_NO_NETWORK
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.trial import configuration, program_environment

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(300)]

CATALOGUE = load_catalogue(search=False)
NO_HELP = {"level", "library", "longer"}


def measure(name: str, *, cc: str = "", level: int = 3, salt: int = 0) -> tuple[int, dict[str, Any]]:
    """Exit status and what `--json` says of one run; `cc`: the country that the configuration names instead."""
    seed = random.Random(f"lines {name} {salt} {os.environ['PROBE_TEST_SEED']}").randrange(1, 100_000)
    print(f"seed {seed}")
    drawn = draw_scenario(load_scenario(name), seed=seed, endpoints=CATALOGUE.endpoints)
    with forked(drawn, level="packet") as lab:
        config = lab.directory / "probe.toml"
        world = replace(drawn.world, cc=cc) if cc else drawn.world
        config.write_text(configuration(world, helpers=True, consent_level=level))
        done = lab.run([*make_probe_command(), "run", "--fast", "--no-parquet", "--json", "--config", str(config),
                        "--results", str(lab.directory / "results"), "--catalogue", CATALOGUE.path, "--deadline-s",
                        "60", *(part for url in drawn.targets for part in ("--input", url))],
                       timeout_s=150, env=program_environment())
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(("name", "cc", "stop"), [
    ("national-only", "", "national_only"), ("national-only", "DE", "network"), ("captive-portal", "", "portal"),
    ("shutdown", "", "nobody")])
def test_a_line_that_carries_nobody_is_told_in_one_line(name: str, cc: str, stop: str) -> None:
    status, told = measure(name, cc=cc)
    assert status == EXIT_NO_NETWORK
    assert told["answer"]["stop"] == stop
    assert NO_HELP.isdisjoint(told["answer"]["steps"])


@pytest.mark.parametrize("level", [1, 3])
@pytest.mark.parametrize("name", ["clock-ahead", "clock-behind"])
def test_a_wrong_clock_accuses_nobody(name: str, level: int) -> None:
    _, told = measure(name, level=level)
    assert told["answer"]["circumstances"][:1] == ["clock"]
    assert told["run"]["block_type"] == "local.clock"
    assert not told["run"]["also"]
    assert not told["run"]["suspected"]
    assert not [v for v in told["verdicts"] if v["outcome"] == "blocked" or v["suspected"]]
    assert not {one["answer"] for one in told["services"]} & {"blocked", "suspected"}
