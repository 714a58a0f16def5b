"""Transfers from servers on loopback: what is counted, how each ends, and that hostile answers are bounded."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopback import Behaviour, finish, requests_on, response, serving
from observations import EOF, HOST, RESET, TIMEOUT
from probe.core.observations import Observation
from probe.instruments.clock import start_clock
from probe.instruments.steps import Transfer
from probe.instruments.streams.http_responses import HttpResponses
from probe.instruments.streams.tcp_info import TcpInfo, parse_tcp_info
from probe.instruments.visits import transfer as module
from probe.instruments.visits.transfer import MAX_BYTES, PIECES, make_transfer, make_transfer_request


def taken(behave: Behaviour, **changes: Any) -> Observation:
    with serving(behave) as server:
        plan: dict[str, Any] = dict(purpose="sample", address="127.0.0.1", port=server.port, sni="", input="in",
                                    url=f"http://{HOST}/page?a=1")
        return make_transfer(Transfer(**plan | changes), clock=start_clock())


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALL_S", 0.4)
    monkeypatch.setattr(module, "STILL_S", 0.1)
    monkeypatch.setattr(module, "LONG_S", 1.0)


def answering(body: bytes, *, most: int = 10_000, then: str = "hold") -> Behaviour:
    """The same answer to every request; after `most` of them the end."""
    def behave(conn: socket.socket) -> None:
        for number, _ in enumerate(requests_on(conn), 1):
            conn.sendall(response(body))
            if number >= most:
                break
        finish(conn, then)

    return behave


@pytest.mark.parametrize(("size", "rounds"), [(300, range(10, 20)), (5000, range(4, 7)), (400_000, range(1, 2))])
def test_enough_comes_from_small_pages_and_large_ones(size: int, rounds: range) -> None:
    seen = taken(answering(b"x" * size))
    assert (seen.operation, seen.failure, seen.http.status) == ("transfer", "", 200)
    assert seen.bytes_read >= MAX_BYTES
    assert sum(map(int, seen.transfer.bins)) == seen.bytes_read
    assert seen.bytes_read < 2 * MAX_BYTES
    assert seen.tcp.segments > 0
    assert seen.transfer.rounds in rounds
    assert seen.transfer.flow_s <= seen.t_s - seen.t0_s + 0.01


def test_a_server_that_ends_its_connections_is_heard_out() -> None:
    seen = taken(answering(b"x" * 1000, most=3, then="close"))
    assert seen.failure in (EOF, RESET)  # requests that it has not read make its kernel reset
    assert 1000 < seen.bytes_read < MAX_BYTES


def test_a_reset_is_a_reset() -> None:
    assert taken(answering(b"x" * 1000, most=3, then="reset")).failure in (RESET, EOF)


@pytest.mark.usefixtures("_impatient")
def test_silence_after_some_bytes_is_a_stall() -> None:
    def behave(conn: socket.socket) -> None:
        next(requests_on(conn))
        conn.sendall(response(b"x" * 90_000)[:20_000])
        finish(conn, "hold")

    seen = taken(behave)
    assert (seen.failure, seen.bytes_read) == (TIMEOUT, 20_000)


@pytest.mark.usefixtures("_impatient")
def test_what_trickles_until_the_time_is_up_has_not_failed() -> None:
    def behave(conn: socket.socket) -> None:
        next(requests_on(conn))
        conn.sendall(response(b"x" * 90_000)[:1000])
        conn.settimeout(0.05)
        for _ in range(100):
            try:
                conn.recv(1)
                return
            except TimeoutError:
                conn.sendall(b"x" * 50)

    seen = taken(behave)
    assert seen.failure == ""
    assert 1000 < seen.bytes_read < MAX_BYTES


def test_a_request_in_pieces_makes_many_segments() -> None:
    asked: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        for head in requests_on(conn):
            asked.append(head)
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")

    seen = taken(behave, chunked=True)
    assert (seen.failure, seen.http.status, seen.http.method) == ("", 200, "HEAD")
    assert asked[0] + b"\r\n\r\n" == make_transfer_request(f"http://{HOST}/page?a=1", "HEAD")
    assert seen.tcp.segments >= PIECES


@pytest.mark.parametrize("junk", [b"SSH-2.0-x\r\n", b"\x00" * 70_000, b"HTTP/1.1 2x0 OK\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"])
def test_what_is_no_http_ends_it(junk: bytes) -> None:
    def behave(conn: socket.socket) -> None:
        next(requests_on(conn))
        conn.sendall(junk)
        finish(conn, "hold")

    assert taken(behave).failure.startswith("unknown_failure")


def test_nobody_there_is_a_failure_like_any_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    seen = make_transfer(Transfer(purpose="sample", address="127.0.0.1", port=port, sni="", input="in",
                                  url=f"http://{HOST}/"), clock=start_clock())
    assert seen.failure == "connection_refused"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nTrailer: t\r\n\r\n"
ANSWERS = [response(b"hello"), CHUNKED, b"HTTP/1.1 204 No Content\r\n\r\n", response(b""),
           b"HTTP/1.1 100 Continue\r\n\r\n" + response(b"late", status="404 Not Found")]


@given(st.lists(st.sampled_from(ANSWERS), max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_answers_are_counted_however_they_are_cut(answers: list[bytes], cuts: list[int]) -> None:
    data, found, number = b"".join(answers), HttpResponses(), 0
    while data:
        size = cuts[number % len(cuts)]
        found.feed(data[:size])
        data, number = data[size:], number + 1
    assert (found.done, found.broken, found.closing) == (len(answers), False, False)
    sizes = dict(zip(ANSWERS, (5, 8, 0, 0, 4), strict=True))
    assert found.size == (sizes[answers[0]] if answers else 0)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes_at_all_are_survived(pieces: list[bytes]) -> None:
    found = HttpResponses()
    for piece in pieces:
        found.feed(piece)
    assert found.done >= 0


def test_a_body_that_ends_with_the_connection_announces_it() -> None:
    found = HttpResponses()
    found.feed(b"HTTP/1.1 200 OK\r\n\r\nand so on")
    assert (found.done, found.closing) == (0, True)


@given(st.binary(max_size=200))
def test_whatever_the_kernel_says_of_a_connection_is_read(data: bytes) -> None:
    assert isinstance(parse_tcp_info(data), TcpInfo)
