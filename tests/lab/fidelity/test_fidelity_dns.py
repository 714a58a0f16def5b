"""Censors of DNS, seen on the wire: forged answers, lying and silent resolvers, questions led astray."""

from __future__ import annotations

import ipaddress

import pytest

from lab_fidelity import Watched, on
from lab_fidelity_checks import (
    BRIEF_S,
    DARK,
    addresses,
    assert_answers_question,
    assert_forged,
    assert_honest,
    assert_injected,
    assert_innocent_name_resolves,
    assert_resolver_lies,
    has_df,
    public_resolver,
    records,
)

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

INJECTORS = ("dns-gfw-1", "dns-gfw-3", "dns-gfw-dark", "dns-pool", "dns-ttlcopy", "dns-tm")
DENIALS = {"dns-nx": 3, "dns-refused": 5, "dns-servfail": 2, "dns-empty": 0}
"""Scenario and response code."""
TEREDO = ipaddress.ip_network("2001::/32")


@on(*INJECTORS)
def test_forged_answers_come_as_drawn_and_innocents_are_left_alone(w: Watched) -> None:
    forged = assert_injected(w, w.target("t"))
    assert {entry.block_type for entry in w.truth()} == {"dns.injection"}
    assert len(forged) == w.number("copies")
    assert_innocent_name_resolves(w)


@on(*INJECTORS)
def test_addresses_that_run_no_resolver_answer_for_the_name_alone(w: Watched) -> None:
    t = w.target("t")
    flow = w.dns(t.host, server=DARK)  # a box near the servers may be slower than the host's ICMP error
    forged = w.await_packets(w.number("copies"), flow)
    assert all(p.ip.src == DARK and p.dns.an for p in forged)
    other = w.dns("www.kernel.org", server=DARK, timeout_s=BRIEF_S)
    assert other.failure in ("timeout", "ECONNREFUSED")
    assert not w.from_server(other)


@on("dns-gfw-3")
def test_three_injectors_differ_as_they_are_known_to(w: Watched) -> None:
    first, second, third = assert_injected(w, w.target("t"))
    assert [(p.dns.aa, has_df(p)) for p in (first, second, third)] == [(1, False), (0, True), (0, False)]
    assert third.ip.ttl == 64 - 2 * (w.drawn.world.censor_hop - 1), "the question's own TTL, lowered on both ways"


@on("dns-gfw-3", "dns-ttlcopy")
@pytest.mark.parametrize("ttl", [40, 90])
def test_a_copied_ttl_follows_that_of_the_question(w: Watched, ttl: int) -> None:
    forged = assert_injected(w, w.target("t"), ttl=ttl)
    assert forged[-1].ip.ttl == ttl - 2 * (w.drawn.world.censor_hop - 1)


@on("dns-gfw-aaaa")
def test_forged_ipv6_answers_are_of_the_teredo_range_and_ipv4_is_left_alone(w: Watched) -> None:
    t = w.target("t")
    p, = assert_injected(w, t, qtype="AAAA")
    assert all(ipaddress.ip_address(address) in TEREDO for address in addresses(p))
    flow = w.dns(t.host)
    w.settle()
    honest, = w.from_server(flow)
    assert_honest(w, honest, flow, t.host, t.addresses)


@on("dns-gfw-1")
def test_gfw_pools_hold_ipv6_as_well(w: Watched) -> None:
    p, = assert_injected(w, w.target("t"), qtype="AAAA")
    assert all(ipaddress.ip_address(address) in TEREDO for address in addresses(p))


@on("dns-pool")
def test_a_pool_gives_another_address_each_time(w: Watched) -> None:
    found = {addresses(p)[0] for _ in range(4) for p in assert_injected(w, w.target("t"))}
    assert len(found) > 2
    assert all(ipaddress.ip_address(address).is_global for address in found)


