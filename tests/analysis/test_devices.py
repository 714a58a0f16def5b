"""One device, or its network: whatever the number of witnesses, and however often the service fails by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from made_cells import PLACES, SERVICES, at, hours_of, quiet, rows_of, struck
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.findings import Findings
from probe_analysis.events.series_reading import read_cells

HOURS = 24 * 15
BLOCK = range(200, 272)
FEW = SERVICES[:4]


def crowd(n: int, noise: float, seed: int) -> pd.DataFrame:
    return quiet(HOURS, n=n, noise=noise, services=FEW, seed=seed)


def turned_by(table: pd.DataFrame, hours: range, more: Callable[[np.random.Generator, np.ndarray], np.ndarray],
              seed: int) -> pd.DataFrame:
    """The first service on the first network, with so many more of its `ok` verdicts blocked in each of the hours."""
    rows = rows_of(table, services=FEW[:1], asns=(64501,))
    rows = rows[np.isin(hours_of(table)[rows], hours)]
    ok, blocked = table["ok"].to_numpy(copy=True), table["blocked"].to_numpy(copy=True)
    changed = np.minimum(more(np.random.default_rng(seed), ok[rows]), ok[rows])
    ok[rows] -= changed
    blocked[rows] += changed
    return table.assign(ok=ok, blocked=blocked)


def device(n: int, noise: float, uptime: float, seed: int) -> pd.DataFrame:
    """One device fails whenever it measures; all others at the base."""
    def its_own(rng: np.random.Generator, ok: np.ndarray) -> np.ndarray:
        return (rng.random(len(ok)) < uptime).astype(np.int64)

    return turned_by(crowd(n, noise, seed), BLOCK, its_own, seed)


def chronic(seed: int) -> pd.DataFrame:
    """A service that is wrong in one country: by day more than by night, from first to last."""
    def share(rng: np.random.Generator, ok: np.ndarray) -> np.ndarray:
        by_day = 0.2 + 0.15 * np.sin(np.arange(len(ok)) / 24 * 2 * np.pi) + rng.normal(0, 0.02, len(ok))
        return rng.binomial(ok, np.clip(by_day, 0, 1))

    return turned_by(crowd(300, 0.02, seed), range(HOURS), share, seed)


BLOCKS: dict[str, Callable[[int], pd.DataFrame]] = {
    "300 verdicts an hour at a base of 2 %": lambda seed: struck(crowd(300, 0.02, seed), BLOCK, seed=seed),
    "1,000 verdicts an hour at a base of 0.5 %": lambda seed: struck(crowd(1000, 0.005, seed), BLOCK, seed=seed),
    "40 % of 300 verdicts": lambda seed: struck(crowd(300, 0.02, seed), BLOCK, strength=0.4, seed=seed),
    "half of four witnesses": lambda seed: turned_by(crowd(4, 0.005, seed), BLOCK, lambda _, ok: ok // 2, seed),
}
NONE: dict[str, Callable[[int], pd.DataFrame]] = {
    "one device of four": lambda seed: device(4, 0.004, 0.9, seed),
    "one device of ten at a base of 5 %": lambda seed: device(10, 0.04, 1.0, seed),
    "a chronic fault in one country": chronic,
}


def examine(table: pd.DataFrame) -> Findings:
    return examine_cells(read_cells(table))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", BLOCKS)
def test_a_network_that_blocks_is_an_event(name: str, seed: int) -> None:
    (event,) = examine(BLOCKS[name](seed)).events
    assert (event.place, event.service, event.status) == ("RU", FEW[0], "confirmed")
    assert (event.onset, event.end_from) == (at(BLOCK.start), at(BLOCK.stop))
    assert "one_device" in event.ruled_out


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", NONE)
def test_one_device_and_a_chronic_fault_are_none(name: str, seed: int) -> None:
    assert examine(NONE[name](seed)).events == ()


def test_what_is_dismissed_says_by_how_much() -> None:
    (told, *_) = examine(NONE["one device of four"](1)).dismissed
    assert told.explained_by == "one_device"
    assert told.numbers["nats_for_the_network"] < 0
    assert told.numbers["struck"] > 50


def test_a_chronic_fault_is_dismissed_as_what_it_is() -> None:
    assert {told.explained_by for told in examine(chronic(1)).dismissed} == {"habit"}


def test_who_does_not_know_the_witnesses_rules_out_nothing() -> None:
    table = struck(crowd(10, 0.01, 1), BLOCK).drop(columns="witnesses").assign(witnesses=10)
    (event,) = examine_cells(read_cells(table, witnesses_told=False)).events
    assert "one_device" in event.not_ruled_out
    assert event.witnesses == 0


def test_several_runs_of_one_device_in_an_hour_are_not_several_devices() -> None:
    """Ten verdicts of two witnesses in each hour, of which one makes nine and always fails."""
    table = turned_by(crowd(10, 0.002, 1), BLOCK, lambda _, ok: np.minimum(ok, 9), 1).assign(witnesses=2)
    (event,) = examine(table).events
    assert "one_device" not in event.ruled_out
    assert len({asn for _, asn in PLACES}) > len(event.networks) == 1
