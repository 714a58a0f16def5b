"""OONI's probes ask our helper: every field as theirs answers it, and nothing that they would read as a block."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import QuicServer
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from hypothesis import given
from hypothesis import strategies as st

from control_world import DOH, HERE, HOST, Doh, Pages, helper_at, serving, trusting
from loopback_udp import stun_server
from ooni_helper_facts import problems
from probe.controls.helper_protocol import HttpResult, Request, XEndpoint, encode_message
from probe.controls.reaching.fetch_site import parse_site
from probe.core.tables.failures import Failure
from probe.core.tables.resolvers import Resolver
from probe.instruments.datagrams.quic_trust import _make_store
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_order import MAX_PLANS, parse_order, plan_order, plan_site
from probe_operate.helper.helper_reply import UNABLE, HelperFindings, explain_unable, make_response
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.page_fetch_h3 import fetch_page_h3
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.old_words import decode_request, to_ooni_tls_word
from probe_operate.reaching.page_fetch import _read_h3_endpoint, read_plain_title
from probe_operate.reaching.reach_plan import ReachResult
from probe_operate.reaching.redirect_cookies import CookieJar
from probe_operate.reaching.target_guard import TargetGuard

AGENT = {"User-Agent": "ooniprobe-cli/3.24.0"}


class H3Site(QuicConnectionProtocol):
    """A site over HTTP/3 that answers every request with one page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._http = H3Connection(self._quic)

    def quic_event_received(self, event: QuicEvent) -> None:
        """Answer whatever is asked."""
        for part in self._http.handle_event(event):
            if isinstance(part, HeadersReceived):
                asked = dict(part.headers)
                size = 400_000 if asked[b":path"] == b"/h3-flood" else 10
                body = b"<TITLE>" + asked[b":authority"] + b"</TITLE>" + b"y" * size
                self._http.send_headers(part.stream_id, [(b":status", b"200"), (b"x-agent", asked[b"user-agent"])])
                self._http.send_data(part.stream_id, body, end_stream=True)
                self.transmit()


@contextmanager
def h3_site(leaf: trustme.LeafCert, folder: Path, port: int) -> Iterator[None]:
    """An HTTP/3 server on UDP `port` of loopback."""
    leaf.private_key_pem.write_to_path(folder / "key")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert")
    conf = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    conf.load_cert_chain(folder / "cert", folder / "key")
    loop = asyncio.new_event_loop()
    transport, _ = loop.run_until_complete(loop.create_datagram_endpoint(
        lambda: QuicServer(configuration=conf, create_protocol=H3Site), local_addr=(HERE, port)))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(transport.abort)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@dataclass(frozen=True, kw_only=True)
class Both:
    """A site over TCP and over QUIC, and a helper."""

    port: int
    lonely: int
    """A site without QUIC."""
    plain: int
    url: str

    def ask(self, url: str, **more: Any) -> dict[str, Any]:
        """As a probe of OONI's asks; the answer has the right form."""
        message = {"http_request": url, "http_request_headers": {"User-Agent": ["Browser/1"], "Accept": ["*/*"]},
                   "tcp_connect": [f"{HERE}:443"], "x_quic_enabled": True, **more}
        answer = requests.post(self.url, json=message, headers=AGENT, timeout=30)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json"), answer.text
        got: dict[str, Any] = answer.json()
        assert problems(got) == []
        return got


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Everything on loopback, and an authority that takes the place of certifi's bundle."""
    ours, folder = trustme.CA(), tmp_path_factory.mktemp("both")
    leaf = ours.issue_cert(HOST)
    with trusting(ours, folder / "roots.pem"):
        _make_store.cache_clear()
        with (serving(Pages, leaf) as port, serving(Pages, leaf) as lonely, serving(Pages, None) as plain,
              serving(Doh, ours.issue_cert(DOH)) as doh, h3_site(leaf, folder, port)):
            engine = HelperEngine(
                pool=FuturePool(16), guard=TargetGuard(exempt=frozenset((HERE, at) for at in (port, lonely, plain))),
                resolvers=(Resolver(name="test", ipv4=(HERE,), doh_host=DOH),), doh_port=doh, asn_of=lambda _: 64500)
            with helper_at(engine) as url:
                yield Both(port=port, lonely=lonely, plain=plain, url=url)
    _make_store.cache_clear()


