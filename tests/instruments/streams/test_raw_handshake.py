"""Handshakes of which only the ClientHello is ours: what is sent, and how the first answer is read."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from typing import Any

import pytest

from loopback import PATIENCE_S, SHORT_S, finish, serving
from observations import EOF, HOST, RESET, TIMEOUT
from probe.core.observations import Observation
from probe.core.tables.shapes import ShapeName
from probe.core.tables.words import Empty
from probe.instruments.clock import start_clock
from probe.instruments.steps import Visit
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.visits.visit import visit

# ---- the measurement itself

def raw(port: int, shape: ShapeName | Empty, **changes: Any) -> Observation:
    plain: dict[str, Any] = {"sni": HOST, "tls_timeout_s": PATIENCE_S, "connect_timeout_s": PATIENCE_S}
    plan = Visit(purpose="shape", address="127.0.0.1", port=port, hostname=HOST, shape=shape, **plain | changes)
    seen = visit(plan, clock=start_clock(), rng=random.Random(3))
    assert seen[0].operation == "connect"
    return seen[-1]


def answering(data: bytes, got: list[bytes], *, then: str = "hold") -> Callable[[socket.socket], None]:
    def behave(conn: socket.socket) -> None:
        got.append(conn.recv(65536))
        conn.sendall(data)
        finish(conn, then)

    return behave


SERVER_HELLO = b"\x16\3\3\0\x7a\2\0\0\x76\3\3" + bytes(116)


@pytest.mark.parametrize(("data", "then", "failure", "alert"), [
    (SERVER_HELLO, "hold", "", -1), (b"\x15\3\3\0\2\2\x28", "close", "", 40), (b"", "close", EOF, -1),
    (b"", "reset", RESET, -1), (b"HTTP/1.1 400 No\r\n\r\n", "close", "ssl_error: wrong version number", -1),
    (b"\x16\3\3", "close", EOF, -1),
])
def test_a_raw_handshake_ends_with_the_first_answer(data: bytes, then: str, failure: str, alert: int) -> None:
    got: list[bytes] = []
    with serving(answering(data, got, then=then)) as server:
        seen = raw(server.port, "browser")
    assert (seen.failure, seen.tls.alert, seen.tls.server_hello) == (failure, alert, not failure)
    assert (seen.tls.shape, seen.tls.hello_bytes) == ("browser", len(got[0]))
    assert (seen.tcp.segments, seen.purpose) == (1, "shape")
    assert seen.tls.ja4 == compute_ja4(got[0])
    assert (seen.tls.sni, seen.tls.trust, seen.tls.chain) == (HOST, "", ())


def test_silence_is_a_timeout_with_the_word_of_the_peers_tcp() -> None:
    def listen(conn: socket.socket) -> None:
        while conn.recv(65536):
            pass

    with serving(listen) as server:
        seen = raw(server.port, "small", tls_timeout_s=SHORT_S)
    assert (seen.failure, seen.tcp.acked) == (TIMEOUT, "yes")


def test_the_split_hello_is_the_librarys_in_two_segments() -> None:
    parts: list[bytes] = []

    def behave(conn: socket.socket) -> None:
        data = b""
        while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5]):
            data += conn.recv(65536)
        parts.append(data)
        conn.sendall(SERVER_HELLO)
        finish(conn, "hold")

    with serving(behave) as server:
        split, narrow = raw(server.port, "split"), raw(server.port, "narrow")
    assert (split.tcp.segments, split.tls.hello_bytes, split.failure) == (2, len(parts[0]), "")
    assert narrow.failure == ""
    assert split.tls.ja4 == narrow.tls.ja4 == compute_ja4(parts[0])
    assert HOST.encode() in parts[0]


def test_a_name_that_no_hello_can_carry_is_written_down_and_not_raised() -> None:
    with serving(lambda conn: finish(conn, "hold")) as server:
        for shape in ("browser", "split"):
            assert raw(server.port, shape, sni="a" * 300).failure
