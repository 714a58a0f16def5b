"""Why an event is told, and what would confirm it: never what its own row has already."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from made_cells import PLACES, SERVICES, at, hours_of, quiet, struck
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.event_json import event_to_json
from probe_analysis.events.event_reasons import explain_event
from probe_analysis.events.outage_curves import NO_CURVES, OutageCurves, make_curves
from probe_analysis.events.series_reading import read_cells
from probe_analysis.events.service_hosting import ServiceHosting

BLOCKED = range(300, 340)


def find(table: pd.DataFrame, *, told: bool = True, curves: OutageCurves = NO_CURVES) -> tuple[Event, ...]:
    return examine_cells(read_cells(table, witnesses_told=told), curves=curves,
                         hosting=lambda service, cc: ServiceHosting(owner=service)).events


def may_ask(event: Event) -> bool:
    """Whether what an event asks for is not in its own row."""
    most = max((reach.witnesses for reach in event.networks), default=0)
    asked = event.lacks
    return {
        "": event.status == "confirmed",
        "hours": True,
        "witness": most == 1 and event.onset_from is None,
        "before": event.onset_from is None,
        "network": len(event.networks) < 2,
        "line": "network" not in event.ruled_out or event.kind == "network",
        "country": "service_or_instrument" not in event.ruled_out,
        "place": "refusal" not in event.ruled_out,
        "names": "fresh_names" not in event.ruled_out,
        "version": "version" not in event.ruled_out,
        "hello": "own_hello" not in event.ruled_out,
        "traffic": "outage" not in event.ruled_out,
        "routes": event.kind == "network",
    }[asked] and (asked != "") is (event.status != "confirmed")


def check(events: Sequence[Event]) -> None:
    for event in events:
        assert may_ask(event), (event.kind, event.status, event.lacks)
        shown = event_to_json(event, {})
        assert (shown["would_confirm"] is None) is (event.status == "confirmed")
        numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", shown["because"])}
        assert numbers <= {event.blocked, event.decided, len(event.networks), len(event.services_blocked),
                           len(event.services_failed), len(event.services_spared), len(event.countries_well)}


ONE, FEW = SERVICES[:1], PLACES[:1]


@pytest.mark.parametrize(("table", "told", "lacks"), [
    (struck(quiet(), BLOCKED), True, ""),
    (struck(quiet(n=1), range(480)), True, "witness"),
    (struck(quiet(n=4), range(480)), False, "before"),
    (struck(quiet(places=FEW), BLOCKED, block_type=""), False, "country"),
    (struck(quiet(places=(PLACES[0], PLACES[2]), services=ONE), BLOCKED, block_type=""), False, "network"),
])
def test_an_event_says_what_it_lacks(table: pd.DataFrame, told: bool, lacks: str) -> None:
    events = find(table, told=told)
    check(events)
    assert {event.lacks for event in events} == {lacks}


def test_the_newest_hours_ask_for_more_hours() -> None:
    table = struck(quiet(), BLOCKED)
    (event,) = find(table[hours_of(table) <= 300])
    assert (event.status, event.lacks) == ("suspected", "hours")


@pytest.mark.parametrize(("strength", "given_curve", "lacks"), [
    (0.4, False, "traffic"), (0.4, True, "line"), (1.0, False, ""), (1.0, True, "line")])
def test_who_gave_a_curve_is_not_asked_for_one(strength: float, given_curve: bool, lacks: str) -> None:
    """And while all traffic goes as usual no network is told to be down for sure."""
    table = struck(quiet(n=6), BLOCKED, services=SERVICES[:7], asns=(64501,), strength=strength)
    first = int(at(0).timestamp())
    curves = make_curves([{("RU", 0): {first + 3600 * hour: 1.0 for hour in range(480)}}]) if given_curve else NO_CURVES
    (event,) = find(table, curves=curves)
    check([event])
    assert (event.kind, event.lacks) == ("network", lacks)


def test_several_services_are_counted_in_one_sentence() -> None:
    events = find(struck(quiet(n=6), BLOCKED, services=SERVICES[:6], asns=(64501, 64502)))
    check(events)
    (whole,) = (event for event in events if event.kind == "services")
    assert re.findall(r"\d+", explain_event(whole)) == ["6", "2", "2", "3"]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_is_asked_for_that_is_there(data: st.DataObject) -> None:
    places = data.draw(st.sampled_from([PLACES, PLACES[:1], PLACES[:3]]))
    table = quiet(24 * 8, n=data.draw(st.integers(1, 6)), places=places, seed=data.draw(st.integers(0, 99)))
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, 180))
        table = struck(table, range(begin, begin + data.draw(st.integers(1, 60))),
                       services=data.draw(st.lists(st.sampled_from(SERVICES), min_size=1, unique=True)),
                       asns=data.draw(st.lists(st.sampled_from([asn for _, asn in places]), min_size=1, unique=True)),
                       strength=data.draw(st.sampled_from([0.3, 0.6, 1.0])),
                       block_type=data.draw(st.sampled_from(["", "tls.drop.sni"])),
                       outcome=data.draw(st.sampled_from(["blocked", "inconclusive", "network"])))
    check(find(table, told=data.draw(st.booleans())))
