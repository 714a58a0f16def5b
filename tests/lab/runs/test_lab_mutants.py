"""For every expectation of the catalogue a reply that misses it in one aspect: the probe must not call it well.

All mutants of a group are served by one laboratory at once and measured by one run of the probe.
"""

from __future__ import annotations

import csv
import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab_mutants import UNCHANGED, Mutant, kinds, mutants, scene, shape_of, unchanged
from lab_warm import forked
from probe.catalogue.load import load_catalogue
from probe.core.endpoints import Endpoint
from probe_lab.lab_types import DrawnScenario
from probe_lab.laboratory import make_probe_command
from probe_lab.scoring.trial import configuration, program_environment, read_rows
from probe_lab.world import draw_world

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(570)]

RUNS = 2
"""Two hold nearly all: many of the expectations are of the same few hosts, and a host has one mutation at a time."""
COMPANY = 6
"""Endpoints of each run that are left as they are: were they not well, the others' failing would prove nothing."""
DEADLINE_S = 90
TIMEOUT_S = 400
OTHER_PROTOCOL = "mutant/1"

ACCEPTED_TODAY: dict[str, str] = {}
"""Aspect -> why the probe accepts a reply that differs in it. A finding each; to be removed when it is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A mutant and what the probe said of it."""

    mutant: Mutant
    outcome: str
    block_type: str
    rule_id: str

    def told(self) -> str:
        """One line for a person."""
        return (f"{self.mutant.row.input} ({self.mutant.aspect}): {self.outcome} {self.block_type} "
                f"by {self.rule_id or 'no rule'}")


def _drawn(seed: int, endpoints: Sequence[Endpoint], group: Sequence[Mutant] = ()) -> DrawnScenario:
    world = draw_world(seed=seed, endpoints=endpoints, rtt_ms=(20, 60))
    return DrawnScenario(
        name="mutants", title="", kind="innocent", seed=seed, world=world, expects=(), aliases={},
        rules=tuple(rule for mutant in group for rule in mutant.rules),
        faults=tuple(fault for mutant in group for fault in mutant.faults),
        targets=tuple(mutant.row.input for mutant in group),
    )


def _catalogue_file(path: Path, group: Sequence[Mutant]) -> Path:
    """The packaged catalogue, in which the `alpn` mutants ask for a protocol that nobody speaks."""
    wanted = {mutant.row.input for mutant in group if mutant.aspect == "alpn"}
    with Path(load_catalogue(search=False).path).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows, names = list(reader), reader.fieldnames or []
    for row in rows:
        if row["input"] in wanted:
            row["alpn"] = OTHER_PROTOCOL
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    return path


def _measure(drawn: DrawnScenario, group: Sequence[Mutant]) -> Iterator[Measured]:
    with forked(drawn) as lab:
        config, results = lab.directory / "probe.toml", lab.directory / "results"
        config.write_text(configuration(drawn.world, helpers=True))
        inputs = [part for mutant in group for part in ("--input", mutant.row.input)]
        command = [
            *make_probe_command(), "run", "--fast", "--no-parquet", "--config", str(config), "--results", str(results),
            "--catalogue", str(_catalogue_file(lab.directory / "targets.csv", group)), "--seed", str(drawn.seed),
            "--deadline-s", str(DEADLINE_S), *inputs,
        ]
        done = lab.run(command, env=program_environment(), timeout_s=TIMEOUT_S)
        rows = {row["target_id"]: row for row in read_rows(results, "verdicts")}
    assert rows, done.stderr.decode()[-2000:]
    for mutant in group:
        row = rows[mutant.row.target_id]
        yield Measured(mutant=mutant, outcome=row["outcome"], block_type=row["block_type"], rule_id=row["rule_id"])


@pytest.fixture(scope="module")
def measured() -> list[Measured]:
    """Every mutant and its verdict."""
    seed = random.Random(f"mutants {os.environ['PROBE_TEST_SEED']}").randrange(1, 1_000_000)
    print(f"seed {seed} (to repeat: PROBE_TEST_SEED={os.environ['PROBE_TEST_SEED']})")
    endpoints = load_catalogue(search=False).endpoints
    found = scene(_drawn(seed, endpoints), endpoints, rng=random.Random(seed))
    groups = [[*group, *unchanged(found, group, endpoints, count=COMPANY)]
              for group in mutants(found, endpoints, runs=RUNS)]
    return [one for group in groups for one in _measure(_drawn(seed, endpoints, group), group)]


def test_nearly_every_shape_is_measured(measured: list[Measured]) -> None:
    wanted = set(kinds(load_catalogue(search=False).endpoints))
    done = {(one.mutant.aspect, shape_of(one.mutant.row, one.mutant.aspect)) for one in measured}
    assert len(wanted) > 40
    assert len(wanted & done) > 0.9 * len(wanted), wanted - done


def test_what_was_left_as_it_is_is_well(measured: list[Measured]) -> None:
    unwell = [one.told() for one in measured if one.mutant.aspect == UNCHANGED and one.outcome != "ok"]
    assert not unwell, "\n".join(unwell)


def test_no_mutant_is_well(measured: list[Measured]) -> None:
    left = {UNCHANGED, *ACCEPTED_TODAY}
    accepted = [one.told() for one in measured if one.outcome == "ok" and one.mutant.aspect not in left]
    assert not accepted, "\n".join(accepted)


def test_no_server_is_accused_for_its_own_reply(measured: list[Measured]) -> None:
    accused = [one.told() for one in measured if one.outcome == "blocked" and one.mutant.same_for_all]
    assert not accused, "\n".join(accused)