# ---- field by field

def test_quic_is_tried_where_it_was_asked_for(both: Both) -> None:
    got = both.ask(f"https://{HOST}:{both.port}/h3")
    key = f"{HERE}:{both.port}"
    assert got["quic_handshake"] == {key: {"server_name": HOST, "status": True, "failure": None}}
    assert got["http_request"]["discovered_h3_endpoint"] == f"{HOST}:{both.port}"
    page = got["http3_request"]
    assert (page["status_code"], page["title"], page["headers"]["X-Agent"]) == (200, f"{HOST}:{both.port}", "Browser/1")
    assert page["body_length"] == len(f"<TITLE>{HOST}:{both.port}</TITLE>") + 10
    assert got["ip_info"] == {HERE: {"asn": 0, "flags": 1 | 2 | 4 | 8}}, "loopback is of no network"

    without = both.ask(f"https://{HOST}:{both.port}/h3", x_quic_enabled=False)
    assert (without["quic_handshake"], without["http3_request"]) == ({}, None)
    assert without["http_request"]["discovered_h3_endpoint"] == f"{HOST}:{both.port}"


def test_http3_is_asked_of_the_site_alone_and_bounded(both: Both) -> None:
    elsewhere = both.ask(f"https://{HOST}:{both.port}/h3-elsewhere")
    assert (elsewhere["http_request"]["discovered_h3_endpoint"], elsewhere["http3_request"]) == ("", None)
    flood = both.ask(f"https://{HOST}:{both.port}/h3-flood")["http3_request"]
    assert (flood["failure"], flood["body_length"], flood["x_body_truncated"]) == (None, 192 * 1024, True)


def test_a_site_without_quic_fails_there_alone(both: Both) -> None:
    got = both.ask(f"https://{HOST}:{both.lonely}/h3")
    key = f"{HERE}:{both.lonely}"
    assert got["quic_handshake"] == {key: {"server_name": HOST, "status": False, "failure": "connection_refused"}}
    assert (got["http3_request"]["failure"], got["http_request"]["status_code"]) == ("connection_refused_error", 200)
    assert got["tls_handshake"][key]["status"] is True


@pytest.mark.parametrize(("url", "dns", "page"), [
    ("http://10.0.0.1/", (None, []), "unknown_error"),
    ("https://gone.example.org/", ("dns_name_error", []), "dns_lookup_error"),
    ("https://other.example.org/", (None, [HERE]), "unknown_error"),
])
def test_what_cannot_be_fetched_is_a_failure_to_them(both: Both, url: str, dns: tuple[Any, Any], page: str) -> None:
    """Theirs call a private address an error as well: a name that leads there leads nowhere."""
    got = both.ask(url)
    assert (got["dns"]["failure"], got["dns"]["addrs"]) == dns
    assert got["http_request"]["failure"] == page
    assert got["tcp_connect"] == {}


def test_a_request_without_a_url_finds_nothing(both: Both) -> None:
    got = both.ask("", tcp_connect=["8.8.8.8:443"])
    assert (got["dns"], got["tcp_connect"], got["ip_info"]) == (
        {"failure": None, "addrs": []}, {}, {"8.8.8.8": {"asn": 64500, "flags": 1}})
    assert (got["http_request"]["failure"], got["http_request"]["status_code"]) == ("unknown_error", -1)


def test_a_page_without_tls_has_no_handshake(both: Both) -> None:
    got = both.ask(f"http://{HOST}:{both.plain}/")
    assert "tls_handshake" not in got
    assert got["tcp_connect"] == {f"{HERE}:{both.plain}": {"status": True, "failure": None}}


def test_what_this_helper_cannot_do_sends_the_probe_to_another(both: Both) -> None:
    answer = requests.post(both.url, json={"http_request": "https://8.8.8.8:22/"}, headers=AGENT, timeout=30)
    assert (answer.status_code, "ask another" in answer.text) == (503, True)


