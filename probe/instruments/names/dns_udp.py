"""Questions over UDP, each on its own socket that stays open: the second answer is the evidence.

One selector thread owns all sockets. The first usable reply completes the question; whatever comes later on the
same socket is kept until the listener is closed, off the critical path. A server gets as many questions at once as
it keeps up with (`probe.instruments.names.dns_room`).
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from probe.core.tables.failures import (
    TIMEOUT,
    Failure,
    classify_datagram_failure,
    classify_failure,
    classify_rcode,
    open_failure,
)
from probe.core.tables.systems import LINUX
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.dns_room import ResolverPace
from probe.instruments.streams.sockets import receive_datagram

RESEND_AFTER_S = 2.0
LISTEN_ON_S = 5.0
MAX_REPLIES = 8
DEAD = open_failure("unknown_failure: the listener has ended")
_QUEUE_CHECK_S = 0.05
MOST_OPEN = 8192 if hasattr(selectors, "EpollSelector") or hasattr(selectors, "KqueueSelector") else 480
"""Sockets that are watched at a time: Windows' select takes 512 of them and no more."""
IP_RECVTTL = 12  # linux/in.h; Python names it only from 3.14 on


@dataclass(slots=True, kw_only=True)
class DnsQuestion:
    """One question and every reply to it. Times are seconds on the monotonic clock."""

    name: str
    query_type: str
    server: str
    port: int = 53
    timeout_s: float
    on_first: Callable[[DnsQuestion], None]
    on_late: Callable[[DnsQuestion], None] | None = None
    recursion: bool = True
    sent_at: float = 0.0
    done_at: float = 0.0
    sends: int = 0
    failure: Failure = ""
    first: DnsResponse | None = None
    replies: list[tuple[float, int, DnsResponse]] = field(default_factory=list)
    """(seconds after the first send, IP TTL or -1, reply) in order of arrival."""
    bytes_written: int = 0
    bytes_read: int = 0
    our_port: int = 0
    """Our port and, above its 16 bits, the question's number: to find the packets by; never stored."""
    _identity: int = 0
    _wire: bytes = b""
    _socket: socket.socket | None = None


