"""Datagrams that are lost or refused, seen on the wire: whose, at which ports, where on the way, and for whom else."""

from __future__ import annotations

from functools import partial

import pytest
from scapy.layers.inet import ICMP, IP, TCP

from lab_both_ends import BothEnds
from lab_datagrams import UNKNOWN_VERSION, again, assert_binomial, binding_request, initial, least, of_version
from lab_elsewhere import elsewhere
from lab_fidelity import Flow, Place, Watched, on
from lab_fidelity_checks import BRIEF_S, INNOCENT_NAME, public_resolver
from lab_innocents import crowd

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

MANY = 200
"""Datagrams enough to tell one share of losses from another."""
SYNS = 60


@pytest.fixture(scope="module", autouse=True)
def _library() -> None:
    pytest.importorskip("aioquic")


def question(place: Place) -> bytes:
    """What a client of this place says first: an Initial, or a binding request."""
    return binding_request() if place.protocol == "stun" else initial(place.sni)


def answers(question_: bytes, data: bytes) -> bool:
    """Whether a server of the same protocol says this in return."""
    if question_[0] & 0x80:
        return bool(data[:1]) and data[0] & 0x80 != 0 and data[1:5] == question_[1:5]
    return data[:2] == b"\x01\x01" and data[4:20] == question_[4:20]


def ask(w: Watched, place: Place, said: bytes = b"") -> Flow:
    return w.udp(place, said or question(place), port=place.port, timeout_s=BRIEF_S)


def assert_lost(w: Watched, place: Place) -> None:
    """A question is met with silence: no answer, and no error about it either."""
    flow = ask(w, place)
    assert flow.failure == "timeout"
    assert not w.from_server(flow)
    assert not [p for p in w.from_server() if p.ip.haslayer(ICMP) and p.time_s > flow.begin_s]


def assert_served(w: Watched, place: Place) -> None:
    """The client gets its answer."""
    said = question(place)
    flow = ask(w, place, said)
    assert (flow.failure, answers(said, flow.data)) == ("", True)
    assert {p.ip.ttl for p in w.from_server(flow)} == {w.server_ttl}


def assert_served_elsewhere(w: Watched, place: Place) -> None:
    said = question(place)
    failure, data = elsewhere(w, place, said, transport="udp")
    assert (failure, answers(said, data)) == ("", True)


def assert_tcp_passes(w: Watched, place: Place) -> None:
    """A connection opens, or the host itself refuses it."""
    assert w.connect(place).failure in ("", "ECONNREFUSED")


def answered(w: Watched, place: Place, said: bytes, share: float) -> int:
    """How many of many datagrams of one flow are answered, of which a share is expected; a busy server takes its time.
    """
    flow = w.udp(place, said, port=place.port, timeout_s=0.1)
    for _ in range(MANY - 1):
        again(w, flow, said)
    w.agent.await_that(lambda: len(w.from_server(flow)) >= least(MANY, share), f"{share:.0%} of {MANY} answers")
    w.tls(w.innocent())
    return len(w.from_server(flow))


def syns_answered(w: Watched, place: Place) -> int:
    """How many of many SYNs, sent past the kernel and never again, are answered."""
    ports = range(20_000, 20_000 + SYNS)
    for port in ports:
        w.raw(IP(src=w.drawn.world.client4, dst=place.address) / TCP(sport=port, dport=place.port, flags="S"))
    w.settle()
    heard = [p.tcp for p in w.from_server() if p.tcp is not None and p.ip.src == place.address]
    return len({tcp.dport for tcp in heard} & {*ports})


# --- a service's own


@on("udp-drop")
def test_every_datagram_to_the_service_vanishes_and_tcp_passes(w: Watched) -> None:
    for t in w.targets():
        assert_lost(w, t)
        assert w.udp(t, b"anything", port=50_000, timeout_s=BRIEF_S).failure == "timeout", "no port says unreachable"
        assert_tcp_passes(w, t)
        assert_served_elsewhere(w, t)
    assert {entry.block_type for entry in w.truth()} == {"udp"}
    assert_served(w, w.innocent(port=443))


def test_a_neighbours_punishment_holds_one_port_of_one_place(ends: BothEnds, seed: int) -> None:
    with ends.watched("neighbour-quic", seed % 1000) as w:
        t = w.target("t")
        assert_lost(w, t)
        flow = ask(w, t)
        assert w.udp(t, b"anything", port=50_000).failure == "ECONNREFUSED", "another port is heard"
        assert_tcp_passes(w, t)
        assert_served_elsewhere(w, t)
        assert_served(w, w.innocent(port=443))
        assert {entry.block_type for entry in w.truth()} == {""}
    assert not ends.at_server(flow), "what the client says is what vanishes"


