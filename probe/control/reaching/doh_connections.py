"""Connections to DoH operators that are kept between questions (RFC 8484, 9.1: clients should), and one question on
such a connection. The handshake is what a lookup costs; what is kept is bounded in number and age."""

from __future__ import annotations

import http.client
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

from probe.control.reaching.reach import Stream, get_socket, hang_up
from probe.core.tables.failures import Failure, classify_failure, open_failure
from probe.core.tables.resolvers import Resolver
from probe.measurement.streams.sockets import MAX_READ_BYTES

MAX_MESSAGE_BYTES = 16 * 1024
KEPT = 32
"""Connections to one operator; the oldest is ended for a newer one."""
KEPT_S = 8.0
"""How long a connection is kept unused: operators end theirs after ten seconds or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DohExchange:
    """What came of one question: a body where `status` is 200 and nothing failed."""

    failure: Failure = ""
    status: int = 0
    body: bytes = b""
    reusable: bool = False


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


def ask_question(stream: Stream, operator: Resolver, query: bytes) -> DohExchange:
    """POST one question and read the answer, all within the socket's deadline. Raises nothing for the network."""
    sock = get_socket(stream)
    sock.failure, sock.read_limit = "", sock.bytes_read + MAX_READ_BYTES
    try:
        stream.sendall(_make_post(operator, query))
        answer = http.client.HTTPResponse(cast(Any, stream), method="POST")
        answer.begin()
        body = answer.read(MAX_MESSAGE_BYTES + 1)
        whole = answer.isclosed() or (len(body) <= MAX_MESSAGE_BYTES and not answer.read(1))
    except (OSError, ValueError) as error:
        return DohExchange(failure=sock.failure or classify_failure(error))
    except http.client.HTTPException as error:
        return DohExchange(failure=sock.failure or open_failure(
            f"unknown_failure: invalid http response ({type(error).__name__})"))
    reusable = whole and not answer.will_close and not sock.failure
    return DohExchange(status=answer.status, body=body if whole else b"", reusable=reusable)


def _make_post(operator: Resolver, query: bytes) -> bytes:
    return (f"POST {operator.doh_path} HTTP/1.1\r\nHost: {operator.doh_host}\r\n"
            "Content-Type: application/dns-message\r\nAccept: application/dns-message\r\n"
            f"Content-Length: {len(query)}\r\n\r\n").encode() + query
