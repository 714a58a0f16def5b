"""HTTP/3 (RFC 9114) on one QUIC connection: collects requests, sends the replies of a site."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import format_datetime

from aioquic.h3.connection import ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent

from probe_lab.servers.http1 import MAX_BODY_BYTES, Reply, Request

_CONNECTION_FIELDS = frozenset(("connection", "keep-alive", "transfer-encoding", "upgrade"))
"""Header fields that HTTP/3 does not have (RFC 9114 4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A reply, when it is given, and how much of its body is sent."""

    reply: Reply | None
    """None breaks the request off."""
    now: dt.datetime
    cap: int | None = None


@dataclass(slots=True)
class _Asked:
    """A request of which not everything has come."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytearray = field(default_factory=bytearray)


class Http3:
    """The HTTP of one connection; `answer` says what a request gets."""

    def __init__(self, quic: QuicConnection, answer: Callable[[Request], Answer]) -> None:
        self._quic = quic
        self._http = H3Connection(quic)
        self._answer = answer
        self._asked: dict[int, _Asked] = {}

    def handle(self, event: QuicEvent) -> None:
        """Take what happened on the connection."""
        for http_event in self._http.handle_event(event):
            self._read(http_event)

    def _read(self, event: H3Event) -> None:
        if not isinstance(event, HeadersReceived | DataReceived):
            return
        asked = self._asked.setdefault(event.stream_id, _Asked())
        if isinstance(event, DataReceived):
            asked.body.extend(event.data[: MAX_BODY_BYTES - len(asked.body)])
        elif not asked.headers:  # trailers change nothing
            asked.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        if event.stream_ended:
            del self._asked[event.stream_id]
            # A client may by now have taken its request back.
            with suppress(AssertionError, ValueError):
                self._send(event.stream_id, _request(asked))

    def _send(self, stream_id: int, request: Request) -> None:
        answer = self._answer(request)
        if answer.reply is None:
            self._quic.reset_stream(stream_id, ErrorCode.H3_INTERNAL_ERROR)
            return
        headers, body = _rendered(answer.reply, request, now=answer.now)
        self._http.send_headers(stream_id, headers, end_stream=not body)
        if body:
            self._http.send_data(stream_id, body[: answer.cap], end_stream=True)


def _request(asked: _Asked) -> Request:
    headers = {name: value for name, value in asked.headers.items() if name[:1] != ":" and name != "upgrade"}
    if ":authority" in asked.headers:
        headers["host"] = asked.headers[":authority"]
    target = asked.headers.get(":path", "/")
    return Request(
        method=asked.headers.get(":method", "GET"),
        target=target if target.startswith("/") else "/",
        headers=headers,
        body=bytes(asked.body),
    )


def _rendered(reply: Reply, request: Request, *, now: dt.datetime) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Header fields and body of a reply; `now` is what its Date says."""
    bodiless = reply.status in (204, 304) or request.method == "HEAD"
    body = b"" if bodiless else reply.body
    fields = [(":status", str(reply.status)), ("date", format_datetime(now, usegmt=True))]
    fields += [(name.lower(), value) for name, value in reply.headers if name.lower() not in _CONNECTION_FIELDS]
    if reply.compress and body and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        fields += [("content-encoding", "gzip"), ("vary", "accept-encoding")]
    if not bodiless and not reply.chunked:
        fields.append(("content-length", str(len(body))))
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields], body