@on("dns-ttlcopy")
def test_iran_forges_private_addresses_for_both_families(w: Watched) -> None:
    t = w.target("t")
    four, = assert_injected(w, t)
    six, = assert_injected(w, t, qtype="AAAA")
    assert addresses(four)[0] in ("10.10.34.34", "10.10.34.35", "10.10.34.36")
    assert addresses(six) == ["d0::11"]


@on("dns-ttlcopy")
def test_iran_answers_over_tcp_without_the_class_of_the_question(w: Watched) -> None:
    t = w.target("t")
    flow = w.dns(t.host, tcp=True)
    length, message = int.from_bytes(flow.data[:2]), flow.data[2:]
    labels = b"".join(bytes((len(part),)) + part.encode() for part in t.host.split(".")) + b"\0"
    question, rest = message[12 : 12 + len(labels) + 2], message[12 + len(labels) + 2 :]
    assert question == labels + b"\0\1"
    assert length >= 12 + len(question)
    assert rest[:2] == b"\xc0\x0c", "the record follows where the class should be"
    forged = next(p for p in w.from_server(flow) if p.payload)
    assert forged.ip.ttl == 64 - 2 * (w.drawn.world.censor_hop - 1)
    assert forged.tcp.seq == w.from_server(flow, flags="SA")[0].tcp.seq + 1
    innocent = w.dns("www.kernel.org", tcp=True)
    assert innocent.data[-4:] != flow.data[-4:]
    assert innocent.failure == ""


@on("dns-tm")
def test_turkmenistan(w: Watched) -> None:
    t = w.target("t")
    p, = assert_injected(w, t)
    assert (p.ip.id, has_df(p), w.number("ttl")) == (30_000, False, 128)
    assert records(p) == [(1, "127.0.0.1", 300)]
    assert (p.dns.qr, p.dns.rd, p.dns.ra, p.dns.aa) == (1, 1, 1, 0)
    longer = w.dns(f"x{t.host}.example")
    forged = w.await_packets(1, longer)[0]
    assert_forged(w, forged, longer, f"x{t.host}.example", copy=0)


# --- resolvers


@on("dns-stale")
def test_the_resolver_gives_an_address_where_somebody_else_serves(w: Watched) -> None:
    t = w.target("t")
    flow = w.dns(t.host)
    w.settle()
    p, = w.from_server(flow)
    assert_answers_question(w, p, flow, t.host)
    assert (p.ip.ttl, addresses(p)) == (w.server_ttl, [w.drawn.world.sinkhole])
    assert w.truth() == (), "nobody lies"
    assert_innocent_name_resolves(w)
    assert_other_resolver_is_honest(w)


@on("stale-two", "stale-dead-two")
def test_the_resolver_gives_one_address_of_two_services(w: Watched) -> None:
    stale = w.drawn.world.sinkhole if w.drawn.name == "stale-two" else str(w.drawn.faults[0].params["address"])
    for t in w.targets():
        answer = w.dns(t.host)
        w.settle()
        p, = w.from_server(answer)
        assert addresses(p) == [stale]
    reached = w.connect(stale, port=443, timeout_s=BRIEF_S)
    assert bool(reached.failure) == (w.drawn.name == "stale-dead-two")
    assert w.truth() == (), "nobody lies"
    assert_innocent_name_resolves(w)
    assert_other_resolver_is_honest(w)


@on("dns-resolver-lie")
def test_the_resolver_gives_the_address_of_a_block_page(w: Watched) -> None:
    assert_resolver_lies(w, w.target("t"), address=w.drawn.world.sinkhole)
    assert_other_resolver_is_honest(w)


@on("dns-carrier-cache")
def test_the_resolver_gives_an_address_of_the_carriers_own_space(w: Watched) -> None:
    t = w.target("t")
    flow = w.dns(t.host)
    w.settle()
    p, = w.from_server(flow)
    assert_answers_question(w, p, flow, t.host)
    assert addresses(p) == [str(w.drawn.faults[0].params["address"])]
    assert w.connect(addresses(p)[0], port=443, timeout_s=BRIEF_S).failure != ""
    assert_other_resolver_is_honest(w)
    assert not [entry for entry in w.truth() if entry.block_type]


