"""The helper against real servers on loopback: what it measures of them, in OONI's words and in ours."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trustme

from control_world import DOH, HERE, HOST, Doh, Pages, World, helper_at, serving, trusting
from probe.catalogue.programs import PROGRAM_HELLOS
from probe.controls.asking.helper_client import HelperConfig, ask_helper
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.core.tables.resolvers import Resolver
from probe.core.tables.shapes import ProgramShape
from probe.instruments.streams.raw_reply import NO_TLS
from probe.instruments.streams.tls_handshake import hash_key
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.reaching.page_fetch import select_forwarded_headers
from probe_operate.reaching.target_guard import TargetGuard


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Site, operator and helper, and an authority that takes the place of certifi's bundle."""
    ours, strangers = trustme.CA(), trustme.CA()
    bundle = tmp_path_factory.mktemp("trust") / "bundle.pem"
    good, past = ours.issue_cert(HOST), datetime.now(UTC) - timedelta(days=1)
    old = ours.issue_cert(HOST, not_after=past, not_before=past - timedelta(days=30))
    with closing(socket.socket()) as unused, trusting(ours, bundle):
        unused.bind((HERE, 0))  # bound and not listening: connections are refused
        closed = unused.getsockname()[1]
        with (serving(Pages, good) as site, serving(Pages, None) as plain, serving(Pages, old) as expired,
              serving(Pages, strangers.issue_cert(HOST)) as foreign, serving(Doh, ours.issue_cert(DOH)) as doh):
            engine = HelperEngine(
                pool=FuturePool(16),
                guard=TargetGuard(exempt=frozenset((HERE, port) for port in (site, plain, expired, foreign, closed))),
                resolvers=(Resolver(name="test", ipv4=(HERE,), doh_host=DOH),),
                doh_port=doh,
            )
            with helper_at(engine) as url:
                der = ssl.PEM_cert_to_DER_cert(good.cert_chain_pems[0].bytes().decode())
                yield World(site=site, plain=plain, expired=expired, foreign=foreign, closed=closed,
                            leaf_key=hash_key(der), url=url)


def endpoint(*, port: int, **changes: Any) -> Endpoint:
    """An HTTPS endpoint of the site."""
    usual = Endpoint(target_id="chat.web", service="chat", role="web", tier=1, protocol="http", host=HOST, port=port,
                     input=f"https://{HOST}:{port}/", sni=HOST, trust="web_pki")
    return replace(usual, **changes)


def ask_about(world: World, target: Endpoint, *addresses: str) -> ControlAnswer:
    """Through the probe's own client."""
    config = HelperConfig(control_id="test", url=world.url, asn=64500, cc="NL")
    return ask_helper(config, target, addresses, timeout_s=30, clock=lambda: 1.5)


def test_client_and_helper_agree_on_a_living_site(world: World) -> None:
    answer = ask_about(world, endpoint(port=world.site), HERE)
    key = Place(HERE, world.site)
    assert (answer.state, answer.reason, answer.control_id, answer.asn) == ("answered", "", "test", 64500)
    assert answer.addresses == (HERE,)
    assert answer.dns_failure == ""
    assert answer.tcp == ((key, ""),)
    assert answer.tls == ((key, ""),)
    assert answer.leaf_keys == ((key, world.leaf_key),)
    assert (answer.http_failure, answer.http_status, answer.http_title) == ("", 200, "Chat & more")
    assert "x-chat" in answer.http_header_names


@pytest.mark.parametrize("shape", PROGRAM_HELLOS)
def test_a_helper_sends_a_programs_hello_and_nothing_else(world: World, shape: ProgramShape) -> None:
    def ask(port: int) -> ControlAnswer:
        return ask_helper(HelperConfig(control_id="test", url=world.url), endpoint(port=port), (HERE,), timeout_s=30,
                          clock=lambda: 1.5, shape=shape)

    answer = ask(world.site)
    assert (answer.state, answer.shapes) == ("answered", ((Place(HERE, world.site), f"{shape} answered"),))
    assert (answer.tcp, answer.tls, answer.ja4s, answer.addresses, answer.http_failure) == ((), (), (), (), None)
    (told,) = ask(world.plain).shapes
    assert told == (Place(HERE, world.plain), f"{shape} {NO_TLS}")
    assert ask(world.closed).shapes == ()


@pytest.mark.parametrize("changes", [{"shape": "netscape"}, {"shape": ""}, {"address": ""}], ids=str)
def test_a_helper_refuses_shapes_that_it_does_not_know(world: World, changes: dict[str, str]) -> None:
    asked = {"proto": "shape", "host": HOST, "port": world.site, "address": HERE, "shape": "chrome"} | changes
    assert world.post({"x_endpoints": [asked]}).status_code == 400


def test_ooni_fields(world: World) -> None:
    # A Go program writes null for an empty list or map.
    got = world.post({"http_request": f"https://{HOST}:{world.site}/moved", "http_request_headers": None,
                      "tcp_connect": [f"{HERE}:1"], "x_quic_enabled": False, "x_endpoints": None}).json()
    key = f"{HERE}:{world.site}"
    assert got["tcp_connect"] == {key: {"status": True, "failure": None}}
    assert got["tls_handshake"] == {key: {"server_name": HOST, "status": True, "failure": None}}
    assert got["dns"] == {"failure": None, "addrs": [HERE]}
    assert got["ip_info"] == {HERE: {"asn": 0, "flags": 1 | 2 | 4 | 8}}
    assert got["quic_handshake"] == {}
    page = got["http_request"]
    assert (page["status_code"], page["title"], page["failure"]) == (200, "Chat &amp; more", None)
    assert (page["x_first"]["status_code"], page["x_first"]["location"]) == (302, "/")


