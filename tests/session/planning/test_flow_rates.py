"""Set rates beside what round trips cost, and stalls of small packets: made-up transfers, no network."""

from __future__ import annotations

from typing import Any

import pytest

from observations import HERE4, HOST, TIMEOUT, told, visit_to
from probe.judge.flow.flow_evidence import FlowEvidence, gather_flow_evidence
from probe.judge.flow.transfer_evidence import bottleneck_rate, ideal_transfer_s
from probe.session.planning.flow_suspects import make_flow_context
from test_flow import AWAY, FULL, INNOCENT, STALL, flow, in_turns, played, read
from test_suspects import OTHERS, visits_of

STEADY: dict[str, Any] = dict(size=90_000, took_s=6.0, rtt_ms=270.0, bins=("7500",) * 12)
DISTANT: dict[str, Any] = dict(size=FULL, took_s=2.6, rtt_ms=270.0, rounds=7)
"""As a small page is fetched over such round trips: 3.4 times the pace of the other."""


# ---- rates that are set


def test_a_set_rate_shows_beside_an_innocent_name_that_round_trips_hold_back() -> None:
    found = read(in_turns(STEADY, DISTANT | INNOCENT))
    assert found.innocent.slower
    assert found.policed


@pytest.mark.parametrize("mine", [
    dict(bins=("500", "14500", "0", "21000", "300", "1700") * 2),  # stops and goes
    dict(bins=tuple(str(1500 * n) for n in range(12))),  # still grows
    dict(bins=()), dict(rtt_ms=0.0), dict(size=160_000),
], ids=str)
def test_what_keeps_no_rate_must_be_four_times_slower(mine: dict[str, Any]) -> None:
    for name in (INNOCENT, AWAY):
        found = read(in_turns(STEADY | mine, DISTANT | dict(size=140_000) | name))
        assert not found.innocent.slower
        assert not found.elsewhere.slower


def test_equal_paces_that_stop_and_go_are_not_policed() -> None:
    assert not read(in_turns(STEADY | dict(bins=("500", "14500", "0", "21000", "300", "1700") * 2), AWAY)).policed


def test_one_unequal_pace_is_no_set_rate() -> None:
    flows = in_turns(STEADY, DISTANT | INNOCENT)
    flows[0] = flow(**STEADY | dict(size=70_000))
    assert not read(flows).innocent.slower


@pytest.mark.parametrize(("sizes", "mss", "policed"), [
    ((24_000, 20_500, 24_000, 23_900), 1448, True),  # two segments at four kilobytes a second
    ((24_000, 20_500, 24_000, 23_900), 0, False), ((72_000, 60_000, 72_000, 71_000), 1448, False),
    ((6_000, 3_000, 5_000, 4_500), 1448, False)])
def test_equal_rates_may_differ_by_a_few_segments(sizes: tuple[int, ...], mss: int, policed: bool) -> None:
    flows = [flow(begin_s=10.0 * n, size=size, took_s=6.0, receive_mss=mss, bins=("4000",) * 12)
             for n, size in enumerate(sizes)]
    assert read([*flows, *in_turns(AWAY)]).policed is policed


def test_beside_other_ways_every_transfer_must_keep_its_rate() -> None:
    for other, slower in ((INNOCENT, True), (AWAY, False)):
        flows = in_turns(STEADY, DISTANT | other)
        assert read(flows).innocent.slower or read(flows).elsewhere.slower
        flows[0] = flow(**STEADY | dict(bins=("500", "14500", "0", "21000", "300", "1700") * 2))
        found = read(flows)
        assert (found.innocent.slower or found.elsewhere.slower) is slower


def test_a_distant_server_that_is_asked_for_small_pages_keeps_no_set_rate() -> None:
    """Half a window for each round trip looks steady; the round trips explain it."""
    far = dict(size=96_000, took_s=6.0, rtt_ms=700.0, rounds=8, bins=("8000",) * 12)
    found = read(in_turns(far, AWAY | dict(took_s=0.3, rtt_ms=20.0)))
    assert found.policed
    assert not found.elsewhere.slower


def test_a_tiny_page_over_long_round_trips_keeps_no_set_rate() -> None:
    """Hundreds of requests in sixteen rounds: steady, equal and low, and all of it round trips and a little thought."""
    tiny = dict(size=87_745, took_s=5.5, rtt_ms=264.0, rounds=16, bins=("900", "1200", "5000", *["8000"] * 10))
    found = read(in_turns(tiny, tiny | INNOCENT, AWAY | dict(took_s=1.85, rtt_ms=264.0, rounds=4)))
    assert found.policed
    assert not found.elsewhere.slower
    assert not found.innocent_slow


def test_what_stops_and_goes_is_lower_all_the_same() -> None:
    uneven = STEADY | dict(size=22_000, rounds=5, bins=("900", "2000", "7600", "0", "1400", "2200", "3300", "0") * 2)
    others = AWAY | dict(took_s=1.9, rtt_ms=270.0, rounds=4)
    found = read(in_turns(uneven, others))
    assert (found.elsewhere.slower, found.elsewhere.lower) == (False, True)
    far = dict(size=96_000, took_s=6.0, rtt_ms=700.0, rounds=8)
    assert not read(in_turns(far, AWAY | dict(took_s=0.3, rtt_ms=20.0))).elsewhere.lower


def test_half_the_pace_of_others_that_round_trips_hold_back_is_odd() -> None:
    """What a queue lets through comes in bursts, and one transfer is less steady than the next."""
    bursts = STEADY | dict(size=87_000, rounds=1, bins=("900", "12000", "1400", "0", "0", "20000", "5000", "9000") * 2)
    found = read(in_turns(bursts, AWAY | dict(took_s=2.7, rtt_ms=281.0, rounds=6)))
    assert (found.elsewhere.slower, found.elsewhere.lower, found.elsewhere.halved) == (False, False, True)
    quick = read(in_turns(bursts | dict(size=150_000), AWAY | dict(took_s=2.7, rtt_ms=281.0, rounds=6)))
    assert not quick.elsewhere.halved


