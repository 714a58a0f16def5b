"""Services that are slowed for days: what becomes a suspicion, and what must not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from population_days import NOW
from probe_analysis.slowed.slowed_services import QUARTERS, Network, QuarterTally, SlowedService, Tally, find_slowed
from slowed_days import list_slowed_in, write_days

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


def _make_fresh(rows: Iterator[QuarterTally], network: Network, days: range) -> list[QuarterTally]:
    return [replace(row, fresh=row.network == network and row.quarter // QUARTERS in days) for row in rows]


def test_what_rests_on_fresh_names_says_so() -> None:
    (one,) = find_slowed(_make_fresh(list_tallies(slowed_from(4), seed=1, beside=0.02), ("RU", 1), range(DAYS)))
    assert one.not_ruled_out == ("fresh_names",)


def test_names_of_a_new_month_tell_it_until_they_are_known() -> None:
    rows = _make_fresh(list_tallies(slowed_from(4), seed=1, beside=0.02), ("RU", 1), range(4, 7))
    (early,) = find_slowed([row for row in rows if row.quarter < 7 * QUARTERS])
    assert (early.first_day, early.not_ruled_out) == (4, ("fresh_names",))
    (late,) = find_slowed(rows)
    assert (late.first_day, late.has_onset, late.not_ruled_out) == (7, True, ())


def test_fresh_names_elsewhere_excuse_nothing() -> None:
    def everywhere(network: Network, service: str, quarter: int) -> float:
        return 0.7 if service == "a" and quarter >= 4 * QUARTERS else 0.02

    rows = [replace(row, fresh=row.network[0] != "RU") for row in list_tallies(everywhere, seed=1)
            if row.network != ("RU", 2)]
    (one,) = find_slowed(rows)
    assert (one.network, one.elsewhere.made, "fresh_names" in one.not_ruled_out) == (("RU", 1), 0, False)


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

def test_results_become_suspicions(tmp_path: Path) -> None:
    write_days(tmp_path)
    (row,) = list_slowed_in(tmp_path / "results", tmp_path, now=NOW, memory_mb=400, threads=1)
    assert (row["probe_cc"], row["probe_asn"], row["service"], row["onset"]) == ("RU", 1, "a", True)
    assert (row["first_day"], row["last_day"]) == ("2026-03-04", "2026-03-07")
    assert (row["n"], row["troubled"], row["others_n"], row["others_troubled"]) == (144, 96, 432, 0)
    assert (row["by_name"], row["not_ruled_out"]) == (True, ["device"])
    assert 0.55 < row["low"] < 96 / 144 < row["high"] < 0.75


def test_no_other_days_are_read_than_those_that_are_wanted(tmp_path: Path) -> None:
    write_days(tmp_path)
    some: Mapping[str, Any] = {"now": NOW, "memory_mb": 400, "threads": 1}
    (row,) = list_slowed_in(tmp_path / "results", tmp_path, since="2026-03-05", **some)
    assert (row["first_day"], row["last_day"], row["onset"]) == ("2026-03-05", "2026-03-07", False)
    assert list_slowed_in(tmp_path / "results", tmp_path, until="2026-03-05", **some) == []


@pytest.mark.slow
@pytest.mark.long
def test_older_results_say_nothing(tmp_path: Path) -> None:
    write_days(tmp_path, columns=False)
    assert list_slowed_in(tmp_path / "results", tmp_path, now=NOW, memory_mb=400, threads=1) == []
