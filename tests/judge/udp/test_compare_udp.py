"""One place beside the others of a run, and where datagrams end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observations import ELSEWHERE, HERE4, HOST, NEAR4, THERE4, TIMEOUT, endpoint, numbered, observation, site_of
from probe.core.addresses import find_neighbour
from probe.core.observations import ControlAnswer, Observation
from probe.core.places import Place
from probe.core.tables.failures import Failure
from probe.core.tables.purposes import Purpose
from probe.judge.path.path_evidence import PathEvidence
from probe.judge.udp.datagram_paths import DatagramContext, gather_datagram_evidence
from probe.judge.udp.udp_evidence import UdpPlace, compare_udp_places, list_udp_places, locate_datagram_loss

URL = f"quichandshake://{HOST}:443"


def series(answered: int, address: str = HERE4, service: str = "chat", **changes: Any) -> Observation:
    return observation(operation="stun_binding", address=address, port=3478, target_id=f"{service}.call.stun",
                       failure="" if answered > 6 else TIMEOUT, requests=10, responses=answered, **changes)


def shaken(failure: Failure = "", address: str = HERE4, purpose: Purpose = "target", **changes: Any) -> Observation:
    fields: dict[str, Any] = dict(hostname=HOST, target_id="chat.web.main", input=URL) | changes
    return observation(operation="quic_handshake", address=address, port=443, purpose=purpose, failure=failure,
                       **fields)


def version(failure: Failure = "", *offered: str, address: str = HERE4) -> Observation:
    return observation(operation="quic_version", address=address, port=443, purpose="version", failure=failure,
                       requests=3 if failure else 1, responses=int(not failure), replies=offered)


def test_places_are_counted_by_protocol_and_whose_they_are() -> None:
    found = list_udp_places([series(10), series(8), shaken(tls_version="TLSv1.3"), version("", "00000001"),
                             Observation(operation="connect", address=HERE4, port=443)])
    stun, quic = sorted(found, key=lambda p: p.protocol, reverse=True)
    assert (stun.requests, stun.responses, stun.alive, stun.services) == (20, 18, True, frozenset({"chat"}))
    assert (quic.requests, quic.alive, quic.shaken, quic.silent) == (1, True, True, False)


def test_a_closed_port_is_not_silent() -> None:
    (closed,) = list_udp_places([shaken("connection_refused")])
    (silent,) = list_udp_places([shaken(TIMEOUT), version(TIMEOUT)])
    assert (closed.alive, closed.silent) == (False, False)
    assert (silent.alive, silent.silent) == (False, True)


@pytest.mark.parametrize(("ours", "theirs", "lossier"), [
    ([0, 0, 0], [10, 10, 9], True), ([4, 3, 5], [10, 10, 10], True),
    ([6, 5, 6], [6, 5, 7], False), ([0, 0, 0], [0, 0, 0], False), ([9, 8, 9], [10, 10, 10], False),
], ids=str)
def test_what_is_lost_is_held_against_what_others_lose(ours: list[int], theirs: list[int], lossier: bool) -> None:
    seen = [*(series(n) for n in ours), *(series(n, f"151.101.7.{i}", "other") for i, n in enumerate(theirs))]
    got = compare_udp_places(list_udp_places(seen), protocol="stun", address=HERE4, service="chat")
    assert got.lossier is lossier
    assert got.requests == 30
    assert not compare_udp_places(list_udp_places(seen[:3]), protocol="stun", address=HERE4, service="chat").lossier


def test_other_servers_of_the_same_service_are_no_comparison() -> None:
    """Nor are those that may be in its network: one front polices the datagrams of all its customers."""
    seen = [series(0), series(10, NEAR4), series(10, NEAR4, "neighbour"), series(10, THERE4, "other")]
    for seen_there, alike in ((seen[:2], 0), (seen[:3], 0), (seen, 1)):
        got = compare_udp_places(list_udp_places(seen_there), protocol="stun", address=HERE4, service="chat")
        assert (got.others_alike, got.lossier) == (alike, bool(alike))


def evidence(*visits: Observation, near: tuple[Observation, ...] = (), others: tuple[UdpPlace, ...] = (),
             controls: tuple[ControlAnswer, ...] = ()) -> PathEvidence:
    site = site_of(endpoint(URL))
    return gather_datagram_evidence(site, site.endpoints[0], HERE4, numbered(list(visits)),
                                    DatagramContext(near=near, controls=controls, others=others))


@pytest.mark.parametrize(("others", "lossy"), [([10, 10], False), ([7, 7], False), ([5, 7], True), ([], False)])
def test_a_line_that_loses_much_of_everything_is_noticed(others: list[int], lossy: bool) -> None:
    seen = [shaken(TIMEOUT), *(series(n, f"93.184.7.{i}", "other") for i, n in enumerate(others))]
    seen += [series(0, "93.184.8.1", "dead")]
    assert compare_udp_places(list_udp_places(seen), protocol="quic", address=HERE4, service="chat").lossy is lossy


@pytest.mark.parametrize(("failures", "lossy"), [((TIMEOUT, ""), True), (("", ""), False), (("",), False)])
def test_greetings_that_are_not_answered_tell_of_the_line_as_well(failures: tuple[Failure, ...], lossy: bool) -> None:
    """Of a place that answered at least once; what it is asked under its own name may be forbidden."""
    there = [shaken(failure, NEAR4, "innocent", target_id="") for failure in failures]
    seen = [shaken(TIMEOUT), *there, shaken(TIMEOUT, NEAR4, target_id="other.chat.main")]
    assert compare_udp_places(list_udp_places(seen), protocol="quic", address=HERE4, service="chat").lossy is lossy


def test_late_silence_counts_as_failure_and_is_told_apart() -> None:
    late = shaken(TIMEOUT, tls_version="TLSv1.3", trust="valid", server_hello=True,
                  bytes_read=3000)
    got = evidence(late, shaken(TIMEOUT, attempt=2), shaken(TIMEOUT, attempt=3),
                   near=(version("", "00000001"), shaken(purpose="innocent")))
    assert (got.stage, got.attempts, got.failed_attempts, got.same_failure) == ("quic", 3, 3, True)
    assert got.udp.mute == 2
    assert (got.proven, got.udp.late, got.innocent, got.udp.version, got.udp.offers_v1) == (
        True, 1, "reached", "answered", True)


@pytest.mark.parametrize(("near", "innocent", "version_word"), [
    ((), "unasked", "unasked"),
    ((shaken(TIMEOUT, purpose="innocent"), version(TIMEOUT)), "failed", "silent"),
    ((shaken(TIMEOUT, purpose="innocent", tainted_by="r.1"), version("connection_refused")), "tainted", "closed"),
    ((shaken(purpose="innocent", address=NEAR4), version("", "00000001", address=NEAR4)), "unasked", "unasked"),
])
def test_what_was_asked_around_it(near: tuple[Observation, ...], innocent: str, version_word: str) -> None:
    got = evidence(shaken(TIMEOUT), near=near)
    assert (got.innocent, got.udp.version, got.udp.offers_v1) == (innocent, version_word, False)


@pytest.mark.parametrize(("order", "word"), [
    ("iTTT", "unasked"), ("iTTTx", "failed"), ("iTTTiT", "reached"), ("iTTTi", "unasked"), ("iTTTxT", "failed"),
    ("iiTTT", "unasked"),
])
def test_the_innocent_name_counts_again_between_two_failures_of_ours(order: str, word: str) -> None:
    """i: the innocent name, answered; x: not answered; T: ours fails."""
    seen = numbered([shaken(TIMEOUT, attempt=n) if what == "T" else
                     shaken("" if what == "i" else TIMEOUT, purpose="innocent", attempt=n)
                     for n, what in enumerate(order, 1)])
    site = site_of(endpoint(URL))
    ours = [o for o in seen if o.purpose == "target"]
    got = gather_datagram_evidence(site, site.endpoints[0], HERE4, ours,
                                   DatagramContext(near=[o for o in seen if o not in ours]))
    assert got.udp.again == word


def test_controls_speak_of_this_very_address() -> None:
    def control(asn: int, *udp: tuple[Place, Failure]) -> ControlAnswer:
        return ControlAnswer(control_id=str(asn), asn=asn, input=URL, state="answered", udp=udp)

    got = evidence(shaken(TIMEOUT), controls=(
        control(1, (Place(HERE4, 443), "")), control(2, (Place(HERE4, 443), TIMEOUT)),
        control(3, (Place(NEAR4, 443), "")), control(4, (Place(HERE4, 3478), ""))))
    assert (got.controls.answered, got.controls.ok, got.controls.failed) == (4, 1, 1)


def trace(purpose: Purpose, address: str, *heard: int, end: str = "", other: int = 0) -> Observation:
    """Routers at these TTLs; from `other` on they are others than everybody's."""
    replies = [f"{n} exceeded 9.0 r{n}{'x' if other and n >= other else ''}" for n in heard]
    return observation(operation="udp_trace", purpose=purpose, address=address, port=3478, family=4,
                       replies=(*replies, *([end] if end else [])))