@pytest.mark.parametrize("word", sorted(UNABLE | {"not_public"}))
def test_our_own_probes_hear_why(word: str) -> None:
    page = HttpResult(failure="unknown_error", x_refused=word)
    theirs = parse_order(Request(http_request="https://example.org/"))
    ours = parse_order(Request(http_request="https://example.org/",
                               x_endpoints=[XEndpoint(proto="dns", host="example.org")]))
    for order, expected in ((theirs, word if word in UNABLE else ""), (ours, "")):
        assert explain_unable(order,
                              make_response(order, HelperFindings(lookups={}, reached={}, page=page))) == expected


def test_an_address_without_a_route_is_unreachable_to_them_and_unknown_to_us() -> None:
    lookups = {"example.org": DohLookup(addresses=("2001:4860::1",))}
    for endpoints, expected in ((None, {"status": False, "failure": "connect_error"}),
                                ([XEndpoint(proto="dns", host="example.org")], None)):
        order = parse_order(Request(http_request="https://example.org/", x_endpoints=endpoints))
        [plan] = plan_site(order, lookups)
        found = HelperFindings(lookups=lookups, reached={plan: ReachResult(reason="no_route")}, page=None,
                               asn_of=lambda _: 64500)
        answer = make_response(order, found)
        told = answer.tcp_connect.get("[2001:4860::1]:443")
        assert (told and {"status": told.status, "failure": told.failure}) == expected
        assert (answer.ip_info["2001:4860::1"].asn, answer.ip_info["2001:4860::1"].flags) == (64500, 2)


@pytest.mark.parametrize(("ours", "theirs"), [
    ("", None), ("ssl_unknown_authority", "ssl_unknown_authority"), ("connection_reset", "connection_reset"),
    ("ssl_error: quic alert 40", "ssl_failed_handshake"), ("ssl_error: quic alert 46", "ssl_invalid_certificate"),
    ("ssl_error: quic alert 80", "unknown_failure: quic alert 80"),
    ("unknown_failure: ssl_error: x", "unknown_failure: ssl_error: x"),
    ("ssl_error: tlsv1 unrecognized name", "ssl_invalid_hostname"),
    ("ssl_error: sslv3 alert handshake failure", "unknown_failure: sslv3 alert handshake failure"),
])
def test_handshakes_fail_in_their_words(ours: Failure, theirs: str | None) -> None:
    assert to_ooni_tls_word(ours) == theirs
    lookups = {"example.org": DohLookup(addresses=("8.8.8.8",))}
    order = parse_order(Request(http_request="https://example.org/"))
    [plan] = plan_site(order, lookups)
    found = HelperFindings(lookups=lookups, reached={plan: ReachResult(operation="tls_handshake", failure=ours)},
                           page=None)
    told = make_response(order, found).tls_handshake
    assert told
    assert (told["8.8.8.8:443"].failure, told["8.8.8.8:443"].status) == (theirs, theirs is None)


@pytest.mark.parametrize(("body", "title"), [
    (b"<html><TITLE>A &amp;  b\n</title>", "A &amp;  b\n"), (b"<title lang=en>x</title><title>y</title>", "y"),
    (b"<title></title>", ""), (b"<title>" + b"x" * 513 + b"</title>", ""), (b"<title>a<b</title>", ""),
    (b"<title>\xff</title>", "\ufffd"),
])
def test_titles_are_read_as_they_read_them(body: bytes, title: str) -> None:
    assert read_plain_title(body) == title


@pytest.mark.parametrize(("alt_svc", "found"), [
    ('h3=":443"; ma=86400, h3-29=":443"', "a.example:443"), ('h3-29=":443"', ""), ("clear", ""), ("", ""),
    ('h2=":1",h3="a.example:8443"', "a.example:8443"), ('h3="b.example:443"', ""), ('h3=":0"', ""), ('h3=":99999"', ""),
])
def test_where_http3_is_spoken(alt_svc: str, found: str) -> None:
    assert _read_h3_endpoint(alt_svc, "a.example") == found


