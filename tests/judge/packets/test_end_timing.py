"""Ends that came sooner than the service can answer: boxes on the way, and everybody who only looks like one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import EOF, RESET, TIMEOUT, endpoint, replace_flat, site_of
from probe.core.observations import Observation
from probe.judge.packets.end_timing import UNTIMED, EndTiming, gather_end_timing
from probe.judge.path.path_evidence import gather_path_evidence
from timed_connections import BOX_MS, HERE, TRIP_MS, connection, innocent, three


def read(*connections: Sequence[Observation]) -> EndTiming:
    seen = [o for each in connections for o in each]
    return gather_end_timing([o for o in seen if o.purpose == "target" and o.operation != "connect"], seen)


def test_a_box_half_way_answers_sooner_than_the_service_can() -> None:
    found = read(innocent(), *three(), innocent(50, purpose="residual"))
    assert found == EndTiming(attempts=3, sooner=3, middle_end_ms=BOX_MS, lowest_rtt_ms=TRIP_MS,
                              answered=2, served_after=True, unheard_of=3)
    assert found.is_sooner


@pytest.mark.parametrize("changes", [
    dict(failure=EOF), dict(failure="ssl_error: alert handshake failure", tls_alert=40),
    dict(failure="ssl_unknown_authority", later_ms=BOX_MS),  # a forged ServerHello acknowledges our hello, too
    dict(failure="", kind="http_round_trip", status=302, sni=""),
    dict(kind="app_round_trip", sni=""),
])
def test_so_do_ends_alerts_and_answers_of_others(changes: dict[str, Any]) -> None:
    assert read(innocent(), *three(**changes)).is_sooner


def test_a_busy_device_reads_an_end_late_and_tcp_times_its_acknowledgement() -> None:
    late = dict(failure=EOF, end_ms=TRIP_MS - 1)
    assert read(innocent(), *three(**late, later_ms=BOX_MS), innocent(50)).is_sooner
    assert not read(innocent(), *three(**late), innocent(50)).is_sooner


def test_a_punishment_of_the_whole_address_leaves_the_times() -> None:
    after = innocent(50, purpose="residual", failure=RESET, end_ms=BOX_MS)
    found = read(innocent(), *three(), after)
    assert (found.served_after, found.answered, found.is_sooner) == (False, 1, True)


def test_a_bytes_visit_that_is_only_acknowledged_tells_a_round_trip() -> None:
    silent = innocent(25, purpose="bytes", failure=TIMEOUT, end_ms=0, acked="yes")
    assert read(*three(), silent).is_sooner
    assert not read(*three(), innocent(25, purpose="bytes", failure=TIMEOUT, end_ms=0, acked="no")).is_sooner


INNOCENT_CAUSES: dict[str, list[list[Observation]]] = {
    "the service resets the name itself": [innocent(), *three(end_ms=TRIP_MS + 1), innocent(50)],
    "a proxy takes the words over and brings the service's own refusal": [
        innocent(), *three(failure=EOF, end_ms=TRIP_MS + 1, later_ms=BOX_MS), innocent(50)],
    "data make the round trip faster than any SYN": [
        innocent(syn_ms=110, end_ms=112, later_ms=TRIP_MS),
        *three(failure=EOF, syn_ms=112, end_ms=TRIP_MS - 1, later_ms=TRIP_MS - 3), innocent(50, syn_ms=111)],
    "a little sooner is no sooner": [innocent(), *three(end_ms=0.85 * TRIP_MS), innocent(50)],
    "a carrier's proxy speaks TCP for everybody": [
        innocent(syn_ms=15, end_ms=90, later_ms=15), *three(syn_ms=15, end_ms=88), innocent(50, syn_ms=15)],
    "a satellite's accelerator acknowledges what it has only taken over": [
        innocent(syn_ms=600, end_ms=610, later_ms=20), *three(syn_ms=600, end_ms=400), innocent(50, syn_ms=600)],
    "every SYN wakes the radio, and hellos follow at once": [
        innocent(syn_ms=160, end_ms=62, later_ms=60), *three(syn_ms=160, end_ms=61), innocent(50, end_ms=62)],
    "every SYN wakes the radio, and nothing else was ever answered": three(syn_ms=160, end_ms=61),
    "a front answers SYNs late and hellos itself": [
        innocent(syn_ms=120, end_ms=125, later_ms=30), *three(syn_ms=120, end_ms=30), innocent(50)],
    "ways of two lengths, the failing ones on the short way": [
        innocent(syn_ms=140, end_ms=141), *three(syn_ms=60, end_ms=61), innocent(50, syn_ms=140, end_ms=141)],
    "one failing SYN was slow": [
        *three(end_ms=TRIP_MS + 1)[:2], connection(30, attempt=3, syn_ms=190, end_ms=TRIP_MS + 1), innocent(50)],
    "the line grew quicker after the innocent name": [
        innocent(syn_ms=300, end_ms=301), *three(syn_ms=70, end_ms=71), innocent(50, syn_ms=70, end_ms=71)],
    "ends that were on their way before we spoke": [
        innocent(), *three(idle_ms=60, end_ms=TRIP_MS - 59)],
    "one attempt ended in time, which the service's own end does": [
        innocent(), *three()[:2], connection(30, attempt=3, end_ms=TRIP_MS), innocent(50)],
    "two attempts are chance": [innocent(), *three()[:2], innocent(50)],
    "one of three was sent again": [innocent(), *three()[:2], connection(30, attempt=3, end_ms=280, retransmits=1),
                                   innocent(50)],
    "a neighbour's server, too near for the clock to tell": [
        innocent(syn_ms=6, end_ms=6.5), *three(syn_ms=6, end_ms=2), innocent(50, syn_ms=6, end_ms=6.5)],
    "another system, which tells no round trips": [
        [replace_flat(o, min_rtt_ms=0.0) for o in each] for each in (innocent(), *three(), innocent(50))],
    "rows of before times were written down": [
        [replace_flat(o, min_rtt_ms=0.0, end_ms=0.0) for o in each] for each in (innocent(), *three(), innocent(50))],
    "silence has no end": [innocent(), *three(failure=TIMEOUT, end_ms=0), innocent(50)],
}


@pytest.mark.parametrize("seen", INNOCENT_CAUSES.values(), ids=INNOCENT_CAUSES)
def test_innocent_causes_are_not_taken_for_somebody_nearer(seen: list[list[Observation]]) -> None:
    assert not read(*seen).is_sooner


def test_an_end_at_accept_is_told_by_the_innocent_name_that_is_served_in_turns() -> None:
    late = three(idle_ms=60)
    assert not read(innocent(), *late).is_sooner
    assert read(innocent(), *late, innocent(15)).is_sooner


def test_one_slow_turn_of_ours_leaves_three_attempts_that_tell() -> None:
    slow = connection(40, attempt=4, idle_ms=60, end_ms=TRIP_MS - 59)
    assert read(innocent(), *three(), slow).is_sooner
    assert not read(innocent(), *three()[:2], slow).is_sooner


@pytest.mark.parametrize(("late", "sooner"), [(0, True), (2, True), (3, False), (8, False)])
def test_most_of_the_attempts_must_end_sooner_and_late_ones_are_our_own_delays(late: int, sooner: bool) -> None:
    delayed = [connection(40 + n, attempt=4 + n, end_ms=TRIP_MS) for n in range(late)]
    found = read(innocent(), *three(), *delayed, innocent(90))
    assert (found.attempts, found.sooner, found.is_sooner) == (3 + late, 3, sooner)


def test_a_repeated_hello_takes_nothing_from_the_other_attempts() -> None:
    found = read(innocent(), *three(), connection(40, attempt=4, end_ms=230, retransmits=1), innocent(50))
    assert (found.attempts, found.is_sooner) == (3, True)


def test_what_is_repeated_after_a_forged_answer_takes_nothing_from_its_time() -> None:
    assert read(innocent(), *three(retransmits=4), innocent(50)).is_sooner


def test_only_the_first_words_of_a_connection_count() -> None:
    seen = innocent()
    ends = []
    for each in three(failure="", end_ms=TRIP_MS):
        page = replace_flat(each[1], operation="http_round_trip", failure=RESET, end_ms=BOX_MS)
        seen += [*each, page]
        ends.append(page)
    assert gather_end_timing(ends, seen).attempts == 0


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.booleans(), st.integers(0, 2)), max_size=6))
def test_only_ends_below_every_round_trip_are_ever_sooner(rows: list[tuple[float, float, bool, int]]) -> None:
    seen = [connection(10.0 * n, syn_ms=syn_ms, end_ms=end_ms, attempt=n, failure=RESET if fails else "",
                       purpose="target" if fails else "innocent", retransmits=again)
            for n, (syn_ms, end_ms, fails, again) in enumerate(rows)]
    found = read(*seen)
    if found.is_sooner:
        assert found.middle_end_ms < min(syn_ms for syn_ms, *_ in rows if syn_ms > 0)
    assert found.sooner <= found.attempts <= len(rows)


def test_a_path_knows_how_soon_its_attempts_ended() -> None:
    site = site_of(endpoint())
    told: dict[str, Any] = {"target_id": "chat.web.main", "input": endpoint().input}
    visits = [replace(o, sequence=n, **told) for n, o in enumerate(o for each in three() for o in each)]
    around = [replace(o, sequence=100 + n) for n, o in enumerate((*innocent(), *innocent(50, purpose="residual")))]
    path = gather_path_evidence(site, endpoint(), HERE, visits=visits, around=around, controls=())
    assert (path.stage, path.place.timing.attempts, path.place.timing.is_sooner) == ("tls", 3, True)
    elsewhere = [replace(o, port=8443) for o in around]
    assert not gather_path_evidence(site, endpoint(), HERE, visits=visits, around=elsewhere,
                                    controls=()).place.timing.is_sooner
    well = [replace(o, failure="") for o in visits]
    assert gather_path_evidence(site, endpoint(), HERE, visits=well, around=around, controls=()).place.timing == UNTIMED