REFERENCE = trace("reference", THERE4, 1, 2, 3, 4, 5, 6, 7, 8, end="9 open 9.0")


BESIDE = trace("neighbour", find_neighbour(HERE4), 1, 2, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize(("ours", "word"), [
    (trace("trace", HERE4, 1, 2), "near"),
    (trace("trace", HERE4), "near"),
    (trace("trace", HERE4, 1, 2, 7), "near"),  # now and then one passes
    (trace("trace", HERE4, 1, 2, 4, 5, 6, 7, 8), "far"),  # a router that did not answer
    (trace("trace", HERE4, 1, 2, 3, 4, 5, 6, 7, 8), "far"),
    (trace("trace", HERE4, 1, 2, 3, 4, 5, 6, 7), "unknown"),
    (trace("trace", HERE4, 1, 2, 4, 6, 7), "unknown"),
    (trace("trace", HERE4, 1, 2, 3, other=2), "far"),  # another way: nothing beyond is shared
], ids=lambda v: v if isinstance(v, str) else ",".join(str(line.ttl) for line in v.trace.lines))
def test_where_datagrams_end(ours: Observation, word: str) -> None:
    assert locate_datagram_loss([ours, REFERENCE, BESIDE], HERE4, 3478) == word


def test_datagrams_end_near_only_where_what_follows_is_shared() -> None:
    ours, own = trace("trace", HERE4, 1, 2), trace("neighbour", find_neighbour(HERE4), 1, 2, 3, 4, 5, other=3)
    too = trace("reference", ELSEWHERE, 1, 2, 3, 4, 5, 6, 7, 8, end="9 open 9.0")
    assert locate_datagram_loss([ours, REFERENCE], HERE4, 3478) == "unknown"
    assert locate_datagram_loss([ours, REFERENCE, too], HERE4, 3478) == "near"
    assert locate_datagram_loss([ours, REFERENCE, too, own], HERE4, 3478) == "unknown"


def test_without_others_that_are_reached_nothing_is_shown() -> None:
    ours = trace("trace", HERE4, 1, 2)
    assert locate_datagram_loss([], HERE4, 3478) == ""
    assert locate_datagram_loss([ours], HERE4, 3478) == "unknown"
    assert locate_datagram_loss([ours, trace("reference", THERE4, 1, 2, 3, 4)], HERE4, 3478) == "unknown"
    assert locate_datagram_loss([ours, REFERENCE], HERE4, 443) == ""


@given(st.sets(st.integers(1, 8)), st.integers(1, 8))
def test_a_way_that_is_heard_of_to_its_end_is_never_cut_near(heard: set[int], last: int) -> None:
    ours = trace("trace", HERE4, *sorted(heard | {6, 7, 8}))
    assert locate_datagram_loss([ours, REFERENCE], HERE4, 3478) != "near" or len(heard - {6, 7, 8}) == 0
