"""The probe inside a laboratory: worlds of a given distance, and runs with what they took."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from probe.catalogue.load import load_catalogue
from probe.core.endpoints import Endpoint
from probe.core.runs import RunResult
from probe.store.runs.run_reader import read_runs
from probe_lab.draw import draw_scenario
from probe_lab.format.scenario import load_scenario
from probe_lab.lab_types import DrawnScenario
from probe_lab.laboratory import Laboratory, make_probe_command
from probe_lab.scoring.trial import configuration, program_environment

SEED = 20170504
HOPS = 8
VANTAGE_DELAY_MS = 5.0
TIMEOUT_S = 150.0
CONSENT_LEVEL = 1
"""What most volunteers agree to."""
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run of the probe, and what it took from its start to its exit."""

    wall_s: float
    cpu_s: float
    peak_kib: int
    packet_bytes: int
    started_at: float
    result: RunResult


def endpoints() -> tuple[Endpoint, ...]:
    """The project's own catalogue."""
    return load_catalogue(search=False).endpoints


def clean_world(*, rtt_ms: float) -> DrawnScenario:
    """A world without censor or fault, `rtt_ms` from client to servers and back."""
    drawn = draw_scenario(load_scenario("clean"), seed=SEED, endpoints=endpoints())
    world = replace(drawn.world, client_delay_ms=rtt_ms / 2, vantage_delay_ms=VANTAGE_DELAY_MS, hops=HOPS,
                    censor_hop=HOPS // 2)
    return replace(drawn, world=world)


def run_probe(laboratory: Laboratory, *options: str, helpers: bool = False, before: Sequence[str] = ()) -> Ran:
    """`probe run` with these options in the laboratory; `before` are words that stand before the command.

    Raises RuntimeError for a run without results, subprocess.TimeoutExpired for one that does not end.
    """
    folder = laboratory.directory / f"run-{len(list(laboratory.directory.iterdir()))}"
    folder.mkdir()
    config, report = folder / "probe.toml", folder / "usage.json"
    config.write_text(configuration(laboratory.drawn.world, helpers=helpers, consent_level=CONSENT_LEVEL))
    command = [*make_probe_command(), "run", "--no-parquet", "--config", str(config), "--results",
               str(folder / "results"),
               "--seed", str(SEED), *options]
    done = laboratory.run([*before, sys.executable, "-I", "-S", str(_HERE / "watched.py"), str(report), *command],
                          env=program_environment(), timeout_s=TIMEOUT_S)
    if not report.is_file() or not (folder / "results" / "runs").is_dir():
        raise RuntimeError(f"the run left nothing (status {done.returncode}): {done.stderr.decode()[-500:]}")
    (result,) = read_runs(folder / "results")
    return Ran(**json.loads(report.read_text()), result=result)


def with_resolvers(*addresses: str) -> tuple[str, ...]:
    """Words that run a command with these name servers."""
    return (sys.executable, str(_HERE / "resolvers.py"), ",".join(addresses))