def test_request_headers_are_forwarded_but_no_others(world: World) -> None:
    got = world.post({"http_request": f"http://{HOST}:{world.plain}/",
                      "http_request_headers": {"User-Agent": ["Browser/1"], "Cookie": ["a=b"]}}).json()
    assert got["http_request"]["headers"]["X-Chat"] == "Browser/1"
    assert select_forwarded_headers({"User-Agent": ["a\r\nX: y"], "Accept": None, "cookie": ["z"],
                                     "accept-language": ["nl"]}) == {
        "Accept-Language": "nl"}


@pytest.mark.parametrize(("path", "failure", "refused", "hops"), [
    ("/away", "", "", 302),
    ("/loop", "unknown_failure: stopped after too many redirects", "", 302),
    ("/inward", "", "not_public", 302),
    ("/port", "", "not_public", 302),
    ("/file", "http_invalid_redirect_location_host", "", 302),
])
def test_redirects(world: World, path: str, failure: str, refused: str, hops: int) -> None:
    page = world.post({"http_request": f"https://{HOST}:{world.site}{path}"}).json()["http_request"]
    assert (page["x_failure"], page["x_refused"]) == (failure, refused)
    assert page["x_first"]["status_code"] == hops
    assert (page["status_code"] == 200) == (path == "/away")


def test_body_is_capped(world: World) -> None:
    ours = [{"proto": "dns", "host": HOST}]
    asked = {"http_request": f"https://{HOST}:{world.site}/flood", "x_endpoints": ours}
    page = world.post(asked).json()["http_request"]
    assert (page["body_length"], page["x_body_truncated"]) == (65536, True)


def test_ooni_s_probes_hear_the_length_that_they_can_compare(world: World) -> None:
    pages = {path: world.post({"http_request": f"http://{HOST}:{world.plain}/{path}"}).json()["http_request"]
             for path in ("flood", "deluge")}
    assert [page["body_length"] for page in pages.values()] == [300_000, 786_432]
    assert [page["x_first"]["body_length"] for page in pages.values()] == [65536, 65536]
    assert pages["flood"]["x_body_sha256"] == pages["flood"]["x_first"]["body_sha256"]


@pytest.mark.parametrize(("port", "changes", "trust", "failure"), [
    ("site", {}, "valid", None),
    ("site", {"sni": "other.example.org"}, "wrong_name", "ssl_invalid_hostname"),
    ("expired", {}, "expired", "ssl_invalid_certificate"),
    ("foreign", {}, "unknown_issuer", "ssl_unknown_authority"),
    ("foreign", {"trust": "record"}, "", None),
    ("foreign", {"trust": "nonsense"}, "unknown_issuer", "ssl_unknown_authority"),
])
def test_trust_words(world: World, port: str, changes: dict[str, str], trust: str, failure: str | None) -> None:
    [got] = world.x(proto="tls", host=HOST, port=getattr(world, port), address=HERE, **changes)
    assert (got["operation"], got["trust"], got["failure"]) == ("tls_handshake", trust, failure)
    assert len(got["leaf_key_sha256"]) == 64
    assert (got["leaf_key_sha256"] == world.leaf_key) == (port == "site")


def test_trust_of_the_page(world: World) -> None:
    url = f"https://{HOST}:{world.foreign}/"
    pages = [world.post({"http_request": url, "x_trust": trust}).json()["http_request"] for trust in ("", "record")]
    assert [page["x_failure"] for page in pages] == ["ssl_unknown_authority", ""]
    assert pages[1]["status_code"] == 200


def test_refused_connection_in_both_vocabularies(world: World) -> None:
    [got] = world.x(proto="tcp", host=HOST, port=world.closed)
    assert (got["address"], got["operation"], got["failure"]) == (HERE, "connect", "connection_refused")
    page = world.post({"http_request": f"https://{HOST}:{world.closed}/"}).json()
    assert page["tcp_connect"][f"{HERE}:{world.closed}"] == {"status": False, "failure": "connection_refused_error"}
    assert page["http_request"]["failure"] == "connection_refused_error"
    answer = ask_about(world, endpoint(port=world.closed), HERE)
    assert answer.tcp == ((Place(HERE, world.closed), "connection_refused"),)
    assert (answer.tls, answer.http_failure) == ((), "connection_refused")


def test_name_that_does_not_exist(world: World) -> None:
    target = endpoint(port=443, host="gone.example.org", sni="gone.example.org", input="https://gone.example.org/")
    answer = ask_about(world, target)
    assert (answer.state, answer.dns_failure, answer.addresses) == ("answered", "dns_nxdomain_error", ())
    assert answer.http_failure == "dns_nxdomain_error"
    got = world.post({"http_request": "https://gone.example.org/"}).json()
    assert (got["dns"]["failure"], got["http_request"]["failure"]) == ("dns_name_error", "dns_lookup_error")


def test_guard_holds_for_every_way_in(world: World) -> None:
    [got] = world.x(proto="tls", host=HOST, port=443, address="127.0.0.1")
    assert (got["reason"], got["operation"], got["failure"]) == ("not_public", "", None)
    [got] = world.x(proto="tcp", host=HOST, port=22)
    assert got["reason"] == "not_public"
    answer = world.post({"http_request": "http://127.0.0.1/", "tcp_connect": ["127.0.0.8:80"]}).json()
    assert answer["tcp_connect"] == {}
    assert "tls_handshake" not in answer
    assert (answer["http_request"]["x_refused"], answer["http_request"]["status_code"]) == ("not_public", -1)