@on("dns-cname-lie")
def test_the_resolver_gives_an_alias(w: Watched) -> None:
    alias = str(w.drawn.faults[0].params["cname"])
    assert_resolver_lies(w, w.target("t"), address=w.drawn.world.sinkhole, alias=alias)
    assert_other_resolver_is_honest(w)


@on(*DENIALS)
def test_the_resolver_denies_one_name(w: Watched) -> None:
    rcode = DENIALS[w.drawn.name]
    t = w.target("t")
    flow = w.dns(t.host)
    w.settle()
    p, = w.from_server(flow)
    assert_answers_question(w, p, flow, t.host)
    assert (p.dns.rcode, records(p), p.ip.ttl) == (rcode, [], w.server_ttl)
    assert bool(p.dns.ns or p.dns.ar) == (w.drawn.name in ("dns-nx", "dns-empty")), "a denial of the name is signed"
    assert_innocent_name_resolves(w)
    assert_other_resolver_is_honest(w)


@on("dns-silence")
def test_the_resolver_is_silent_about_one_name(w: Watched) -> None:
    flow = w.dns(w.target("t").host, timeout_s=BRIEF_S)
    assert flow.failure == "timeout"
    assert not w.from_server(flow)
    assert_innocent_name_resolves(w)
    assert_other_resolver_is_honest(w)


def assert_other_resolver_is_honest(w: Watched) -> None:
    t = w.target("t")
    flow = w.dns(t.host, server=public_resolver())
    w.settle()
    p, = w.from_server(flow)
    assert_honest(w, p, flow, t.host, t.addresses)
    assert addresses(p)


@on("dns-drop")
def test_questions_vanish_on_the_way_over_udp_alone(w: Watched) -> None:
    t = w.target("t")
    for server in (w.drawn.world.resolver, public_resolver()):
        flow = w.dns(t.host, server=server, timeout_s=BRIEF_S)
        assert flow.failure == "timeout"
        assert not w.from_server(flow)
    assert w.dns(t.host, tcp=True).n_bytes > 30
    assert_innocent_name_resolves(w)


@on("dns-hijack53")
def test_questions_to_anybody_are_led_to_the_resolver_that_lies(w: Watched) -> None:
    t = w.target("t")
    false = str(w.drawn.faults[0].params["address"])
    for server in (w.drawn.world.resolver, public_resolver(), DARK):
        flow = w.dns(t.host, server=server)
        w.settle()
        p, = w.from_server(flow)
        assert_answers_question(w, p, flow, t.host)
        assert (p.ip.ttl, addresses(p)) == (w.server_ttl, [false])
    assert_innocent_name_resolves(w, server=DARK)
    honest = w.dns(t.host, server=public_resolver(), tcp=True)
    assert ipaddress.ip_address(false).packed not in honest.data, "only datagrams are led astray"
    assert {e.block_type for e in w.truth() if e.actor == "middlebox"} == {"dns.hijack", ""}


@on("dns-nx-inject")
def test_a_forged_denial_comes_before_the_true_answer(w: Watched) -> None:
    t = w.target("t")
    for server in (w.drawn.world.resolver, public_resolver()):
        flow = w.dns(t.host, server=server)
        forged, genuine = w.await_packets(2, flow)
        assert (forged.dns.rcode, records(forged), forged.ip.ttl) == (3, [], w.ttl_at_client(w.number("ttl")))
        assert_honest(w, genuine, flow, t.host, t.addresses)
    assert_innocent_name_resolves(w)


@on("dns-tcp-malformed")
def test_questions_vanish_over_udp_and_are_answered_without_their_class_over_tcp(w: Watched) -> None:
    t = w.target("t")
    assert w.dns(t.host, timeout_s=BRIEF_S).failure == "timeout"
    flow = w.dns(t.host, server=public_resolver(), tcp=True)
    labels = b"".join(bytes((len(part),)) + part.encode() for part in t.host.split(".")) + b"\0"
    assert flow.data[2 + 12 : 2 + 12 + len(labels) + 4] == labels + b"\0\1" + b"\xc0\x0c"
    assert w.dns("www.kernel.org", server=public_resolver(), tcp=True).failure == ""
    assert_innocent_name_resolves(w)


