"""Everything that can go wrong with the laboratory's servers does, and only to the host that it concerns."""

from __future__ import annotations

import random
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from lab_faults_web import (
    LATE_S,
    binary_headers,
    capped,
    endless,
    gzip_bomb,
    huge_headers,
    late,
    redirect_loop,
    redirect_to,
    slow,
    status,
)
from lab_faults_world import BAD, GOOD, ROWS, Params, fault, first, lookup
from lab_servers_world import Served, connect, get, in_namespace, request, serving
from probe.instruments.streams.raw_hello import make_client_hello
from probe_lab.servers.faults import FAULTS, Faults, number, text, texts
from probe_lab.truth import read_log

pytestmark = pytest.mark.lab


def handshake(served: Served, name: str = BAD) -> None:
    served.trusting().wrap_socket(connect(served.address(name), 443), server_hostname=name).close()


def handshake_fails(served: Served, error: type[OSError] | tuple[type[OSError], ...], words: str) -> None:
    with pytest.raises(error, match=words):
        handshake(served)


def closed(served: Served) -> None:
    for port in (80, 443):
        with pytest.raises(ConnectionRefusedError):
            connect(served.address(BAD), port)


def cut_late(served: Served) -> None:
    """Whether the library calls it an end or a reset depends on what it had read; the wire is watched elsewhere."""
    with served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD) as client:
        assert request(client, BAD).status == 200
    with (
        served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD) as client,
        suppress(ConnectionResetError),
    ):
        assert client.recv(1) == b""


def slow_head(served: Served) -> None:
    with served.trusting().wrap_socket(connect(served.address(BAD), 443), server_hostname=BAD) as client:
        assert request(client, BAD).status == 200
        client.sendall(b"HEAD / HTTP/1.1\r\n")
        said = b"".join(iter(lambda: client.recv(4096), b""))
        assert said.startswith(b"HTTP/1.1 408 ")


def closed_port(served: Served) -> None:
    with pytest.raises(ConnectionRefusedError):
        connect(served.address(BAD), 443)
    assert get(served, f"http://{BAD}/").status == 301


def silent(served: Served) -> None:
    client = connect(served.address(BAD), 443)
    client.settimeout(1)
    with pytest.raises(TimeoutError):
        served.trusting().wrap_socket(client, server_hostname=BAD)


def picky(served: Served) -> None:
    handshake_fails(served, ssl.SSLError, "HANDSHAKE_FAILURE")
    client = connect(served.address(BAD), 443)
    client.sendall(make_client_hello("browser", BAD, random.Random(1)))
    assert client.recv(6)[5] == 2, "no ServerHello"
    client.close()


HOSTS: dict[str, tuple[Params, Callable[[Served], None]]] = {
    "closed": ({}, closed),
    "cert_expired": ({}, lambda s: handshake_fails(s, ssl.SSLCertVerificationError, "expired")),
    "cert_self_signed": ({}, lambda s: handshake_fails(s, ssl.SSLCertVerificationError, "self-signed")),
    "cert_new_root": ({}, lambda s: handshake_fails(s, ssl.SSLCertVerificationError, "local issuer")),
    "cert_wrong_name": ({}, lambda s: handshake_fails(s, ssl.SSLCertVerificationError, "mismatch")),
    "tls_reset": ({}, lambda s: handshake_fails(s, ConnectionResetError, ".")),
    "tls_close": ({}, lambda s: handshake_fails(s, (ssl.SSLEOFError, ssl.SSLZeroReturnError), ".")),
    "tls_alert": ({"description": 80}, lambda s: handshake_fails(s, ssl.SSLError, "INTERNAL_ERROR")),
    "tls_junk": ({}, lambda s: handshake_fails(s, ssl.SSLError, "WRONG_VERSION_NUMBER|RECORD_LAYER")),
    "tls_silence": ({}, silent),
    "tls_picky": ({"reply": "alert"}, picky),
    "status": (
        {"status": 429, "headers": ("Retry-After: 60",), "body": "too many", "only_client": True}, status
    ),
    "small_cap": ({"bytes": 100}, capped),
    "http_slow": ({"bytes_per_s": 10_000}, slow),
    "http_late": ({"after_s": LATE_S}, late),
    "http_slow_head": ({"after_s": 0.2, "reply": "408"}, slow_head),
    "tls_late": ({"after_s": LATE_S}, late),
    "tls_cut_late": ({"after_s": 1.5}, cut_late),
    "http_endless": ({}, endless),
    "http_gzip_bomb": ({}, gzip_bomb),
    "http_redirect_loop": ({}, redirect_loop),
    "http_redirect_to": ({"location": "http://blocked.example/?id=1"}, redirect_to),
    "http_huge_headers": ({}, huge_headers),
    "http_binary_headers": ({}, binary_headers),
}


