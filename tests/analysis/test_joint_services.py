"""Many services that fail at once: which are blocked together, and that nothing is dismissed without an event."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("probe_lab", reason="needs the laboratory")

from made_cells import PLACES, SERVICES, quiet, struck
from probe_analysis.events.event_detection import detect_events, examine_cells
from probe_analysis.events.event_json import event_to_json, list_rows
from probe_analysis.events.event_log import describe_row, update_log
from probe_analysis.events.series_reading import read_cells
from probe_analysis.events.service_hosting import ServiceHosting, find_common_cause, find_hosting
from probe_lab.fleet.mass_score import count_vanished, judge_trial, score_innocent
from probe_lab.fleet.mass_world import INNOCENTS, Innocent, MassSize, draw_blocks

OURS = (64501, 64502)


def abroad(service: str, cc: str) -> ServiceHosting:
    return ServiceHosting(owner=service)


@pytest.mark.parametrize("struck_services", [1, 2, 4, 6])
@pytest.mark.parametrize("witnessed", [True, False])
def test_services_that_are_blocked_together_are_named_by_one_event(struck_services: int, witnessed: bool) -> None:
    verdict = judge_trial(draw_blocks(1, MassSize(services=8, networks=3, witnessed=witnessed), struck_services, 0.6),
                          witnessed=witnessed)
    assert (verdict.named, verdict.status, verdict.false, verdict.vanished) == (True, "confirmed", (), 0)


@pytest.mark.parametrize("word", INNOCENTS)
def test_innocent_causes_confirm_no_block(word: Innocent) -> None:
    for verdict in score_innocent(word, (1, 5)):
        assert verdict.vanished == 0
        assert verdict.false == ()


def test_an_event_of_several_services_says_who_was_spared_and_where_they_are_well() -> None:
    table = struck(quiet(n=6), range(300, 340), services=SERVICES[:6], asns=OURS)
    found = examine_cells(read_cells(table), hosting=abroad)
    (whole,) = (event for event in found.events if event.kind == "services")
    assert (whole.status, whole.services_blocked) == ("confirmed", SERVICES[:6])
    assert (whole.services_spared, whole.countries_well) == (SERVICES[6:], ("IN", "IR", "TR"))
    assert {event.part_of for event in found.events if event is not whole} == {whole.event_id}
    shown = event_to_json(whole, {})
    assert (shown["services_blocked"], shown["part_of"]) == (list(SERVICES[:6]), None)
    line = describe_row(update_log([], list_rows(found, {}), whole.end_from)[0])
    assert all(name in line for name in SERVICES)


def test_a_network_that_may_be_broken_lists_what_failed_and_what_did_not() -> None:
    """Nobody knows where these services stand: those that are well may have caches within the country."""
    (event,) = detect_events(struck(quiet(n=6), range(300, 340), services=SERVICES[:7], asns=OURS))
    assert (event.kind, event.services_failed, event.services_spared) == ("network", SERVICES[:7], SERVICES[7:])


@pytest.mark.parametrize(("failed", "known", "by_name", "cause"), [
    ("CCU", True, False, "front"), ("UUU", True, False, "front"), ("UUU", True, True, ""), ("UUU", False, False, ""),
    ("CCO", True, False, ""), ("UO", True, False, ""), ("CUU", True, True, ""),
])
def test_what_nobody_listed_may_share_a_front_unless_names_are_stopped(failed: str, known: bool, by_name: bool,
                                                                      cause: str) -> None:
    """C: on one cloud; O: on its own; U: unlisted."""
    made = [ServiceHosting(owner=f"owner-{at}", fronts=frozenset({"cloud"} if word == "C" else ()),
                           is_known=word != "U") for at, word in enumerate(failed)]
    spared = [ServiceHosting(owner=name, is_known=known) for name in ("one", "two")]
    assert find_common_cause(made, spared, line_well=True, by_name=by_name) == cause


@pytest.mark.parametrize("witnessed", [True, False])
def test_what_two_countries_lose_in_one_hour_is_told_as_leaked_routes(witnessed: bool) -> None:
    table = struck(quiet(n=6), range(300, 340), services=SERVICES[:1], asns=(*OURS, 64511))
    found = examine_cells(read_cells(table, witnesses_told=witnessed), hosting=abroad)
    for place in ("RU", "IR"):
        (event,) = (event for event in found.events if event.place == place)
        assert (event.kind, event.mechanism, event.status) == ("network", "network.routes", "suspected")
        assert (event.services_failed, event.services_spared) == (SERVICES[:1], SERVICES[1:])


def test_names_that_are_stopped_at_a_front_that_is_reached_are_chosen() -> None:
    """Harmless names at the same addresses are served: so the front that they share is well."""
    made = [ServiceHosting(owner=f"owner-{at}", fronts=frozenset({"cloud"})) for at in range(3)]
    spared = [ServiceHosting(owner=name) for name in ("one", "two")]
    causes = [find_common_cause(made, spared, line_well=True, by_name=True, by_hello=by_hello)
              for by_hello in (False, True)]
    assert causes == ["front", ""]


def test_one_liar_abroad_does_not_feign_leaked_routes() -> None:
    table = struck(quiet(n=2), range(300, 340), services=SERVICES[:1], asns=(*OURS, 64511))
    found = examine_cells(read_cells(table), hosting=abroad)
    assert {(event.kind, event.service) for event in found.events if event.place == "RU"} == {("service", SERVICES[0])}


@pytest.mark.parametrize(("failed", "spared", "line_well", "cause"), [
    (["signal", "slack", "wire"], ["telegram"], False, "front"),
    (["telegram", "viber", "signal"], ["whatsapp", "google"], False, "abroad"),
    (["telegram", "viber", "signal"], ["whatsapp", "google"], True, ""),
    (["telegram", "viber", "whatsapp"], ["signal", "google"], False, ""),
    (["messenger", "instagram", "whatsapp"], ["telegram", "viber"], False, ""),
])
def test_what_fails_may_have_a_cause_in_common(failed: list[str], spared: list[str], line_well: bool,
                                               cause: str) -> None:
    sides = [[find_hosting(name, "KE") for name in side] for side in (failed, spared)]
    assert find_common_cause(*sides, line_well=line_well) == cause


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_that_the_network_explains_is_left_without_an_event(data: st.DataObject) -> None:
    places = data.draw(st.sampled_from([PLACES, PLACES[:1], PLACES[:3]]))
    table = quiet(24 * 8, n=data.draw(st.integers(1, 8)), places=places, seed=data.draw(st.integers(0, 99)),
                  noise=data.draw(st.sampled_from([0.0, 0.01, 0.05])))
    for _ in range(data.draw(st.integers(1, 4))):
        begin = data.draw(st.integers(60, 180))
        table = struck(table, range(begin, begin + data.draw(st.integers(1, 40))),
                       services=data.draw(st.lists(st.sampled_from(SERVICES), min_size=1, unique=True)),
                       asns=data.draw(st.lists(st.sampled_from([asn for _, asn in places]), min_size=1, unique=True)),
                       strength=data.draw(st.sampled_from([0.2, 0.5, 0.9, 1.0])))
    witnessed, known = data.draw(st.booleans()), data.draw(st.booleans())
    cells = read_cells(table, witnesses_told=witnessed)
    found = examine_cells(cells, hosting=abroad) if known else examine_cells(cells)
    assert count_vanished(found) == 0
