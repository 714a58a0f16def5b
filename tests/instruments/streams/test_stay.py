"""A connection that is kept: what ends it, how long it lived, and what was said meanwhile."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from loopback import SHORT_S, Behaviour, finish, going_to, requests_on, response, seen_of, serving
from observations import EOF, RESET
from probe.core.tables.failures import Failure

KEPT: dict[str, Any] = dict(paths=(), stay_s=0.3, purpose="stay")
ASKING: dict[str, Any] = KEPT | {"stay_host": "kept.example"}


def ending(how: str) -> Behaviour:
    return lambda conn: finish(conn, how)


def answering(conn: socket.socket) -> None:
    for _ in requests_on(conn):
        conn.sendall(response())


def mute(conn: socket.socket) -> None:
    conn.recv(4096)
    finish(conn, "hold")


def chattering(conn: socket.socket) -> None:
    while True:
        conn.sendall(b"x" * 4096)


@pytest.mark.parametrize(("behave", "way", "failure", "rounds"), [
    (ending("hold"), KEPT, "", 0),
    (ending("reset"), KEPT, RESET, 0),
    (ending("close"), KEPT, EOF, 0),
    (answering, ASKING, "", 1),
    (mute, ASKING | {"http_timeout_s": SHORT_S}, "generic_timeout_error", 0),
], ids=["it lasts", "reset", "an orderly end", "requests are answered", "requests meet silence"])
def test_a_kept_connection_tells_how_it_ended(behave: Behaviour, way: dict[str, Any], failure: Failure,
                                              rounds: int) -> None:
    with serving(behave) as server:
        opened, kept = seen_of(going_to(server.port, **way))
    assert (opened.operation, kept.operation) == ("connect", "stay")
    assert (kept.failure, kept.transfer.rounds) == (failure, rounds)
    assert kept.transfer.flow_s >= KEPT["stay_s"] or failure
    assert kept.tcp.segments_out > 0


def test_whoever_never_pauses_is_read_no_further() -> None:
    with serving(chattering) as server:
        _, kept = seen_of(going_to(server.port, **KEPT | {"stay_s": 60.0}))
    assert kept.failure
    assert kept.bytes_read < 1 << 18


def test_a_head_without_an_end_is_read_no_further() -> None:
    def behave(conn: socket.socket) -> None:
        conn.recv(4096)
        chattering(conn)

    with serving(behave) as server:
        _, kept = seen_of(going_to(server.port, **ASKING))
    assert (bool(kept.failure), kept.transfer.rounds) == (True, 0)


def test_an_exchange_that_ends_its_stream_waits_for_the_acknowledgement() -> None:
    with serving(ending("hold")) as server:
        (opened,) = seen_of(going_to(server.port, paths=(), ends_stream=True))
    assert (opened.failure, opened.tcp.acked, opened.tcp.delivered) == ("", "yes", 2)  # the SYN and the end
