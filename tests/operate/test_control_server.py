"""The helper as a service: whom it answers, what it refuses, how it starts and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import certifi
import pytest
import requests
import trustme
from click.testing import CliRunner

from control_world import DOH, HERE, HOST, SILENT, helper_at
from probe.controls.asking.helper_client import HelperConfig, ask_helper
from probe.controls.helper_protocol import MAX_REQUEST_BYTES
from probe.controls.reaching import public_addresses
from probe.controls.reaching.fetch_site import normalise_host, parse_site
from probe.core.endpoints import Endpoint
from probe.core.nat64 import to_translated_address
from probe.core.observations import ControlAnswer
from probe.core.tables.resolvers import Resolver
from probe_operate.cli.helper import helper as helper_command
from probe_operate.helper import helper_server as control_server
from probe_operate.helper.helper_engine import HelperEngine
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.rate_limiter import RateLimiter
from probe_operate.reaching.old_words import decode_request
from probe_operate.reaching.target_guard import TargetGuard
from project_root import ROOT


@pytest.fixture(scope="module")
def helper_url() -> Iterator[str]:
    """A helper as in the field, for requests that make it measure nothing; it could ask nobody."""
    with helper_at(HelperEngine(pool=FuturePool(2), resolvers=())) as at:
        yield at


def post(url: str, message: object, **options: Any) -> requests.Response:
    """Ask the helper in JSON."""
    body = message if isinstance(message, bytes) else json.dumps(message)
    return requests.post(url, data=body, timeout=30, **options)


def test_unreachable_operators_are_no_failure_of_the_name() -> None:
    engine = HelperEngine(pool=FuturePool(4), resolvers=(Resolver(name="none", ipv4=(SILENT,), doh_host=DOH),),
                          doh_port=9)
    target = Endpoint(target_id="t", service="s", role="chat", tier=1, input=f"dnslookup://{HOST}", protocol="dns",
                      host=HOST, port=0)
    with helper_at(engine) as url:
        answer = ask_helper(HelperConfig(control_id="t", url=url), target, (), timeout_s=30, clock=lambda: 0.0)
    assert (answer.state, answer.reason, answer.dns_failure) == ("refused", "no_resolver", "")


@pytest.mark.parametrize(("address", "port", "reason"), [
    (SILENT, 443, "not_public"), ("10.0.0.1", 443, "not_public"), ("169.254.169.254", 80, "not_public"),
    ("192.168.1.1", 80, "not_public"), ("224.0.0.1", 443, "not_public"), ("255.255.255.255", 443, "not_public"),
    ("0.0.0.0", 443, "not_public"), ("100.64.0.1", 443, "not_public"), ("::1", 443, "not_public"),
    ("fe80::1", 443, "not_public"), ("fc00::1", 443, "not_public"), ("::ffff:10.0.0.1", 443, "not_public"),
    ("64:ff9b::a00:1", 443, "not_public"), ("2002:a00:1::1", 443, "not_public"), ("3fff::1", 443, "not_public"),
    ("3fff:fff::1", 443, "not_public"), ("192.88.99.1", 443, "not_public"), ("2a00:1::5efe:a00:1", 443, "not_public"),
    ("2a00:1::200:5efe:c0a8:101", 443, "not_public"), ("2a00:1::5eff:a00:1", 443, ""), ("192.88.98.1", 443, ""),
    ("8.8.8.8", 22, "port"), ("8.8.8.8", 25, "port"), ("8.8.8.8", 53, "port"), ("2001:4860:4860::8888", 0, "port"),
    ("8.8.8.8", 443, ""), ("2001:4860:4860::8888", 5222, ""),
])
def test_guard(address: str, port: int, reason: str) -> None:
    assert TargetGuard().refusal(address, port) == reason


@pytest.mark.parametrize("prefix", ["2a00:64::/96", "2a00:64:ffff::/64", "2a00:64::/32"])
def test_nobody_is_taken_through_the_translator_of_our_network(prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private address inside is reached by it, and a public one by its own name."""
    shown = [to_translated_address(address, prefix) for address in ("192.0.0.170", "192.0.0.171")]
    monkeypatch.setattr(public_addresses, "_resolve", lambda host, deadline: ([*shown, "192.0.0.170"], ""))
    found = public_addresses.find_own_translators(deadline=0.0)
    assert found == (prefix,)
    for inside in ("10.0.0.1", "8.8.8.8"):
        assert TargetGuard(translated=found).refusal(to_translated_address(inside, prefix), 443) == "not_public"
    assert TargetGuard(translated=found).refusal("2a00:1::1", 443) == ""


def test_a_network_without_a_translator_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for answers in ([], ["192.0.0.170", "192.0.0.171"], ["2a00:1::1"]):
        monkeypatch.setattr(public_addresses, "_resolve", lambda host, deadline, told=answers: (told, ""))
        assert public_addresses.find_own_translators(deadline=0.0) == ()