def test_both_names_slow_by_one_rate_are_told_from_other_servers() -> None:
    low = STEADY | dict(size=60_000, bins=("5000",) * 12)
    assert read(in_turns(STEADY, low | INNOCENT, DISTANT | AWAY)).innocent_slow
    assert not read(in_turns(STEADY, DISTANT | INNOCENT, DISTANT | AWAY)).innocent_slow


@pytest.mark.parametrize(("took_s", "fast", "slow"), [(1.0, 1, 0), (3.0, 0, 0), (5.5, 0, 1)])
def test_a_control_between_fast_and_slow_says_nothing(took_s: float, fast: int, slow: int) -> None:
    found = read(in_turns(STEADY, DISTANT | INNOCENT),
                 told("a", volume_failure="", volume_bytes=FULL, volume_s=took_s))
    assert (found.controls_fast, found.controls_slow) == (fast, slow)


def test_asking_in_rounds_takes_a_round_trip_each() -> None:
    assert ideal_transfer_s(FULL, 0.1, hello=True, asked=11) == pytest.approx(1.3)
    assert ideal_transfer_s(FULL, 0.1, hello=True, asked=2) == ideal_transfer_s(FULL, 0.1, hello=True)
    assert bottleneck_rate(flow(took_s=1.3, rtt_ms=100.0, rounds=11)) == pytest.approx(FULL / 0.25)
    assert bottleneck_rate(flow(took_s=6.0, rtt_ms=0.0)) == pytest.approx(FULL / 6)


# ---- whom to look at, and how


def test_small_pages_asked_for_in_rounds_hide_nobody() -> None:
    sites = []
    for number in range(6):
        site, visits = visits_of(f"s{number}.example", f"93.184.6.{number}", 0.1)
        glance = flow(at=f"93.184.6.{number}", took_s=1.0, rounds=16, input=f"https://s{number}.example/")
        sites.append((site, (*visits, glance)))
    site, visits = visits_of(HOST, HERE4, 0.1)
    slow = flow(size=90_000, took_s=6.0, rounds=8)
    assert make_flow_context([*sites, (site, (*visits, slow))]).suspects == ((HOST, 443, HERE4),)
    assert not make_flow_context([*OTHERS, (site, (*visits, flow(took_s=1.0, rounds=16)))]).suspects


def test_a_set_rate_beside_round_trips_gets_its_four_pairs() -> None:
    asked, found, questions = played(STEADY, DISTANT, DISTANT)
    assert [s.purpose for s in asked] == ["yardstick", "sample"] * 4
    assert found.innocent.slower
    assert questions == 2


def test_an_innocent_name_that_is_slow_too_leads_to_other_servers() -> None:
    """Once a name has been heard both are slowed, and who repeats the name twice over."""
    twice = STEADY | dict(size=30_000, bins=("2500",) * 12)
    _, found, _ = played(twice, STEADY, DISTANT)
    assert not found.innocent.slower
    assert found.innocent_slow
    assert found.elsewhere.slower


# ---- stalls, and what says nothing of them


def beside_visit(size: int) -> FlowEvidence:
    visit = [*visit_to(), flow(purpose="target", size=size, took_s=0.1)]
    return gather_flow_evidence([*in_turns(STALL, AWAY), flow(**AWAY, begin_s=50.0)], visit, [], HERE4)


def test_an_ordinary_page_that_ended_before_a_stall_says_nothing_of_it() -> None:
    small = beside_visit(13_000)
    assert (small.stalls, small.tries, small.clean) == (4, 4, True)
    beyond = beside_visit(30_000)
    assert (beyond.tries, beyond.clean) == (5, False)


SMALL: dict[str, Any] = dict(size=5900, failure=TIMEOUT, segments=34, receive_mss=700)


@pytest.mark.parametrize(("piece", "early", "stalls"), [
    (dict(segments=33, size=900, failure=TIMEOUT), 4, 1),
    (dict(segments=90, size=1200), 0, 0),  # a link that takes no full segment lets these pass
    (dict(segments=8, size=0, failure=TIMEOUT), 0, 0)])
def test_small_packets_that_stop_in_pieces_too_stop_for_their_number(piece: dict[str, Any], early: int,
                                                                     stalls: int) -> None:
    asked, found, _ = played(SMALL, SMALL, {}, piece)
    assert (found.early_stalls, found.pieces_stalled, found.early_by_pieces) == (early, stalls, bool(early))
    assert [s.chunked for s in asked].count(True) in (1, 2)
    assert found.later_pass is bool(early)


@pytest.mark.parametrize(("size", "segments", "stops"), [(8030, 33, 4), (8030, 70, 0), (9900, 33, 0)])
def test_early_stalls_are_alike_in_bytes_or_in_packets(size: int, segments: int, stops: int) -> None:
    flows = in_turns(dict(size=7300, failure=TIMEOUT, segments=25, receive_mss=1448), AWAY)
    flows[0] = flow(size=size, failure=TIMEOUT, segments=segments, receive_mss=1448)
    assert read(flows).early_stalls == stops


def test_stalls_about_the_limit_of_early_ones_are_one_kind() -> None:
    flows = in_turns(dict(size=9900, failure=TIMEOUT, segments=25, receive_mss=1448), AWAY)
    flows[0] = flow(size=10_700, failure=TIMEOUT, segments=26, receive_mss=1448)
    assert read(flows).early_stalls == 4