@on("dns-safesearch")
def test_the_resolver_leads_to_genuine_servers_by_the_alias_of_a_restricted_mode(w: Watched) -> None:
    t = w.target("t")
    near, far = w.dns(t.host), w.dns(t.host, server=public_resolver())
    w.settle()
    (here,), (there,) = w.from_server(near), w.from_server(far)
    alias = str(next(f.params["cname"] for f in w.drawn.faults if f.kind == "resolver_restricts"))
    assert [data for kind, data, _ in records(here) if kind == 5] == [alias]
    assert addresses(here)
    assert set(addresses(here)).isdisjoint(addresses(there))
    assert w.tls(addresses(here)[0], name=t.host, port=t.port).failure == ""
    assert_innocent_name_resolves(w)


@on("port53-intercepted")
def test_questions_to_anybody_are_led_to_the_resolver_that_tells_the_truth(w: Watched) -> None:
    t = w.target("t")
    here = w.dns(t.host)
    w.settle()
    genuine = sorted(addresses(w.from_server(here)[0]))
    for server in (public_resolver(), DARK):
        flow = w.dns(t.host, server=server)
        w.settle()
        p, = w.from_server(flow)
        assert_answers_question(w, p, flow, t.host)
        assert sorted(addresses(p)) == genuine
    assert_innocent_name_resolves(w, server=DARK)
    assert not [entry for entry in w.truth() if entry.block_type]


@on("dot-block")
def test_encrypted_dns_is_reset_on_its_port_alone(w: Watched) -> None:
    to = public_resolver()
    flow = w.connect(to, port=853, timeout_s=BRIEF_S)
    assert flow.failure == "ECONNREFUSED"
    p = w.await_packets(1, flow, flags="R")[0]
    syn = w.packets(flow, sent=True)[0]
    assert (p.flags, p.tcp.seq, p.tcp.ack) == ("RA", 0, syn.tcp.seq + 1)
    assert p.ip.ttl == w.ttl_at_client(w.number("ttl"))
    assert w.connect(to, port=443).failure == ""
    assert_innocent_name_resolves(w, server=to)


@on("doh-block-dot")
def test_handshakes_with_operators_vanish_on_the_usual_port_alone(w: Watched) -> None:
    to = public_resolver()
    flow = w.tls(to, name="cloudflare-dns.com", port=443, timeout_s=BRIEF_S)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    assert w.tls(to, name="dns.google", port=853).failure == ""
    assert_resolver_lies(w, w.target("t"), address=str(w.drawn.faults[0].params["address"]))


@on("doh-block", "doh-block-lie")
def test_handshakes_with_operators_of_encrypted_dns_vanish(w: Watched) -> None:
    to = public_resolver()
    flow = w.tls(to, name="cloudflare-dns.com", port=443, timeout_s=BRIEF_S)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    assert [p.flags for p in w.from_server(flow)] == ["SA"], "the ClientHello is never acknowledged"
    assert w.connect(to, port=853, timeout_s=BRIEF_S).failure == "timeout"
    assert w.tls(to, name="www.kernel.org", port=443, timeout_s=BRIEF_S).failure != "timeout"
    assert_innocent_name_resolves(w, server=to)


@on("sinkhole-stacked")
def test_behind_the_forgers_server_the_true_addresses_are_dead(w: Watched) -> None:
    t = w.target("t")
    assert_resolver_lies(w, t, address=w.drawn.world.sinkhole)
    certificate = w.tls(w.drawn.world.sinkhole, name=t.sni, port=443).certificate
    assert certificate not in (b"", w.tls(w.innocent(port=443)).certificate)
    flow = w.connect(t, timeout_s=BRIEF_S)
    assert flow.failure == "timeout"
    assert "ip.blackhole" in {entry.block_type for entry in w.truth()}