def test_guard_knows_its_own_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe_operate.reaching.target_guard.is_bogon", lambda _: False)  # as if loopback were public
    assert TargetGuard().refusal(HERE, 443) == "own_address"
    assert TargetGuard(exempt=frozenset({(HERE, 443)})).refusal(HERE, 443) == ""


@pytest.mark.parametrize("url", [
    "ftp://example.org/", "https://", "https://user@example.org/", "https://example.org:99999/", "/x",
    "https://exa mple.org/", "https://example.org/\r\nX: y", "https://localhost/", "https://a..b/",
    "https://" + "a" * 64 + ".org/", "http://[::1/", "https://example.org/" + "a" * 3000, "https://ex\\ample.org/",
])
def test_urls_that_are_refused(helper_url: str, url: str) -> None:
    with pytest.raises(ValueError, match=r"bad|Port|IPv6"):
        parse_site(url)
    assert post(helper_url, {"http_request": url}).status_code == 400


def test_hosts_are_canonical() -> None:
    assert normalise_host("BÜCHER.example.ORG.") == "xn--bcher-kva.example.org"
    assert normalise_host("[2001:DB8::0]") == "2001:db8::"
    assert parse_site("https://EXAMPLE.org:443#top").url == "https://example.org/"
    assert parse_site("http://[2001:db8::1]:8080/a?b").host_header == "[2001:db8::1]:8080"


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"http_request": 5}', b"\xff\xfe", b"[" * 50_000, b'{"x_endpoints": [{}]}',
    b'{"tcp_connect": ["nonsense"], "http_request": "https://example.org/"}',
    b'{"x_endpoints": [{"proto": "udp", "host": "example.org"}]}',
    b'{"x_endpoints": [{"proto": "tcp", "host": "example.org", "port": 65536}]}',
    json.dumps({"x_endpoints": [{"proto": "dns", "host": "example.org"}] * 33}).encode(),
])
def test_requests_that_are_not_understood(helper_url: str, body: bytes) -> None:
    assert post(helper_url, body).status_code == 400


def test_statuses(helper_url: str) -> None:
    greeting = requests.get(helper_url, timeout=5)
    assert greeting.status_code == 200
    assert greeting.headers["Server"].startswith("reachability-probe/")
    assert "test helper" in greeting.json()["message"]
    assert requests.put(helper_url, timeout=5).status_code == 400
    assert requests.get(helper_url + "other", timeout=5).status_code == 404
    assert post(helper_url, b" " * (MAX_REQUEST_BYTES + 1)).status_code == 413
    with pytest.raises(ValueError, match="large"):
        decode_request(b" " * (MAX_REQUEST_BYTES + 1))