# ---- cookies

def test_cookies_go_back_to_whom_they_are_for() -> None:
    jar = CookieJar()
    jar.take("www.a.example", "own=1; Path=/, wide=2; Domain=.a.example; Expires=Wed, 01 Jan 2031 00:00:00 GMT, bad, "
                              "all=3; Domain=example, other=4; Domain=b.example")
    assert jar.header("www.a.example") == {"Cookie": "own=1; wide=2; all=3; other=4"}
    assert jar.header("b.a.example") == {"Cookie": "wide=2"}
    assert jar.header("b.example") == jar.header("a.b.example") == {}


@given(st.lists(st.tuples(st.sampled_from(("a.example", "b.a.example")), st.text(max_size=300)), max_size=30))
def test_no_cookie_breaks_a_request(taken: list[tuple[str, str]]) -> None:
    jar = CookieJar()
    for host, text in taken:
        jar.take(host, text)
    for value in jar.header("b.a.example").values():
        assert value.isascii()
        assert value.isprintable()
        assert len(value) < 20 * 600


# ---- hostile input

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from((
        "https://example.org/", "http://[::1]/", "8.8.8.8:443", "[2001:db8::1]:1", "quic", "tls", "example.org")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((
        "http_request", "http_request_headers", "tcp_connect", "x_quic_enabled", "x_endpoints", "x_trust", "x_volume",
        "proto", "host", "port", "address", "sni", "alpn", "app", "User-Agent")), inner, max_size=5), max_leaves=15)


@given(VALUES | st.fixed_dictionaries({"http_request": st.just("https://example.org/"), "tcp_connect": VALUES,
                                       "x_endpoints": VALUES, "x_quic_enabled": st.booleans()}))
def test_a_request_is_sound_or_refused(value: object) -> None:
    try:
        order = parse_order(decode_request(json.dumps(value).encode()))
    except ValueError:
        return
    lookups = {"example.org": DohLookup(addresses=("8.8.8.8",))}
    plans = plan_order(order, lookups)
    assert len(plans) <= MAX_PLANS
    reached = {plan: ReachResult(reason="port") for plan in plans}
    answer = json.loads(encode_message(make_response(order,
                                                     HelperFindings(lookups=lookups, reached=reached, page=None))))
    assert answer["tcp_connect"] == answer["quic_handshake"] == {}


def over_h3(port: int, *, within_s: float, guard: TargetGuard) -> HttpResult | None:
    """The site's page over HTTP/3."""
    return fetch_page_h3(parse_site(f"https://{HOST}:{port}/"), port=port, addresses=(HERE, "10.0.0.1"), headers={},
                         trust="web_pki", guard=guard, deadline=time.monotonic() + within_s)


@pytest.mark.parametrize("reply", [
    lambda data: b"\xff" * 1200, lambda data: data, lambda data: data[:7],
    lambda data: b"\xc0\0\0\0\0\x08" + data[6:14] + b"\0" * 30,
])
def test_garbage_over_udp_is_a_failure(reply: Callable[[bytes], bytes]) -> None:
    with stun_server(lambda data, _: reply(data)) as port:
        page = over_h3(port, within_s=0.5, guard=TargetGuard(exempt=frozenset({(HERE, port)})))
    assert page
    assert page.failure in ("generic_timeout_error", "unknown_error")
    assert (page.status_code, page.body_length) == (-1, -1)


def test_http3_is_asked_of_public_addresses_alone() -> None:
    assert over_h3(443, within_s=5, guard=TargetGuard()) is None


def test_http3_with_a_strangers_certificate_is_asked_for_nothing(both: Both, tmp_path: Path) -> None:
    with serving(Pages, None) as port, h3_site(trustme.CA().issue_cert(HOST), tmp_path, port):
        page = over_h3(port, within_s=10, guard=TargetGuard(exempt=frozenset({(HERE, port)})))
    assert page
    assert page.x_failure == "ssl_unknown_authority"
