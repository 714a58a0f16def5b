"""How much a server may have under way to us."""

from __future__ import annotations

import array
import fcntl
import socket
import termios
from contextlib import closing, suppress

from probe.measurement.streams.sockets import bound_window

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
