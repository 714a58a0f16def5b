"""Connections to DoH operators that are kept between questions (RFC 8484, 9.1: clients should), and one question on
such a connection. The handshake is what a lookup costs; what is kept is bounded in number and age."""

from __future__ import annotations

from probe.core.tables.resolvers import Resolver
from probe.instruments.streams.http_parts import HttpExchange
from probe.instruments.streams.kept_streams import KeptStreams, Stream
from probe_operate.reaching.plain_exchange import exchange_plainly

MAX_MESSAGE_BYTES = 16 * 1024
KEPT = 32
"""Connections to one operator; the oldest is ended for a newer one."""
KEPT_S = 8.0
"""How long a connection is kept unused: operators end theirs after ten seconds or more."""


def keep_connections() -> KeptStreams:
    """What waits for its next question, by operator and port."""
    return KeptStreams(most=KEPT, age_s=KEPT_S)


def ask_question(stream: Stream, operator: Resolver, query: bytes) -> HttpExchange:
    """POST one question and read the answer, all within the socket's deadline. Raises nothing for the network."""
    return exchange_plainly(stream, _make_post(operator, query), max_body_bytes=MAX_MESSAGE_BYTES)


def _make_post(operator: Resolver, query: bytes) -> bytes:
    return (f"POST {operator.doh_path} HTTP/1.1\r\nHost: {operator.doh_host}\r\n"
            "Content-Type: application/dns-message\r\nAccept: application/dns-message\r\n"
            f"Content-Length: {len(query)}\r\n\r\n").encode() + query
