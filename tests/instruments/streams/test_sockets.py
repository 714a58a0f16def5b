"""How much a server may have under way to us, and when the system says that an error arrived."""

from __future__ import annotations

import array
import fcntl
import select
import socket
import termios
import time
from contextlib import closing, suppress

import pytest

from probe.core.tables.systems import LINUX
from probe.instruments.streams.sockets import IP_RECVERR, ask_arrival_times, bound_window, read_timed_icmp_error

READ_BYTES = 36_000
"""Of a large page, by a visit."""


def _wasted_bytes(*, bounded: bool) -> int:
    """What lies unread of a server that sends as much as it may, when a visit has enough."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with closing(server):
            if bounded:
                bound_window(client)
            server.setblocking(False)
            read = 0
            while read < READ_BYTES:
                _fill(server)
                read += len(client.recv(16_384))
            _fill(server)
            unread = array.array("i", [0])
            fcntl.ioctl(client, termios.FIONREAD, unread)
            return unread[0]


def _fill(server: socket.socket) -> None:
    with suppress(BlockingIOError):
        while True:
            server.send(bytes(65_536))


def test_what_is_thrown_away_of_a_large_page_is_bounded() -> None:
    wasted, else_wasted = _wasted_bytes(bounded=True), _wasted_bytes(bounded=False)
    assert wasted < else_wasted
    assert READ_BYTES + wasted < 100_000


@pytest.mark.skipif(not LINUX, reason="tells no times")
def test_the_system_notes_when_an_error_arrives_however_late_it_is_read() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        place = closed.getsockname()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        ask_arrival_times(sock)
        sock.connect(place)
        begun_s = time.time()
        sock.send(b"?")
        select.select([sock], [], [], 5)
        error, arrived_s = read_timed_icmp_error(sock)
    assert error
    assert error.kind == (3, 3)
    assert begun_s <= arrived_s <= time.time()
