"""Later time slots: when a failure is looked at again, what confirms a block, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_up_net import FRAME, Net
from observations import HERE4, RESET, TIMEOUT, lookup, operation, site_of
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.instruments.steps import Lookup, Step, Visit
from probe.judge.common.time_slots import SLOT_GAP_S, count_failing_slots, split_into_slots
from probe.judge.dns.dns_evidence import gather_dns_evidence
from probe.session.observation_log import ObservationLog
from probe.session.planning.next_steps import plan_next_steps
from probe.session.planning.plan_context import PlanContext

LATER = replace(FRAME, slots_s=(240.0, 480.0))
HONEST: dict[str, tuple[str, ...] | str] = {
    channel: (HERE4,) for channel in ("system", "network", "public", "tcp", "doh")}


def walk(site: Site, net: Net, context: PlanContext = LATER, *,
         pace_s: float = 1.0) -> tuple[list[Step], ObservationLog]:
    """Take every step, those of later slots at their time; so many seconds lie between two."""
    book, now_s = ObservationLog("r"), 0.0
    taken: list[Step] = []
    while True:
        due = [s for s in plan_next_steps(site, book.history_of(site), context) if s not in taken]
        if not due:
            return taken, book
        step = min(due, key=lambda s: getattr(s, "not_before_s", 0.0))
        now_s = max(now_s + pace_s, getattr(step, "not_before_s", 0.0))
        observations, answers = net.carry_out(step)
        for seen in observations:
            book.add(replace(seen, t0_s=now_s, t_s=now_s + 0.5))
        for answer in answers:
            book.add_control(answer)
        taken.append(step)
        assert len(taken) < 200


def moments(taken: list[Step], kind: type, **wanted: Any) -> list[float]:
    """When the later ones of a kind of step were due."""
    return [s.not_before_s for s in taken if isinstance(s, (Visit, Lookup)) and isinstance(s, kind) and s.not_before_s
            and all(getattr(s, name) == value for name, value in wanted.items())]


def test_a_failing_handshake_is_looked_at_twice_more_and_the_innocent_name_before_it() -> None:
    taken, book = walk(site_of(), Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}))
    later = [s for s in taken if isinstance(s, Visit) and s.not_before_s]
    assert [s.purpose for s in later] == ["innocent", "target", "innocent", "target"]
    assert later[2].not_before_s - later[0].not_before_s == pytest.approx(240)
    watched = replace(LATER, watched=frozenset({site_of().endpoints[0].target_id}))
    again, _ = walk(site_of(), Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}), watched)
    assert [s.purpose for s in again if isinstance(s, Visit) and s.not_before_s > 100] == [s.purpose for s in later]
    shakes = [o for o in book.observations if o.purpose == "target" and o.operation == "tls_handshake"]
    assert len(split_into_slots(shakes)) == 3


def test_what_works_is_never_looked_at_again() -> None:
    taken, _ = walk(site_of(), Net(dns=HONEST))
    assert not moments(taken, Visit)
    assert not moments(taken, Lookup)


def test_a_run_without_slots_ends_as_before() -> None:
    net = Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})
    taken, _ = walk(site_of(), net, context=FRAME)
    assert not moments(taken, Visit)


@pytest.mark.parametrize("answer", ["dns_nxdomain_error", TIMEOUT, ("10.10.34.34",)])
def test_a_denied_or_false_name_is_asked_for_again(answer: tuple[str, ...] | str) -> None:
    wrong = {"system": answer, "network": answer, "alive": (HERE4,)}
    taken, book = walk(site_of(), Net(dns={**HONEST, **wrong}))
    assert len(moments(taken, Lookup, channel="network")) == 2
    assert gather_dns_evidence(book.case(site_of()).dns).slots == 3


@pytest.mark.slow
@given(st.floats(1, 400))
def test_a_run_with_much_else_to_do_asks_no_more_often(pace_s: float) -> None:
    """Where many targets wait for their turn, the attempts of one may be as far apart as slots are."""
    denied = Net(dns={**HONEST, "system": "dns_nxdomain_error", "network": "dns_nxdomain_error"})
    for net in (denied, Net(dns=HONEST, cuts={HERE4: ("tls", RESET)})):
        taken, _ = walk(site_of(), net, pace_s=pace_s)
        assert len(moments(taken, Lookup, channel="network")) <= len(LATER.slots_s)
        assert len(moments(taken, Visit, purpose="target")) <= len(LATER.slots_s)


def test_a_resolver_that_died_meanwhile_confirms_nothing() -> None:
    failed = [lookup(failure=TIMEOUT, attempt=n, t0_s=float(n), t_s=n + 0.5) for n in (1, 2, 3)]
    failed += [lookup(failure=TIMEOUT, attempt=4, t0_s=300.0, t_s=305.0)]
    served = lookup("93.184.7.7", name="www.example.com", purpose="innocent", t0_s=4.0, t_s=4.1)
    assert gather_dns_evidence([*failed, served]).slots == 1
    assert gather_dns_evidence([*failed, served, replace(served, t0_s=306.0, t_s=306.1)]).slots == 2


def shake(attempt: int, t0_s: float, failure: Failure = RESET, **changes: Any) -> Observation:
    return operation("tls_handshake", address=HERE4, attempt=attempt, t0_s=t0_s, t_s=t0_s + 1, failure=failure,
                     **changes)


def test_slots_need_a_pause_between_attempts() -> None:
    close = [shake(n, n * (SLOT_GAP_S - 10)) for n in range(5)]
    assert len(split_into_slots(close)) == 1
    assert len(split_into_slots([shake(1, 0.0), shake(2, SLOT_GAP_S + 2)])) == 2


def test_a_success_in_any_slot_is_no_confirmation() -> None:
    seen = [shake(1, 0.0), shake(2, 300.0), shake(3, 600.0, failure="")]
    assert count_failing_slots(seen, [1, 2], []) == 0
    assert count_failing_slots(seen[:2], [1, 2], []) == 2


def test_a_slot_in_which_innocent_names_fail_as_well_does_not_count() -> None:
    seen = [shake(1, 0.0), shake(2, 300.0)]
    well = shake(1, 0.0, failure="", purpose="innocent")
    assert count_failing_slots(seen, [1, 2], [well, shake(2, 299.0, purpose="innocent")]) == 1
    assert count_failing_slots(seen, [1, 2], [well, shake(2, 299.0, failure="", purpose="innocent")]) == 2