@pytest.mark.parametrize("kind", HOSTS)
@in_namespace
def test_a_fault_of_a_host_is_seen_there_and_nowhere_else(kind: str) -> None:
    params, check = HOSTS[kind]
    with serving(ROWS, fault(kind, BAD, **params), seed=20) as served:
        check(served)
        answer = get(served, f"https://{GOOD}/")
        assert answer.status == 200
        assert GOOD.encode() in answer.body


@in_namespace
def test_one_port_can_be_closed_alone() -> None:
    with serving(ROWS, fault("closed", BAD, port=443), seed=21) as served:
        closed_port(served)


@in_namespace
def test_a_flaky_server_fails_as_often_as_it_should() -> None:
    failed = 0
    with serving(ROWS, fault("tls_reset", BAD, probability=0.4), seed=22) as served:
        for _ in range(100):
            try:
                handshake(served)
            except ConnectionResetError:
                failed += 1
    assert 15 < failed < 65


def rcode(code: dns.rcode.Rcode) -> Callable[[Served], None]:
    def check(served: Served) -> None:
        answer = lookup(served, BAD)
        assert answer.rcode() == code
        assert not answer.answer

    return check


def dead(served: Served) -> None:
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(dns.message.make_query(BAD, "A"), served.world.resolver, timeout=0.5)


def lie(served: Served) -> None:
    assert first(lookup(served, BAD.upper())) == served.world.sinkhole
    assert not lookup(served, BAD, "AAAA").answer
    page = get(served, f"http://{BAD}/", address=served.world.sinkhole)
    assert page.status == 200
    assert b"<title>" in page.body
    context = ssl.create_default_context()
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        context.wrap_socket(connect(served.world.sinkhole, 443), server_hostname=BAD)


def unreadable(served: Served) -> None:
    with pytest.raises((dns.exception.DNSException, dns.query.BadResponse)):
        lookup(served, BAD)


def explained(served: Served) -> None:
    answer = lookup(served, BAD)
    options = [option for option in answer.options if isinstance(option, dns.edns.EDEOption)]
    assert [(option.code, option.text) for option in options] == [(16, "by order")]
    assert answer.answer


def filtered(served: Served) -> None:
    answers = lookup(served, BAD), lookup(served, BAD, "AAAA")
    assert [first(answer) for answer in answers] == ["0.0.0.0", "::"]
    assert not any(answer.options for answer in answers)
    assert not lookup(served, BAD, "TXT").answer


def restricted(served: Served) -> None:
    answer = lookup(served, BAD)
    alias, addresses = answer.answer
    assert alias[0].target.to_text() == "restricted.example."
    assert {rdata.to_text() for rdata in addresses} == set(served.world.hosts[BAD].ipv4)
    assert not any(rrset.rdtype == dns.rdatatype.AAAA for rrset in lookup(served, BAD, "TXT").answer)


