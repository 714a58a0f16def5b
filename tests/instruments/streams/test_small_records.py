"""Small records on a connection that works: what they say, and how silence is told from what servers do."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import trustme

from loopback import Behaviour, finish, going_to, requests_on, response, saying, seen_of, serving
from observations import EOF, HOST, RESET, TIMEOUT
from probe.core.tables.failures import Failure
from probe.instruments.streams.tcp_info import TcpInfo, get_tcp_info
from probe.instruments.visits import small_records
from probe.instruments.visits.record_words import RECORDS, choose_words

CA = trustme.CA()
SMALL: dict[str, Any] = dict(sni=HOST, small_records=True)
Talk = Callable[[ssl.SSLSocket], None]


def over_tls(talk: Talk) -> Behaviour:
    """A server that shakes hands and then talks."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    CA.issue_cert(HOST).configure_cert(context)

    def behave(conn: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(conn, server_side=True) as stream:
            talk(stream)

    return behave


def answering(stream: ssl.SSLSocket) -> None:
    for _ in requests_on(stream):
        stream.sendall(response(b"here"))


def hanging_up(how: str) -> Talk:
    def talk(stream: ssl.SSLSocket) -> None:
        stream.recv(2)
        if how.isdecimal():
            stream.sendall(response(status=f"{how} no"))
        finish(stream, "reset" if how == "reset" else "close")

    return talk


@pytest.mark.parametrize("paths", [("/",), ()], ids=["after a page", "after a handshake alone"])
def test_a_server_that_waits_for_the_rest_acknowledges_every_record(paths: tuple[str, ...]) -> None:
    with serving(over_tls(answering)) as server:
        seen = seen_of(going_to(server.port, paths=paths, scheme="https", **SMALL))
        assert server.connections == 1
    before, last = seen[-2], seen[-1]
    assert (last.operation, last.purpose, last.failure) == ("records", "records", "")
    assert (last.transfer.rounds, last.tcp.acked) == (RECORDS, "yes")
    assert last.tcp.segments > RECORDS
    assert last.bytes_written > 2 * RECORDS
    assert (before.purpose, before.tcp.segments_out > 0, last.tcp.segments_out) == ("target", True, 0)
    assert before.tcp.acked == "yes"


def serving_page(size: int) -> Talk:
    def talk(stream: ssl.SSLSocket) -> None:
        for _ in requests_on(stream):
            stream.sendall(response(b"x" * size))

    return talk


@pytest.mark.parametrize(("size", "rest_bytes", "read_on_bytes", "operations"), [
    (40_000, 32_768, 0, ["http_round_trip", "records"]),
    (40_000, 0, 0, ["http_round_trip"]),
    (300_000, 32_768, 0, ["http_round_trip"]),
    (30_000, 32_768, 40_000, ["http_round_trip", "transfer", "records"]),
    (300_000, 32_768, 40_000, ["http_round_trip", "transfer"]),
], ids=["short rest", "in haste", "long rest", "read on to its end", "read on"])
def test_a_large_page_gets_records_once_it_is_read_to_its_end(
    size: int, rest_bytes: int, read_on_bytes: int, operations: list[str],
) -> None:
    with serving(over_tls(serving_page(size))) as server:
        seen = seen_of(going_to(server.port, scheme="https", rest_bytes=rest_bytes, read_on_bytes=read_on_bytes,
                                **SMALL))
    assert [o.operation for o in seen[2:]] == operations
    page = seen[2]
    assert (page.http.body_bytes, page.http.body_truncated, page.tcp.acked) == (16_384, True, "yes")
    assert page.bytes_read < 40_000, "what is read away is none of the page"


def test_a_page_that_stops_within_its_rest_is_a_page_and_gets_no_records() -> None:
    def talk(stream: ssl.SSLSocket) -> None:
        next(requests_on(stream))
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"x" * 20_000)
        stream.recv(1)

    with serving(over_tls(talk)) as server:
        seen = seen_of(going_to(server.port, scheme="https", rest_bytes=32_768, **SMALL))
    assert [(o.operation, o.failure) for o in seen[2:]] == [("http_round_trip", "")]


LATE = {EOF, RESET}
"""An orderly end becomes a reset where a record of ours comes after it."""


@pytest.mark.parametrize(("how", "failures"), [("close", LATE), ("408", LATE), ("400", LATE), ("reset", {RESET})])
def test_a_server_that_ends_a_slow_request_is_not_silent(how: str, failures: set[Failure]) -> None:
    with serving(over_tls(hanging_up(how))) as server:
        *_, last = seen_of(going_to(server.port, paths=(), **SMALL))
    assert last.operation == "records"
    assert last.failure in failures
    assert (last.tcp.acked, last.transfer.rounds < RECORDS) == ("", True)


def test_records_after_which_nothing_is_acknowledged_are_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    known: list[TcpInfo] = []

    def freezing(sock: socket.socket) -> TcpInfo:
        """The kernel's word, of which acknowledgements stand still after seven looks."""
        known.append(get_tcp_info(sock))
        return replace(known[-1], bytes_acked=known[min(7, len(known) - 1)].bytes_acked)

    monkeypatch.setattr(small_records, "get_tcp_info", freezing)
    monkeypatch.setattr(small_records, "PATIENCE_S", 0.3)
    with serving(over_tls(answering)) as server:
        *_, page, last = seen_of(going_to(server.port, scheme="https", **SMALL))
    assert (last.failure, last.tcp.acked) == (TIMEOUT, "no")
    assert 0 < last.transfer.rounds < RECORDS
    assert page.tcp.acked == "", "nothing more is said on it"


def test_nothing_is_sent_where_there_is_no_tls() -> None:
    with serving(saying(response(b"here"), then="hold")) as server:
        seen = seen_of(going_to(server.port, small_records=True))
    assert "records" not in {o.operation for o in seen}


def test_nothing_is_sent_where_the_connection_does_not_go_on() -> None:
    def talk(stream: ssl.SSLSocket) -> None:
        next(requests_on(stream))
        stream.sendall(response(b"here", headers=b"Connection: close\r\n"))

    with serving(over_tls(talk)) as server:
        seen = seen_of(going_to(server.port, scheme="https", **SMALL))
    assert [o.operation for o in seen] == ["connect", "tls_handshake", "http_round_trip"]


@pytest.mark.parametrize(("alpn", "port", "begins"), [
    ("", 443, b"HEAD / HTTP/1.1\r\n"),
    ("http/1.1", 5228, b"HEAD / HTTP/1.1\r\n"),
    ("h2", 443, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("", 5228, b"\x29\x02"),
    ("apns-security-v3", 5223, b"\x07\x00"),
])
def test_each_protocol_gets_a_beginning_of_its_own_that_is_never_whole(alpn: str, port: int, begins: bytes) -> None:
    words = choose_words(going_to(port, sni=HOST, scheme="https"), alpn)
    assert words.startswith(begins)
    assert len(words) == 2 * RECORDS
    assert begins.startswith(b"PRI") or b"\r\n\r\n" not in words


def test_of_several_pages_the_last_is_begun_anew() -> None:
    assert choose_words(going_to(443, paths=("/a", "/b?c=1"), sni=HOST), "").startswith(b"HEAD /b?c=1 HTTP/1.1\r\n")
