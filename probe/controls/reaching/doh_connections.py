"""Connections to DoH operators that are kept between questions (RFC 8484, 9.1: clients should), and one question on
such a connection. The handshake is what a lookup costs; what is kept is bounded in number and age."""

from __future__ import annotations

import threading
import time
from collections import deque

from probe.controls.reaching.plain_exchange import exchange_plainly
from probe.controls.reaching.reach import Stream, get_socket, hang_up
from probe.core.tables.resolvers import Resolver
from probe.instruments.streams.http_parts import HttpExchange

MAX_MESSAGE_BYTES = 16 * 1024
KEPT = 32
"""Connections to one operator; the oldest is ended for a newer one."""
KEPT_S = 8.0
"""How long a connection is kept unused: operators end theirs after ten seconds or more."""


class DohConnections:
    """Connections that wait for their next question, by operator and port; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, int], deque[tuple[float, Stream]]] = {}

    def take(self, operator: Resolver, port: int, *, deadline: float) -> Stream | None:
        """The one used last, if it is not too old; it is the caller's now, who is bound to `deadline`."""
        old: list[Stream] = []
        found: Stream | None = None
        with self._lock:
            kept = self._kept.get((operator.doh_host, port), deque())
            if kept and kept[-1][0] > time.monotonic() - KEPT_S:
                found = kept.pop()[1]
            else:
                old = [stream for _, stream in kept]
                kept.clear()
        for stream in old:
            hang_up(stream)
        if found is not None:
            get_socket(found).deadline = deadline
        return found

    def keep(self, operator: Resolver, port: int, stream: Stream) -> None:
        """Keep a connection on which the last answer came whole."""
        with self._lock:
            kept = self._kept.setdefault((operator.doh_host, port), deque())
            kept.append((time.monotonic(), stream))
            oldest = kept.popleft()[1] if len(kept) > KEPT else None
        if oldest is not None:
            hang_up(oldest)


def ask_question(stream: Stream, operator: Resolver, query: bytes) -> HttpExchange:
    """POST one question and read the answer, all within the socket's deadline. Raises nothing for the network."""
    return exchange_plainly(stream, _make_post(operator, query), max_body_bytes=MAX_MESSAGE_BYTES)


def _make_post(operator: Resolver, query: bytes) -> bytes:
    return (f"POST {operator.doh_path} HTTP/1.1\r\nHost: {operator.doh_host}\r\n"
            "Content-Type: application/dns-message\r\nAccept: application/dns-message\r\n"
            f"Content-Length: {len(query)}\r\n\r\n").encode() + query
