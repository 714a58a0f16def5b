"""The client against helpers that misbehave, and its reading of hostile answers."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from probe.controls.asking.helper_answer import parse_answer
from probe.controls.asking.helper_client import HelperConfig, ask_helper, make_helper_request
from probe.controls.helper_protocol import MAX_ANSWER_BYTES, Request, encode_message, join_address, split_address
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place
from probe.instruments.address_echoes import remove_addresses
from probe_operate.reaching.old_words import decode_request

HERE = "127.0.0.1"
ENDPOINT = Endpoint(target_id="chat.web", service="chat", role="web", tier=1, input="https://chat.example.org/",
                    protocol="http", host="chat.example.org", port=443, sni="chat.example.org", trust="web_pki",
                    alpn=("http/1.1",))
BLANK = ControlAnswer(control_id="c", input=ENDPOINT.input, state="failed")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
KEY = "93.184.216.34:443"
PLACE = Place("93.184.216.34", 443)


def whole(body: bytes, head: bytes = OK) -> bytes:
    """A response with its length."""
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Helper:
    """A helper made of one function that gets the raw connection, usually once the request was read."""

    def __init__(self, act: Callable[[socket.socket], None], reads: bool) -> None:
        self.requests: list[bytes] = []
        self.ended = threading.Event()
        self._act = act
        self._reads = reads
        self._listener = socket.create_server((HERE, 0))
        self.url = f"http://{HERE}:{self._listener.getsockname()[1]}/"

    def run(self) -> None:
        """Serve until the listener is closed."""
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with sock, suppress(OSError):
                if self._reads:
                    self.requests.append(_read_request(sock))
                self._act(sock)
            self.ended.set()

    def stop(self) -> None:
        """Close the listener and wake whoever waits on it."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def _read_request(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
    while len(body) < length:
        body += _more(sock)
    return head + b"\r\n\r\n" + body


def _more(sock: socket.socket) -> bytes:
    if data := sock.recv(65536):
        return data
    raise ConnectionError


@contextmanager
def helper(act: Callable[[socket.socket], None], *, reads: bool = True) -> Iterator[Helper]:
    """A misbehaving helper for a while; unless it `reads`, it acts before it has heard anything."""
    server = Helper(act, reads)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)


def says(data: bytes) -> Callable[[socket.socket], None]:
    """Send `data` and hang up."""
    return lambda sock: sock.sendall(data)


def for_ever(head: bytes, chunk: bytes, pause_s: float = 0.0) -> Callable[[socket.socket], None]:
    """Send `chunk` again and again until the other side has gone."""
    def act(sock: socket.socket) -> None:
        sock.sendall(head)
        while True:
            sock.sendall(chunk)
            if pause_s:
                time.sleep(pause_s)
    return act


def silence_of_the_deaf(sock: socket.socket) -> None:
    """Read and say nothing until the other side has gone."""
    while sock.recv(65536):
        pass


def silence(sock: socket.socket) -> None:
    """Say nothing until the other side has gone."""
    assert sock.recv(1) == b""


def asked(url: str, *, timeout_s: float = 30.0, address: str = "") -> ControlAnswer:
    """Ask the helper at `url` about the endpoint."""
    config = HelperConfig(control_id="c", url=url, address=address)
    return ask_helper(config, ENDPOINT, ["93.184.216.34"], timeout_s=timeout_s, clock=lambda: 0.0)


def bomb(sock: socket.socket) -> None:
    """Send a small body that unpacks to a large one, and hang up."""
    sock.sendall(whole(gzip.compress(b"\0" * 20_000_000), OK + b"Content-Encoding: gzip\r\n"))


