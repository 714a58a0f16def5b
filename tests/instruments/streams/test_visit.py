"""Visits to servers on loopback that behave well, badly and with malice: the right word, in bounds, always an end."""

from __future__ import annotations

import base64
import itertools
import queue
import resource
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from loopback import (
    FLOOD,
    MEGABYTE,
    PATIENCE_S,
    SHORT_S,
    Behaviour,
    flooding,
    going_to,
    requests_on,
    response,
    saying,
    seen_of,
    serving,
)
from observations import EOF, HOST, REFUSED, RESET, TIMEOUT
from probe.core.endpoints import Expectation
from probe.core.observations import Observation
from probe.instruments.streams.sockets import raise_socket_limit
from probe.instruments.visits import farewell
from probe.instruments.visits.visit import list_unasked_pages
from probe.judge.flow.transfer_evidence import is_trickling_page


def page_of(behave: Behaviour, **changes: Any) -> Observation:
    """The page that a visit to such a server gives."""
    with serving(behave) as server:
        seen = seen_of(going_to(server.port, **changes))
    assert [o.operation for o in seen] == ["connect", "http_round_trip"]
    return seen[-1]


# ---- connecting

def test_a_closed_port_refuses() -> None:
    found: queue.SimpleQueue[list[Observation]] = queue.SimpleQueue()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        plan = going_to(bound.getsockname()[1], connect_timeout_s=3600.0)  # a refusal must not wait for it
        threading.Thread(target=lambda: found.put(seen_of(plan)), daemon=True).start()
        (seen,) = found.get(timeout=PATIENCE_S)
    assert (seen.operation, seen.failure, seen.icmp) == ("connect", REFUSED, None)


def test_a_full_queue_is_silence_until_the_deadline() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        (seen,) = seen_of(going_to(full.getsockname()[1], connect_timeout_s=SHORT_S))
        for filler in fillers:
            filler.close()
    assert (seen.operation, seen.failure) == ("connect", TIMEOUT)


# ---- pages that are well

@pytest.mark.parametrize("then", ["hold", "close"])
def test_the_farewell_after_a_page_is_acknowledged(then: str) -> None:
    assert page_of(saying(response(b"all"), then=then)).tcp.acked == "yes"


def test_what_is_never_acknowledged_after_a_page_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell, "PATIENCE_S", 0.05)
    monkeypatch.setattr(farewell, "ask_acknowledged", lambda sock: "no")
    seen = page_of(saying(response(b"all")))
    assert (seen.failure, seen.http.body_bytes, seen.tcp.acked) == ("", 3, "no")
    assert page_of(saying(response(b"all")), purpose="innocent").tcp.acked == ""



def test_a_page_is_told_in_full() -> None:
    body = b"<title>Chat &amp; more</title>hello"
    seen = page_of(saying(response(body, headers=b"Server: s/1\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nX-A: 1\r\n")),
                   expect=Expectation(status=("200",), body=("hello",)))
    assert (seen.failure, seen.http.status, seen.http.title, seen.http.server) == ("", 200, "Chat & more", "s/1")
    assert (seen.met_expectation, seen.mismatch, seen.http.body_bytes) == ("yes", "", len(body))
    assert seen.http.header_names == ("content-length", "date", "server", "x-a")
    assert seen.http.clock_offset_s is not None
    assert seen.bytes_read > len(body)
    assert (seen.input, seen.http.url, seen.http.host_header) == ("in/", f"http://{HOST}/", HOST)


def test_the_request_names_the_host_and_nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9/")
    heads: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        heads.append(next(requests_on(conn)))
        conn.sendall(response())

    assert page_of(behave, paths=("/a?b=c",)).http.status == 200
    (head,) = heads
    assert head.startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert head.count(b"\r\nHost: " + HOST.encode()) == 1
    assert b"127.0.0.1" not in head
    assert b"ookie" not in head


def test_a_redirect_is_told_and_not_followed() -> None:
    with serving(saying(response(status="302 Found", headers=b"Location: http://127.0.0.1:1/\r\n"))) as server:
        seen = seen_of(going_to(server.port))
        assert (seen[-1].http.status, seen[-1].http.location, server.connections) == (302, "http://127.0.0.1:1/", 1)


PATHS = ("/a", "/b", "/c")