RESOLVERS: dict[str, tuple[Params, Callable[[Served], None]]] = {
    "resolver_dead": ({}, dead),
    "resolver_servfail": ({}, rcode(dns.rcode.SERVFAIL)),
    "resolver_late": ({"after_s": 0.2}, rcode(dns.rcode.SERVFAIL)),
    "resolver_refused": ({}, rcode(dns.rcode.REFUSED)),
    "resolver_nxdomain": ({}, rcode(dns.rcode.NXDOMAIN)),
    "resolver_empty": ({}, rcode(dns.rcode.NOERROR)),
    "resolver_lie": ({}, lie),
    "resolver_restricts": ({"cname": "restricted.example"}, restricted),
    "resolver_filter": ({}, filtered),
    "resolver_garbage": ({}, unreadable),
    "resolver_truncated": ({}, unreadable),
    "resolver_wrong_question": ({}, unreadable),
    "resolver_loop": ({}, unreadable),
    "dns_ede": ({"code": 16, "text": "by order"}, explained),
}


@pytest.mark.parametrize("kind", RESOLVERS)
@in_namespace
def test_a_faulty_resolver_fails_for_one_name_and_others_answer(kind: str) -> None:
    params, check = RESOLVERS[kind]
    with serving(ROWS, replace(fault(kind, BAD, **params), block_type="dns.x"), seed=23) as served:
        genuine = set(served.world.hosts[BAD].ipv4)
        check(served)
        assert first(lookup(served, GOOD)) in served.world.hosts[GOOD].ipv4
        assert first(lookup(served, BAD, where="1.1.1.1")) in genuine
        entries = read_log(served.log_path)
        acts = {(entry.actor, entry.action, entry.block_type, entry.alias, entry.name) for entry in entries}
        assert acts == (set() if kind == "dns_ede" else {("resolver", kind, "dns.x", "t", BAD)})
        if kind == "resolver_lie":
            assert served.world.sinkhole in {entry.address for entry in entries}


@in_namespace
def test_a_resolver_that_fails_for_every_name_is_no_act_of_censorship() -> None:
    with serving(ROWS, fault("resolver_servfail"), seed=24) as served:
        assert {lookup(served, name).rcode() for name in (BAD, GOOD)} == {dns.rcode.SERVFAIL}
        assert read_log(served.log_path) == ()
    with serving(ROWS, fault("resolver_dead", refuse=True), seed=24) as served:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(10)
            client.connect((served.world.resolver, 53))
            client.send(dns.message.make_query(BAD, "A").to_wire())
            with pytest.raises(ConnectionRefusedError):
                client.recv(1000)
        assert lookup(served, BAD, where="8.8.8.8").answer
    with serving(ROWS, fault("resolver_dead"), seed=24) as served:
        dead(served)
        with pytest.raises(ConnectionRefusedError):
            connect(served.world.resolver, 53)


@in_namespace
def test_a_name_can_be_absent_everywhere() -> None:
    with serving(ROWS, fault("nonexistent", BAD), seed=25) as served:
        for where in ("", "8.8.8.8"):
            assert lookup(served, BAD, where=where).rcode() == dns.rcode.NXDOMAIN
            assert lookup(served, GOOD, where=where).answer


@pytest.mark.parametrize("seed", [28, 35, 37])  # one, two and three addresses
@in_namespace
def test_a_content_network_shows_two_faces_both_genuine(seed: int) -> None:
    with serving(ROWS, fault("cdn_split", BAD), seed=seed) as served:
        near, far = (
            {item.to_text() for item in lookup(served, BAD, where=where).answer[-1]} for where in ("", "9.9.9.9")
        )
        assert near
        assert far
        assert near.isdisjoint(far)
        for address in near | far:
            assert get(served, f"https://{BAD}/", address=address).status == 200
        same = [{item.to_text() for item in lookup(served, GOOD, where=w).answer[-1]} for w in ("", "9.9.9.9")]
        assert same[0] == same[1]


@pytest.mark.parametrize(("style", "rcode"), [("empty", "NOERROR"), ("refused", "NOTIMP"), ("keys", "NOERROR")])
@in_namespace
def test_a_forwarder_hands_on_no_https_records(style: str, rcode: str) -> None:
    with serving(ROWS, fault("https_stripped", style=style), seed=29) as served:
        told = {name: lookup(served, name, "HTTPS", where="8.8.8.8").to_text() for name in sorted(served.world.hosts)}
        name = next(name for name, text in told.items() if "ech=" in text)
        answer = lookup(served, name, "HTTPS")
        assert dns.rcode.to_text(answer.rcode()) == rcode
        assert "ech=" not in answer.to_text()
        assert ("alpn=" in answer.to_text()) == (style == "keys")
        assert lookup(served, name).answer


