"""A handshake of which only the ClientHello is ours: sent in some shape, and over as soon as a server answers it."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
from dataclasses import replace

from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUT, Failure, classify_failure
from probe.core.tables.shapes import ShapeName
from probe.core.tables.words import Empty
from probe.instruments.clock import Clock
from probe.instruments.steps import Visit
from probe.instruments.streams.own_hello import compute_ja4
from probe.instruments.streams.raw_hello import make_client_hello, split_in_name
from probe.instruments.streams.raw_reply import FROM_TLS, ServerFirstWords, read_first_words
from probe.instruments.streams.sockets import RecordedSocket, ask_acknowledged, count_segments
from probe.instruments.streams.tcp_info import note_times
from probe.instruments.streams.tls_handshake import make_context

_CHUNK = 16384
_NARROW_BYTES = 536
"""What every IPv4 host takes (RFC 9293, section 3.7.1)."""
_LIBRARYS: tuple[ShapeName | Empty, ...] = ("", "narrow")
"""Shapes whose hello is the library's, in one piece."""


def prepare_socket(sock: RecordedSocket, shape: ShapeName | Empty) -> None:
    """What a shape needs before the socket connects."""
    if shape == "narrow":
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _NARROW_BYTES)


def shake_hands_raw(sock: RecordedSocket, base: Observation, plan: Visit, *, clock: Clock,
                    rng: random.Random) -> Observation:
    """Send the hello of `plan.shape` and read until a ServerHello, a HelloRetryRequest or an alert: reached.

    No key exchange is completed, no certificate is seen. `hello_bytes` and `count_segments` tell what was sent.
    """
    t0_s, reply = clock.now_s(), ServerFirstWords(word="more")
    failure: Failure = ""
    parts: tuple[bytes, ...] = ()
    sock.begin_operation()
    try:
        parts = hello_parts(plan, rng)
        for part in parts:
            sock.sendall(part)
        reply = read_reply(sock)
        failure = reply.failure
    except (OSError, ValueError) as error:
        failure = classify_failure(error)
    read = sock.bytes_read
    return replace(
        base, operation="tls_handshake", t0_s=t0_s, t_s=clock.now_s(),
        tls=replace(
            base.tls, sni=plan.sni, alert=reply.alert, server_hello=reply.word in FROM_TLS,
            hello_bytes=sum(map(len, parts)), ja4=compute_ja4(b"".join(parts)),
        ),
        failure=failure,
        tcp=note_times(replace(
            base.tcp, segments=count_segments(sock, *map(len, parts)),
            acked=ask_acknowledged(sock) if failure == TIMEOUT else ("yes" if read else ""),
        ), sock),
        bytes_written=sock.bytes_written, bytes_read=read,
    )


def hello_parts(plan: Visit, rng: random.Random) -> tuple[bytes, ...]:
    """What is to be sent, one item for each segment that is meant. Raises ValueError for a name that cannot be sent."""
    if plan.shape in _LIBRARYS:
        return (_library_hello(plan),)
    if plan.shape == "split":
        return split_in_name(_library_hello(plan), plan.sni)
    return (make_client_hello(plan.shape, plan.sni, rng),)


def _library_hello(plan: Visit) -> bytes:
    """The very hello that the library would send for this visit."""
    outgoing = ssl.MemoryBIO()
    tls = make_context(plan.trust, plan.alpn).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=plan.sni)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def read_reply(sock: RecordedSocket) -> ServerFirstWords:
    """The reply, as soon as it can be told; `more` when the peer ends before."""
    data = b""
    while (reply := read_first_words(data)).word == "more":
        chunk = sock.recv(_CHUNK)
        if not chunk:
            return reply
        data += chunk
    return reply
