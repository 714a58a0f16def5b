"""Scenarios for what is rarely met, seen on the wire: unlisted pages, null routes, dying resolvers, new roots."""

from __future__ import annotations

import ipaddress
import time

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from scapy.layers.inet import ICMP

from lab_fidelity import PATIENCE_S, Watched, on
from lab_fidelity_checks import (
    BRIEF_S,
    DARK,
    addresses,
    assert_innocent_name_resolves,
    assert_other_host_is_served,
    assert_page,
    fetch,
    public_resolver,
)

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]


@on("dns-hijack-known")
def test_only_the_resolvers_that_everybody_knows_are_led_astray(w: Watched) -> None:
    false = {fault.match[0]: str(fault.params["address"]) for fault in w.drawn.faults if fault.kind == "resolver_lie"}
    for alias in ("t", "known", "other"):
        t = w.target(alias)
        here, known = w.dns(t.host), w.dns(t.host, server=public_resolver())
        w.settle()
        answers = [addresses(w.from_server(flow)[0]) for flow in (here, known)]
        assert answers[0] == answers[1]
        assert answers[0][0] in false.values()
        assert set(answers[0]).isdisjoint(t.addresses)
        assert w.dns(t.host, server=DARK, timeout_s=BRIEF_S).failure in ("timeout", "ECONNREFUSED")
        honest = w.dns(t.host, server=public_resolver(), tcp=True)
        assert ipaddress.ip_address(answers[0][0]).packed not in honest.data
    assert_innocent_name_resolves(w, server=public_resolver())


@on("resolver-dies")
def test_the_resolver_falls_silent_and_others_answer(w: Watched) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while w.dns("www.kernel.org", timeout_s=0.5).failure != "timeout":
        assert time.monotonic() < until_s, "it answers for ever"
    assert w.dns("www.kernel.org", timeout_s=BRIEF_S).failure == "timeout"
    assert w.dns("www.kernel.org", server=public_resolver()).failure == ""
    assert w.connect(w.innocent()).failure == ""


@on("ip-null-route")
def test_the_router_at_the_box_says_that_it_has_no_route(w: Watched) -> None:
    t = w.target("t")
    flow = w.connect(t, timeout_s=BRIEF_S)
    assert flow.failure in ("EHOSTUNREACH", "ENETUNREACH", "timeout")
    errors = [p for p in w.from_server() if p.ip.haslayer(ICMP) and p.ip[ICMP].type == 3]
    assert {p.ip[ICMP].code for p in errors} == {w.number("code")}
    assert w.number("code") in (0, 1), "no word of a prohibition"
    assert errors[0].ip.src not in (t.address, w.drawn.world.client4)
    assert w.connect(w.innocent()).failure == ""


@on("http-unlisted")
def test_several_services_requests_draw_one_and_the_same_page(w: Watched) -> None:
    bodies = set()
    for place in w.targets():
        flow = fetch(w, place)
        assert_page(w, flow)
        bodies.add(flow.data.partition(b"\r\n\r\n")[2])
    assert len(bodies) == 1
    assert len({place.addresses for place in w.targets()}) > 1
    assert_other_host_is_served(w, w.target("t"))


@on("service-changed")
def test_services_answer_otherwise_than_they_used_to(w: Watched) -> None:
    page = w.http(w.target("page")).data
    status = next(fault.params["status"] for fault in w.drawn.faults if fault.kind == "status")
    assert page.startswith(f"HTTP/1.1 {status} ".encode())
    assert w.tls(w.target("moved"), name=w.target("moved").host, port=443).failure == ""
    broken = w.http(w.target("broken"))
    assert b"\r\n\r\n" not in broken.data[:60_000], "its headers never end"
    assert broken.n_bytes > 60_000
    assert w.truth() == ()


@on("cert-new-root")
def test_the_certificate_is_of_a_new_root_of_the_same_organisation(w: Watched) -> None:
    t = w.target("t")
    first, second = w.tls(t), w.tls(t)
    issuer = x509.load_der_x509_certificate(first.certificate).issuer
    assert issuer.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "Signal Messenger, LLC"
    assert first.certificate == second.certificate
    assert w.truth() == ()


@on("nx-one-view")
def test_nobody_knows_the_name_and_encrypted_questions_vanish(w: Watched) -> None:
    t = w.target("t")
    below = any(name.endswith(f".{t.host}") for name in w.drawn.world.hosts)
    for server in (w.drawn.world.resolver, public_resolver()):
        flow = w.dns(t.host, server=server)
        w.settle()
        reply = w.from_server(flow)[0].dns
        assert (reply.rcode, reply.ancount) == (0 if below else 3, 0), "NXDOMAIN would deny what lies below (RFC 8020)"
    shake = w.tls(public_resolver(), name="cloudflare-dns.com", port=443, timeout_s=BRIEF_S)
    assert (shake.stage, shake.failure) == ("connected", "timeout")
    assert w.connect(public_resolver(), port=853, timeout_s=BRIEF_S).failure == "timeout"
    assert len(w.drawn.world.vantages) == 1
    assert_innocent_name_resolves(w)


@on("satellite")
def test_a_port_that_nobody_listens_on_is_accepted_on_the_way(w: Watched) -> None:
    place = w.target("closed")
    assert place.port == 81
    assert w.connect(place, port=81).failure == ""


@on("ipv6-only-outage")
def test_nothing_answers_and_there_is_no_gateway_to_ask(w: Watched) -> None:
    assert w.dns("www.example.com", timeout_s=BRIEF_S).failure != ""
    assert w.connect(w.innocent(), timeout_s=BRIEF_S).failure != ""
    assert not w.from_server()