class DnsListener:
    """The thread that sends questions and hears answers. Use as a context manager."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)  # bytes that nobody reads must never hold up who asks
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._lock = threading.Lock()
        self._incoming: list[DnsQuestion] = []
        self._queue: deque[DnsQuestion] = deque()
        self._open: dict[int, DnsQuestion] = {}
        self._room = ResolverPace()
        self._closing = self._dead = False
        self._thread = threading.Thread(target=self._run, name="dns-listener", daemon=True)

    def __enter__(self) -> DnsListener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._wake()
        self._thread.join(timeout=2)

    def ask(self, question: DnsQuestion) -> None:
        """Send the question; `on_first` is called from the listener's thread once it is decided."""
        with self._lock:
            dead = self._dead
            if not dead:
                self._incoming.append(question)
        if dead:
            self._decide(question, DEAD)
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_write.send(b"x")

    def _run(self) -> None:
        try:
            self._loop()
        finally:
            if not self._closing:  # a bug, which ends this thread loudly; but nobody waits for it in vain
                self._give_up()

    def _give_up(self) -> None:
        """Decide every question that is known; those to come are decided as they are asked."""
        with self._lock:
            self._dead, fresh, self._incoming = True, self._incoming, []
        waiting = [*self._open.values(), *self._queue, *fresh]
        for question in waiting:
            self._finish(question)
            if not question.done_at:
                self._decide(question, DEAD)

    def _loop(self) -> None:
        while not self._closing:
            for key, _ in self._selector.select(timeout=self._next_timer_s()):
                if key.data is None:
                    with contextlib.suppress(OSError):
                        self._wake_read.recv(4096)
                else:
                    self._read(key.data)
            with self._lock:
                fresh, self._incoming = self._incoming, []
            self._queue.extend(fresh)
            self._start_some()
            self._check_timers()
        for question in list(self._open.values()):
            self._finish(question)
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()

    def _start_some(self) -> None:
        """Start what waits, in order, as far as each server has room."""
        if not self._queue:
            return
        now = time.monotonic()
        room = self._room
        busy = Counter(q.server for q in self._open.values() if not q.done_at
                       and now - q.sent_at < room.hold_s(q.server))
        kept: deque[DnsQuestion] = deque()
        for question in self._queue:
            if busy[question.server] >= room.at_once(question.server) or len(self._open) >= MOST_OPEN:
                kept.append(question)
                continue
            busy[question.server] += 1
            self._start(question)
        self._queue = kept

    def _start(self, question: DnsQuestion) -> None:
        from probe.instruments.names.dns_wire import make_query

        question._identity = int.from_bytes(os.urandom(2), "big")
        question.sent_at = time.monotonic()
        try:
            question._wire = make_query(
                question.name, question.query_type, identity=question._identity, recursion=question.recursion
            )
            sock = socket.socket(socket.AF_INET6 if ":" in question.server else socket.AF_INET, socket.SOCK_DGRAM)
            question._socket = sock
            sock.setblocking(False)
            if LINUX:
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
            sock.connect((question.server, question.port))
            question.our_port = sock.getsockname()[1] | question._identity << 16
            self._selector.register(sock, selectors.EVENT_READ, question)
            self._open[id(question)] = question
            self._send(question)
        except (OSError, ValueError) as error:
            self._finish(question)
            self._decide(question, classify_failure(error))

    def _send(self, question: DnsQuestion) -> None:
        assert question._socket is not None
        question.sends += 1
        with contextlib.suppress(BlockingIOError):
            question.bytes_written += question._socket.send(question._wire)

    def _read(self, question: DnsQuestion) -> None:
        assert question._socket is not None
        try:
            wire, ancillary = receive_datagram(question._socket, 65535)
        except BlockingIOError:
            return
        except OSError as error:
            if not question.done_at:
                self._decide(question, classify_datagram_failure(error))
            return
        from probe.instruments.names.dns_wire import parse_reply

        question.bytes_read += len(wire)
        reply = parse_reply(
            wire, name=question.name, query_type=question.query_type, identity=question._identity
        )
        if len(question.replies) < MAX_REPLIES:
            question.replies.append((time.monotonic() - question.sent_at, _ip_ttl(ancillary), reply))
        if reply.failure:
            return
        if not question.done_at:
            question.first = reply
            self._room.note_answer(question.server, time.monotonic() - question.sent_at)
            self._decide(question, classify_rcode(reply.rcode, reply.answered))
        elif question.on_late is not None:
            question.on_late(question)

    def _decide(self, question: DnsQuestion, failure: Failure) -> None:
        question.failure = failure
        question.done_at = time.monotonic()
        question.sent_at = question.sent_at or question.done_at
        question.on_first(question)

    def _next_timer_s(self) -> float | None:
        now = time.monotonic()
        times = [self._timer(question) for question in self._open.values()]
        if self._queue:
            times.append(now + _QUEUE_CHECK_S)
        return max(0.0, min(times) - now) if times else None

    def _timer(self, question: DnsQuestion) -> float:
        if question.done_at:
            return question.done_at + LISTEN_ON_S
        end = question.sent_at + question.timeout_s
        return min(end, question.sent_at + RESEND_AFTER_S) if question.sends == 1 else end

    def _check_timers(self) -> None:
        now = time.monotonic()
        for question in list(self._open.values()):
            if self._timer(question) > now:
                continue
            if question.done_at:
                self._finish(question)
            elif now >= question.sent_at + question.timeout_s:
                malformed = any(reply.failure for _, _, reply in question.replies)
                self._decide(question, "dns_server_misbehaving" if malformed else TIMEOUT)
            else:
                with contextlib.suppress(OSError):
                    self._send(question)

    def _finish(self, question: DnsQuestion) -> None:
        self._open.pop(id(question), None)
        if question._socket is not None:
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(question._socket)
            question._socket.close()


def _ip_ttl(ancillary: list[tuple[int, int, bytes]]) -> int:
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == socket.IP_TTL and len(data) >= 4:
            return int(struct.unpack_from("@i", data)[0])
    return -1