@pytest.mark.parametrize(("act", "reason"), [
    (says(b""), "interrupted"),
    (says(b"\x16\x03\x01 this is not HTTP \r\n\r\n"), "garbage"),
    (says(whole(b"<html>portal</html>")), "garbage"),
    (says(whole(b"\xff\xfe\x00")), "garbage"),
    (says(whole(b"[]")), "garbage"),
    (says(whole(b"{}")), "garbage"),
    (says(whole(b"[" * 100_000)), "garbage"),
    (says(whole(b'{"a":' * 40_000)), "garbage"),
    (says(OK + b"Content-Length: 100\r\n\r\n{"), "garbage"),
    (says(OK + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"), "garbage"),
    (says(whole(b"", b"HTTP/1.1 302 Found\r\nLocation: /\r\n")), "bad_status"),
    (says(whole(b"{}", b"HTTP/1.1 500 Oops\r\n")), "bad_status"),
    (says(whole(b"{}", b"HTTP/1.1 400 Bad\r\n")), "bad_status"),
    (bomb, "too_large"),
    (says(whole(b"not gzip", OK + b"Content-Encoding: gzip\r\n")), "garbage"),
    (for_ever(OK + b"Content-Length: 10000000000\r\n\r\n", b" " * 65536), "too_large"),
    (for_ever(OK + b"\r\n", b" " * 65536), "too_large"),
    (for_ever(OK, b"X-Filler: " + b"x" * 1000 + b"\r\n"), "garbage"),
], ids=range(18))
def test_misbehaving_helpers(act: Callable[[socket.socket], None], reason: str) -> None:
    with helper(act) as server:
        answer = asked(server.url)
        assert (answer.state, answer.reason) == ("failed", reason)
        assert len(server.requests) == 1, "asked once, no redirect followed"
        assert server.ended.wait(20), "the connection is given up"


@pytest.mark.parametrize("act", [
    silence,
    for_ever(OK, b"X", 0.01),
    for_ever(OK + b"Content-Length: 99999\r\n\r\n", b" ", 0.01),
    for_ever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.01),
], ids=["nothing", "header", "body", "chunks"])
def test_the_deadline_is_for_the_whole_call(act: Callable[[socket.socket], None]) -> None:
    with helper(act) as server:
        answer = asked(server.url, timeout_s=0.3)
        assert (answer.state, answer.reason) == ("failed", "timeout")
        assert server.ended.wait(20), "the thread left behind has let go of its socket"


@pytest.mark.parametrize(("status", "reason"), [(403, "forbidden"), (429, "rate_limited"), (503, "busy")])
def test_helpers_may_decline(status: int, reason: str) -> None:
    with helper(says(whole(b"", b"HTTP/1.1 %d No\r\n" % status))) as server:
        answer = asked(server.url)
    assert (answer.state, answer.reason) == ("refused", reason)


def test_no_helper_there() -> None:
    with socket.socket() as unused:
        unused.bind((HERE, 0))
        url = f"http://{HERE}:{unused.getsockname()[1]}/"
        assert (asked(url).state, asked(url).reason) == ("failed", "connect")


def test_tls_against_what_is_no_tls() -> None:
    with helper(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), reads=False) as server:
        assert asked(server.url.replace("http:", "https:")).reason == "tls"
    with helper(silence_of_the_deaf, reads=False) as server:
        assert asked(server.url.replace("http:", "https:"), timeout_s=0.3).reason == "timeout"
        assert server.ended.wait(20)


def test_pinned_address_keeps_the_name() -> None:
    with helper(says(whole(b'{"dns": {"failure": null, "addrs": ["93.184.216.34"]}}'))) as server:
        port = server.url.rstrip("/").rpartition(":")[2]
        answer = asked(f"http://helper.invalid:{port}/x", address=HERE)
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert (answer.state, answer.addresses) == ("answered", ("93.184.216.34",))
    assert head.startswith(b"POST /x HTTP/1.1\r\n")
    assert f"Host: helper.invalid:{port}".encode() in head
    assert b"User-Agent: reachability-probe/" in head
    decode_request(body)


def test_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    with helper(says(whole(b'{"dns": {"failure": "dns_name_error", "addrs": []}}'))) as server:
        assert asked(server.url).dns_failure == "dns_nxdomain_error"


