"""Servers on loopback that do as a test says, and visits to them."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from observations import HOST
from probe.catalogue.sites import Page
from probe.core.endpoints import Expectation
from probe.core.observations import Observation
from probe.instruments.clock import start_clock
from probe.instruments.steps import Visit
from probe.instruments.visits.visit import visit

PATIENCE_S = 60.0
"""A deadline that only a machine with a lot else to do comes near; nothing waits for its end."""
SHORT_S = 1.0
"""A deadline that is waited for: what a server on loopback says must have come before."""
MEGABYTE = 1 << 20
FLOOD = 48 * MEGABYTE
"""What a flooding server would send: far more than a visit may keep."""
Behaviour = Callable[[socket.socket], None]


class Server:
    """Accepts on loopback and gives each connection to `behave`; counts what came."""

    def __init__(self, behave: Behaviour) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.connections, self._behave = 0, behave
        self.over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: socket.socket) -> None:
        with suppress(OSError), conn:
            self._behave(conn)


@contextmanager
def serving(behave: Behaviour) -> Iterator[Server]:
    server = Server(behave)
    try:
        yield server
    finally:
        server.listener.close()


def requests_on(conn: socket.socket) -> Iterator[bytes]:
    """The requests of a connection, one after the other (none has a body)."""
    data = b""
    while chunk := conn.recv(4096):
        data += chunk
        while b"\r\n\r\n" in data:
            head, _, data = data.partition(b"\r\n\r\n")
            yield head


def saying(*parts: bytes, then: str = "close") -> Behaviour:
    """Answer the first request with these bytes; then close, reset or hold the connection."""
    def behave(conn: socket.socket) -> None:
        next(requests_on(conn), b"")
        for part in parts:
            conn.sendall(part)
        finish(conn, then)

    return behave


def finish(conn: socket.socket, how: str) -> None:
    if how == "reset":
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif how == "hold":
        conn.recv(1)  # until the visitor is gone
    conn.close()


def flooding(head: bytes, block: bytes) -> Behaviour:
    """Answer with `head`, then `block` again and again, up to FLOOD bytes."""
    def behave(conn: socket.socket) -> None:
        next(requests_on(conn), b"")
        conn.sendall(head)
        for _ in range(FLOOD // len(block)):
            conn.sendall(block)

    return behave


def response(body: bytes = b"", *, status: str = "200 OK", headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 " + status.encode() + b"\r\nContent-Length: %d\r\n" % len(body) + headers + b"\r\n" + body


def going_to(port: int, *, paths: tuple[str, ...] = ("/",), http_timeout_s: float = PATIENCE_S, scheme: str = "http",
             expect: Expectation | None = None, **changes: Any) -> Visit:
    plain: dict[str, Any] = dict(
        purpose="target", address="127.0.0.1", port=port, hostname=HOST, input="in", target_id="t",
        pages=tuple(Page(input=f"in{p}", target_id="t", url=f"{scheme}://{HOST}{p}", expect=expect or Expectation())
                    for p in paths), expect=expect or Expectation(),
        connect_timeout_s=PATIENCE_S, tls_timeout_s=PATIENCE_S, http_timeout_s=http_timeout_s,
    )
    return Visit(**plain | changes)


def seen_of(plan: Visit) -> list[Observation]:
    return visit(plan, clock=start_clock())
