"""What only a run with time can tell: loss by name in turns, and connections that end some seconds after they work."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.judged import Row
from probe_lab.scoring.trial import configuration, program_environment, read_rows

DEADLINE_S = 300
SURE = 0.7
"""More than may be said of a service that loses packets, or does not last."""
SUSPECTED = {"degraded-service": "tcp.degrade.address", "op-cut-late-box": "flow.cut"}
DOUBTED = ("degraded-name", "degraded-name-back", *SUSPECTED)
"""Where four in ten packets are lost by name, chance decides whether turns show it; but it is never surely well."""
INNOCENT = ("op-cut-late", "op-balancer-third", "crowded-way-back")

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(590)]


def timed_run(name: str, seed: int) -> Sequence[Row]:
    """The verdicts of a scheduled run on the core, in a scenario of its own."""
    rows = load_catalogue(search=False)
    drawn = draw_scenario(load_scenario(name), seed=seed, endpoints=rows.endpoints)
    with forked(drawn, level="socket") as lab:
        config, results = lab.directory / "probe.toml", lab.directory / "results"
        config.write_text(configuration(drawn.world, helpers=True))
        inputs = [part for target in dict.fromkeys((*drawn.aliases["t"], *drawn.targets))
                  for part in ("--input", target)]
        lab.run([*make_probe_command(), "run", "--timed", "--config", str(config), "--results", str(results),
                 "--catalogue", rows.path, "--seed", str(seed), "--deadline-s", str(DEADLINE_S), *inputs],
                env=program_environment(), timeout_s=DEADLINE_S + 200)
        struck = {e.target_id for e in rows.endpoints if e.input in drawn.aliases["t"]}
        return [row for row in read_rows(results, "verdicts") if row["target_id"] in struck]


@pytest.fixture(scope="module")
def seen() -> dict[str, Sequence[Row]]:
    """All runs, side by side: they wait."""
    seed = random.Random(f"degrade {os.environ['PROBE_TEST_SEED']}").randrange(1, 1_000_000)
    print(f"seed {seed} (to repeat: PROBE_TEST_SEED={os.environ['PROBE_TEST_SEED']})")
    names = (*DOUBTED, *INNOCENT)
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(lambda name: timed_run(name, seed), names), strict=True))


@pytest.mark.parametrize("name", SUSPECTED)
def test_what_is_slowed_or_cut_late_is_suspected(seen: dict[str, Sequence[Row]], name: str) -> None:
    assert seen[name]
    assert SUSPECTED[name] in {row["suspected"] or row["block_type"] for row in seen[name]}


@pytest.mark.parametrize("name", DOUBTED)
def test_what_is_slowed_or_cut_late_is_never_surely_well(seen: dict[str, Sequence[Row]], name: str) -> None:
    assert seen[name]
    assert not any(row["outcome"] == "ok" and float(row["confidence"]) > SURE for row in seen[name])


@pytest.mark.parametrize("name", INNOCENT)
def test_what_the_service_does_itself_accuses_nobody(seen: dict[str, Sequence[Row]], name: str) -> None:
    assert seen[name]
    assert not any(row["outcome"] == "blocked" for row in seen[name])
