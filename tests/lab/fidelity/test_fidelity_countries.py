"""Single countries' censors and whole countries' profiles, seen on the wire, with the constants that sources give."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scapy.layers.inet import IP, TCP

from lab_fidelity import Place, Watched, on
from lab_fidelity_checks import (
    BRIEF_S,
    DARK,
    acts,
    addresses,
    assert_header,
    assert_injected,
    assert_innocent_name_resolves,
    assert_other_host_is_served,
    assert_page,
    assert_resets,
    assert_resolver_lies,
    fetch,
    genuine_data,
    has_df,
    last_said,
    server_next,
)

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]

RESOLVERS = {
    "mm-dns": ("59.153.90.11", "172.31.31.2", "103.105.174.6"),
    "by-dns": ("134.17.0.7",),
    "it-dns": ("217.175.53.72", "83.224.65.74", "34.110.214.49"),
    "it-stacked": ("34.110.214.49",),
    "de-dns": ("167.233.14.14",),
    "tr-dns": ("195.175.254.2",),
    "in-dns": ("49.205.171.201", "202.83.21.14", "49.44.79.236"),
    "ru-dns": (
        "188.186.146.207", "188.186.146.208", "188.186.154.79", "188.186.154.88", "62.33.207.196", "62.33.207.197",
        "95.167.13.50", "95.167.13.51",
    ),
}
"""Scenario and the addresses that its country's resolvers are known to give."""
REDIRECTS = {
    "mm-http": ("http://notice.myanmarnet.com/",),
    "id-http": ("http://lamanlabuh.aduankonten.id/",),
    "by-http": ("https://www.a1.by/mininfo/", "http://82.209.230.23", "https://internet.mts.by/blocked/"),
    "uz-http": ("http://reestr.mitc.uz/",),
    "kr-http": ("http://warning.or.kr", "http://www.warning.or.kr", "https://www.warning.or.kr/"),
    "ir-301": ("http://10.10.34.34",),
}
"""Scenario and the places that it redirects to."""
PAGES = {
    "pk-http": b"http://119.73.65.87:8080/redirect.html?accessurl=",
    "in-http": b"http://www.airtel.in/dot/?dpid=",
    "es-page": "Por causas ajenas a Vodafone, esta web no está disponible".encode(),
}
"""Scenario and the mark of its page."""


def assert_hello_is_reset(w: Watched, place: Place, *rules: int) -> None:
    """A handshake under the place's name is reset by these rules; under another name, elsewhere, it is not."""
    flow = w.tls(place)
    for p in assert_resets(w, flow, *rules):
        assert p.payload == b""
    assert w.tls(w.innocent()).failure == ""


def rule_of(w: Watched, action: str, *, trigger: str = "") -> int:
    """The number of the first rule with this action (and trigger)."""
    found = (n for n, rule in enumerate(w.drawn.rules) if rule.action == action and trigger in ("", rule.trigger))
    return next(found)


# --- one layer


@on(*RESOLVERS)
def test_the_resolver_gives_a_known_address(w: Watched) -> None:
    address = str(w.drawn.faults[0].params["address"])
    assert address in RESOLVERS[w.drawn.name]
    assert_resolver_lies(w, w.target("t"), address=address)


@on(*REDIRECTS)
def test_the_request_is_redirected_to_a_known_place(w: Watched) -> None:
    t = w.target("t")
    flow = fetch(w, t)
    assert_page(w, flow)
    lines = flow.data.decode().split("\r\n")
    assert lines[0].split(" ")[1] in ("301", "302")
    location = next(line.removeprefix("Location: ") for line in lines if line.startswith("Location: "))
    assert location in REDIRECTS[w.drawn.name]
    assert_other_host_is_served(w, t)


@on(*PAGES)
def test_the_request_is_answered_with_a_known_page(w: Watched) -> None:
    t = w.target("t")
    flow = fetch(w, t)
    assert_page(w, flow)
    assert PAGES[w.drawn.name] in flow.data
    assert_other_host_is_served(w, t)


@on("id-http")
def test_indonesia_redirects_get_alone_in_http_1_0(w: Watched) -> None:
    t = w.target("t")
    assert fetch(w, t).data.startswith(b"HTTP/1.0 302 Moved\r\n")
    assert b"Content-Length: 0\r\n" in fetch(w, t).data
    head = w.http(t, method="HEAD")
    assert genuine_data(w, head)
    assert not acts(w, head)


@on("ir-301")
def test_the_other_iranian_box(w: Watched) -> None:
    head, _, body = fetch(w, w.target("t")).data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 301 Moved Permanently\r\n")
    assert b"Content-Length: 156" in head
    assert len(body) == 156


