"""Services that are slowed for days: what becomes a suspicion, and what must not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from population_days import BEGIN, NOW
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import Verdict
from probe.research.slowed.slowed_rows import list_slowed
from probe.research.slowed.slowed_services import QUARTERS, Network, QuarterTally, SlowedService, Tally, find_slowed
from probe.results.runs.run_writer import write_run

SERVICES = ("", "a", "b", "c", "d")
NETWORKS: tuple[Network, ...] = (("RU", 1), ("RU", 2), ("DE", 3), ("FR", 4))
DAYS = 10
Share = Callable[[Network, str, int], float]
"""The chance of trouble for a service on a network in a quarter."""


def list_tallies(share: Share, *, seed: int, made: int = 18, beside: float | None = None, probes: int = 2,
                 ) -> Iterator[QuarterTally]:
    """What hourly runs with three connections each count; `beside`: the chance for innocent names, None: the same."""
    rng = random.Random(seed)
    for network in NETWORKS:
        for quarter in range(DAYS * QUARTERS):
            for service in SERVICES:
                chance = share(network, service, quarter)
                other = chance if beside is None else min(beside, chance)
                yield QuarterTally(network=network, service=service, quarter=quarter, counted=Tally(
                    made=made, troubled=sum(rng.random() < chance for _ in range(made)), beside=made // 3,
                    beside_troubled=sum(rng.random() < other for _ in range(made // 3)), probes=probes))


def slowed_from(day: int, until: int = DAYS, chance: float = 0.7) -> Share:
    """Service a is slowed on one network for some days."""
    return lambda network, service, quarter: (
        chance if (network, service) == (("RU", 1), "a") and day <= quarter // QUARTERS < until else 0.02)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chance", [0.35, 0.7, 1.0])
def test_a_service_that_is_slowed_for_days_is_suspected(seed: int, chance: float) -> None:
    (one,) = find_slowed(list_tallies(slowed_from(4, 9, chance), seed=seed))
    assert (one.network, one.service, one.has_onset) == (("RU", 1), "a", True)
    assert (4 <= one.first_day <= 5, 7 <= one.last_day <= 8) == (True, True)
    assert (one.by_name, one.not_ruled_out) == (False, ("link",))


def test_that_the_name_matters_rules_the_link_out() -> None:
    (one,) = find_slowed(list_tallies(slowed_from(4), seed=1, beside=0.02))
    assert (one.by_name, one.not_ruled_out) == (True, ())


def test_what_nobody_could_tell_is_listed() -> None:
    alone = [row for row in list_tallies(slowed_from(0), seed=1, probes=1) if row.network[0] == "RU"]
    (one,) = find_slowed(alone)
    assert (one.has_onset, one.not_ruled_out) == (False, ("link", "device", "service"))


def in_the_evening(network: Network, service: str, quarter: int) -> float:
    return 0.8 if (network, service) == (("RU", 1), "a") and quarter % QUARTERS >= 2 else 0.02


INNOCENT: dict[str, Share] = {
    "nothing": lambda network, service, quarter: 0.02,
    "an evening peering": in_the_evening,
    "the service itself": lambda network, service, quarter: 0.6 if service == "a" else 0.02,
    "a bad network": lambda network, service, quarter: 0.6 if network == ("RU", 1) else 0.02,
    "two bad days": slowed_from(4, 6),
    "a service that is farther away": lambda network, service, quarter: 0.1 if service == "a" else 0.04,
    "a crowded network": lambda network, service, quarter: 0.5 if network == ("RU", 1) and quarter % 4 > 1 else 0.05,
    "lines that lose at times": lambda network, service, quarter: (0.02, 0.05, 0.1, 0.3)[(network[1] + quarter) % 4],
}


@pytest.mark.parametrize("made", [3, 6, 18])
@pytest.mark.parametrize("name", INNOCENT)
def test_what_is_nobodys_deed_is_not_suspected(name: str, made: int) -> None:
    found: list[SlowedService] = []
    for seed in range(10):
        found += find_slowed(list_tallies(INNOCENT[name], seed=seed, made=made))
    assert found == []


def test_no_order_of_the_rows_and_no_empty_count_matters() -> None:
    rows = list(list_tallies(slowed_from(4), seed=3))
    again = [*rows, QuarterTally(network=("RU", 1), service="e", quarter=7, counted=Tally())]
    random.Random(0).shuffle(again)
    assert find_slowed(again) == find_slowed(rows)
    assert find_slowed([]) == []


# ---- from files

def write_days(folder: Path, *, columns: bool = True) -> None:
    """Runs every two hours: service a is slowed in one network from the third day on."""
    for asn, cc in ((1, "RU"), (2, "DE")):
        for hour in range(0, 24 * 6, 2):
            start = BEGIN + timedelta(hours=hour)
            time = start.strftime("%Y-%m-%dT%H:%M:%SZ")
            is_slow = cc == "RU" and hour >= 48
            verdicts = tuple(
                Verdict(target_id=f"{name}.chat.x", service=name, role="control" if name == "e" else "chat",
                        input=f"https://{name}.example/", outcome="ok",
                        troubled=f"{2 if is_slow and name == 'a' else 0}/3" if columns else "",
                        troubled_beside="0/1" if columns else "") for name in "abce")
            run = Run(run_id=f"r{asn}-{start:%m%dT%H}", measurement_start_time=time, measurement_end_time=time,
                      vantage=Vantage(probe_id=f"p{asn}", probe_cc=cc, probe_asn=asn))
            write_run(RunResult(run=run, observations=(), controls=(), verdicts=verdicts, services=()),
                      folder / "results", parquet=hour % 4 == 0, known_new=True)


def test_results_become_suspicions(tmp_path: Path) -> None:
    write_days(tmp_path)
    (row,) = list_slowed(tmp_path / "results", tmp_path, now=NOW, memory_mb=400, threads=1)
    assert (row["probe_cc"], row["probe_asn"], row["service"], row["onset"]) == ("RU", 1, "a", True)
    assert (row["first_day"], row["last_day"]) == ("2026-03-04", "2026-03-07")
    assert (row["n"], row["troubled"], row["others_n"], row["others_troubled"]) == (144, 96, 432, 0)
    assert (row["by_name"], row["not_ruled_out"]) == (True, ["device"])


def test_older_results_say_nothing(tmp_path: Path) -> None:
    write_days(tmp_path, columns=False)
    assert list_slowed(tmp_path / "results", tmp_path, now=NOW, memory_mb=400, threads=1) == []
