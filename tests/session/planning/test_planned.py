"""Connections that are planned beforehand, and those that are kept for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from made_up_net import FRAME, Net, walk
from observations import EOF, HERE4, HOST, NEAR4, RESET, TIMEOUT, endpoint, site_of
from probe.core.tables.failures import Failure
from probe.instruments.steps import Step, Visit
from probe.judge.common.planned_looks import gather_planned_looks
from probe.judge.flow.stay_evidence import gather_stay_evidence
from probe.session.observation_log import ObservationLog
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.stay_plan import choose_stays

HONEST: dict[str, tuple[str, ...] | str] = {
    channel: (HERE4,) for channel in ("system", "network", "public", "tcp", "doh")}
TIMED, FAST = replace(FRAME, planned=3), replace(FRAME, planned=2, together=True)
KEEPING = replace(FRAME, stays=frozenset({f"https://{HOST}/"}))


def own(taken: Sequence[Step], purpose: str = "target") -> list[Visit]:
    return [step for step in taken if isinstance(step, Visit) and step.purpose == purpose]


@pytest.mark.parametrize(("context", "planned"), [(TIMED, 3), (FAST, 1), (FRAME, 1)])
def test_a_core_target_gets_its_planned_connections_and_one_page(context: PlanContext, planned: int) -> None:
    visits = own(walk(site_of(), Net(dns=HONEST), context=context))
    assert [(v.attempt, v.planned, bool(v.pages)) for v in visits] == [
        (n, True, n == 1) for n in range(1, planned + 1)]
    assert {v.sni for v in visits} == {HOST}
    assert all((v.not_before_s > 0) != context.together for v in visits[1:])


@pytest.mark.parametrize("changes", [{"tier": 2}, {"role": "control"}], ids=str)
def test_what_is_not_of_the_core_gets_one(changes: dict[str, Any]) -> None:
    assert len(own(walk(site_of(endpoint(**changes)), Net(dns=HONEST), context=TIMED))) == 1


def test_in_haste_a_second_is_planned_where_no_handshake_is_made() -> None:
    plain = site_of(endpoint("http://chat.example/"))
    assert len(own(walk(plain, Net(dns=HONEST), context=FAST))) == 2


def test_each_address_that_is_only_looked_at_is_looked_at_once() -> None:
    two: dict[str, tuple[str, ...] | str] = {channel: (HERE4, NEAR4) for channel in ("system", "network", "public")}
    visits = own(walk(site_of(), Net(dns=two), context=TIMED))
    assert [v.address for v in visits].count(NEAR4) == 1


WATCHED = replace(FAST, watched=frozenset({endpoint().target_id}))


@pytest.mark.parametrize("tier", [1, 2])
@pytest.mark.parametrize("context", [WATCHED, replace(WATCHED, planned=3, together=False)], ids=["in haste", "timed"])
def test_a_watched_target_gets_three_connections_and_two_innocent_ones_first(tier: int, context: PlanContext) -> None:
    log, site = ObservationLog("r"), site_of(endpoint(tier=tier))
    taken = walk(site, Net(dns=HONEST), context=context, book=log)
    assert [(v.planned, v.may_be_left_out) for v in own(taken)] == [(True, False)] * 3
    first = next(n for n, step in enumerate(taken) if isinstance(step, Visit) and step.purpose == "target")
    assert len(own(taken[:first], "innocent")) == len(own(taken, "innocent")) == 2
    seen = log.history_of(site)
    assert gather_planned_looks(site, seen.visits, seen.around).beside_share == "0/2"


@pytest.mark.parametrize("word", [RESET, TIMEOUT, EOF])
def test_what_a_failure_sets_off_is_marked_apart(word: Failure) -> None:
    visits = own(walk(site_of(), Net(dns=HONEST, cuts={HERE4: ("tls", word)}), context=FAST))
    assert [v.planned for v in visits] == [v.attempt == 1 for v in visits]
    assert len(visits) > 2


# ---- connections that are kept

@pytest.mark.parametrize(("lasts", "beside", "stays", "others", "word"), [
    ("", "", 1, 0, ""),
    (RESET, "", 3, 3, "cut"),
    (TIMEOUT, "", 3, 3, "silenced"),
    (RESET, RESET, 1, 1, ""),
    (RESET, EOF, 1, 1, ""),
    (EOF, "", 1, 0, ""),
], ids=["it lasts", "reset", "silence", "the server's own reset", "the server's own end", "an orderly end"])
def test_a_kept_connection_is_told_from_the_servers_own_end(lasts: Failure, beside: Failure, stays: int, others: int,
                                                            word: str) -> None:
    log = ObservationLog("r")
    taken = walk(site_of(), Net(dns=HONEST, lasts=lasts, lasts_beside=beside), context=KEEPING, book=log)
    assert (len(own(taken, "stay")), len(own(taken, "beside"))) == (stays, others)
    assert {v.sni for v in own(taken, "beside")} <= {FRAME.innocent}
    found = gather_stay_evidence(log.case(site_of()).turns)
    assert ("cut" if found.is_cut else "silenced" if found.is_silenced else "") == word


@pytest.mark.parametrize(("lasts", "stays", "unexplained"), [(RESET, 3, True), (TIMEOUT, 3, True), (EOF, 1, False)])
def test_where_the_server_refuses_innocent_names_our_own_connections_are_repeated(
    lasts: Failure, stays: int, unexplained: bool,
) -> None:
    log = ObservationLog("r")
    net = Net(dns=HONEST, lasts=lasts, innocent_cuts={HERE4: ("tls", "ssl_failed_handshake")})
    taken = walk(site_of(), net, context=KEEPING, book=log)
    found = gather_stay_evidence(log.case(site_of()).turns)
    assert (len(own(taken, "stay")), found.is_unexplained, found.is_cut) == (stays, unexplained, False)


def test_nothing_is_kept_where_the_site_does_not_work() -> None:
    assert not own(walk(site_of(), Net(dns=HONEST, cuts={HERE4: ("tls", RESET)}), context=KEEPING), "stay")


def test_of_each_core_service_the_strongest_chat_endpoint_is_kept() -> None:
    rows = [
        endpoint("tcpconnect://a.example:5222", service="a", role="chat", protocol="tcp"),
        endpoint("https://a.example/", service="a", role="chat"),
        endpoint("https://b.example/", service="b", role="web"),
        endpoint("https://c.example/", service="c", role="chat", tier=2),
    ]
    assert choose_stays(rows) == {"https://a.example/"}
