"""Residual blocking: noticed, measured, and kept from convicting anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from made_up_net import FRAME, Net, walk
from observations import HERE4, HOST, OTHER, RESET, TIMEOUT, numbered, operation, replace_flat, site_of
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import LocateHop, Visit
from probe.judge.path.path_evidence import gather_path_evidence
from probe.judge.path.residual_evidence import AT_ONCE_S, SOON_S, gather_residual_evidence
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.residual_plan import plan_residual_steps
from probe.session.planning.restraint import find_waits, restrain_context
from probe.session.taint import find_tainting_failure

HONEST: dict[str, tuple[str, ...] | str] = dict.fromkeys(("system", "network", "public", "tcp", "doh"), (HERE4,))


def at(t_s: float, purpose: Purpose = "target", failure: Failure = "", attempt: int = 1, **changes: Any) -> Observation:
    """A handshake that ends a tenth of a second after `t_s`."""
    plain = operation("tls_handshake", failure=failure, purpose=purpose, t0_s=t_s, t_s=t_s + 0.1, attempt=attempt,
                      hostname=HOST if purpose == "target" else OTHER)
    return replace_flat(plain, **changes)


FAILS = [at(2.0, failure=RESET), at(4.0, failure=RESET, attempt=2), at(12.0, failure=RESET, attempt=3)]
BEFORE = at(1.0, "innocent")


def again(t_s: float, failure: Failure = "", attempt: int = 1) -> Observation:
    return at(t_s, "residual", failure, attempt)


@pytest.mark.parametrize(("around", "word", "span"), [
    pytest.param([BEFORE], "", "", id="nobody asked again"),
    pytest.param([BEFORE, again(13.0)], "none", "", id="served at once"),
    pytest.param([BEFORE, again(13.0 + SOON_S)], "unknown", "", id="served when a short one may be over"),
    pytest.param([again(13.0, RESET)], "unknown", "", id="never served before"),
    pytest.param([at(12.5, "innocent"), again(13.0, RESET)], "unknown", "", id="served after the failures only"),
    pytest.param([BEFORE, again(13.1, RESET)], "seen", "1-", id="fails"),
    pytest.param([BEFORE, again(13.1, TIMEOUT, 1), again(32.1, RESET, 2)], "seen", "20-", id="still fails"),
    pytest.param([BEFORE, again(13.1, RESET, 1), again(32.1, RESET, 2), again(52.1, "", 3)], "seen", "20-40",
                 id="is over"),
    pytest.param([BEFORE, again(13.1, "ssl_unknown_authority")], "unknown", "", id="another failure"),
])
def test_what_failures_leave_behind(around: list[Observation], word: str, span: str) -> None:
    found = gather_residual_evidence(FAILS, around, (), HERE4, 443)
    assert (found.word, found.span) == (word, span)


def test_a_search_for_the_hop_sets_it_off_anew() -> None:
    around = [BEFORE, again(13.1, RESET), again(40.0, RESET, 2)]
    trigger = Observation(operation="trace", purpose="locate", address=HERE4, port=443, hostname=HOST, t_s=30.0)
    assert gather_residual_evidence(FAILS, around, (), HERE4, 443).span == "28-"
    assert gather_residual_evidence(FAILS, around, [trigger], HERE4, 443).span == "10-"


@pytest.mark.parametrize(("began_s", "tainted"), [(1.2, False), (1.1 + AT_ONCE_S, False), (1.2 + AT_ONCE_S, True)])
def test_failures_that_begin_late_after_the_innocent_name_may_be_somebody_elses_doing(
    began_s: float, tainted: bool,
) -> None:
    fails = [at(began_s + n, failure=RESET, attempt=n + 1) for n in range(5)]
    around = [BEFORE, again(began_s + 6, RESET)]
    seen = gather_path_evidence(site_of(), site_of().endpoints[0], HERE4, visits=fails, around=around, controls=())
    assert seen.tainted == tainted
    clean = [BEFORE, again(began_s + 6)]
    assert not gather_path_evidence(site_of(), site_of().endpoints[0], HERE4, visits=fails, around=clean,
                                    controls=()).tainted


# ---- the planner

def asked(net: Net, context: PlanContext = FRAME) -> list[Visit]:
    return [s for s in walk(site_of(), net, context=context) if isinstance(s, Visit) and s.purpose == "residual"]


def test_after_failures_the_innocent_name_is_asked_once_more_and_never_for_a_name_that_is_well() -> None:
    assert [(v.address, v.hostname, v.attempt) for v in asked(Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}))] == [
        (HERE4, FRAME.innocent, 1)]
    assert not asked(Net(dns=HONEST))
    assert not asked(Net(dns=HONEST, cuts={HERE4: ("connect", TIMEOUT)}))
    assert not asked(Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}, innocent_cuts={HERE4: ("tls", RESET)}))


def steps(around: list[Observation], level: int) -> list[Visit]:
    seen = SiteHistory(visits=numbered(FAILS), around=numbered(around))
    found = plan_residual_steps(site_of(), HERE4, seen, replace(FRAME, consent_level=level))
    return [s for s in found if isinstance(s, Visit)]


def test_its_length_is_measured_with_consent_at_growing_intervals_until_it_is_over() -> None:
    first = [BEFORE, again(13.1, RESET)]
    assert not steps(first, 1)
    assert [(v.attempt, round(v.not_before_s, 1)) for v in steps(first, 3)] == [(2, 17.1)]
    later = [*first, again(52.1, RESET, 2)]
    assert [(v.attempt, round(v.not_before_s, 1)) for v in steps(later, 3)] == [(3, 92.1)]
    assert not steps([*later, again(92.1, "", 3)], 3)
    assert not steps([*later, again(260.0, RESET, 3)], 3)


# ---- later runs

BEGUN = datetime(2026, 12, 3, 6, tzinfo=UTC)


@pytest.mark.parametrize(("over_in_s", "deadline_s", "waits_s"), [
    (-600.0, 60.0, 0.0), (25.0, 60.0, 25.0), (31.0, 60.0, 0.0), (400.0, 900.0, 400.0), (90_000.0, 900.0, 0.0),
])
def test_a_run_waits_for_the_end_of_a_punishment_where_it_has_the_time(over_in_s: float, deadline_s: float,
                                                                       waits_s: float) -> None:
    until = {"t": BEGUN + timedelta(seconds=over_in_s)}
    assert find_waits(until, begun=BEGUN, deadline_s=deadline_s) == {"t": waits_s}


@pytest.mark.parametrize("free_s", [0.0, 25.0])
def test_what_was_punished_within_a_day_is_named_later_and_not_looked_for(free_s: float) -> None:
    site, net = site_of(), Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})
    target, level = site.endpoints[0].target_id, replace(FRAME, consent_level=3)
    before, after = (
        [s for s in walk(site, net, context=restrain_context(site, frame)) if isinstance(s, Visit | LocateHop)]
        for frame in (level, replace(level, punished={target: free_s})))
    assert any(isinstance(s, LocateHop) for s in before)
    assert not any(isinstance(s, LocateHop) for s in after)
    assert {s.purpose for s in after if isinstance(s, Visit)} >= {"innocent", "target"}
    assert all(s.not_before_s >= free_s for s in after if isinstance(s, Visit))
    assert restrain_context(site, replace(level, punished={"other": free_s})).may_search


# ---- taint

VICTIM = at(20.0, failure=RESET)
NEIGHBOUR = at(9.0, failure=RESET, hostname=OTHER, observation_id="r.1")


@pytest.mark.parametrize(("between", "tainted"), [
    pytest.param([], True, id="nothing between"),
    pytest.param([at(15.0, "innocent")], False, id="an innocent name served after it"),
    pytest.param([again(15.0)], False, id="served when asked again"),
    pytest.param([at(8.0, "innocent")], True, id="served before it"),
    pytest.param([at(15.0, "innocent", port=80)], True, id="served on another port"),
    pytest.param([at(15.0, "innocent"), at(17.0, failure=RESET, hostname=OTHER, observation_id="r.1")], True,
                 id="the neighbour failed again"),
    pytest.param([operation("connect", purpose="innocent", t0_s=15.0, t_s=15.1)], True, id="connected, not served"),
])
def test_an_innocent_name_that_is_served_in_between_lifts_a_neighbours_taint(
    between: list[Observation], tainted: bool,
) -> None:
    assert find_tainting_failure(VICTIM, [NEIGHBOUR, *between]) == ("r.1" if tainted else "")
