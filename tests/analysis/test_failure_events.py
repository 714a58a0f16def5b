"""Events from all that failed: what is left open for want of a place is told, and what looks like it is not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from made_cells import SERVICES, at, hours_of, quiet, rows_of, struck
from probe_analysis.cells.failure_layers import FAILED
from probe_analysis.events.cell_series import CellPlace
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.findings import Findings
from probe_analysis.events.placed_stretches import PlacedStretch
from probe_analysis.events.series_reading import read_cells

DAYS = 20
SPAN = range(24 * 10, 24 * DAYS)
CAUSE = "tls.reset"


def suspected(table: pd.DataFrame, hours: range, *, services: Sequence[str] = SERVICES[:1],
              asns: Sequence[int] = (64501,), strength: float = 1.0, daily: range | None = None,
              seed: int = 3) -> pd.DataFrame:
    """The table with a share of what was ok left open, and suspected of CAUSE."""
    before = table["inconclusive"].to_numpy()
    told = struck(table, hours, services=services, asns=asns, strength=strength, outcome="inconclusive", daily=daily,
                  seed=seed)
    more = told["inconclusive"].to_numpy() - before
    counts = {name: told.get(name, pd.Series(0, index=told.index)) for name in FAILED}
    if "failure_type" not in told:
        counts["failed_other"] = told["blocked"]
    words = told.get("failure_type", told["block_type"]).to_numpy(dtype=object, copy=True)
    words[more > 0] = CAUSE
    return told.assign(**{**counts, "failed_tls": counts["failed_tls"] + more, "failure_type": words})


def find(table: pd.DataFrame, placed: Sequence[PlacedStretch] = ()) -> Findings:
    return examine_cells(read_cells(table), lambda: placed)


def told_of(table: pd.DataFrame, placed: Sequence[PlacedStretch] = ()) -> list[tuple[str, str, str, list[int]]]:
    return [(event.service, event.status, event.ground, [reach.asn for reach in event.networks])
            for event in find(table, placed).events]


def the_event(table: pd.DataFrame) -> Event:
    (event,) = find(table).events
    return event


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(("asns", "strength"), [([64501], 1.0), ([64501, 64502], 1.0), ([64501], 0.6)])
def test_what_fails_for_days_is_an_event_that_accuses_nobody(n: int, asns: list[int], strength: float) -> None:
    event = the_event(suspected(quiet(24 * DAYS, n=n), SPAN, asns=asns, strength=strength))
    assert (event.status, event.ground, event.mechanism) == ("unplaced", "failures", CAUSE)
    assert [reach.asn for reach in event.networks] == asns
    assert abs(event.onset - at(SPAN.start)) <= timedelta(hours=3 if n == 3 else 6)
    assert "refusal" in event.not_ruled_out
    assert event.ongoing


@pytest.mark.parametrize(("shift_h", "status"), [(0, "confirmed"), (-24 * 8, "unplaced")])
def test_a_population_that_accuses_in_the_same_time_confirms_it(shift_h: int, status: str) -> None:
    stretch = PlacedStretch(place=CellPlace(lab=False, cc="RU", asn=64501), service=SERVICES[0],
                            onset=at(SPAN.start + shift_h), end=at(SPAN.stop + shift_h))
    table = suspected(quiet(24 * DAYS), SPAN, asns=[64501, 64502])
    told = told_of(table, [stretch])
    others = [(SERVICES[0], "unplaced", "failures", [64502])]
    alike = [(SERVICES[0], "unplaced", "failures", [64501, 64502])]
    assert sorted(told) == sorted([(SERVICES[0], status, "failures", [64501]), *others] if shift_h == 0 else alike)


@pytest.mark.parametrize("fails", [False, True])
def test_a_population_is_asked_once_where_more_fails_than_verdicts_tell(fails: bool) -> None:
    asked: list[str] = []

    def list_placed() -> Sequence[PlacedStretch]:
        asked.append("placed")
        return ()

    table = quiet(24 * DAYS)
    examine_cells(read_cells(suspected(table, SPAN) if fails else table), list_placed)
    assert asked == ["placed"] * fails


def test_a_block_that_verdicts_tell_is_told_once() -> None:
    table = struck(quiet(24 * DAYS), SPAN, strength=0.7)
    event = the_event(suspected(table, SPAN))
    assert (event.status, event.ground) == ("confirmed", "verdicts")


def outage(table: pd.DataFrame) -> pd.DataFrame:
    return suspected(table, range(240, 258), services=SERVICES)


def lone_outage(table: pd.DataFrame) -> pd.DataFrame:
    """Of a network on which nothing else is measured."""
    kept = table[(table["probe_asn"] != 64501) | (table["service"] == SERVICES[0])]
    return suspected(kept.reset_index(drop=True), range(240, 258))


def defect(table: pd.DataFrame) -> pd.DataFrame:
    """Of the program, everywhere."""
    clean = table.assign(ok=table["n"], blocked=0, block_type="")
    return suspected(clean, SPAN, asns=sorted(set(table["probe_asn"])))


def evening_loss(table: pd.DataFrame) -> pd.DataFrame:
    """Of one network, all its services a little."""
    return suspected(table, range(0, 24 * DAYS), services=SERVICES, strength=0.3, daily=range(18, 23))


def flaky(table: pd.DataFrame) -> pd.DataFrame:
    """A service that fails for some hours every other day, everywhere."""
    for number, start in enumerate(range(5, 24 * DAYS, 41)):
        table = suspected(table, range(start, start + 3), asns=sorted(set(table["probe_asn"])), seed=number)
    return table


def one_device(table: pd.DataFrame) -> pd.DataFrame:
    """One verdict of four in each hour, in a network of four witnesses."""
    rows = rows_of(table, services=SERVICES[:1], asns=[64501])
    hit = rows[np.isin(hours_of(table)[rows], SPAN) & (table["ok"].to_numpy()[rows] == 4)]
    told = suspected(table, range(0))
    for name, step in (("ok", -1), ("n", -1), ("inconclusive", 1), ("failed_tls", 1)):
        column = told[name].to_numpy(copy=True)
        column[hit] += step
        told[name] = column
    return told


def always(table: pd.DataFrame) -> pd.DataFrame:
    """A service that half fails from the first cell to the last."""
    return suspected(table, range(0, 24 * DAYS), strength=0.5)


@pytest.mark.parametrize("change", [defect, evening_loss, flaky, one_device, always])
def test_what_else_it_may_be_is_no_event(change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    assert told_of(change(quiet(24 * DAYS))) == []


@pytest.mark.parametrize("change", [outage, lone_outage])
def test_a_line_that_may_be_out_is_suspected_and_names_no_service(
        change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    found = find(change(quiet(24 * DAYS))).events
    assert {(event.kind, event.status, event.service) for event in found} == {("network", "suspected", "")}


def test_few_services_that_fail_together_for_days_are_suspected_each() -> None:
    """Blocks that come together or a line that is out: too few services were tried to tell."""
    table = quiet(24 * DAYS, services=SERVICES[:3])
    told = told_of(suspected(table, SPAN, services=SERVICES[:3]))
    assert told == [(service, "suspected", "failures", [64501]) for service in SERVICES[:3]]


def test_what_is_dismissed_is_told_with_its_reason() -> None:
    found = find(lone_outage(quiet(24 * DAYS)))
    assert {(told.service, told.explained_by) for told in found.dismissed} == {(SERVICES[0], "network")}


def test_without_suspicions_nothing_is_other_than_before() -> None:
    table = struck(quiet(24 * DAYS), SPAN)
    assert find(suspected(table, range(0))) == find(table)
