"""Transfers under a site's name at helpers: when they are due, in which order, and when it is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observations import HERE4, HOST, NEAR4, TIMEOUT, endpoint, numbered, observation, site_of, visit_to
from probe.core.helper_bytes import QUERY, TEST_BYTES
from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.instruments.steps import Transfer
from probe.judge.flow.foreign_flows import TURNS, gather_foreign_flows
from probe.session.name_quota import NameQuota
from probe.session.observation_log import ObservationLog
from probe.session.planning.foreign_flow_plan import plan_foreign_flows
from probe.session.planning.foreign_plan import NAMES_PER_SERVER
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.plan_view import make_plan_view
from probe.session.planning.queue_turns import name_turn
from probe.session.planning.run_order import STEPS

SITE = site_of()
HELPERS = (("51.15.60.60", 443), ("45.33.60.60", 8443))
FRAME = PlanContext(consent_level=3, agreed_helpers=HELPERS, names_due=True)
FAST: dict[str, Any] = dict(size=TEST_BYTES + 1800, took_s=0.6)
SLOW: dict[str, Any] = dict(size=60_000, took_s=5.9)
STALL: dict[str, Any] = dict(size=17_000, took_s=0.4, failure=TIMEOUT)


def flow(step: Transfer, begin_s: float, *, size: int, took_s: float, failure: Any = "", **changes: Any) -> Observation:
    """What a transfer met."""
    return observation(
        operation="transfer", purpose=step.purpose, address=step.address, port=step.port, input=step.input,
        sni=step.sni, hostname=step.sni, attempt=step.attempt, failure=failure, bytes_read=size, flow_s=took_s,
        t0_s=begin_s, t_s=begin_s + took_s + (6.0 if failure else 0.0), min_rtt_ms=50.0, method="GET", segments=60,
        **dict(status=200, body_bytes=TEST_BYTES) | changes)


def at_home(own: dict[str, Any], innocent: dict[str, Any]) -> list[Observation]:
    """What transfers at the site's own address showed before: its own, an innocent name's, in turns."""
    kinds: tuple[tuple[Purpose, str, dict[str, Any]], ...] = (
        ("sample", HOST, own), ("yardstick", FRAME.innocent, innocent))
    return [flow(Transfer(purpose=purpose, address=HERE4, port=443, sni=name, url=f"https://{HOST}/",
                          input=f"https://{HOST}/"), 10.0 * n, **kind)
            for n in range(4) for purpose, name, kind in kinds]


def history(flows: list[Observation]) -> SiteHistory:
    visits = visit_to(trust="valid", page=dict(status=200, met_expectation="yes"))
    seen = numbered([*visits, *flows])
    return SiteHistory(visits=seen[:len(visits)], flows=seen[len(visits):])


def played(own: dict[str, Any], innocent: dict[str, Any] = FAST, *, second: dict[str, Any] | None = None,
           context: PlanContext = FRAME) -> tuple[list[Transfer], str]:
    """Transfers that the plan asks for where they fare always so (`second`: own ones at the second helper), and what
    they show."""
    flows, taken = at_home(SLOW, FAST), list[Transfer]()
    for n in range(40):
        steps = plan_foreign_flows(SITE, history(flows), context)
        if not steps:
            return taken, gather_foreign_flows(SITE, history(flows).flows, {HERE4}).word
        (step, *_) = steps
        assert isinstance(step, Transfer)
        mine = second if second is not None and step.address == HELPERS[1][0] else own
        taken.append(step)
        flows.append(flow(step, 100.0 + n, **(mine if step.sni == HOST else innocent)))
    raise AssertionError("the plan does not end")


def test_both_helpers_are_asked_in_turns_for_the_same_bytes() -> None:
    taken, word = played(SLOW)
    assert word == "helpers"
    for helper in HELPERS:
        there = [s for s in taken if (s.address, s.port) == helper]
        assert [s.sni == HOST for s in there] == list(TURNS)
        assert [s.attempt for s in there] == [1, 2, 3, 4, 5, 6]
        assert {s.url for s in there} == {f"https://{HOST}/?{QUERY}", f"https://{FRAME.innocent}/?{QUERY}"}
    assert {(s.purpose, s.input, s.once) for s in taken} == {("foreign_helper", f"https://{HOST}/", True)}


@pytest.mark.parametrize(("own", "innocent", "second", "most", "word"), [
    pytest.param(FAST, FAST, None, 2, "passes", id="the name passes"),
    pytest.param(SLOW, FAST, FAST, 2 * len(TURNS), "passes", id="it passes at the second"),
    pytest.param(SLOW, SLOW, None, 2, "", id="the line is slow"),
    pytest.param(SLOW, dict(size=4000, took_s=0.1, body_bytes=70), None, 1, "", id="the helper gives none"),
    pytest.param(SLOW, STALL, None, 1, "", id="nothing flows there"),
    pytest.param(SLOW, FAST, dict(size=4000, took_s=0.1, status=429, body_bytes=70), 2 * len(TURNS), "",
                 id="asked too often"),
])
def test_what_shows_nothing_ends_it(own: dict[str, Any], innocent: dict[str, Any], second: dict[str, Any] | None,
                                    most: int, word: str) -> None:
    taken, told = played(own, innocent, second=second)
    assert (0 < len(taken) <= most, told) == (True, word)


@pytest.mark.parametrize("changes", [
    dict(agreed_helpers=()), dict(names_due=False), dict(transfers=False),
    dict(agreed_helpers=(HELPERS[0], ("2606:2800::60", 443))), dict(agreed_helpers=(HELPERS[0], ("45.33.60.60", 80))),
    dict(agreed_helpers=(HELPERS[0], ("104.16.1.1", 443))), dict(agreed_helpers=(HELPERS[0], (NEAR4, 443))),
], ids=["none agreed", "not yet", "a line that is paid for", "no way there", "another protocol", "behind a front",
        "beside the service"])
def test_who_may_not_be_asked_is_not(changes: dict[str, Any]) -> None:
    assert played(SLOW, context=replace(FRAME, **changes)) == ([], "")


@pytest.mark.parametrize("flows", [
    pytest.param([], id="nobody looked"), pytest.param(at_home(FAST, FAST), id="all is well"),
    pytest.param(at_home(SLOW, SLOW), id="the address is slow"),
    pytest.param(at_home(SLOW, FAST)[:5], id="too few"),
])
def test_no_name_is_sent_where_it_would_decide_nothing(flows: list[Observation]) -> None:
    assert plan_foreign_flows(SITE, history(flows), FRAME) == []
    plain = site_of(endpoint(f"http://{HOST}/"))
    assert plan_foreign_flows(plain, history(at_home(SLOW, FAST)), FRAME) == []


def test_a_site_of_datagrams_is_none_of_its_business() -> None:
    site, met = site_of(endpoint(f"quichandshake://{HOST}:443")), observation(
        operation="quic_handshake", input=f"quichandshake://{HOST}:443", address=HERE4, port=443, sni=HOST)
    seen = numbered([met, *at_home(SLOW, FAST)])
    assert plan_foreign_flows(site, SiteHistory(visits=seen[:1], flows=seen[1:]), FRAME) == []


def test_it_takes_the_highest_level_of_consent() -> None:
    (row,) = [row for row in STEPS if row.name == "foreign_flows"]
    for level in (1, 2, 3):
        view = make_plan_view(SITE, history(at_home(SLOW, FAST)), replace(FRAME, consent_level=level))
        allowed = [need.holds(view) for need in row.needs if need.words.startswith("consent")]
        assert allowed == [level == 3]


def test_transfers_and_handshakes_share_the_names_that_a_server_is_asked_for() -> None:
    quota = NameQuota()
    steps = [Transfer(purpose="foreign_helper", address="51.15.60.60", port=443, sni=HOST, url="", input=f"in{n}")
             for n in range(NAMES_PER_SERVER + 1)]
    assert [quota.admits(step) for step in steps] == [True] * NAMES_PER_SERVER + [False]
    assert quota.admits(replace(steps[-1], purpose="sample"))


def test_who_has_begun_at_a_server_ends_first() -> None:
    step = Transfer(purpose="foreign_helper", address="51.15.60.60", port=443, sni=HOST, url="", input="in")
    assert [name_turn(replace(step, attempt=n)) for n in (1, 2)] == ["again", "first"]


def test_the_log_gives_them_to_the_site_for_whose_sake_they_were_made() -> None:
    book = ObservationLog("r")
    for seen in visit_to():
        book.add(seen)
    step = Transfer(purpose="foreign_helper", address=HELPERS[0][0], port=443, sni=HOST, url="", input=f"https://{HOST}/")
    book.add(flow(step, 9.0, **SLOW))
    assert [o.purpose for o in book.history_of(SITE).flows] == ["foreign_helper"]
    assert book.history_of(SITE).around == ()