@in_namespace
def test_a_forwarder_may_keep_silent_about_https_records() -> None:
    with serving(ROWS, fault("https_stripped", style="silent"), seed=29) as served:
        with pytest.raises(dns.exception.Timeout):
            dns.query.udp(dns.message.make_query(GOOD, "HTTPS"), served.world.resolver, timeout=0.5)
        assert lookup(served, GOOD).answer


@in_namespace
def test_a_captive_portal_answers_everything_with_its_login() -> None:
    with serving(ROWS, fault("portal"), seed=32) as served:
        portal = served.world.portal
        assert {first(lookup(served, name)) for name in (BAD, "no.such.name.example")} == {portal}
        assert lookup(served, GOOD, where="8.8.8.8").answer, "the portal does not lie elsewhere by itself"
        one, other = (get(served, f"http://{name}/x", address=portal) for name in (BAD, GOOD))
        assert (one.status, other.status) == (302, 302)
        assert one.headers["Location"] == other.headers["Location"]
        login = get(served, one.headers["Location"], address=portal)
        assert login.status == 200
        assert b"sign in" in login.body
        with pytest.raises(ConnectionRefusedError):
            connect(portal, 443)


@in_namespace
def test_the_interceptor_opens_the_named_and_splices_the_rest() -> None:
    with serving(ROWS, fault("mitm", BAD), seed=33) as served:
        answer = get(served, f"https://{GOOD}/", address=served.world.mitm)
        assert GOOD.encode() in answer.body
        with pytest.raises(ssl.SSLCertVerificationError):
            get(served, f"https://{BAD}/", address=served.world.mitm)
        fooled = served.trusting("foreign-ca.pem")
        with fooled.wrap_socket(connect(served.world.mitm, 443), server_hostname=BAD) as client:
            answer = request(client, BAD)
            assert (answer.status, BAD.encode() in answer.body) == (200, True)
        with pytest.raises(OSError, match=r".+"):
            fooled.wrap_socket(connect(served.world.mitm, 443), server_hostname="nobody.example")


@in_namespace
def test_servers_that_cannot_keep_the_truth_end() -> None:
    lying = replace(fault("resolver_lie", BAD), block_type="dns.forged")
    with (
        pytest.raises(AssertionError, match="ended badly"),
        serving(ROWS, lying, seed=34, log_path=Path("/dev/full")) as served,
        pytest.raises(dns.exception.DNSException),
    ):
        dns.query.udp(dns.message.make_query(BAD, "A"), served.world.resolver, timeout=2)


def test_the_table_is_whole_and_every_fault_of_the_servers_is_tested_here() -> None:
    elsewhere = {"nonexistent", "cdn_split", "portal", "mitm", "stun_misnumbered", "app_reply", "quic_limit",
                 "store_delisted", "store_strange", "https_stripped"}
    ours = {kind for kind, entry in FAULTS.items() if entry.layer not in ("router", "client", "laboratory")}
    assert ours == {*HOSTS, *RESOLVERS, *elsewhere}
    for kind, entry in FAULTS.items():
        assert entry.kind == kind
        assert entry.meaning


def test_faults_are_found_by_name_address_or_for_all() -> None:
    named, everyone = fault("status", "A.example"), fault("http_endless")
    faults = Faults((named, everyone), seed=1)
    assert faults.of("http", "a.example.", "192.0.2.1") == (named, everyone)
    assert faults.of("http", "b.example") == (everyone,)
    assert faults.of("tls", "a.example") == ()
    assert faults.all("http") == (named, everyone)
    with pytest.raises(KeyError):
        Faults((fault("no_such_kind"),), seed=1)
    assert (number({"a": 2}, "a", 1), text({}, "a", "x"), texts({"a": "y"}, "a")) == (2.0, "x", ("y",))
    with pytest.raises(ValueError, match="a number"):
        number({"a": ("1",)}, "a", 1)
