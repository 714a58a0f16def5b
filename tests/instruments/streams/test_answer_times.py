"""How long an answer or an end took, and what TCP tells of the connection after it."""

from __future__ import annotations

import random
import socket
import struct
from typing import Any

import pytest

from loopback import SHORT_S, finish, going_to, seen_of, serving
from observations import EOF, HOST, RESET, TIMEOUT
from probe.core.observations import Observation
from probe.core.tables.systems import LINUX
from probe.instruments.clock import start_clock
from probe.instruments.streams.sockets import abort, open_socket
from probe.instruments.streams.tcp_info import TcpInfo, parse_tcp_info
from probe.instruments.visits.visit import visit

PLAIN: dict[str, Any] = {}
HELLO: dict[str, Any] = {"sni": HOST, "paths": (), "trust": "none"}
SHAPED: dict[str, Any] = HELLO | {"shape": "browser"}
SPOKEN: dict[str, Any] = {"paths": (), "app": "mtproto", "app_name": HOST}
WAYS = {"a page": PLAIN, "the library's handshake": HELLO, "a raw handshake": SHAPED, "a messenger's words": SPOKEN}


def after(first: bytes, how: str, **way: Any) -> list[Observation]:
    """What a visit sees of a server that hears something, says `first`, and ends the connection `how`."""
    def behave(conn: socket.socket) -> None:
        conn.recv(65536)
        if first:
            conn.sendall(first)
        finish(conn, how)

    with serving(behave) as server:
        return visit(going_to(server.port, **way), clock=start_clock(), rng=random.Random(3))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(("first", "how", "failures"), [
    (b"", "reset", {RESET}), (b"", "close", {EOF}), (b"\x15\3\3\0\2\2\x28", "hold", None),
])
def test_an_end_and_an_answer_have_a_time(first: bytes, how: str, failures: set[str] | None, way: dict[str, Any],
                                          ) -> None:
    opened, said = after(first, how, **way, **({} if failures else dict(
        http_timeout_s=SHORT_S, tls_timeout_s=SHORT_S)))
    assert failures is None or said.failure in failures
    assert opened.tcp.end_ms > 0
    assert 0 < said.tcp.end_ms <= 1000 * (said.t_s - said.t0_s) + 0.001
    assert (said.tcp.min_rtt_ms > 0, opened.tcp.min_rtt_ms > 0) == (LINUX, LINUX)
    assert said.tcp.retransmits == 0


def test_silence_has_no_time_and_leaves_the_round_trip() -> None:
    _, said = after(b"", "hold", http_timeout_s=SHORT_S)
    assert (said.failure, said.tcp.end_ms, said.tcp.min_rtt_ms > 0) == (TIMEOUT, 0, LINUX)


def test_a_port_that_refuses_has_a_time_and_no_round_trip() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    (seen,) = seen_of(going_to(port))
    assert (seen.tcp.end_ms > 0, seen.tcp.min_rtt_ms) == (True, 0)


def test_who_speaks_before_us_gives_no_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, open_socket(4, deadline=float("inf")) as sock:
        sock.connect(listener.getsockname())
        sock.begin_operation()
        conn, _ = listener.accept()
        with conn:
            conn.sendall(b"220 mail.example\r\n")
            sock.recv(4096)
            sock.sendall(b"EHLO there\r\n")
            conn.sendall(b"250 mail.example\r\n")
            sock.recv(4096)
            assert sock.end_ms == 0
            sock.begin_operation()
            sock.sendall(b"QUIT\r\n")
            conn.sendall(b"221 bye\r\n")
            sock.recv(4096)
            assert sock.end_ms > 0
        abort(sock)


def test_the_second_page_has_a_time_of_its_own() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    def behave(conn: socket.socket) -> None:
        conn.recv(65536)
        conn.sendall(answer)
        conn.recv(65536)
        finish(conn, "reset")

    with serving(behave) as server:
        _, first, second = seen_of(going_to(server.port, paths=("/", "/more")))
    assert (first.failure, second.failure) == ("", RESET)
    assert 0 < second.tcp.end_ms <= 1000 * (second.t_s - second.t0_s) + 0.001


def test_what_the_kernel_says_is_read_from_its_places() -> None:
    told = bytearray(152)
    for offset, value in ((20, 536), (24, 3), (100, 7), (136, 11), (140, 13), (148, 41_500)):
        struct.pack_into("@I", told, offset, value)
    assert parse_tcp_info(bytes(told)) == TcpInfo(unacked=3, segments=24, sent=11, min_rtt_ms=41.5, retransmits=7,
                                                  receive_mss=536)
    told += bytes(44)
    struct.pack_into("@I", told, 68, 52_000)
    struct.pack_into("@I", told, 192, 9)
    assert (parse_tcp_info(bytes(told)).mean_rtt_ms, parse_tcp_info(bytes(told)).delivered) == (52.0, 9)
    told += bytes(32)
    struct.pack_into("@I", told, 224, 5)
    assert (parse_tcp_info(bytes(told)).out_of_order, parse_tcp_info(bytes(told[:-1])).out_of_order) == (5, 0)


@pytest.mark.skipif(not LINUX, reason="only Linux tells")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_last_operation_of_a_connection_tells_of_the_whole(way: dict[str, Any]) -> None:
    opened, said = after(b"\x15\3\3\0\2\2\x28", "close", **way)
    assert (opened.tcp.segments_out, opened.tcp.delivered) == (0, 0)
    assert said.tcp.segments_out >= said.tcp.delivered >= 2  # the SYN, and what was said
    assert said.tcp.mean_rtt_ms > 0
