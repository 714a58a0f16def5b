"""A block that is still there four minutes later, in one run: the real waiting, in the laboratory."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.judged import Row
from probe_lab.scoring.trial import configuration, program_environment, read_rows

DEADLINE_S = 300
"""Room for the first later slot (240 s after the failure) and not for the second."""

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(570)]


EXPECTED = {
    ("kr-sni", "socket"): ("blocked", "tls.reset.sni", "true"),
    # Every name fails there, so that no innocent one confirms it; two slots of forged packets show that it is a block.
    ("tls-reset-address", "packet"): ("blocked", "tls.reset", "false"),
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one run wrote."""

    verdicts: Sequence[Row]
    runtime_s: float
    said: str


def timed_run(name: str, level: str, seed: int) -> Seen:
    """A scheduled run in a scenario of its own."""
    rows = load_catalogue(search=False)
    drawn = draw_scenario(load_scenario(name), seed=seed, endpoints=rows.endpoints)
    with forked(drawn, level=level) as lab:
        config, results = lab.directory / "probe.toml", lab.directory / "results"
        config.write_text(configuration(drawn.world, helpers=True))
        inputs = [part for target in drawn.aliases["t"] for part in ("--input", target)]
        done = lab.run([
            *make_probe_command(), "run", "--timed", "--config", str(config), "--results", str(results), "--catalogue",
            rows.path, "--seed", str(seed), "--deadline-s", str(DEADLINE_S), *inputs,
        ], env=program_environment(), timeout_s=540)
        runs = read_rows(results, "runs")
        return Seen(verdicts=read_rows(results, "verdicts"), said=done.stderr.decode()[-2000:],
                    runtime_s=float(runs[0]["runtime_s"]) if runs else 0.0)


@pytest.fixture(scope="module")
def seen() -> dict[tuple[str, str], Seen]:
    """All runs, side by side: they wait."""
    seed = random.Random(f"slots {os.environ['PROBE_TEST_SEED']}").randrange(1, 1_000_000)
    print(f"seed {seed} (to repeat: PROBE_TEST_SEED={os.environ['PROBE_TEST_SEED']})")
    with ThreadPoolExecutor(len(EXPECTED)) as pool:
        return dict(zip(EXPECTED, pool.map(lambda which: timed_run(which[0], which[1], seed), EXPECTED), strict=True))


@pytest.mark.parametrize("which", EXPECTED)
def test_a_block_that_lasts_is_seen_again_within_the_run(
    seen: dict[tuple[str, str], Seen], which: tuple[str, str],
) -> None:
    run = seen[which]
    assert run.verdicts, run.said
    outcome, block_type, confirmed = EXPECTED[which]
    assert {v["suspected"] or v["block_type"] for v in run.verdicts} == {block_type}
    found = {(v["outcome"], v["confirmed"]) for v in run.verdicts}
    assert found <= {(outcome, confirmed), ("inconclusive", "false")}  # by turns, a run searches for no place
    assert 240 < run.runtime_s <= DEADLINE_S + 2