def test_what_is_asked_of_each_kind_of_endpoint() -> None:
    web = make_helper_request(ENDPOINT, ["93.184.216.34", "2001:db8::1", "nonsense", "93.184.216.34"])
    assert web.http_request == ENDPOINT.input
    assert web.tcp_connect == [KEY, "[2001:db8::1]:443"]
    assert [(e.proto, e.address) for e in web.x_endpoints or ()] == [
        ("dns", ""), ("tls", "93.184.216.34"), ("tls", "2001:db8::1"), ("tls", "")]
    chat = Endpoint(target_id="t", service="s", role="chat", tier=1, input="tcpconnect://149.154.167.51:5222",
                    protocol="tcp", host="149.154.167.51", port=5222, address="149.154.167.51")
    asked_of_chat = make_helper_request(chat, [])
    assert asked_of_chat.http_request == ""
    assert [(e.proto, e.address) for e in asked_of_chat.x_endpoints or ()] == [("tcp", "149.154.167.51"), ("tcp", "")]
    call = Endpoint(target_id="t", service="s", role="call", tier=1, input="stun://stun.example.org:3478",
                    protocol="stun", host="stun.example.org", port=3478)
    assert [(e.proto, e.address) for e in make_helper_request(call, ["93.184.216.34"]).x_endpoints or ()] == [
        ("dns", ""), ("stun", "93.184.216.34"), ("stun", "")]
    media = replace(call, input="udp://stun.example.org:3478", protocol="udp")
    assert [e.proto for e in make_helper_request(media, ["93.184.216.34"]).x_endpoints or ()] == ["dns"]
    many = make_helper_request(ENDPOINT, [f"93.184.216.{n}" for n in range(200)])
    assert decode_request(encode_message(many)) == many


def read(message: object) -> ControlAnswer:
    """What the client makes of an answer."""
    return parse_answer(json.dumps(message).encode(), blank=BLANK, endpoint=ENDPOINT)


def test_an_answer_of_oonis_helper() -> None:
    answer = read({
        "tcp_connect": {KEY: {"status": True, "failure": None},
                        "[2001:DB8::1]:443": {"status": False, "failure": "connection_refused_error"},
                        "93.184.216.35:443": {"status": False, "failure": None}},
        "tls_handshake": {KEY: {"server_name": ENDPOINT.sni, "status": False, "failure": "ssl_unknown_authority"}},
        "http_request": {"body_length": -1, "discovered_h3_endpoint": "", "failure": "dns_lookup_error", "title": "",
                         "headers": {}, "status_code": -1},
        "dns": {"failure": None, "addrs": []},
        "ip_info": {}, "quic_handshake": {}, "http3_request": None,
    })
    assert answer.state == "answered"
    assert answer.tcp == ((PLACE, ""), (Place("2001:db8::1", 443), "connection_refused"))
    assert answer.tls == ((PLACE, "ssl_unknown_authority"),)
    assert (answer.http_failure, answer.dns_failure) == (None, "dns_no_answer")


def test_what_is_malformed_costs_only_itself() -> None:
    answer = read({
        "tcp_connect": {KEY: {"status": "yes", "failure": 7}, "93.184.216.35:443": {"status": True, "failure": None},
                        "nowhere": {"status": True, "failure": None}},
        "tls_handshake": [1, 2, 3],
        "dns": {"failure": None, "addrs": ["93.184.216.34", "evil", 5]},
        "http_request": {"status_code": 200, "title": ["x"], "headers": {"Server": [1], "Bad Name": ""},
                         "body_length": "long", "failure": None},
        "x_endpoints": [None, {"proto": "tls"}, 5],
    })
    assert answer.tcp == ((Place("93.184.216.35", 443), ""),)
    assert (answer.tls, answer.addresses, answer.dns_failure) == ((), (), "")
    assert (answer.http_failure, answer.http_status, answer.http_title) == ("", 200, "")
    assert answer.http_header_names == ("server",)


def entry(**fields: Any) -> dict[str, Any]:
    """One of our own results."""
    base = {"proto": "tls", "host": ENDPOINT.host, "port": 443, "address": "93.184.216.34",
            "operation": "tls_handshake"}
    return base | fields


