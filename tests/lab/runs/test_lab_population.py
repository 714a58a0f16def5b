"""Five volunteers in five networks of a country: what they say together of a box, and of an operator.

The laboratory has one volunteer at a time. So there are three runs of one world, which the five share. In the stored
rows of each the network, the probe, the hour, the network's resolver and the version of the list (the laboratory
writes one of its own for each run) are replaced; a volunteer's later runs are copies of the same one. Runs before a
block are those of the same world without it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from probe.catalogue.load import load_catalogue
from probe.core.runs import RunResult
from probe.store.runs.run_reader import read_runs
from probe.store.runs.run_writer import write_run
from probe_analysis.population.population_files import PopulationSummary, write_population
from probe_lab.draw import draw_scenario
from probe_lab.format.ranges import Literal
from probe_lab.format.scenario import Filter, Scenario, load_scenario
from probe_lab.scoring.score_run import run_trials
from probe_lab.scoring.trial import Trial

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(1200)]

SEED, VOLUNTEERS, RUNS, COMPANY = 11, 5, 3, 4
"""So many runs are made through what acts; the volunteers share them."""
JOBS = 4 * (os.cpu_count() or 1)
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
HOURS = range(-12, 73, 12)
FREE = "free"
BOXES: Mapping[str, str] = {
    "sni-tspu1": "tls.reset.sni", "ip-drop": "tcp.drop", "op-zone-refuses-box": "dns.refused",
}
"""Boxes whose single runs, without helpers and with the least consent, leave open who acts: scenario -> cause."""
OPERATORS: Mapping[str, str] = {
    "op-tls-name-reset": "tls.reset.sni", "operator-geo-drop": "tcp.drop", "op-zone-refuses": "dns.refused",
}
"""Operators who refuse the country, and look alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Runs through what acts, one without it, and the target that is struck."""

    struck: tuple[RunResult, ...]
    free: RunResult
    target_id: str


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """Scenario -> its runs."""
    folder, catalogue = tmp_path_factory.mktemp("population"), load_catalogue(search=False)
    scenarios = {name: replace(load_scenario(name), company=Filter(count=Literal(value=COMPANY)))
                 for name in (*BOXES, *OPERATORS)}
    trials = [trial for scenario in scenarios.values() for trial in _trials(scenario, folder)]
    for made in run_trials(trials, catalogue=catalogue, jobs=JOBS, progress=lambda _: None):
        assert made.judgement is not None, f"{made.scenario}: {made.note}"
    target_of = {endpoint.input: endpoint.target_id for endpoint in catalogue.endpoints}
    found = {}
    for name, scenario in scenarios.items():
        (url, *_) = draw_scenario(scenario, seed=SEED, endpoints=catalogue.endpoints).aliases["t"]
        struck = tuple(_read(folder / "struck", name, n) for n in range(RUNS))
        found[name] = World(struck=struck, free=_read(folder / FREE, name, 0), target_id=target_of[url])
    return found


def _trials(scenario: Scenario, folder: Path) -> list[Trial]:
    free = replace(scenario, rules=(), faults=(), fronts=(), censor=None, expects=(), kind="innocent")
    plain = Trial(scenario=scenario, seed=SEED, level="socket", consent_level=1, helpers=False, keep=folder / "struck")
    return [*(replace(plain, repetition=n) for n in range(RUNS)),
            replace(plain, scenario=free, keep=folder / FREE)]


def _read(folder: Path, name: str, repetition: int) -> RunResult:
    again = f"-{repetition}" if repetition else ""
    (result,) = read_runs(folder / f"{name}-{SEED}-socket{again}" / "results")
    return result


def _copy(result: RunResult, network: int, hour: int) -> RunResult:
    """The run as if it were of another network and hour."""
    start = BEGIN + timedelta(hours=hour, minutes=5 * network)
    run_id, time = f"{start:%m%dT%H%M}-{network}", start.strftime("%Y-%m-%dT%H:%M:%SZ")
    seen = tuple(
        replace(o, run_id=run_id, dns=replace(o.dns, resolver_address=f"198.51.100.{network + 1}"))
        if o.dns.resolver == "network" else replace(o, run_id=run_id) for o in result.observations)
    vantage = replace(result.run.vantage, probe_id=f"p{network}", probe_asn=64500 + network)
    run = replace(result.run, run_id=run_id, measurement_start_time=time, measurement_end_time=time, vantage=vantage,
                  catalogue_version="laboratory")
    return replace(result, run=run, observations=seen)


def _judge(folder: Path, world: World, onsets: Sequence[int]) -> PopulationSummary:
    """What the volunteers say; `onsets`: the hour in which it begins in each network."""
    for network, onset in enumerate(onsets):
        for hour in HOURS:
            result = world.struck[network % RUNS] if hour >= onset else world.free
            write_run(_copy(result, network, hour), folder / "results", parquet=False, known_new=True)
    (folder / "out").mkdir()
    return write_population(folder / "results", folder / "out", now=datetime(2026, 6, 1, tzinfo=UTC), lab=True,
                            memory_mb=400)


NEVER = HOURS.stop
CASES = {"one is spared": ((0, 0, 0, 0, NEVER), "spared"), "one after the other": ((0, 0, 36, 36, 36), "onsets")}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", BOXES)
def test_networks_that_differ_tell_a_block(worlds: dict[str, World], tmp_path: Path, name: str, case: str) -> None:
    onsets, basis = CASES[case]
    done = _judge(tmp_path, worlds[name], onsets)
    rows = {row["probe_asn"]: row for row in done.reported if row["target_id"] == worlds[name].target_id}
    assert {asn: (row["outcome"], row["block_type"], row["basis"]) for asn, row in rows.items()} == {
        64500 + n: ("blocked", BOXES[name], basis) for n, onset in enumerate(onsets) if onset != NEVER}
    begun = {asn: datetime.fromisoformat(row["onset"]) for asn, row in rows.items()}
    assert begun == {64500 + n: BEGIN + timedelta(hours=onset) for n, onset in enumerate(onsets) if onset != NEVER}


@pytest.mark.parametrize(("name", "cause"), [*BOXES.items(), *OPERATORS.items()])
def test_that_all_fail_alike_accuses_nobody(worlds: dict[str, World], tmp_path: Path, name: str, cause: str) -> None:
    done = _judge(tmp_path, worlds[name], (0,) * VOLUNTEERS)
    rows = [row for row in done.reported if row["target_id"] == worlds[name].target_id]
    assert {(row["probe_asn"], row["rule_id"], row["suspected"], row["onset"]) for row in rows} == {
        (64500 + n, "pop/unplaced", cause, BEGIN.strftime("%Y-%m-%dT%H:%M:%SZ")) for n in range(VOLUNTEERS)}
    assert not [row for row in done.reported if row["outcome"] == "blocked"]
