"""What is told of the newest hours, and of services that are blocked together: what fails beside counts for what it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import pytest

from made_cells import SERVICES, at, hours_of, quiet, struck
from probe_analysis.events.cell_series import POOLED
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.findings import Findings
from probe_analysis.events.series_reading import read_cells

ONSET = 300
TOGETHER = SERVICES[:3]


def known(table: pd.DataFrame, hours: int) -> Findings:
    """What is known when so many hours have passed since the onset."""
    return examine_cells(read_cells(table[hours_of(table) < ONSET + hours]))


def told(found: Findings) -> list[tuple[str, str]]:
    return [(event.service, event.status) for event in found.events]


@pytest.mark.parametrize(("n", "others", "is_probable"), [
    (2, 0, False), (3, 0, True), (4, 3, False), (5, 6, False), (6, 3, True),
])
def test_more_witnesses_never_tell_a_full_block_later(n: int, others: int, is_probable: bool) -> None:
    """Other services fail once in the same hour, each for one of many: the window is sure but for its neighbours. It is
    told all the same, and not dismissed as well. How probable it is says what is left above the neighbours."""
    table = struck(quiet(n=n, noise=0.001), range(ONSET, 480))
    first = known(failing_once(table, SERVICES[1:others + 1], 64501), 1)
    assert told(first) == [(SERVICES[0], "suspected")]
    assert {each.place.asn for each in first.dismissed} <= {POOLED}
    assert (first.events[0].probability > 0.5) is is_probable
    assert told(known(table, 3)) == [(SERVICES[0], "confirmed")]


@pytest.mark.parametrize(("service", "asn"), [
    (SERVICES[4], 64501),  # another service of the network fails alike
    (SERVICES[0], 64511),  # the same fails in another country: a defect may spread from there
])
def test_nobody_is_in_haste_where_a_neighbour_fails(service: str, asn: int) -> None:
    table = failing_once(struck(quiet(n=3, noise=0.001), range(ONSET, 480)), (service,), asn)
    assert told(known(table, 1)) == []
    assert told(known(table, 3)) == [(SERVICES[0], "confirmed")]


def failing_once(table: pd.DataFrame, services: Sequence[str], asn: int) -> pd.DataFrame:
    """One verdict of each of these services is blocked in the first hour on a network."""
    hit = table["service"].isin(services) & (table["probe_asn"] == asn) & (hours_of(table) == ONSET)
    hit &= table["blocked"] == 0
    return table.assign(ok=table["ok"] - hit, blocked=table["blocked"] + hit)


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_a_network_that_fails_tells_of_no_service_in_its_first_hour(n: int) -> None:
    table = struck(quiet(n=n, noise=0.001), range(ONSET, 480), services=SERVICES)
    for hours in (1, 2, 3):
        assert [event for event in known(table, hours).events if event.service] == []


@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_a_service_that_fails_everywhere_is_told_of_nowhere_in_its_first_hour(n: int) -> None:
    asns = (64501, 64502, 64511, 64521, 64531)
    table = struck(quiet(n=n, noise=0.001), range(ONSET, 480), asns=asns)
    for hours in (1, 2, 3):
        assert known(table, hours).events == ()


def together(strength: float, *, beside: float = 0.0, elsewhere: float = 0.0,
             services: tuple[str, ...] = SERVICES) -> pd.DataFrame:
    """Three services of a network blocked for six hours, with a share of all others there, and of the same in other
    countries."""
    hours = range(ONSET, ONSET + 6)
    table = struck(quiet(n=4, noise=0.002, services=services), hours, services=TOGETHER, strength=strength)
    table = struck(table, hours, services=TOGETHER, asns=(64511, 64521, 64531), strength=elsewhere, seed=4)
    rest = tuple(service for service in services if service not in TOGETHER)
    return struck(table, hours, services=rest, strength=beside, seed=3)


def test_services_that_are_blocked_together_do_not_excuse_each_other() -> None:
    found = detect_events(together(0.5))
    parts = [event for event in found if event.kind == "service"]
    assert {(event.service, event.onset) for event in parts} == {(service, at(ONSET)) for service in TOGETHER}
    (whole,) = (event for event in found if event.kind == "services")
    assert whole.services_blocked == TOGETHER
    assert {event.part_of for event in parts} == {whole.event_id}


@pytest.mark.parametrize(("strength", "beside", "elsewhere", "services"), [
    (0.4, 0.3, 0.0, SERVICES),      # the rest of the network fails as well
    (0.5, 0.0, 0.08, SERVICES),     # the same fails elsewhere: a defect may spread from there
    (0.4, 0.0, 0.0, SERVICES[:6]),  # too few are left to tell how the network was
])
def test_a_common_trouble_excuses_all_that_it_strikes(strength: float, beside: float, elsewhere: float,
                                                      services: tuple[str, ...]) -> None:
    found = detect_events(together(strength, beside=beside, elsewhere=elsewhere, services=services))
    assert [event for event in found if event.service] == []