def test_rate_limit() -> None:
    now = 100.0
    limiter = RateLimiter(clock=lambda: now, per_s=1.0, burst=2, max_clients=2)
    assert [limiter.allows("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [limiter.allows(f"2001:db8::{n}") for n in range(3)] == [True, True, False]
    now = 101.0
    assert [limiter.allows("192.0.2.1") for _ in range(2)] == [True, False]
    assert limiter.allows("192.0.2.3")  # the oldest is forgotten
    assert limiter.allows("2001:db8::1")


def test_rate_limit_is_told_to_the_client() -> None:
    engine = HelperEngine(pool=FuturePool(1))
    target = Endpoint(target_id="t", service="s", role="web", tier=1, input="http://127.0.0.9/", protocol="http",
                      host="127.0.0.9", port=80)
    with helper_at(engine, RateLimiter(clock=lambda: 0.0, burst=1)) as url:
        config = HelperConfig(control_id="t", url=url)
        answers = [ask_helper(config, target, (), timeout_s=30, clock=lambda: 0.0) for _ in range(2)]
    assert [(a.state, a.reason) for a in answers] == [("refused", "not_public"), ("refused", "rate_limited")]


def test_load_is_shed(helper_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "MAX_IN_FLIGHT", 1)
    monkeypatch.setattr(control_server, "MAX_IN_FLIGHT_PROBES", 2)
    host, port = helper_url.split("/")[2].split(":")
    half = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nUser-Agent: %b\r\n\r\n{"
    slow = []
    for agent in (b"any", b"reachability-probe/1"):  # bodies that never end keep these two in flight
        slow.append(socket.create_connection((host, int(port))))
        slow[-1].sendall(half % agent)
        wait_until(lambda: post(helper_url, {}).status_code == 503)
    wait_until(lambda: post(helper_url, {}, headers={"User-Agent": "reachability-probe/1"}).status_code == 503)
    for sock in slow:
        sock.close()
    wait_until(lambda: post(helper_url, {}).status_code == 200)


def wait_until(holds: Callable[[], bool]) -> None:
    """Repeat until it holds; each try is a round trip of its own."""
    assert any(holds() for _ in range(500))


def test_a_connection_that_says_nothing_is_closed(helper_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "IDLE_S", 0.05)
    host, port = helper_url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nX-Half: ")
        assert sock.recv(1) == b""


@pytest.mark.parametrize("lengths", [b"Content-Length: 2\r\nTransfer-Encoding: chunked",
                                     b"Transfer-Encoding: chunked\r\nContent-Length: 500"])
def test_a_request_with_two_lengths_ends_the_connection(helper_url: str, lengths: bytes) -> None:
    """What one reader takes for a body, another takes for the next request (RFC 9112, 6.1)."""
    host, port = helper_url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: h\r\n" + lengths + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
                     b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        told = b""
        while more := sock.recv(4096):
            told += more
    assert told.startswith(b"HTTP/1.1 400 ")
    assert told.count(b"HTTP/1.1 ") == 1


def test_a_body_that_never_ends_is_given_up(helper_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "BODY_TIMEOUT_S", 0.05)
    host, port = helper_url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n{")
        assert b" 408 " in sock.recv(4096)


def test_who_waits_when_the_helper_stops_is_told() -> None:
    answers: list[ControlAnswer] = []
    with socket.create_server((HERE, 0)) as silent, control_server.open_listener(HERE, 0) as sock:
        port = silent.getsockname()[1]
        engine = HelperEngine(pool=FuturePool(4), guard=TargetGuard(exempt=frozenset({(HERE, port)})))
        server = control_server.make_server(control_server.make_app(engine, limiter=None), tls=None)
        server.config.timeout_graceful_shutdown = 0
        config = HelperConfig(control_id="t", url=f"http://{HERE}:{sock.getsockname()[1]}/")
        target = Endpoint(target_id="t", service="s", role="web", tier=1, input=f"http://{HERE}:{port}/",
                          protocol="http", host=HERE, port=port)
        threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True),
            threading.Thread(target=lambda: answers.append(
                ask_helper(config, target, (), timeout_s=30, clock=lambda: 0.0)), daemon=True),
        ]
        for thread in threads:
            thread.start()
        silent.settimeout(20)
        connection, _ = silent.accept()  # the measurement is under way
        server.stop()
        for thread in threads:
            thread.join(20)
        connection.close()
    assert [(a.state, a.reason) for a in answers] == [("refused", "busy")]


def test_workers_are_bounded_and_raise_what_the_call_raised() -> None:
    pool, gate, names = FuturePool(2), threading.Event(), set[str]()

    def job(number: int) -> int:
        gate.wait(10)
        names.add(str(threading.get_ident()))
        return 10 // number

    futures = [pool.submit(partial(job, number)) for number in (1, 2, 5, 0)]
    assert futures[2].cancel(), "two workers, so the third call waits"
    gate.set()
    assert (futures[0].result(10), futures[1].result(10)) == (10, 5)
    with pytest.raises(ZeroDivisionError):
        futures[3].result(10)
    assert len(names) <= 2


def spawn(*options: str) -> subprocess.Popen[str]:
    """`probe helper` in a process of its own."""
    code = "from probe_operate.cli.helper import helper; helper()"
    return subprocess.Popen([sys.executable, "-c", code, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, cwd=ROOT)


def test_command_serves_tls_and_ends_cleanly(tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("helper.example.org")
    certificate, key, bundle = (str(tmp_path / name) for name in ("c.pem", "k.pem", "ca.pem"))
    authority.cert_pem.write_to_path(bundle)
    leaf.private_key_pem.write_to_path(key)
    leaf.cert_chain_pems[0].write_to_path(certificate)
    process = spawn("--listen", f"{HERE}:0", "--certificate", certificate, "--key", key)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on https://127.0.0.1:"), line
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certifi, "where", lambda: bundle)
            target = Endpoint(target_id="t", service="s", role="web", tier=1, input="http://127.0.0.9/",
                              protocol="http", host="127.0.0.9", port=80)
            port = line.rstrip("/\n").rpartition(":")[2]
            for url, address, expected in (
                (f"https://helper.example.org:{port}/", HERE, ("refused", "not_public")),
                (f"https://{HERE}:{port}/", "", ("failed", "tls")),
            ):
                config = HelperConfig(control_id="t", url=url, address=address)
                answer = ask_helper(config, target, (), timeout_s=30, clock=lambda: 0.0)
                assert (answer.state, answer.reason) == expected
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == "", "nothing about clients is logged"


def test_command_explains_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*options: str) -> str:
        result = CliRunner().invoke(helper_command, options)
        assert result.exit_code in (1, 2)
        return result.output

    monkeypatch.setattr(public_addresses, "find_own_translators", lambda *, deadline: ())
    with socket.create_server((HERE, 0)) as taken:
        assert "in use" in run("--listen", f"{HERE}:{taken.getsockname()[1]}")
    assert "ADDR:PORT" in run("--listen", "nowhere")
    assert "go together" in run("--listen", f"{HERE}:0", "--key", "k.pem")
    assert "cannot be used" in run("--listen", f"{HERE}:0", "--key", os.devnull, "--certificate", os.devnull)
