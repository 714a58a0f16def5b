"""One TCP connection on which a segment is repeated with changing TTLs.

Needs no privilege. The kernel repeats what is not acknowledged, each time with the TTL that the socket has by then: one
flow walks several hops.
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import HopWord
from probe.core.tables.words import Empty
from probe.instruments.hops.first_bytes import Cut, CutWord, cut_question
from probe.instruments.streams.sockets import RecordedSocket, abort, open_socket
from probe.judge.hops.hop_lines import ACTS

PER_FLOW = 7
"""Hops that one flow walks: the kernel repeats that often at an even pace (TCP_THIN_LINEAR_TIMEOUTS, tcp(7))."""
CONNECT_S = 6.0
FLOW_S = 9.0
QUIET_S = 1.0
"""How long the last packet of a flow may take to draw anything, beyond two round trips."""
_TCP_THIN_LINEAR_TIMEOUTS = 16
_USUAL_TTL = 64
_POLL_S = 0.02
_SEGMENT_OFFSET, _UNACKED_OFFSET, _RTT_OFFSET, _REPEATED_OFFSET = 16, 24, 68, 100  # struct tcp_info (linux/tcp.h)
_ESTABLISHED = b"\1"
"""The first byte of it: the state (include/net/tcp_states.h)."""
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO)


def walk_connection(address: str, port: int, data: bytes, ttls: Sequence[int],
                    word: CutWord) -> tuple[tuple[TraceLine, ...], Cut]:
    """Connect as ever, then say `data`, cut as `word` says, with these TTLs; what became of each packet, and the cut.
    Raises OSError where the connection is not established, or ends before the segment that walks."""
    sock = open_socket(6 if ":" in address else 4, deadline=time.monotonic() + CONNECT_S)
    try:
        sock.connect((address, port))
        cut = cut_question(data, word, segment_bytes=_info(sock, _SEGMENT_OFFSET) or len(data))
        if cut.head:
            _deliver(sock, cut.head)
        return _TtlFlow(sock, tuple(ttls)).run(cut.walking), cut
    finally:
        with suppress(OSError):  # the other side shall hear of the end, and never of the question
            _set_ttl(sock, _USUAL_TTL)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
        abort(sock)


def _deliver(sock: RecordedSocket, head: bytes) -> None:
    """Say what comes before the segment that walks, until it is acknowledged."""
    sock.sendall(head)
    while _info(sock, _UNACKED_OFFSET):
        if time.monotonic() >= sock.deadline:
            raise TimeoutError
        time.sleep(_POLL_S)


@dataclass(slots=True)
class SentPackets:
    """The packets of a walk, and the TTL with which each went.

    The kernel repeats when it likes; this program learns of it afterwards, on a busy machine of several at once. All of
    these went with the TTL that the socket had.
    """

    ttls: tuple[int, ...]
    packets: list[tuple[int, float]] = field(default_factory=list)
    """TTL, and when it was seen that the packet had gone (monotonic)."""
    _next: int = 0
    """The index of the TTL that the socket has."""

    @property
    def are_all(self) -> bool:
        return self._next == len(self.ttls)

    def note(self, number: int, now_s: float) -> int:
        """So many packets have gone by now; the TTL that the socket must have next, 0 where that it has is right."""
        if self.are_all or number <= len(self.packets):
            return 0
        self.packets += [(self.ttls[self._next], now_s)] * (number - len(self.packets))
        self._next += 1
        return 0 if self.are_all else self.ttls[self._next]


class _TtlFlow:
    """The walk of one segment."""

    def __init__(self, sock: RecordedSocket, ttls: tuple[int, ...]) -> None:
        self._sock, self._sent = sock, SentPackets(ttls)
        self._met: dict[int, tuple[HopWord, float]] = {}
        self._acked: tuple[int, float] | None = None
        """The packet that was acknowledged, and when that was seen (monotonic)."""
        self._patience_s = 0.0

    def run(self, data: bytes) -> tuple[TraceLine, ...]:
        sock = self._sock
        sock.setblocking(False)
        with suppress(OSError):  # some congestion controls never count as thin (tcp_stream_is_thin in net/tcp.h)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_THIN_LINEAR_TIMEOUTS, 1)
        _set_ttl(sock, self._sent.ttls[0])
        before = _info(sock, _REPEATED_OFFSET)
        self._patience_s = QUIET_S + 2 * _info(sock, _RTT_OFFSET) / 1e6
        sock.send(data)
        self._note_sent(1)
        until_s = time.monotonic() + FLOW_S
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            while (now_s := time.monotonic()) < until_s:
                ready = selector.select(_POLL_S)
                if not self._acked:  # first, since what is heard now answers the latest packet
                    self._note_sent(1 + _info(sock, _REPEATED_OFFSET) - before)
                if ready and self._hear():
                    break
                self._see_acknowledged()
                last_s = self._acked[1] if self._acked else self._sent.packets[-1][1]
                if (self._acked or self._sent.are_all) and now_s - last_s > self._patience_s:
                    break
        return tuple(self._lines())

    def _note_sent(self, number: int) -> None:
        if ttl := self._sent.note(number, time.monotonic()):
            _set_ttl(self._sock, ttl)

    def _see_acknowledged(self) -> None:
        """Note that the server's TCP has acknowledged our data. After a connection's end the kernel no longer knows."""
        info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        if not self._acked and info[:1] == _ESTABLISHED and not struct.unpack_from("@I", info, _UNACKED_OFFSET)[0]:
            self._acked = self._latest, time.monotonic()

    def _note_met(self, word: HopWord) -> None:
        self._met.setdefault(self._latest, (word, time.monotonic()))

    @property
    def _latest(self) -> int:
        """The number of the last packet, from 0."""
        return len(self._sent.packets) - 1

    def _hear(self) -> bool:
        """Note what the socket has; True when that ends the flow."""
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code in _UNREACHABLE:
            self._note_met("exceeded")
            return False
        word: HopWord | Empty = "reset" if code else ""
        if not word:
            try:
                word = "answered" if socket.socket.recv(self._sock, 2048) else "closed"
            except BlockingIOError:
                return False
            except OSError as error:
                word = "exceeded" if error.errno in _UNREACHABLE else "reset"
        if word in ACTS:
            if time.monotonic() - self._sent.packets[-1][1] > self._patience_s:
                return True  # the server has waited long enough for a question that never came
            self._met.pop(self._latest, None)
        self._note_met(word)
        return word in ACTS

    def _lines(self) -> Iterator[TraceLine]:
        """One for each packet; two for one that was acknowledged before something acted."""
        for number, (ttl, sent_s) in enumerate(self._sent.packets):
            met: list[tuple[HopWord, float]] = []
            if self._acked and self._acked[0] == number:
                met.append(("acked", self._acked[1]))
            met += [self._met[number]] if number in self._met else []
            for word, at_s in met:
                yield TraceLine(ttl=ttl, word=word, delay_ms=round(1000 * (at_s - sent_s), 1))
            if not met:
                yield TraceLine(ttl=ttl, word="silent")


def _set_ttl(sock: socket.socket, ttl: int) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def _info(sock: socket.socket, offset: int) -> int:
    """One number of TCP_INFO; 0 where the kernel returns fewer fields."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("@I", info, offset)[0]) if len(info) >= offset + 4 else 0
