"""Events from cells: what is found, when it began, and what is not called a block."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from made_cells import PLACES, SERVICES, at, quiet, struck
from probe_analysis.events.cell_columns import CellsError
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.series_reading import read_cells

HOUR = timedelta(hours=1)
ALL_ASNS = tuple(asn for _, asn in PLACES)


def one(events: list[Event]) -> Event:
    assert len(events) == 1, events
    return events[0]


def explained(table: pd.DataFrame) -> set[str]:
    return {dismissed.explained_by for dismissed in examine_cells(read_cells(table)).dismissed}


def test_nothing_happens() -> None:
    assert detect_events(quiet()) == []


def test_a_full_block_has_its_hours_its_networks_and_its_cause() -> None:
    event = one(detect_events(struck(quiet(), range(300, 340), asns=(64501, 64502))))
    assert (event.kind, event.status, event.place, event.service) == ("service", "confirmed", "RU", SERVICES[0])
    assert [reach.asn for reach in event.networks] == [64501, 64502]
    assert (event.onset_from, event.onset, event.onset_until) == (at(299), at(300), at(300))
    assert (event.end_from, event.end_until) == (at(340), at(340))
    assert (event.mechanism, event.roles, event.ongoing) == ("tls.drop.sni", ("chat",), False)
    assert event.strength == pytest.approx(1, abs=0.01)
    assert {"network", "service_or_instrument", "one_interval"} <= set(event.ruled_out)


def test_a_gap_in_measuring_widens_the_interval() -> None:
    table = struck(quiet(), range(300, 340))
    hour = (table["cell_start"] - at(0)) // HOUR
    event = one(detect_events(table[~((hour >= 290) & (hour < 305) & (table["probe_asn"] == 64501))]))
    assert (event.onset_from, event.onset_until) == (at(289), at(305))


def test_a_partial_block() -> None:
    event = one(detect_events(struck(quiet(), range(200, 260), strength=0.4)))
    assert abs(event.onset - at(200)) <= 3 * HOUR
    assert 0.25 < event.strength < 0.55


def test_a_block_by_the_clock_is_one_event() -> None:
    event = one(detect_events(struck(quiet(), range(120, 432), daily=range(18, 23))))
    assert event.daily_hours == (18, 22)
    assert event.onset == at(138)


def test_a_block_that_only_one_target_meets() -> None:
    table = quiet()
    part = table[table["service"] == SERVICES[0]].assign(level="target")
    targets = [part.assign(target_id=f"{SERVICES[0]}.chat.{name}") for name in "xy"]
    targets[0] = struck(targets[0], range(300, 350))
    event = one(detect_events(pd.concat([table, *targets], ignore_index=True)))
    assert event.endpoints == (f"{SERVICES[0]}.chat.x",)


@pytest.mark.parametrize("more", [0, 24])
def test_a_full_block_is_suspected_in_an_hour_and_confirmed_in_three(more: int) -> None:
    table = struck(quiet(), range(300 + more, 480))
    hour = (table["cell_start"] - at(0)) // HOUR
    first = one(detect_events(table[hour <= 300 + more]))
    assert (first.status, first.ongoing) == ("suspected", True)
    assert one(detect_events(table[hour <= 302 + more])).status == "confirmed"


def test_one_witness_confirms_in_three() -> None:
    table = struck(quiet(n=1, noise=0.0), range(300, 480))
    hour = (table["cell_start"] - at(0)) // HOUR
    assert one(detect_events(table[hour <= 302])).status == "confirmed"


def test_what_fails_in_every_country_is_the_service_or_the_probe() -> None:
    table = struck(quiet(), range(300, 340), asns=ALL_ASNS)
    assert detect_events(table) == []
    assert explained(table) == {"service_or_instrument"}


def test_a_defect_that_spreads_slowly_is_no_block() -> None:
    table = quiet()
    for place, asn in enumerate(ALL_ASNS):
        table = struck(table, range(200 + 12 * place, 380 - 12 * place), asns=(asn,), strength=0.7)
    assert detect_events(table) == []


def test_what_is_left_of_a_defect_is_no_event_while_it_lasts_elsewhere() -> None:
    """It ends in India, pauses in one Russian network, and goes on in Iran and Turkey, who are in one long window."""
    table = struck(quiet(), range(100, 200), asns=(64501, 64502, 64531), strength=0.6)
    table = struck(table, range(100, 264), asns=(64511, 64521), strength=0.6)
    assert events_of(struck(table, range(248, 260), strength=0.6)) == []
    # Whoever has got over it everywhere else is struck by something else.
    alone = struck(quiet(), range(100, 200), asns=(64501, 64502, 64511, 64521, 64531), strength=0.6)
    assert events_of(struck(alone, range(248, 260), strength=0.6)) == [("RU", at(248))]


def events_of(table: pd.DataFrame) -> list[tuple[str, datetime]]:
    return [(event.place, event.onset) for event in detect_events(table)]


def test_a_block_at_home_while_it_is_long_blocked_elsewhere() -> None:
    table = struck(quiet(), range(48, 480), asns=(64511, 64521))
    events = detect_events(struck(table, range(300, 340)))
    assert {(event.place, event.onset) for event in events} == {("IR", at(48)), ("TR", at(48)), ("RU", at(300))}


def test_a_network_that_fails_as_a_whole_is_one_event_of_its_own_kind() -> None:
    table = struck(quiet(), range(300, 330), services=SERVICES)
    event = one(detect_events(table))
    assert (event.kind, event.service, event.place) == ("network", "", "RU")
    assert [reach.asn for reach in event.networks] == [64501]


def test_a_shutdown_that_the_probes_know_for_one() -> None:
    event = one(detect_events(struck(quiet(), range(300, 330), services=SERVICES, asns=(64501, 64502),
                                     outcome="network")))
    assert (event.kind, event.status, event.onset, event.end_from) == ("network", "confirmed", at(300), at(330))
    assert [reach.asn for reach in event.networks] == [64501, 64502]


def test_a_country_of_which_nothing_is_heard() -> None:
    places = [("RU", 64501), ("RU", 64502), ("RU", 64503), ("IR", 64511), ("TR", 64521)]
    table = quiet(24 * 25, places=places)
    hour = (table["cell_start"] - at(0)) // HOUR
    event = one(detect_events(table[~((table["probe_cc"] == "RU") & (hour >= 500) & (hour < 520))]))
    assert (event.mechanism, event.status) == ("network.silence", "suspected")
    assert (event.onset, event.end_from) == (at(500), at(520))


def test_a_congested_network_fails_a_little_everywhere() -> None:
    event = one(detect_events(struck(quiet(), range(300, 306), services=SERVICES, strength=0.3)))
    assert (event.kind, event.status) == ("network", "suspected")
    assert set(event.services_failed) | set(event.services_spared) <= set(SERVICES)


def test_a_service_that_always_fails_at_times_is_no_event() -> None:
    assert detect_events(struck(quiet(), range(480), asns=(64501,), strength=0.25)) == []
    rng = np.random.default_rng(5)
    table = quiet()
    for start in np.flatnonzero(rng.random(480) < 1 / 24):
        table = struck(table, range(start, start + int(rng.integers(1, 4))), strength=0.8, seed=int(start))
    assert detect_events(table) == []


def test_a_block_in_a_flaky_service_is_found_when_it_is_long() -> None:
    event = one(detect_events(struck(struck(quiet(), range(480), strength=0.2), range(250, 350))))
    assert abs(event.onset - at(250)) <= HOUR


def test_one_device_of_several_is_not_the_network() -> None:
    table = quiet()
    hour = ((table["cell_start"] - at(0)) // HOUR).to_numpy()
    hit = (hour >= 200) & (hour < 260) & (table["probe_asn"] == 64501).to_numpy() & (
        table["service"] == SERVICES[0]).to_numpy() & (table["blocked"] == 0).to_numpy()
    table = table.assign(ok=table["ok"] - hit, blocked=table["blocked"] + hit)
    assert detect_events(table) == []
    assert "one_device" in explained(table)


def test_a_new_version_at_the_onset_leaves_it_suspected() -> None:
    table = struck(quiet(), range(300, 340))
    hour = (table["cell_start"] - at(0)) // HOUR
    table["software_version"] = np.where((hour >= 300) & (table["probe_asn"] == 64501), "2.0", "1.0")
    event = one(detect_events(table))
    assert event.status == "suspected"
    assert "version" in event.not_ruled_out


def test_where_controls_fail_it_is_the_network() -> None:
    controls = quiet(services=("controls",)).assign(role="control")
    table = pd.concat([struck(quiet(), range(300, 330)), struck(controls, range(300, 330), services=("controls",))])
    assert [event for event in detect_events(table) if event.kind == "service"] == []


def test_a_service_blocked_from_the_first_cell_on_has_no_onset() -> None:
    event = one(detect_events(struck(quiet(), range(480))))
    assert event.onset_from is None
    assert event.ongoing


def test_the_order_of_rows_changes_nothing() -> None:
    table = struck(struck(quiet(), range(300, 340)), range(100, 200), services=SERVICES[3:4], asns=(64511,))
    assert detect_events(table) == detect_events(table.sample(frac=1, random_state=7))


def test_laboratory_rows_are_never_mixed_with_real_ones() -> None:
    table = pd.concat([quiet(), struck(quiet(), range(300, 340)).assign(lab=True)], ignore_index=True)
    assert one(detect_events(table)).lab


def test_arrow_tables_and_mappings_are_taken_too() -> None:
    pa = pytest.importorskip("pyarrow")
    table = struck(quiet(), range(300, 340))
    expected = detect_events(table)
    assert detect_events(pa.Table.from_pandas(table)) == expected
    assert detect_events({name: table[name].to_numpy() for name in table.columns if name != "cell_start"}
                         | {"cell_start": table["cell_start"].dt.tz_localize(None).to_numpy()}) == expected


def test_what_is_no_cell_table_is_refused() -> None:
    with pytest.raises(CellsError, match="lacks blocked"):
        read_cells(quiet().drop(columns="blocked"))
    twice = quiet(24)
    with pytest.raises(CellsError, match="twice"):
        read_cells(pd.concat([twice, twice]))
    assert detect_events(quiet().iloc[:0]) == []


def test_three_hours_a_day_seen_by_one_witness() -> None:
    event = one(detect_events(struck(quiet(24 * 40, n=1), range(240, 840), daily=range(1, 4))))
    assert event.daily_hours == (1, 3)
    assert event.strength > 0.9


@pytest.mark.parametrize(("asns", "strength", "told"), [
    ((64501, 64502), 1.0, [("service", "suspected")]),
    ((64501,), 1.0, []),
    ((64501, 64502), 0.6, []),
    (ALL_ASNS, 1.0, []),
])
def test_a_day_of_total_failure_on_several_networks_is_suspected_and_stays(
        asns: tuple[int, ...], strength: float, told: list[tuple[str, str]]) -> None:
    table = struck(quiet(60, n=20), range(40, 41), asns=asns, strength=strength)
    table["cell_start"] = at(0) + (table["cell_start"] - at(0)) * 24
    found = [examine_cells(read_cells(part, timedelta(days=1), witnesses_told=False)).events
             for part in (table, table[table["cell_start"] < at(24 * 43)])]
    assert [[(event.kind, event.status) for event in events] for events in found] == [told, told]