def test_several_pages_share_one_connection() -> None:
    def behave(conn: socket.socket) -> None:
        for head in requests_on(conn):
            conn.sendall(response(head.split(b" ")[1]))

    with serving(behave) as server:
        plan = going_to(server.port, paths=PATHS)
        seen = seen_of(plan)
        assert server.connections == 1
    assert [o.input for o in seen[1:]] == ["in/a", "in/b", "in/c"]
    assert all(o.failure == "" and o.http.body_excerpt == o.input[2:] for o in seen[1:])
    assert sum(o.bytes_read for o in seen[1:]) == sum(len(response(p.encode())) for p in PATHS)
    assert list_unasked_pages(plan, seen) == ()


@pytest.mark.parametrize("answer", [
    pytest.param(response(b"x", headers=b"Connection: close\r\n"), id="close"),
    pytest.param(response(b"x", headers=b"Connection: Keep-Alive, CLOSE\r\n"), id="close among others"),
    pytest.param(response(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"), id="HTTP/1.0"),
    pytest.param(b"HTTP/1.1 200 OK\r\n\r\nx", id="a body that ends with the connection"),
])
def test_a_connection_that_will_be_closed_is_not_asked_again(answer: bytes) -> None:
    with serving(saying(answer)) as server:
        plan = going_to(server.port, paths=PATHS)
        seen = seen_of(plan)
    assert [(o.operation, o.failure) for o in seen] == [("connect", ""), ("http_round_trip", "")]
    assert [p.input for p in list_unasked_pages(plan, seen)] == ["in/b", "in/c"]


def test_an_old_server_that_keeps_the_connection_is_asked_again() -> None:
    def behave(conn: socket.socket) -> None:
        for _ in requests_on(conn):
            conn.sendall(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n")

    with serving(behave) as server:
        assert [o.failure for o in seen_of(going_to(server.port, paths=PATHS))] == [""] * 4


# ---- pages that are not

INVALID = "unknown_failure: invalid http response"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = b"Content-Encoding: gzip\r\n"


@pytest.mark.parametrize(("behave", "failure"), [
    pytest.param(saying(then="reset"), RESET, id="reset at once"),
    pytest.param(saying(then="close"), EOF, id="closed at once"),
    pytest.param(saying(b"HTTP/1.1 200", then="reset"), RESET, id="reset in the status line"),
    pytest.param(saying(HEAD + b"A: ", then="reset"), RESET, id="reset in the headers"),
    pytest.param(saying(response(b"x" * 50)[:-9], then="reset"), RESET, id="reset in the body"),
    pytest.param(saying(response(b"x" * 50)[:-9]), EOF, id="closed in the body"),
    pytest.param(saying(CHUNKED + b"5\r\nab"), EOF, id="closed in a chunk"),
    pytest.param(saying(b"\x16\x03\x03\x00\x02\x02\x28\r\n\r\n"), INVALID, id="rubbish"),
    pytest.param(saying(b"<html>page</html>\r\n"), INVALID, id="HTTP/0.9"),
    pytest.param(saying(b"HTTP/1.1 abc OK\r\n\r\n"), INVALID, id="no status"),
    pytest.param(saying(b"SSH-2.0-OpenSSH_9\r\n"), INVALID, id="another protocol"),
    pytest.param(saying(b"HTTP/1.1 " + b"2" * 70000 + b"\r\n\r\n"), INVALID, id="a status line without end"),
    pytest.param(saying(CHUNKED + b"zz\r\nabc\r\n"), EOF, id="a chunk of no size"),
    pytest.param(saying(CHUNKED + b"-5\r\nabc\r\n"), INVALID, id="a chunk of less than nothing"),
    pytest.param(saying(response(b"no gzip at all", headers=GZIP)), INVALID, id="no gzip"),
])
def test_a_broken_answer_has_the_right_word(behave: Behaviour, failure: str) -> None:
    assert page_of(behave).failure.startswith(failure)


@pytest.mark.parametrize("answer", [
    pytest.param(response(headers=b"X-\xff\x80: \x00\x01\xfe\r\n"), id="binary headers"),
    pytest.param(response(headers=b"no colon here\r\n"), id="a line that is no header"),
    pytest.param(response(headers=b"Location: http://[\r\nDate: never\r\n"), id="values that cannot be read"),
    pytest.param(response(headers=b"Content-Encoding: unheard-of\r\n"), id="an unknown encoding"),
    pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + response(), id="an answer before the answer"),
])
def test_an_odd_answer_is_an_answer(answer: bytes) -> None:
    seen = page_of(saying(answer))
    assert (seen.failure, seen.http.status) == ("", 200)


def bomb(depth: int, headers: bytes) -> Behaviour:
    """A page packed so often, when it is asked for, and never whole in memory."""
    def behave(conn: socket.socket) -> None:
        chunks: Iterable[bytes] = itertools.repeat(bytes(65536), FLOOD // 65536)
        for _ in range(depth):
            chunks = packed(chunks)
        saying(response(b"".join(chunks), headers=headers))(conn)
    return behave


def packed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """As one gzip member."""
    packer = zlib.compressobj(9, wbits=31)
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


TINY_BOMB = base64.b64decode(
    "H4sIAAAAAAACA5Pv5mAAASbmt3cU/WIYRRwu2hskBQVGNa7K4K1ekcnE1svAvXJV5vULnhxczQfLuFfoLeDrzGCyELugIKCRcGuma8if6r6qXyen"
    "T//9r8RMZ+3a/z9NZ/6RfpauL/59czgz0GiDos+3H399apjwY8OOe3etQbYde/f52OuXrzQ+lHzJO24FFEj44mdXW7P5l0DFj3+5WbIgXVWz+8tv"
    "r44+8PTR89u1v4EiDRd3C/KAaJGDIDMyIBwxMKcDmTMqMyozKjMgMtM+H9/985Nhwu+swr82t2WAQj/O1635a/fnV6rEs+h6xoaH3fcOhXAyAAAB"
    "ERKxdwQAAA==")
"""600 MB of zeros in 259 bytes, packed three times."""
FLOODS = {
    "headers without end": (flooding(HEAD, b"A: b\r\n" * 1000), INVALID),
    "one header without end": (flooding(HEAD + b"A: ", b"b" * 65536), INVALID),
    "a megabyte of headers": (saying(HEAD + (b"A: " + b"b" * 50000 + b"\r\n") * 20 + b"\r\n"), "message_size"),
    "a body without end": (flooding(HEAD + b"\r\n", b"b" * 65536), ""),
    "a body longer than it says": (flooding(response(b"x"), b"b" * 65536), ""),
    "one chunk without end": (flooding(CHUNKED + b"-1\r\n", b"b" * 65536), "message_size"),
    "a chunk size without end": (flooding(CHUNKED, b"0" * 65536), INVALID),
    "answers before the answer": (flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "message_size"),
    "trailers without end": (flooding(CHUNKED + b"0\r\n", b"A: b\r\n" * 1000), "message_size"),
    "a gzip bomb": (bomb(1, GZIP), ""),
    "a bomb of 259 bytes": (saying(response(TINY_BOMB, headers=b"Content-Encoding: gzip, gzip, gzip\r\n")), ""),
    "a bomb in a bomb": (bomb(2, b"Content-Encoding: gzip, gzip\r\n"), ""),
}


@pytest.mark.parametrize(("behave", "failure"), FLOODS.values(), ids=FLOODS)
def test_a_flood_ends_in_bounds(behave: Behaviour, failure: str) -> None:
    page_of(saying(response()))  # what is imported and cached on first use is not the flood's
    tracemalloc.start()
    try:
        seen = page_of(behave)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seen.failure.startswith(failure)
    assert (seen.failure == "") == (failure == "")
    assert seen.http.body_bytes <= 16384
    assert seen.bytes_read <= MEGABYTE
    assert peak < 8 * MEGABYTE


@pytest.mark.parametrize("drip", [b"HTTP/1.1 200 OK", response(b"x" * 999)[:60]], ids=["head", "body"])
def test_a_drip_ends_with_the_deadline(drip: bytes) -> None:
    stop = threading.Event()

    def behave(conn: socket.socket) -> None:
        next(requests_on(conn), b"")
        conn.sendall(drip)
        while not stop.wait(0.02):
            conn.sendall(b"x")

    seen = page_of(behave, http_timeout_s=SHORT_S)
    stop.set()
    assert (seen.failure, seen.tcp.acked) == (TIMEOUT, "yes")
    assert is_trickling_page(seen), "bytes came to the end"


def test_of_a_page_that_stops_it_is_known_when_it_stopped() -> None:
    stop = threading.Event()

    def behave(conn: socket.socket) -> None:
        next(requests_on(conn), b"")
        conn.sendall(response(b"x" * 999)[:400])
        stop.wait()

    seen = page_of(behave, http_timeout_s=SHORT_S)
    stop.set()
    assert (seen.failure, seen.bytes_read, is_trickling_page(seen)) == (TIMEOUT, 400, False)
    assert 0 < seen.transfer.flow_s < seen.t_s - seen.t0_s


def test_a_run_may_have_as_many_sockets_as_the_system_grants() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(before[1], 8192) if before[1] != resource.RLIM_INFINITY else 8192
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, wanted), before[1]))
        raise_socket_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, before[1])
        raise_socket_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == wanted
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
