"""Services out of order and resolvers with a mind of their own: what the file says is what the client gets."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest
from scapy.layers.inet import ICMP

from lab_elsewhere import elsewhere
from lab_fidelity import Watched, Watching
from lab_hellos import hello
from lab_innocents import ask, crowd, fault, fetch, header

pytestmark = [pytest.mark.slow, pytest.mark.lab, pytest.mark.timeout(200)]
CHUNK_BYTES = 4000
"""Of an answer of the laboratory that is sent in chunks."""
STUB_WAITS_S = 5.0
"""How long resolv.conf(5) has a program wait for one answer (RES_TIMEOUT)."""


# --- replies of the servers


@pytest.mark.parametrize(
    ("name", "statuses", "mark"),
    [
        ("geo-fence", (403, 451), "content-type"),
        ("rate-limited", (429,), "retry-after"),
        ("legal-451", (451,), "link"),
        ("challenge-page", (200,), "cache-control"),
        ("challenge-403", (403, 503), "cf-mitigated"),
        ("maintenance", (503,), "retry-after"),
        ("forbidden-for-all", (403,), "content-type"),
    ],
)
def test_a_service_answers_with_its_own_certificate(
    watch: Watching, name: str, statuses: tuple[int, ...], mark: str
) -> None:
    w = watch(name)
    drawn = fault(w, "status")
    found = fetch(w, w.target("t"), trust="certifi")
    assert (found["failure"], found["complete"]) == ("", True)
    assert found["status"] == drawn["status"]
    assert found["status"] in statuses
    assert mark in found["headers"]
    assert found["text"] == drawn["body"]


def test_a_server_with_a_cap_ends_in_good_order(watch: Watching) -> None:
    w = watch("server-cap")
    cap = fault(w, "small_cap")["bytes"]
    assert isinstance(cap, int)
    found = [fetch(w, w.target("t", index)) for index in range(len(w.drawn.aliases["t"]))]
    assert all(one["failure"] == "" and one["bytes"] <= cap for one in found)
    for one in found:  # of a chunk that is cut, http.client gives nothing
        cut = one["headers"].get("transfer-encoding") == "chunked"
        assert one["complete"] or one["bytes"] == cap or (cut and one["bytes"] > cap - CHUNK_BYTES)
    assert not [p for p in w.from_server(flags="R") if p.ip.src in w.target("t").addresses]


@pytest.mark.parametrize(("name", "failure"), [("lb-close", "closed"), ("lb-reset", "ECONNRESET")])
def test_a_load_balancer_fails_at_random(watch: Watching, name: str, failure: str) -> None:
    w = watch(name)
    flows = crowd([lambda: w.tls(w.target("t"))] * 48)
    assert {flow.failure for flow in flows} == {"", failure}
    ends = [w.from_server(flow, flags="R" if failure == "ECONNRESET" else "F")[0] for flow in flows if flow.failure]
    assert {p.ip.ttl for p in ends} == {w.server_ttl}


def test_a_server_may_end_handshakes_with_an_alert(watch: Watching) -> None:
    w = watch("server-alert")
    flow = w.tls(w.target("t"))
    assert flow.failure.startswith("tls ")
    assert "ALERT" in flow.failure or "UNRECOGNIZED" in flow.failure
    alert = next(p for p in w.from_server(flow) if p.payload)
    assert alert.payload[:1] == b"\x15"
    assert alert.payload[-1] == fault(w, "tls_alert")["description"]


def test_a_server_may_refuse_its_own_name_to_one_country(watch: Watching) -> None:
    w = watch("server-alert-country")
    t = w.target("t")
    flow = w.tls(t)
    assert "ALERT" in flow.failure or "UNRECOGNIZED" in flow.failure
    alert = next(p for p in w.from_server(flow) if p.payload)
    assert (alert.payload[-1], alert.ip.ttl) == (fault(w, "tls_alert")["description"], w.server_ttl)
    far, data = elsewhere(w, t, hello(t.sni))
    assert (far, data[:1]) == ("", b"\x16"), "others are served"
    assert w.tls(w.innocent()).failure == ""
    assert w.truth() == ()


def test_a_server_may_hang(watch: Watching) -> None:
    w = watch("server-hangs")
    flow = w.tls(w.target("t"), timeout_s=2)
    assert (flow.stage, flow.failure) == ("connected", "timeout")
    hello = next(p for p in w.packets(flow, sent=True) if p.payload)
    acked = [p for p in w.from_server(flow) if p.tcp.ack >= hello.tcp.seq + len(hello.payload)]
    assert acked, "its kernel acknowledges what it never answers"


# --- hosts


def test_a_closed_port_refuses_as_kernels_do(watch: Watching) -> None:
    w = watch("server-down")
    place = w.target("t")
    flow = w.connect(place if place.address else place.addresses[0], port=place.port)
    assert flow.failure == "ECONNREFUSED"
    (reset,) = w.await_packets(1, flow, flags="R")
    assert (reset.flags, reset.tcp.window) == ("RA", 0)
    if place.address:
        assert header(reset) == (w.server_ttl, 0, True)


def test_a_host_that_is_off_is_told_of_by_its_router(watch: Watching) -> None:
    w = watch("host-off")
    place = w.target("t")
    assert w.connect(place if place.address else place.addresses[0], port=place.port).failure == "EHOSTUNREACH"


def test_a_host_that_is_gone_is_silent(watch: Watching) -> None:
    w = watch("host-silent")
    assert w.connect(w.target("t"), timeout_s=1.5).failure == "timeout"
    assert w.connect(w.innocent()).failure == ""


@pytest.mark.parametrize("name", ["dead-edge", "cdn-dead-edge"])
def test_one_of_several_addresses_is_dead(watch: Watching, name: str) -> None:
    w = watch(name)
    place = w.target("t")
    assert w.connect(place.addresses[0], port=place.port, timeout_s=1.5).failure == "timeout"
    assert w.connect(place.addresses[1], port=place.port).failure == ""


def test_a_network_s_resolver_may_know_only_the_dead_edge(watch: Watching) -> None:
    w = watch("cdn-dead-edge")
    place = w.target("t")
    assert ask(w, place.host)["addresses"] == [place.addresses[0]]
    assert place.addresses[0] not in ask(w, place.host, server="8.8.8.8")["addresses"]


@pytest.mark.parametrize("name", ["operator-geo-drop", "stale-and-banned"])
def test_an_operator_drops_the_client_alone(watch: Watching, name: str) -> None:
    w = watch(name)
    assert w.connect(w.target("t"), timeout_s=1.5).failure == "timeout"
    assert w.connect(w.innocent()).failure == ""


def test_an_operator_rejects_by_icmp_from_its_own_address(watch: Watching) -> None:
    w = watch("operator-icmp-reject")
    place = w.target("t")
    assert w.connect(place).failure == "EHOSTUNREACH"
    errors = [p for p in w.from_server() if p.ip.haslayer(ICMP) and p.ip[ICMP].type == 3]
    assert errors
    assert {(p.ip.src, p.ip[ICMP].code) for p in errors} == {(place.address, 13)}
    assert w.connect(w.innocent()).failure == ""


def test_an_operator_resets_as_its_own_kernel(watch: Watching) -> None:
    w = watch("operator-rst-syn")
    flow = w.connect(w.target("t"))
    assert flow.failure == "ECONNREFUSED"
    (reset,) = w.await_packets(1, flow, flags="R")
    assert (reset.flags, reset.tcp.window, header(reset)) == ("RA", 0, (w.server_ttl, 0, True))
    syn = w.packets(flow, sent=True)[0]
    assert reset.tcp.ack == syn.tcp.seq + 1
    w.settle()
    assert len(w.from_server(flow, flags="R")) == 1


def test_a_host_bans_after_so_many_connections(watch: Watching) -> None:
    w = watch("fail2ban")
    after, reply = fault(w, "host_bans")["after"], fault(w, "host_bans")["reply"]
    assert isinstance(after, int)
    assert w.target("t").address == w.target("u").address
    tries = [w.connect(w.target(alias), timeout_s=1.5).failure for alias in "tu" * 3]
    assert tries[:after] == [""] * after
    assert set(tries[after:]) == {"timeout" if reply == "drop" else "ECONNREFUSED"}


# --- names


def test_a_name_may_exist_nowhere(watch: Watching) -> None:
    w = watch("nx-real")
    host = w.target("t").host
    above_others = any(name.endswith("." + host) for name in w.drawn.world.hosts)
    rcode = "NOERROR" if above_others else "NXDOMAIN"  # a name above others that exist is empty, not unknown (RFC 8020)
    answers = [ask(w, host, server=server) for server in ("", "8.8.8.8")]
    assert [(answer["rcode"], answer["addresses"]) for answer in answers] == [(rcode, [])] * 2


def test_a_resolver_may_answer_what_does_not_exist(watch: Watching) -> None:
    w = watch("nxdomain-wildcard")
    host = w.target("t").host
    assert ask(w, host)["addresses"] == [w.drawn.world.sinkhole]
    assert ask(w, host, server="8.8.8.8")["addresses"] == []  # a name above others that exist is empty, not unknown


def test_who_is_dropped_may_be_led_to_where_the_service_was(watch: Watching) -> None:
    w = watch("stale-and-banned")
    place = w.target("t")
    assert ask(w, place.host)["addresses"] == [w.drawn.world.sinkhole]
    assert place.address in ask(w, place.host, server="8.8.8.8")["addresses"]


def test_a_content_network_shows_two_faces(watch: Watching) -> None:
    w = watch("cdn-split")
    host = w.target("t").host
    near, far = (set(ask(w, host, server=server)["addresses"]) for server in ("", "8.8.8.8"))
    assert near
    assert far
    assert near.isdisjoint(far)


def test_a_household_s_resolver_leads_to_a_restricted_mode_and_says_so(watch: Watching) -> None:
    w = watch("family-safesearch")
    host = w.target("t").host
    near, far = ask(w, host), ask(w, host, server="8.8.8.8")
    assert near["ede"] == [17]
    assert near["addresses"]
    assert set(near["addresses"]).isdisjoint(far["addresses"])
    assert ask(w, w.innocent().host)["ede"] == []


@pytest.mark.parametrize("name", ["challenge-clear", "page-by-country"])
def test_a_server_shows_the_client_a_page_of_its_own_in_the_clear(watch: Watching, name: str) -> None:
    w = watch(name)
    drawn = fault(w, "status")
    found = fetch(w, w.target("t"))
    assert (found["status"], found["text"]) == (drawn["status"], drawn["body"])


def _null(w: Watched, host: str, *, server: str) -> None:
    assert (ask(w, host)["server"], ask(w, host)["addresses"]) == (server, ["0.0.0.0"])
    assert ask(w, host, qtype="AAAA")["addresses"] == ["::"]


def test_a_household_s_filter_answers_nothing(watch: Watching) -> None:
    w = watch("pihole")
    _null(w, w.target("t").host, server="127.0.0.53")
    assert w.innocent().address in ask(w, w.innocent().host)["addresses"]


def test_a_router_s_own_page_is_at_a_private_address(watch: Watching) -> None:
    w = watch("router-page")
    found = ask(w, w.target("t").host)
    assert (found["server"], found["addresses"]) == ("127.0.0.53", [fault(w, "resolver_filter")["address"]])
    assert w.innocent().address in ask(w, w.innocent().host)["addresses"]


def test_a_router_s_filter_says_nothing_of_itself(watch: Watching) -> None:
    w = watch("router-family")
    for place in w.targets():
        found, elsewhere = ask(w, place.host), ask(w, place.host, server="8.8.8.8")
        assert (found["server"], found["ede"]) == ("127.0.0.53", [])
        denied = fault(w, "resolver_filter")["style"] == "nxdomain"
        assert found["addresses"] == ([] if denied else [w.drawn.world.sinkhole])
        assert place.address in elsewhere["addresses"]
    assert w.innocent().address in ask(w, w.innocent().host)["addresses"]


@pytest.mark.parametrize(("name", "code"), [("family-dns", 17), ("security-dns-ede", 15)])
def test_a_filter_names_its_policy(watch: Watching, name: str, code: int) -> None:
    w = watch(name)
    found = ask(w, w.target("t").host)
    style = fault(w, "resolver_filter")["style"]
    wanted = {"zero": ["0.0.0.0"], "nxdomain": [], "address": [w.drawn.world.sinkhole]}
    assert found["ede"] == [code]
    assert found["addresses"] == wanted[str(style)]
    assert found["rcode"] == ("NXDOMAIN" if style == "nxdomain" else "NOERROR")
    assert ask(w, w.innocent().host)["ede"] == []


def test_a_resolver_fails_for_one_name_and_says_that_its_servers_are_why(watch: Watching) -> None:
    w = watch("dns-lame")
    name = w.target("t").host
    found = ask(w, name)
    assert found["rcode"] == "SERVFAIL"
    assert found["ede"] == [fault(w, "dns_ede")["code"]]
    assert set(found["ede"]) <= {6, 22, 23}
    assert ask(w, name, server="8.8.8.8")["rcode"] == "NOERROR"
    assert ask(w, w.innocent().host)["rcode"] == "NOERROR"


def test_a_resolver_answers_for_one_name_when_nobody_waits_any_more(watch: Watching) -> None:
    w = watch("dns-late")
    name, late = w.target("t").host, fault(w, "resolver_late")
    after_s = float(str(late["after_s"]))
    assert after_s > STUB_WAITS_S
    assert ask(w, w.innocent().host)["rcode"] == "NOERROR"
    begin_s = time.monotonic()
    said = ask(w, name, timeout_s=40)["rcode"]  # a busy machine is late as well: who waits long hears it for certain
    assert said == {"servfail": "SERVFAIL", "answer": "NOERROR"}[str(late["style"])]
    assert time.monotonic() - begin_s >= after_s
    assert ask(w, name, server="8.8.8.8")["rcode"] == "NOERROR"


@pytest.mark.parametrize(("name", "rcode"), [("resolver-dead", "timeout"), ("resolver-servfail", "SERVFAIL")])
def test_a_resolver_is_out_of_order_for_all(watch: Watching, name: str, rcode: str) -> None:
    w = watch(name)
    found = ask(w, "www.example.com")["rcode"]
    assert found == rcode or (name == "resolver-dead" and fault(w, "resolver_dead").get("refuse"))
    assert ask(w, "www.example.com", server="8.8.8.8")["rcode"] == "NOERROR"


# --- certificates, clocks, portals


@pytest.mark.parametrize(
    ("name", "reason"),
    [("cert-expired", "expired"), ("cert-self-signed", "self-signed"), ("cert-wrong-name", "match")],
)
def test_a_certificate_is_bad(watch: Watching, name: str, reason: str) -> None:
    w = watch(name)
    judged = fetch(w, w.target("t"), trust="certifi")["failure"]
    assert judged.startswith("certificate ")
    assert reason in judged.lower() or (name == "cert-self-signed" and "self signed" in judged.lower())
    assert fetch(w, w.target("t"))["stage"] == "http", "nothing else is wrong"


@pytest.mark.parametrize("name", ["clock-ahead", "clock-behind"])
def test_the_world_s_clock_differs(watch: Watching, name: str) -> None:
    w = watch(name)
    said = fetch(w, w.target("h"))["headers"]["date"]
    offset_s = parsedate_to_datetime(said).timestamp() - time.time()
    assert abs(offset_s - w.drawn.world.clock_shift_s) < 60
    assert abs(offset_s) > 86_400
    assert (offset_s < 0) == (name == "clock-ahead")


def test_a_portal_answers_for_everybody(watch: Watching) -> None:
    w = watch("captive-portal")
    assert {ask(w, place.host)["addresses"][0] for place in (w.target("s"), w.target("s", 1))} == {w.drawn.world.portal}
    found = fetch(w, w.target("h"))
    assert (found["status"], found["headers"]["location"][:13]) == (302, "http://login.")
    assert w.connect(w.target("s"), port=443).failure == "ECONNREFUSED"
