"""What transfers show, what is asked next, and whose flow is odd: made-up transfers, no network."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import (
    ELSEWHERE,
    EOF,
    HERE4,
    HOST,
    OTHER,
    TIMEOUT,
    endpoint,
    observation,
    replace_flat,
    site_of,
    told,
    visit_to,
)
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import AskControl, Transfer
from probe.judge.flow.flow_evidence import FlowEvidence, gather_flow_evidence
from probe.judge.flow.transfer_evidence import (
    has_passed,
    has_usable_rate,
    ideal_transfer_s,
    is_frozen,
    is_stalled,
    rate_variation,
    select_visit_transfers,
    slowdown_factor,
)
from probe.session.planning.flow_plan import choose_transfer_kind, plan_transfers
from probe.session.planning.flow_suspects import FlowContext, VolumePlace
from probe.session.planning.plan_context import PlanContext, SiteHistory

FULL = 131_072


def flow(*, at: str = HERE4, purpose: Purpose = "sample", size: int = FULL, took_s: float = 0.6, begin_s: float = 0.0,
         failure: Failure = "", rtt_ms: float = 50.0, status: int = 200, **changes: Any) -> Observation:
    """One transfer; a stalled one waits six seconds more."""
    plain = observation(
        operation="transfer", purpose=purpose, address=at, port=443, input=f"https://{HOST}/", failure=failure,
        t0_s=begin_s, t_s=begin_s + took_s + (6.0 if "timeout" in failure else 0.0), flow_s=took_s, bytes_read=size,
        min_rtt_ms=rtt_ms, status=status, method="GET", segments=150, body_bytes=20_000)
    return replace_flat(plain, **changes)


def in_turns(*others: dict[str, Any], turns: int = 4) -> list[Observation]:
    """Samples and yardsticks of these kinds in turns."""
    return [flow(begin_s=10.0 * turn + number, **kind)
            for turn in range(turns) for number, kind in enumerate(others)]


SLOW: dict[str, Any] = dict(size=90_000, took_s=6.0, bins=("7500",) * 12)
INNOCENT: dict[str, Any] = dict(purpose="yardstick")
AWAY: dict[str, Any] = dict(purpose="yardstick", at=ELSEWHERE)
STALL: dict[str, Any] = dict(size=17_000, took_s=0.4, failure=TIMEOUT, status=0, segments=27)
FAST_THERE = told("a", volume_failure="", volume_bytes=FULL, volume_s=0.5)
SLOW_THERE = told("a", volume_failure="", volume_bytes=90_000, volume_s=6.0)


def read(flows: list[Observation], *controls: Any) -> FlowEvidence:
    return gather_flow_evidence(flows, [], list(controls), HERE4)


def test_small_answers_over_a_long_way_are_our_own_slowness() -> None:
    few_ahead: dict[str, Any] = dict(size=94_745, took_s=5.3, rtt_ms=260.0, rounds=18, body_bytes=38)
    away: dict[str, Any] = dict(AWAY, took_s=1.4, rtt_ms=260.0, rounds=4)
    assert not read(in_turns(few_ahead, away), FAST_THERE).elsewhere.slower
    assert read(in_turns({**few_ahead, "rounds": 3}, away), FAST_THERE).elsewhere.slower


def test_a_name_that_is_slowed_is_slower_than_an_innocent_one_beside_it() -> None:
    found = read(in_turns(SLOW, INNOCENT), FAST_THERE)
    assert found.innocent.slower
    assert found.same_answer
    assert found.trickles
    assert (found.controls_fast, found.controls_slow) == (1, 0)


def test_where_both_are_slow_nobody_is() -> None:
    found = read(in_turns(SLOW, INNOCENT | SLOW, AWAY | SLOW), SLOW_THERE)
    assert not found.innocent.slower
    assert not found.elsewhere.slower
    assert (found.controls_fast, found.controls_slow) == (0, 1)


def test_an_address_that_is_slowed_is_slow_under_any_name() -> None:
    found = read(in_turns(SLOW, INNOCENT | SLOW, AWAY))
    assert found.elsewhere.slower
    assert found.innocent_slow
    assert found.policed


@pytest.mark.parametrize(("mine", "others", "slow"), [
    ([SLOW], [AWAY], True), ([SLOW, STALL], [AWAY], True), ([SLOW, {}], [AWAY], False), ([SLOW], [AWAY | SLOW], False),
    ([SLOW], [], False)], ids=str)
def test_few_transfers_tell_that_a_service_is_slow_if_each_is(mine: list[dict[str, Any]], others: list[dict[str, Any]],
                                                              slow: bool) -> None:
    assert read(in_turns(*mine, *others, turns=1)).own_slow is slow


@pytest.mark.parametrize("sizes", [(90_000, 60_000, 75_000, 50_000), (200_000,) * 4])
def test_a_way_that_is_lossy_or_just_less_wide_is_not_policed(sizes: tuple[int, ...]) -> None:
    flows = [flow(begin_s=10.0 * n, size=size, took_s=6.0) for n, size in enumerate(sizes)]
    assert not read([*flows, *in_turns(AWAY)]).policed


def test_a_distant_server_is_not_slowed() -> None:
    """Four times the round trip takes four times as long, and more is no wonder."""
    far = dict(took_s=4.5, rtt_ms=700.0)
    assert not read(in_turns(far, AWAY | dict(took_s=0.3, rtt_ms=20.0))).elsewhere.slower


def test_three_pairs_are_too_few_and_one_exception_is_enough() -> None:
    assert not read(in_turns(SLOW, INNOCENT, turns=3)).innocent.slower
    once = in_turns(SLOW, INNOCENT)
    once[2] = flow(begin_s=10.0)
    assert not read(once).innocent.slower


def test_another_answer_is_no_proof_by_itself() -> None:
    assert not read(in_turns(SLOW, INNOCENT | dict(status=421))).same_answer
    welcome = INNOCENT | dict(body_bytes=612)  # of the machine that a load balancer has for names it does not know
    assert not read(in_turns(SLOW, welcome)).same_answer
    assert not read(in_turns(SLOW, INNOCENT | dict(body_bytes=0))).same_answer


def test_what_the_system_does_not_measure_is_held_against_nobody() -> None:
    assert not read(in_turns(SLOW | dict(rtt_ms=0.0), AWAY | dict(rtt_ms=0.0))).elsewhere.slower


@given(st.lists(st.floats(0.2, 6.0), min_size=8, max_size=8), st.randoms(use_true_random=False))
def test_equals_are_never_told_apart_both_ways(took: list[float], rng: random.Random) -> None:
    rng.shuffle(took)
    one = [flow(took_s=s, begin_s=10.0 * n) for n, s in enumerate(took[:4])]
    other = [flow(took_s=s, begin_s=10.0 * n + 5, **INNOCENT) for n, s in enumerate(took[4:])]
    swapped = [replace(o, purpose="yardstick" if o.purpose == "sample" else "sample") for o in one + other]
    assert not (read(one + other).innocent.slower and read(swapped).innocent.slower)


@pytest.mark.slow
def test_equal_senders_are_hardly_ever_called_slower() -> None:
    rng, called = random.Random(4), 0
    for _ in range(2000):
        paces = [rng.lognormvariate(0, 1.2) for _ in range(8)]
        flows = [flow(took_s=min(6.0, 1 / p), begin_s=10.0 * n) for n, p in enumerate(paces[:4])]
        flows += [flow(took_s=min(6.0, 1 / p), begin_s=10.0 * n + 5, **INNOCENT) for n, p in enumerate(paces[4:])]
        called += read(flows).innocent.slower
    assert called / 2000 <= 0.05


# ---- freezing


def test_transfers_that_stop_alike_are_frozen() -> None:
    found = read([*in_turns(STALL, AWAY), flow(**AWAY, begin_s=50.0)], FAST_THERE)
    assert (found.stalls, found.tries, found.clean, found.later_pass) == (4, 4, True, True)
    assert found.stall_chance < 0.01
    assert found.controls_fast == 1


def test_a_box_that_lets_some_through_is_seen_all_the_same() -> None:
    flows = in_turns(STALL, AWAY, turns=5)
    flows[2] = flow(begin_s=10.0)
    found = read(flows)
    assert (found.stalls, found.tries, found.clean) == (4, 5, True)
    assert found.stall_chance <= 0.05


def test_a_lossy_line_stops_anywhere_and_for_all() -> None:
    flows = in_turns(STALL, AWAY)
    flows[0] = replace(flows[0], bytes_read=33_000)
    assert not read(flows).clean
    assert read(in_turns(STALL, AWAY | STALL)).elsewhere_stalls == 4


def test_an_end_in_good_order_is_no_freeze() -> None:
    found = read(in_turns(dict(size=16_384, failure=EOF), AWAY))
    assert (found.stalls, found.tries) == (0, 0)


def test_a_server_that_stops_for_controls_too_is_told_from_a_freeze() -> None:
    stops_there = told("a", volume_failure=TIMEOUT, volume_bytes=17_000, volume_s=0.3)
    assert read(in_turns(STALL, AWAY), stops_there).controls_slow == 1


@pytest.mark.parametrize(("piece", "passes", "stalls"), [
    (dict(segments=90, size=1200), 1, 0), (dict(segments=26, size=900, failure=TIMEOUT), 0, 1),
    (dict(segments=30, size=1200), 0, 0), (dict(segments=90, size=1200, failure=TIMEOUT), 0, 0)])
def test_pieces_tell_bytes_from_packets(piece: dict[str, Any], passes: int, stalls: int) -> None:
    found = read([*in_turns(STALL, AWAY), flow(**piece | {"method": "HEAD"}, begin_s=60.0)])
    assert (found.pieces_passed, found.pieces_stalled) == (passes, stalls)


def test_ordinary_visits_count_where_they_fell_silent_or_brought_much() -> None:
    silent = visit_to(until="http", failure=TIMEOUT, bytes_read=16_000)
    small = visit_to(attempt=2)
    read_on = [*visit_to(attempt=3), flow(purpose="target", attempt=3, size=40_000)]
    found = select_visit_transfers([*silent, *small, *read_on], HERE4)
    assert [(o.failure, o.bytes_read) for o in found] == [(TIMEOUT, 32_000), ("", 40_000)]


@given(st.integers(0, 200_000), st.floats(0, 10), st.sampled_from(["", TIMEOUT, EOF, "connection_reset"]))
def test_no_transfer_is_both_frozen_and_through(size: int, took_s: float, failure: Failure) -> None:
    seen = flow(size=size, took_s=took_s, failure=failure)
    assert not (is_frozen(seen) and has_passed(seen))
    assert not is_frozen(seen) or is_stalled(seen)
    assert slowdown_factor(seen) >= 0
    assert isinstance(has_usable_rate(seen), bool)


def test_round_trips_are_allowed_for() -> None:
    assert ideal_transfer_s(0, 0.1, hello=False) == pytest.approx(0.1)
    assert ideal_transfer_s(14_600, 0.1, hello=False) == pytest.approx(0.2)
    assert ideal_transfer_s(FULL, 0.1, hello=True) == pytest.approx(0.7)


def test_a_policed_flow_is_steady_and_a_short_one_tells_nothing() -> None:
    assert rate_variation(flow(bins=("9000",) * 12)) == 0
    assert rate_variation(flow(bins=("9000", "1"))) == 1


# ---- the plan

SITE = site_of()
QUICK = VolumePlace(address=ELSEWHERE, port=443, sni=OTHER, url=f"https://{OTHER}/")
FRAME = PlanContext(controls=("a", "b"), consent_level=3,
                    flow=FlowContext(suspects=((HOST, 443, HERE4),), yardsticks=(QUICK,)))


def played(mine: dict[str, Any], beside: dict[str, Any], away: dict[str, Any], pieces: dict[str, Any] | None = None,
           visits: tuple[Observation, ...] = ()) -> tuple[list[Transfer], FlowEvidence, int]:
    """Transfers that the plan asks for when each kind fares always alike; what they show; and how many were asked."""
    flows: list[Observation] = []
    asked: list[Transfer] = []
    questions = set()
    for turn in range(40):
        steps = plan_transfers(SITE, SiteHistory(visits=visits, flows=tuple(flows)), FRAME)
        questions |= {step.control_id for step in steps if isinstance(step, AskControl)}
        due = [step for step in steps if isinstance(step, Transfer)]
        if not due:
            return asked, gather_flow_evidence(flows, visits, [], HERE4), len(questions)
        (step,) = due
        kind = (pieces or mine if step.chunked else mine) if step.purpose == "sample" else (
            beside if step.address == HERE4 else away)
        asked.append(step)
        flows.append(flow(**kind | dict(at=step.address, purpose=step.purpose, begin_s=10.0 * turn,
                                        method="HEAD" if step.chunked else "GET", attempt=step.attempt)))
    raise AssertionError("the plan does not end")


def test_nothing_is_transferred_for_a_site_that_is_not_odd() -> None:
    assert plan_transfers(SITE, SiteHistory(), replace(FRAME, flow=FlowContext())) == []
    assert plan_transfers(site_of(endpoint(f"https://{OTHER}/")), SiteHistory(), FRAME) == []


def test_the_innocent_name_goes_first() -> None:
    (first,) = plan_transfers(SITE, SiteHistory(), FRAME)
    assert isinstance(first, Transfer)
    assert (first.purpose, first.sni, first.url) == ("yardstick", FRAME.innocent, f"https://{HOST}/")


def test_a_slowed_name_is_measured_in_turns_and_controls_are_asked() -> None:
    asked, found, questions = played(SLOW, {}, {})
    assert [s.purpose for s in asked] == ["yardstick", "sample"] * 4
    assert found.innocent.slower
    assert questions == 2


def test_a_slowed_address_is_held_against_others() -> None:
    asked, found, _ = played(SLOW, SLOW, {})
    assert found.elsewhere.slower
    assert found.innocent_slow
    assert sum(s.purpose == "sample" for s in asked) == 4


def test_where_all_is_slow_or_all_is_well_it_ends_soon() -> None:
    assert len(played(SLOW, SLOW, SLOW)[0]) <= 5
    asked, _, questions = played({}, {}, {})
    assert len(asked) <= 5
    assert not questions


def test_what_does_not_flow_at_all_and_what_is_ended_small_is_left_alone() -> None:
    assert len(played(dict(size=0, failure=TIMEOUT), {}, {})[0]) == 3, "an innocent one, and one more to be sure"
    assert len(played(dict(size=900, took_s=0.1, failure=EOF), {}, {})[0]) == 2


@pytest.mark.parametrize("visits", [(), tuple(o for n in (1, 2, 3) for o in visit_to(
    until="http", failure=TIMEOUT, bytes_read=9_000, attempt=n))], ids=["found late", "stalled before"])
def test_a_frozen_service_is_shown_to_be_so(visits: tuple[Observation, ...]) -> None:
    asked, found, questions = played(STALL, STALL, {}, dict(segments=90, size=1200), visits)
    assert found.stalls >= 3
    assert found.later_pass
    assert found.pieces_passed
    assert questions == 2
    assert sum(s.purpose == "sample" for s in asked) <= (4 if visits else 6)


def test_where_others_stall_as_well_it_ends() -> None:
    assert len(played(STALL, STALL, STALL)[0]) <= 4


@given(st.lists(st.sampled_from([SLOW, STALL, {}, dict(size=0, failure=TIMEOUT), dict(size=20_000, failure=EOF)]),
                min_size=30, max_size=30))
def test_whatever_comes_a_site_is_given_few_transfers(kinds: list[dict[str, Any]]) -> None:
    lists: dict[str, list[Observation]] = {"sample": [], "innocent": [], "elsewhere": [], "pieces": []}
    for number, kind in enumerate(kinds):
        due = choose_transfer_kind(lists["sample"], lists["innocent"], lists["elsewhere"], lists["pieces"], places=2)
        if not due:
            break
        lists[due].append(flow(**kind, begin_s=10.0 * number))
    assert len(lists["sample"]) + len(lists["innocent"]) + len(lists["pieces"]) <= 8
    assert len(lists["elsewhere"]) <= 6


def test_what_never_flows_is_counted_and_chance_is_not() -> None:
    gone: dict[str, Any] = dict(size=0, failure="connection_reset")
    assert read([flow(**gone), flow(**gone, begin_s=1.0)]).dead == 2
    assert read([flow(**gone), flow(begin_s=1.0)]).dead == 0


# ---- what stops after a few packets

EARLY: dict[str, Any] = dict(size=2900, failure=TIMEOUT, segments=13, receive_mss=1448)


def early(*mine: dict[str, Any], **others: Any) -> int:
    flows = [flow(**EARLY | kind, begin_s=10.0 * n) for n, kind in enumerate(mine)]
    flows += [flow(**AWAY | dict(begin_s=100.0) | others)]
    return gather_flow_evidence(flows, (), [], HERE4).early_stalls


def test_transfers_that_all_stop_after_a_few_packets_are_counted() -> None:
    assert early({}, dict(segments=14), dict(size=4300, segments=15)) == 3
    assert early({}, {}, dict(failure="", size=131_072)) == 0
    assert early({}, {}, dict(segments=40)) == 0


def test_a_link_that_takes_no_full_segment_stops_nothing_early() -> None:
    assert early(dict(receive_mss=536), dict(receive_mss=536), dict(receive_mss=536)) == 0