@on("operator-udp-drop")
def test_the_operators_own_network_loses_them_at_its_door(w: Watched) -> None:
    loss, door = w.params().number("loss"), w.drawn.world.hops
    for t in w.targets():
        said = binding_request() if t.protocol == "stun" else of_version(UNKNOWN_VERSION)
        assert_binomial(answered(w, t, said, (1 - loss) ** 2), MANY, (1 - loss) ** 2)
        flow = w.udp(t, said, port=t.port, ttl=door - 1, timeout_s=0.1)
        w.settle()
        errors = [p.ip for p in w.from_server() if p.ip.haslayer(ICMP) and p.ip[ICMP].type == 11]
        assert [e for e in errors if e[ICMP].payload.sport == flow.sport], "the last but one router has seen it"
        assert_tcp_passes(w, t)
        assert_served_elsewhere(w, t)
    assert {entry.block_type for entry in w.truth()} == {""}
    assert_served(w, w.innocent(port=443))


@on("udp-down")
def test_hosts_that_are_gone_are_gone_for_everybody(w: Watched) -> None:
    for t in w.targets():
        assert_lost(w, t)
        assert elsewhere(w, t, question(t), transport="udp", timeout_s=BRIEF_S) == ("timeout", b"")
        assert w.connect(t, timeout_s=BRIEF_S).failure == "timeout"
    assert_served(w, w.innocent(port=443))


@on("quic-hangs")
def test_a_server_names_its_versions_and_answers_no_handshake(w: Watched) -> None:
    t = w.target("t")
    assert_lost(w, t)
    assert elsewhere(w, t, question(t), transport="udp", timeout_s=BRIEF_S) == ("timeout", b"")
    flow = ask(w, t, of_version(UNKNOWN_VERSION))
    assert (flow.failure, flow.data[1:5]) == ("", bytes(4))
    assert (1).to_bytes(4) in flow.data
    assert_served(w, w.innocent(port=443))


@on("quic-off")
def test_the_port_is_closed_to_everybody(w: Watched) -> None:
    t = w.target("t")
    for said in (question(t), of_version(UNKNOWN_VERSION)):
        assert ask(w, t, said).failure == "ECONNREFUSED"
    error = next(p for p in w.from_server() if p.ip.haslayer(ICMP))
    assert (error.ip.src, error.ip.ttl, error.ip[ICMP].type, error.ip[ICMP].code) == (t.address, w.server_ttl, 3, 3)
    assert elsewhere(w, t, question(t), transport="udp") == ("ECONNREFUSED", b"")
    assert_served(w, w.innocent(port=443))


@on("stun-misnumbered")
def test_answers_bear_numbers_that_nobody_asked_with(w: Watched) -> None:
    t, said = w.target("t"), binding_request()
    flow = ask(w, t, said)
    for failure, data in ((flow.failure, flow.data), elsewhere(w, t, said, transport="udp")):
        assert failure == ""
        assert data[:2] == b"\x01\x01"
        assert data[8:20] != said[8:20]
    assert {p.ip.ttl for p in w.from_server(flow)} == {w.server_ttl}


# --- everybody's


def test_a_company_lets_no_datagram_out_but_dns(ends: BothEnds, seed: int) -> None:
    with ends.watched("udp-blocked", seed % 1000) as w:
        assert w.drawn.world.censor_hop == 1
        places = [*w.targets("q"), *w.targets(), w.innocent(port=443)]
        flows = crowd([partial(ask, w, place) for place in places])
        assert {flow.failure for flow in flows} == {"timeout"}
        assert not [p for p in w.from_server() if p.udp is not None or p.ip.haslayer(ICMP)]
        for place in places:
            assert_tcp_passes(w, place)
        for server in ("", public_resolver()):
            asked = crowd([partial(w.dns, INNOCENT_NAME, server=server, timeout_s=5)] * 24)
            assert not [flow.failure for flow in asked if flow.failure], "whatever number a question bears"
        assert_served_elsewhere(w, places[0])
    assert not [p for flow in flows for p in ends.at_server(flow)]


@on("udp-policed")
def test_most_datagrams_are_lost_but_dns_and_no_tcp(w: Watched) -> None:
    share = (1 - w.params().number("loss")) ** 2
    for place in (w.target("t"), w.innocent(port=443)):
        said = binding_request() if place.protocol == "stun" else of_version(UNKNOWN_VERSION)
        assert_binomial(answered(w, place, said, share), MANY, share)
        assert syns_answered(w, place) == SYNS
    assert not [flow.failure for flow in crowd([lambda: w.dns(INNOCENT_NAME, timeout_s=5)] * 48) if flow.failure]


@on("udp-loss")
def test_a_line_loses_whatever_it_carries(w: Watched) -> None:
    share = (1 - w.drawn.world.loss) ** 2
    said = binding_request()
    assert_binomial(answered(w, w.target("t"), said, share), MANY, share)
    assert_binomial(answered(w, w.innocent(port=443), of_version(UNKNOWN_VERSION), share), MANY, share)
    flows = crowd([lambda: w.connect(w.innocent(), timeout_s=15)] * 32)
    assert len([flow for flow in flows if not flow.failure]) > 16
    syns = [len(w.packets(flow, sent=True, flags="S")) for flow in flows]
    assert max(syns) > 1, "TCP loses as much, and repeats"
    assert not w.truth()
