"""Small records: on which connection they ride, what follows silence, and what all that shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from made_up_net import FRAME, Net, walk
from observations import EOF, HERE4, HOST, NEAR4, RESET, TIMEOUT, endpoint, replace_flat, site_of
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.instruments.steps import Step, Visit
from probe.judge.flow.record_evidence import RecordEvidence, gather_record_evidence
from probe.judge.verdicts.site_case import SiteCase
from probe.judge.verdicts.site_loss import SiteLosses, add_loss
from probe.session.observation_log import ObservationLog
from probe.session.planning.plan_context import PlanContext
from recorded_losses import recorded

HONEST: dict[str, tuple[str, ...] | str] = {
    channel: (HERE4,) for channel in ("system", "network", "public", "tcp", "doh")}
TURN = replace(FRAME, programs=True, together=True)
FOLLOWING = replace(TURN, consent_level=2)


def sending(taken: Sequence[Step]) -> list[Visit]:
    return [step for step in taken if isinstance(step, Visit) and step.small_records]


def look(context: PlanContext, site: Site | None = None, **net: Any) -> tuple[list[Visit], RecordEvidence]:
    """The visits that sent small records, and what their rows come to."""
    log, site = ObservationLog("r"), site or site_of()
    taken = walk(site, Net(dns=HONEST, **net), context=context, book=log)
    return sending(taken), gather_record_evidence(log.case(site).turns, site.host, HERE4, site.port)


def test_they_ride_on_the_first_visit_and_cost_no_connection() -> None:
    visits, found = look(TURN)
    assert [(v.purpose, v.attempt, bool(v.pages)) for v in visits] == [("target", 1, True)]
    assert (found.made, found.silent) == (1, 0)
    plain = walk(site_of(), Net(dns=HONEST), context=replace(TURN, programs=False))
    assert not sending(plain)


def test_the_second_planned_connection_carries_them_where_the_first_could_not() -> None:
    timed = replace(TURN, together=False, planned=3)
    assert [(v.attempt, bool(v.pages)) for v in look(timed)[0]] == [(1, True)]
    visits, found = look(timed, ends_after_pages=True)
    assert [(v.attempt, bool(v.pages)) for v in visits] == [(1, True), (2, False)]
    assert (found.made, found.silent) == (1, 0)


@pytest.mark.parametrize("site", [
    site_of(endpoint("http://chat.example/")), site_of(endpoint(role="control")),
    site_of(endpoint("tcpconnect://chat.example:5222", protocol="tcp")),
], ids=["without TLS", "a control", "without a word"])
def test_who_speaks_no_tls_or_is_no_target_sends_none(site: Site) -> None:
    assert not look(TURN, site)[0]


def test_a_handshake_alone_carries_them() -> None:
    bare = site_of(endpoint("tlshandshake://chat.example:5228", protocol="tls"))
    visits, found = look(TURN, bare)
    assert [(v.purpose, v.port) for v in visits] == [("target", 5228)]
    assert found.made == 1


@pytest.mark.parametrize(("freezes", "beside", "own", "innocent", "shown", "doubtful"), [
    (("",), "", 1, 0, False, False),
    ((EOF,), "", 1, 0, False, False),
    ((RESET,), "", 1, 0, False, False),
    ((TIMEOUT,), "", 3, 3, True, True),
    ((TIMEOUT,), TIMEOUT, 1, 1, False, True),
    ((TIMEOUT,), EOF, 3, 3, False, True),
    ((TIMEOUT, ""), "", 3, 3, False, False),
    ((TIMEOUT, TIMEOUT, ""), "", 3, 3, False, True),
    ((TIMEOUT, EOF, TIMEOUT, EOF, EOF), "", 5, 5, False, True),
], ids=["all pass", "the server ends it", "the server resets it", "a box by name", "whoever is named",
        "the server ends the innocent's", "one bad moment", "most of them", "a server that ends most"])
def test_silence_is_looked_into_beside_an_innocent_name(freezes: tuple[Failure, ...], beside: Failure, own: int,
                                                        innocent: int, shown: bool, doubtful: bool) -> None:
    visits, found = look(FOLLOWING, freezes=freezes, freezes_beside=beside)
    names = [v.sni for v in visits]
    assert (names.count(HOST), names.count(FRAME.innocent)) == (own, innocent)
    assert names[::2] == [HOST] * len(names[::2]), "in turns"
    assert {v.address for v in visits} == {HERE4}
    assert (found.is_shown, found.is_doubtful) == (shown, doubtful)


def test_with_consent_to_ordinary_visits_alone_nothing_follows() -> None:
    visits, found = look(replace(TURN, consent_level=1), freezes=(TIMEOUT,))
    assert len(visits) == 1
    assert (found.is_shown, found.is_doubtful) == (False, True)


@pytest.mark.parametrize(("froze_at", "shown"), [
    ((24, 25, 24), True), ((22, 13, 23), True), ((50, 60, 70), True), ((0, 0, 0), True), ((24, 60, 24), False)])
def test_a_number_of_packets_freezes_each_time_after_as_many(froze_at: tuple[int, ...], shown: bool) -> None:
    found = RecordEvidence(made=3, silent=3, froze_at=froze_at, passed_beside=2)
    assert found.is_shown == shown


# ---- from a site's rows to its paths

def row(address: str, failure: Failure, host: str = HOST, attempt: int = 1) -> Observation:
    seen = Observation(operation="records", purpose="records", address=address, port=443, hostname=host,
                       failure=failure, attempt=attempt, input=f"https://{HOST}/")
    return replace_flat(seen, segments=24)


def case_of(*rows: Observation) -> SiteCase:
    return SiteCase(site=site_of(), turns=rows)


def test_an_address_without_records_is_in_doubt_where_they_fell_silent_at_another() -> None:
    froze = [row(HERE4, TIMEOUT, attempt=n) for n in (1, 2, 3)]
    beside = [row(HERE4, "", "www.example.com", n) for n in (1, 2, 3)]
    here, there = (replace(recorded().path, address=address) for address in (HERE4, NEAR4))
    case = case_of(*froze, *beside)
    assert add_loss(here, case, SiteLosses()).lasting.records.is_shown
    other = add_loss(there, case, SiteLosses()).lasting.records
    assert (other.is_shown, other.is_doubtful) == (False, True)
    assert not add_loss(there, case_of(row(HERE4, "")), SiteLosses()).lasting.records.silent
    assert not add_loss(there, case_of(row(HERE4, TIMEOUT), row(NEAR4, "")), SiteLosses()).lasting.records.silent