@on("es-page")
def test_the_spanish_page_has_157_bytes(w: Watched) -> None:
    assert len(fetch(w, w.target("t")).data.partition(b"\r\n\r\n")[2]) == 157


@on("uk-page")
def test_a_british_provider_redirects_abroad(w: Watched) -> None:
    flow = fetch(w, w.target("t"))
    assert_page(w, flow)
    assert b".example/" in flow.data


@on("id-dns53")
def test_indonesia_leads_every_question_to_the_resolver_that_lies(w: Watched) -> None:
    flow = w.dns(w.target("t").host, server=DARK)
    w.settle()
    p, = w.from_server(flow)
    assert addresses(p) == [w.drawn.faults[0].params["address"]]
    assert_innocent_name_resolves(w, server=DARK)


@on("kz-residual", "uz-sni")
def test_the_hello_vanishes_and_the_name_alone_counts(w: Watched) -> None:
    t = w.target("t")
    flow = w.tls(t, timeout_s=BRIEF_S)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    assert {p.flags for p in w.from_server(flow)} == {"SA"}
    assert set(acts(w, flow)) == {"tls.drop.sni"}
    assert w.tls(t, name=w.innocent().sni).failure != "timeout", "from another port the address is well"


@on("kz-residual")
def test_the_four_tuple_stays_dead_and_its_neighbour_lives(w: Watched) -> None:
    t = w.target("t")
    flow = w.tls(t, timeout_s=BRIEF_S)
    neighbour = replace(flow, sport=flow.sport - 1 if flow.sport > 60_000 else flow.sport + 1)
    before = len(w.from_server(flow))
    for one in (flow, neighbour):
        w.raw(IP(src=w.drawn.world.client4, dst=t.address) / TCP(sport=one.sport, dport=t.port, flags="S", seq=77))
    w.settle()
    assert [p.tcp.ack for p in w.from_server(neighbour, flags="SA")] == [78]
    assert len(w.from_server(flow)) == before


@on("et-names", "tr-reset")
def test_handshakes_and_requests_are_reset_alike(w: Watched) -> None:
    t = w.target("t")
    named = t.sni or t.host
    elsewhere = t.port if t.port not in (80, 443) else 0  # a host listens where the catalogue has it, and there alone
    assert_resets(w, w.tls(t, name=named, port=elsewhere or 443), 0)
    assert_resets(w, w.http(t, port=elsewhere or 80), 1)
    assert w.tls(w.innocent()).failure == ""


@on("kr-sni", "tm-sni")
def test_the_hello_is_reset(w: Watched) -> None:
    assert_hello_is_reset(w, w.target("t"), 0)
    assert w.tls(w.target("t"), name=w.innocent().sni).failure != "ECONNRESET"


@on("tm-sni", "tm-http")
def test_turkmen_resets_look_alike(w: Watched) -> None:
    t = w.target("t")
    flow = w.tls(t) if t.sni else w.http(t)
    p, = assert_resets(w, flow, 0)
    assert (p.flags, p.tcp.ack, p.tcp.window, p.ip.id, has_df(p)) == ("R", 0, 0, 30_000, False)
    assert p.ip.ttl == 128 - (w.drawn.world.censor_hop - 1)


@on("eg-http")
def test_two_egyptian_boxes(w: Watched) -> None:
    first, second = assert_resets(w, w.http(w.target("t")), 0, 1)
    assert first.ip.id in (0x1234, 0x3412)
    assert (has_df(first), second.ip.id, has_df(second)) == (False, 0, True)
    assert second.time_s > first.time_s
    assert_other_host_is_served(w, w.target("t"))


@on("in-sni")
def test_some_or_all_hellos_are_reset(w: Watched) -> None:
    t = w.target("t")
    flows = [w.tls(t) for _ in range(12)]
    hit = [flow for flow in flows if flow.failure == "ECONNRESET"]
    assert hit
    assert len(hit) == 12 or w.params().number("probability") < 1
    for flow in hit:
        p = w.await_packets(1, flow, flags="R")[0]
        assert_header(w, p, w.params())
        assert p.tcp.seq == server_next(w, flow)
    assert all(genuine_data(w, flow) for flow in flows if flow not in hit)


@on("es-tls", "kazakhstan")
def test_another_certificate_is_presented_for_the_service_alone(w: Watched) -> None:
    t = w.target("t")
    flow = w.tls(t)
    assert flow.failure == ""
    assert flow.certificate
    innocent = w.innocent()
    assert w.tls(innocent).certificate not in (b"", flow.certificate)
    assert w.from_server(flow)[0].ip.ttl == w.server_ttl
    assert "tls.mitm" in acts(w, flow)