def test_our_own_entries_say_more() -> None:
    answer = read({
        "dns": {"failure": "unknown_error", "addrs": []},
        "tcp_connect": {KEY: {"status": False, "failure": "connect_error"}},
        "x_endpoints": [
            entry(proto="dns", operation="resolve", address="", port=0, reason="no_resolver"),
            entry(failure="ssl_invalid_certificate", leaf_key_sha256="ab" * 32),
            entry(address="93.184.216.35", operation="connect", failure="timed_out", leaf_key_sha256="NO"),
            entry(address="93.184.216.36", operation="", reason="no_route"),
            entry(address="93.184.216.37", port=80), entry(host="other.example.org", address="93.184.216.38"),
        ],
    })
    assert (answer.dns_failure, answer.addresses) == ("", ())
    assert answer.tcp == ((PLACE, ""), (Place("93.184.216.35", 443), "timed_out"))
    assert answer.tls == ((PLACE, "ssl_invalid_certificate"),)
    assert answer.leaf_keys == ((PLACE, "ab" * 32),)


def test_an_answer_that_declines_everything_is_a_refusal() -> None:
    answer = read({"x_endpoints": [entry(operation="", reason="port")],
                   "http_request": {"failure": "unknown_error", "x_refused": "port"}})
    assert (answer.state, answer.reason, answer.http_failure) == ("refused", "port", None)


def test_a_title_that_names_an_address_is_kept_as_ours_is() -> None:
    page = {"failure": None, "status_code": 200, "title": "Hello 93.184.216.34"}
    answer = read({"http_request": page})
    assert answer.http_title == remove_addresses("Hello 198.51.100.7")


def test_text_of_strangers_is_made_harmless() -> None:
    answer = read({
        "dns": {"failure": "see 192.0.2.1\n" + "x" * 9999, "addrs": []},
        "http_request": {"failure": None, "status_code": 200, "title": "a\x1b[31m\r\nb" + "c" * 9999},
        "tcp_connect": {f"93.184.{n}.1:443": {"status": True, "failure": None} for n in range(256)},
    })
    assert answer.dns_failure.startswith("unknown_failure: see [scrubbed] x")
    assert len(answer.dns_failure) == 200
    assert answer.http_title.startswith("a [31m  b")
    assert 100 < len(answer.http_title) <= 200
    assert len(answer.tcp) == 128


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from([KEY, "valid"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from([KEY, "failure", "status", "addrs", "server_name", "status_code", "headers", "x_first", "title",
                         "host", "proto", "address", "operation", "port", "reason", "body_length"]), inner, max_size=6),
    max_leaves=20,
)
ANSWERS = st.dictionaries(
    st.sampled_from(["tcp_connect", "tls_handshake", "http_request", "dns", "ip_info", "x_endpoints"]), JSON)


def check(answer: ControlAnswer) -> None:
    """What holds of any reading of any bytes."""
    assert answer.state in ("answered", "refused", "failed")
    assert (answer.state == "answered") == (answer.reason == "")
    for text in (answer.dns_failure, answer.http_failure or "", *(word for _, word in answer.tcp + answer.tls)):
        assert len(text) <= 200
        assert text.isprintable()
    for place, _ in answer.tcp + answer.tls + answer.leaf_keys:
        assert split_address(join_address(place.address, place.port)) == (place.address, place.port)


UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)


@UNHURRIED
@given(ANSWERS)
def test_any_json_is_read_without_error(message: dict[str, Any]) -> None:
    check(read(message))


@UNHURRIED
@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda b: b'{"dns":' + b + b"}"))
def test_any_bytes_are_read_without_error(body: bytes) -> None:
    check(parse_answer(body, blank=BLANK, endpoint=ENDPOINT))


@UNHURRIED
@given(st.builds(Request, http_request=st.text(max_size=50), tcp_connect=st.lists(st.text(max_size=64), max_size=3)))
def test_requests_survive_the_wire(request: Request) -> None:
    assert decode_request(encode_message(request)) == request


def test_the_largest_answer_of_our_helper_is_read() -> None:
    message = {"x_endpoints": [entry(leaf_key_sha256="ab" * 32)] * 200}
    assert len(json.dumps(message)) < MAX_ANSWER_BYTES
    assert read(message).state == "answered"
