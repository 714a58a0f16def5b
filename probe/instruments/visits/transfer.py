"""One transfer: how many bytes come over time from one address under one name, and how it ends.

The same page is asked for again and again on one connection, several requests ahead (RFC 9112 section 9.3.2), so that
round trips do not decide the pace. What counts are the bytes on the connection, TLS included: those a box on the way
sees. Bounded in bytes, time and requests.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from urllib.parse import urlsplit

from probe.core.observation_parts import HttpPart, TlsPart
from probe.core.observations import Observation
from probe.core.tables.failures import EOF, TIMEOUT, Failure, classify_failure, open_failure
from probe.instruments.clock import Clock
from probe.instruments.steps import Transfer
from probe.instruments.streams.http_parts import REQUEST_HEADERS
from probe.instruments.streams.http_responses import HttpResponses
from probe.instruments.streams.sockets import RecordedSocket, abort, open_socket_as, stop_icmp_reports
from probe.instruments.streams.tcp_info import TcpInfo, get_tcp_info
from probe.instruments.streams.tls_handshake import TlsStream, make_context, shake_hands

MAX_BYTES = 128 * 1024
LONG_S = 6.0
"""A transfer that still flows is long enough after this."""
STALL_S = 6.0
"""Silence after which it has stalled: five repetitions of a lost segment (RFC 6298, Linux's 200 ms and doubling)."""
STILL_S = 1.5
"""Silence that does not mean anything yet."""
BIN_S = 0.5
MAX_BINS = 32
MAX_REQUESTS = 400
AHEAD = 32
"""Requests sent at once; many servers end a connection after a hundred."""
PIECE_BYTES = 2
PIECES_S = 40.0
"""What a request in pieces may take; it is not meant to be quick."""
PIECES = 64
"""So many, then the rest at once."""
IN_FLIGHT = 8
"""Pieces under way at most: what does not fit the first congestion window would leave in one segment."""
LEAVES_S = 0.1
"""A piece that waits for the one before it to leave the machine has left by then."""


class FlowSocket(RecordedSocket):
    """Notes when bytes come, and waits for the next ones as long as they may still come."""

    begin = 0.0
    last = 0.0
    long_s = LONG_S
    bins: list[int]
    rounds = 0

    def begins(self) -> None:
        """The connection is established: time counts from here."""
        self.begin = self.last = time.monotonic()
        self.long_s = LONG_S
        self.bins = []

    @property
    def long_enough(self) -> bool:
        return time.monotonic() >= self.begin + self.long_s

    def waits_until(self) -> float:
        """When to give up waiting for the next byte: when the transfer is long enough, unless it seems to stall."""
        end = self.begin + self.long_s
        return end if self.last + STILL_S >= end else self.last + STALL_S

    def _wait_to_read(self) -> None:
        self.deadline = self.waits_until()
        super()._wait_to_read()

    def recv(self, size: int, flags: int = 0) -> bytes:
        data = super().recv(size, flags)
        if data:
            self.last = time.monotonic()
            index = min(int((self.last - self.begin) / BIN_S), MAX_BINS - 1)
            self.bins += [0] * (index + 1 - len(self.bins))
            self.bins[index] += len(data)
        return data


def make_transfer(plan: Transfer, *, clock: Clock) -> Observation:
    """Carry out a transfer. `failure` is empty where enough came or it still flowed when the time was up; a timeout
    means that it fell silent. The network's failures are written down, none is raised."""
    base = Observation(
        operation="transfer", purpose=plan.purpose, attempt=plan.attempt, target_id=plan.target_id, input=plan.input,
        hostname=urlsplit(plan.url).hostname or "", address=plan.address, port=plan.port, tls=TlsPart(sni=plan.sni),
        http=HttpPart(url=plan.url, method="HEAD" if plan.chunked else "GET"), family=6 if ":" in plan.address else 4,
        t0_s=clock.now_s(),
    )
    try:
        sock = open_socket_as(FlowSocket, base.family, deadline=time.monotonic() + plan.connect_timeout_s)
    except OSError as error:
        return replace(base, failure=classify_failure(error), t_s=clock.now_s())
    try:
        sock.connect((plan.address, plan.port))
        stop_icmp_reports(sock)
    except OSError as error:
        abort(sock)
        return replace(base, failure=classify_failure(error), t_s=clock.now_s())
    try:
        sock.begins()
        base = replace(base, t0_s=clock.now_s())
        failure, answers = _run(sock, plan)
        info = get_tcp_info(sock)
    finally:
        abort(sock)
    base = replace(
        base, failure=failure, http=replace(base.http, status=answers.status, body_bytes=answers.size),
        t_s=clock.now_s(),
    )
    return _describe(base, sock, info)


def _describe(base: Observation, sock: FlowSocket, info: TcpInfo) -> Observation:
    return replace(
        base, bytes_read=sock.bytes_read, bytes_written=sock.bytes_written,
        transfer=replace(
            base.transfer, flow_s=round(sock.last - sock.begin, 3), bins=tuple(sock.bins),
            rounds=sock.rounds,
        ),
        tcp=replace(base.tcp, segments=info.segments, min_rtt_ms=info.min_rtt_ms, receive_mss=info.receive_mss),
    )


def _run(sock: FlowSocket, plan: Transfer) -> tuple[Failure, HttpResponses]:
    """Shake hands and ask until it is enough; how it failed, and what was answered."""
    stream: FlowSocket | TlsStream = sock
    answers = HttpResponses(head_only=plan.chunked)
    try:
        if plan.sni:
            stream = TlsStream(sock, make_context("none", ("http/1.1",)), server_name=plan.sni)
            if failure := shake_hands(stream).failure:
                return _judge_end(sock, failure), answers
    except ValueError:
        return open_failure("unknown_failure: bad_name"), answers
    try:
        failure = _in_pieces(stream, sock, plan, answers) if plan.chunked else _again(stream, sock, plan, answers)
    except OSError as error:
        failure = classify_failure(error)
    return _judge_end(sock, failure), answers


def _judge_end(sock: FlowSocket, failure: Failure) -> Failure:
    """A transfer that flowed until the time was up has not failed."""
    return "" if failure == TIMEOUT and sock.last + STILL_S >= sock.begin + sock.long_s else failure


def make_transfer_request(url: str, method: str) -> bytes:
    """One request for `url`, whose host is named in it; nothing is compressed."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = {**REQUEST_HEADERS, "Host": parts.netloc, "Accept-Encoding": "identity"}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("ascii", "replace")


def _again(stream: FlowSocket | TlsStream, sock: FlowSocket, plan: Transfer, answers: HttpResponses) -> Failure:
    one = make_transfer_request(plan.url, "GET")
    stream.sendall(one)
    sock.rounds, sent, begun = 1, 1, sock.bytes_read
    while sock.bytes_read < MAX_BYTES and not sock.long_enough:
        data = stream.recv(16_384)
        if not data:
            return sock.failure or EOF
        answers.feed(data)
        if answers.broken:
            return open_failure("unknown_failure: invalid http response")
        if answers.done < sent or answers.closing:
            continue  # an end that was announced is waited for, so that it is seen
        if plan.once or sent >= MAX_REQUESTS:
            return ""
        size = max(1, (sock.bytes_read - begun) // answers.done)
        # Twice as many each time: what a server leaves unread when it ends the connection destroys what it has sent.
        more = min(AHEAD, 2 * answers.done, max(1, math.ceil((MAX_BYTES - sock.bytes_read) / size)))
        stream.sendall(one * more)
        sock.rounds += 1
        sent += more
    return ""


def _in_pieces(stream: FlowSocket | TlsStream, sock: FlowSocket, plan: Transfer, answers: HttpResponses) -> Failure:
    one, sock.long_s = make_transfer_request(plan.url, "HEAD"), PIECES_S
    pieces = [one[at : at + PIECE_BYTES] for at in range(0, PIECES * PIECE_BYTES, PIECE_BYTES)]
    for piece in (*pieces, one[PIECES * PIECE_BYTES :]):
        sock.deadline = sock.last + STALL_S
        sent, until_s = get_tcp_info(sock).sent, time.monotonic() + LEAVES_S
        stream.sendall(piece)
        while get_tcp_info(sock).sent == sent and time.monotonic() < until_s:
            time.sleep(0.001)  # the kernel would put the next piece into the same segment
        while get_tcp_info(sock).unacked >= IN_FLIGHT:
            if time.monotonic() >= sock.last + STALL_S:
                return TIMEOUT
            time.sleep(0.005)
        sock.last = time.monotonic()  # an acknowledgement is progress too
    while not answers.done:
        data = stream.recv(4096)
        if not data:
            return sock.failure or EOF
        answers.feed(data)
        if answers.broken:
            return open_failure("unknown_failure: invalid http response")
    return ""