@on("it-stacked")
def test_behind_the_lie_the_true_addresses_are_dead(w: Watched) -> None:
    assert w.connect(w.target("t"), timeout_s=BRIEF_S).failure == "timeout"
    assert set(acts(w, w.connect(w.target("t"), timeout_s=BRIEF_S))) == {"ip.blackhole"}


# --- profiles


@on("gfw")
def test_china_forges_resets_and_punishes(w: Watched) -> None:
    t = w.target("t")
    assert len(assert_injected(w, t)) == 3
    resets = assert_resets(w, w.tls(t), 1)
    assert {p.tcp.window for p in resets} == {w.number("ttl", rule=1) + 1375}
    assert w.tls(t, name=w.innocent().sni).failure == "ECONNRESET", "the tuple is punished"
    assert_innocent_name_resolves(w)


@on("tspu")
def test_what_tls_sees_first_in_russia_is_a_reset_in_the_servers_name(w: Watched) -> None:
    t = w.target("t")
    flow = w.tls(t, timeout_s=BRIEF_S)
    assert flow.failure == "ECONNRESET"
    hello = w.from_server(flow, flags="SA")[0]
    reset = w.await_packets(1, flow, flags="R")[0]
    assert (reset.flags, reset.payload) == ("RA", b"")
    assert (reset.ip.ttl, has_df(reset)) == (hello.ip.ttl, has_df(hello)), "nothing in the header gives it away"
    assert reset.tcp.seq == server_next(w, flow)
    assert reset.time_s - last_said(w, flow).time_s >= w.rtt_s - 0.002, "it took the way of the server's answer"


@on("iran", "turkmenistan")
def test_forged_addresses_and_resets_together(w: Watched) -> None:
    t = w.target("t")
    p, = assert_injected(w, t, rule=rule_of(w, "inject_dns"))
    assert addresses(p)[0] in ("10.10.34.34", "10.10.34.35", "10.10.34.36", "127.0.0.1")
    flows = [w.tls(t) for _ in range(4)]
    hit = [flow for flow in flows if flow.failure == "ECONNRESET"]
    assert hit
    assert_header(w, w.await_packets(1, hit[0], flags="R")[0], w.params(rule_of(w, "reset", trigger="sni")))


@on("turkey", "india", "belarus", "venezuela", "indonesia", "russia")
def test_the_resolver_comes_first(w: Watched) -> None:
    flow = w.dns(w.target("t").host)
    w.settle()
    p, = w.from_server(flow)
    known = w.target("t").addresses
    assert p.dns.rcode or not set(addresses(p)) & set(known)
    assert p.ip.ttl == w.server_ttl
    assert_innocent_name_resolves(w)


@on("venezuela")
def test_each_venezuelan_name_has_its_fate(w: Watched) -> None:
    answers = {}
    for alias in ("t", "refused"):
        flow = w.dns(w.target(alias).host)
        w.settle()
        answers[alias] = w.from_server(flow)[0].dns.rcode
    assert answers == {"t": 3, "refused": 5}
    assert w.dns(w.target("silent").host, timeout_s=BRIEF_S).failure == "timeout"


@on("egypt")
def test_two_egyptian_boxes_for_tls(w: Watched) -> None:
    flow = w.tls(w.target("t"))
    assert flow.failure == "ECONNRESET"
    first, second = w.await_packets(2, flow, flags="R")
    assert {(p.ip.id, has_df(p)) for p in (first, second)} & {(0, True)}
    assert w.tls(w.innocent()).failure == ""


@on("turkey")
def test_turkish_handshakes_are_reset_as_well(w: Watched) -> None:
    assert_hello_is_reset(w, w.target("t"), 0)


@on("kazakhstan")
def test_other_kazakh_handshakes_vanish(w: Watched) -> None:
    flow = w.tls(w.target("u"), timeout_s=BRIEF_S)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    assert set(acts(w, flow)) == {"tls.drop.sni"}


@on("spain")
def test_spanish_hours_and_certificates(w: Watched) -> None:
    flow = w.tls(w.target("u"))
    assert flow.failure == ""
    assert acts(w, flow) == ["tls.mitm"]
    page = fetch(w, w.target("u"), rule=rule_of(w, "http_response"), port=80)
    assert b"Por causas ajenas a Vodafone" in page.data
    dropped = w.connect(w.target("t"), timeout_s=BRIEF_S).failure == "timeout"
    assert dropped == (w.params(rule_of(w, "drop")).number("from_s") == 0)
