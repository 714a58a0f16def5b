"""Counts of failures of which nobody says the cause, nor who saw them: what is told, and whom it accuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from made_cells import PLACES, SERVICES, at, quiet, struck
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.series_reading import read_cells

OURS = (64501, 64502)
ALL = tuple(asn for _, asn in PLACES)
FEW = SERVICES[:1]
MANY = tuple(f"service-{letter}" for letter in "abcdefghijkl")
"""A dozen services: more than may fail without the network as a whole."""
HOURS = range(300, 340)


def find(table: pd.DataFrame, *, told: bool = False) -> tuple[Event, ...]:
    """The events of counts: no cause is named, and witnesses are counted only where that is said."""
    bare = table.assign(block_type="")
    return examine_cells(read_cells(bare, witnesses_told=told)).events


def counts(*, n: int = 4, services: tuple[str, ...] = FEW, places: tuple[tuple[str, int], ...] = PLACES[:2],
           days: int = 20, noise: float = 0.002, seed: int = 1) -> pd.DataFrame:
    return quiet(24 * days, n=n, services=services, places=places, noise=noise, seed=seed)


@pytest.mark.parametrize(("places", "services", "asns", "status", "open_words"), [
    (PLACES[:1], FEW, OURS[:1], "unplaced", {"network", "service_or_instrument", "refusal"}),
    (PLACES[:2], FEW, OURS, "unplaced", {"network", "service_or_instrument", "refusal"}),
    (PLACES[:2], FEW, OURS[:1], "unplaced", {"network", "refusal"}),
    (PLACES[:2], SERVICES, OURS, "unplaced", {"service_or_instrument", "refusal"}),
    (PLACES[:2], SERVICES, OURS[:1], "confirmed", set()),
    (PLACES[:2], SERVICES[:2], OURS[:1], "confirmed", set()),
    (PLACES[:3], FEW, OURS, "confirmed", {"network"}),
    (PLACES, SERVICES, OURS, "confirmed", set()),
])
def test_a_failure_is_placed_only_by_what_can_be_compared(
        places: tuple[tuple[str, int], ...], services: tuple[str, ...], asns: tuple[int, ...], status: str,
        open_words: set[str]) -> None:
    """An outage of the service, or of the line, looks the same where nothing else was measured."""
    (event,) = find(struck(counts(places=places, services=services), HOURS, asns=asns))
    assert (event.status, event.onset, event.end_from) == (status, at(300), at(340))
    assert [reach.asn for reach in event.networks] == list(asns)
    asked = {"network", "service_or_instrument", "refusal"}
    assert asked & set(event.not_ruled_out) == open_words


def test_a_verdict_that_names_its_cause_needs_nothing_beside_it() -> None:
    table = struck(counts(), HOURS, asns=OURS)
    (event,) = examine_cells(read_cells(table, witnesses_told=False)).events
    assert event.status == "confirmed"


@pytest.mark.parametrize("blocked", [2, 5, 6])
@pytest.mark.parametrize("asns", [OURS[:1], OURS])
@pytest.mark.parametrize("hours", [range(300, 306), HOURS])
def test_services_blocked_together_are_told_where_more_are_well(blocked: int, asns: tuple[int, ...],
                                                                hours: range) -> None:
    table = struck(counts(services=MANY, places=PLACES), hours, services=MANY[:blocked], asns=asns)
    events = find(table)
    assert {event.service for event in events if event.kind == "service"} == set(MANY[:blocked])
    assert {event.onset for event in events} == {at(300)}
    assert [event.services_blocked for event in events if event.kind == "services"] == [tuple(sorted(MANY[:blocked]))]


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_line_in_trouble_stops_services_more_or_less_and_is_no_block_of_some(share: float) -> None:
    table = counts(services=MANY, places=PLACES, n=8)
    for number, service in enumerate(MANY):
        table = struck(table, HOURS, services=(service,), asns=OURS[:1], seed=number,
                       strength=share * (0.3, 1, 1.8)[number % 3])
    assert not [event for event in find(table) if event.kind == "service"]


@pytest.mark.parametrize(("asns", "status"), [(OURS[:1], "suspected"), (OURS, "confirmed")])
@pytest.mark.parametrize("blocked", [8, 12])
def test_a_network_that_fails_as_a_whole_is_told_without_witnesses(asns: tuple[int, ...], status: str,
                                                                   blocked: int) -> None:
    table = struck(counts(services=MANY, places=PLACES), HOURS, services=MANY[:blocked], asns=asns)
    (event,) = find(table)
    assert (event.kind, event.status, event.onset) == ("network", status, at(300))
    assert [reach.asn for reach in event.networks] == list(asns)


@pytest.mark.parametrize("told", [False, True])
def test_what_fails_everywhere_is_no_shutdown_of_any_country(told: bool) -> None:
    assert find(struck(counts(services=MANY, places=PLACES), HOURS, services=MANY, asns=ALL), told=told) == ()


@pytest.mark.parametrize("clump", [3, 5])
@pytest.mark.parametrize("rate", [0.005, 0.03])
def test_tests_of_one_hour_that_fail_together_are_as_good_as_one(clump: int, rate: float) -> None:
    """A device that tries some times an hour, and fails each time or never: now and then, for nobody's doing."""
    table = counts(services=SERVICES, places=PLACES, days=60)
    rng = np.random.default_rng(3)
    times = rng.poisson(0.6, len(table))
    failed = rng.binomial(times, rate) * clump
    made = table.assign(n=times * clump, blocked=failed, ok=times * clump - failed)[times > 0]
    assert find(made) == ()
    (event,) = find(struck(made, range(700, 748), asns=OURS))
    assert abs((event.onset - at(700)).total_seconds()) <= 7200
    assert event.place == "RU"


def test_a_single_outage_leaves_a_short_block_of_dense_counts_as_sure_as_it_is() -> None:
    table = struck(counts(services=SERVICES, places=PLACES, days=60, n=400, noise=0.01), range(200, 201), asns=ALL)
    (event,) = find(struck(table, range(700, 703), asns=OURS, strength=0.5))
    assert (event.status, event.onset, event.end_from) == ("confirmed", at(700), at(703))


def test_the_strength_is_that_of_the_networks_not_of_the_country() -> None:
    places = (*PLACES[:2], ("RU", 64503), ("RU", 64504))
    (event,) = find(struck(counts(places=places), HOURS, asns=OURS))
    assert event.strength == pytest.approx(1, abs=0.01)
