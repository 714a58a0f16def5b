"""Who may be convicted by transfers, and by what: look-alikes that must not be."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observations import WELL, change_path
from probe.judge.common.rule import find_first_rule
from probe.judge.flow.flow_evidence import FlowComparison, FlowEvidence
from probe.judge.network.ladder_evidence import LadderEvidence
from probe.judge.path.path_rules import PATH_RULES
from recorded_transfers import SLOW_HERE, SLOWER_NAME, STOPS, STOPS_EARLY, TRANSFERS, TRICKLES, flowing


@pytest.mark.parametrize("alike", [
    TRICKLES, TRICKLES | SLOWER_NAME,
    TRICKLES | SLOWER_NAME | dict(same_answer=True, controls_slow=1),  # the server is slow for others too
    TRICKLES | SLOWER_NAME | dict(same_answer=True, samples=3),
    TRICKLES | SLOW_HERE | dict(controls_fast=2),  # a crowded or lossy way to it
    TRICKLES | SLOW_HERE | dict(controls_fast=1, controls_slow=1, policed=True),
    TRICKLES | SLOW_HERE | dict(controls_fast=1, policed=True, innocent=FlowComparison(others=2)),  # we asked too often
    STOPS, STOPS | dict(controls_fast=1, controls_slow=1), STOPS | dict(controls_fast=1, clean=False),
    STOPS | dict(controls_fast=1, stall_chance=0.2), STOPS | dict(controls_fast=1, elsewhere_stalls=1),
    STOPS_EARLY | dict(pieces_stalled=1), STOPS_EARLY | dict(controls_fast=1, controls_slow=1, pieces_stalled=1),
    STOPS_EARLY | dict(controls_fast=1, elsewhere_stalls=1, pieces_stalled=1),
    STOPS | dict(controls_fast=1, later_pass=False), STOPS | dict(controls_fast=1, stalls=2),
], ids=str)
def test_transfers_accuse_nobody_whom_controls_do_not_single_out(alike: dict[str, Any]) -> None:
    assert find_first_rule(PATH_RULES, flowing(**alike)).outcome in ("ok", "inconclusive")


def test_what_is_lower_and_keeps_no_rate_is_left_open() -> None:
    lower = flowing(**TRICKLES, elsewhere=FlowComparison(others=4, lower=True), controls_fast=2, innocent_slow=True)
    assert find_first_rule(PATH_RULES, lower).id == "flow/slow_undecided"


def test_one_slow_service_among_the_others_does_not_make_it_well() -> None:
    """One set rate, at which no control is held: it is not ok, whatever another of ours is like."""
    mixed = flowing(**TRICKLES, elsewhere=FlowComparison(others=4), set_rate=True, innocent_slow=True, controls_fast=1)
    assert find_first_rule(PATH_RULES, mixed).id == "flow/slow_undecided"
    uneven = flowing(**TRICKLES, elsewhere=FlowComparison(others=4, halved=True), controls_fast=2)
    assert find_first_rule(PATH_RULES, uneven).id == "flow/slow_undecided"
    unheard = flowing(**TRICKLES, elsewhere=FlowComparison(others=4, halved=True))
    assert find_first_rule(PATH_RULES, unheard).outcome == "ok"
    by_round_trips = flowing(**TRICKLES, elsewhere=FlowComparison(others=4), policed=True, controls_fast=1)
    assert find_first_rule(PATH_RULES, by_round_trips).outcome == "ok"


@pytest.mark.parametrize(("change", "outcome"), [
    ({}, "inconclusive"), (dict(samples=1), "inconclusive"), (dict(samples=0), "ok"), (dict(samples=4), "ok"),
    (dict(own_slow=False), "ok"), (dict(trickles=False), "ok"), (dict(controls_slow=1), "ok"),
], ids=str)
def test_few_transfers_that_are_slow_here_alone_are_not_ok(change: dict[str, Any], outcome: str) -> None:
    few = dict(samples=3, trickles=True, own_slow=True, controls_fast=1) | change
    assert find_first_rule(PATH_RULES, flowing(**few)).outcome == outcome


def test_what_stops_early_is_said_to_be_packets_only_where_pieces_stop_too() -> None:
    both = STOPS_EARLY | dict(controls_fast=1, pieces_stalled=1)
    assert find_first_rule(PATH_RULES, flowing(**both)).id == "flow/frozen_by_packets"
    assert find_first_rule(PATH_RULES, flowing(**both | dict(pieces_passed=1))).id == "flow/frozen"


@pytest.mark.parametrize(("by_pieces", "outcome"), [(False, "blocked"), (True, "ok")])
def test_a_page_at_a_control_is_not_enough_where_only_pieces_tell(by_pieces: bool, outcome: str) -> None:
    """A server may stop for everybody after so many requests, however they come."""
    stops = flowing(**STOPS_EARLY, pieces_stalled=1, early_by_pieces=by_pieces)
    served = replace(stops, path=change_path(stops.path, controls_ok=2, controls_failed=0))
    assert find_first_rule(PATH_RULES, served).outcome == outcome


@pytest.mark.parametrize("rule_id", TRANSFERS)
def test_where_the_line_is_slow_or_narrow_nobody_is_accused(rule_id: str) -> None:
    for ladder in (replace(WELL, slow=True), replace(WELL, full_segments=False, stalled=3)):
        assert find_first_rule(PATH_RULES, replace(TRANSFERS[rule_id], ladder=ladder)).outcome != "blocked"


BESIDES = st.sampled_from([FlowComparison(), FlowComparison(others=4), FlowComparison(others=4, slower=True),
                           FlowComparison(others=4, lower=True),
                          FlowComparison(others=4, halved=True)])
FLOWS = st.builds(FlowEvidence, **{
    f.name: BESIDES if f.name in ("innocent", "elsewhere") else st.just(()) if f.name == "evidence"
    else st.floats(0, 1) if f.name == "stall_chance"
    else st.booleans() if get_type_hints(FlowEvidence)[f.name] is bool else st.integers(0, 6)
    for f in fields(FlowEvidence)})
LADDERS = st.builds(LadderEvidence, foreign_ok=st.integers(0, 3), altered=st.sampled_from([0, 2]), slow=st.booleans(),
                    full_segments=st.booleans(), stalled=st.integers(0, 4))


@settings(max_examples=400, deadline=None)
@given(FLOWS, LADDERS | st.just(WELL), st.booleans())
def test_whatever_transfers_show_a_server_that_is_slow_for_others_too_is_never_blocked(
    flow: FlowEvidence, ladder: LadderEvidence, self_block: bool,
) -> None:
    works = replace(flowing(), ladder=ladder, self_block=self_block)
    rule = find_first_rule(PATH_RULES, replace(works, path=replace(works.path, flow=flow)))
    if rule.outcome != "blocked":
        return
    assert rule.id.startswith("flow/")
    assert ladder.well
    assert not ladder.slow
    assert not self_block
    assert not flow.controls_slow
    if "throttle" in rule.block_type:
        assert flow.samples >= 4
        assert flow.innocent.slower or (flow.elsewhere.slower and flow.policed)
        assert flow.controls_fast or (flow.innocent.slower and flow.same_answer)
    else:
        assert max(flow.stalls, flow.early_stalls) >= 3
        assert not flow.elsewhere_stalls
        assert flow.controls_fast or (flow.same_answer and flow.innocent_passes >= 2)
