"""At which hop do questions for a name meet interference? ClientHellos, requests and DNS questions with small TTLs.

Needs no privilege. A TCP connection is opened as ever; then its TTL is lowered, and the forbidden bytes are sent. The
kernel repeats what is not acknowledged, each time with the TTL that the socket has by then: one flow walks several
hops, and the first that acts ends the walk, so that what punishes the address for minutes is set off as seldom as
possible. The place found is then asked three times more: the name again, with one hop less, and an innocent name.
"""

from __future__ import annotations

import errno
import platform
import selectors
import socket
import ssl
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from probe.core.observation_parts import HttpPart, TlsPart, TracePart
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import HopWord
from probe.core.tables.failures import classify_failure
from probe.core.tables.systems import SILENT_SYSTEM
from probe.core.tables.words import Empty
from probe.inference.evidence.hop_evidence import ACTS, find_first_sign, list_packets, read_routers
from probe.measurement.clock import Clock
from probe.measurement.hops.locate_udp import MAX_TTL, TtlDatagram, list_lines, make_questions, send_all, trace_routers
from probe.measurement.hops.trace import can_hear_routers
from probe.measurement.planning.steps import LocateHop
from probe.measurement.streams.sockets import RecordedSocket, abort, open_socket

MAX_FLOWS = 6
"""Connections for one search: up to three that walk, and three that make sure."""
PER_FLOW = 7
"""Hops that one flow walks: the kernel repeats that often at an even pace (TCP_THIN_LINEAR_TIMEOUTS, tcp(7))."""
REPEATS = 3
FLOWS_PER_WINDOW, WINDOW_S = 3, 10.0
"""Some boxes refuse an address for a minute after the fourth TLS connection in ten seconds."""
CONNECT_S = 6.0
FLOW_S = 9.0
QUIET_S = 1.0
"""How long the last packet of a flow may take to draw anything, beyond two round trips."""
DNS_MAX_TTL = 24
_TCP_THIN_LINEAR_TIMEOUTS = 16
_USUAL_TTL = 64
_POLL_S = 0.02
_RTT_OFFSET, _UNACKED_OFFSET, _REPEATED_OFFSET = 68, 24, 100  # struct tcp_info (linux/tcp.h)
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO)


@dataclass(slots=True)
class _Search:
    """One search under way: what it may still use, and what it has seen."""

    plan: LocateHop
    clock: Clock
    seen: list[Observation] = field(default_factory=list)
    begun_s: list[float] = field(default_factory=list)

    def flow(self, name: str, ttls: Sequence[int]) -> tuple[TraceLine, ...]:
        """Ask for the name with these TTLs on a connection of its own; what came of each packet."""
        if len(self.begun_s) >= MAX_FLOWS:
            return ()
        if len(self.begun_s) >= FLOWS_PER_WINDOW:
            time.sleep(max(0.0, self.begun_s[-FLOWS_PER_WINDOW] + WINDOW_S - time.monotonic()))
        self.begun_s.append(time.monotonic())
        row = self._row(name, attempt=len(self.begun_s))
        try:
            row = replace(row, trace=TracePart(lines=_ask(self.plan, name, ttls)))
        except OSError as error:  # the connection itself: what blocks for minutes may hit that already
            row = replace(row, failure=classify_failure(error))
        self.seen.append(replace(row, t_s=self.clock.now_s()))
        return list_packets(row)

    def _row(self, name: str, *, attempt: int = 1) -> Observation:
        plan = self.plan
        return Observation(
            operation="trace", purpose="locate", hostname=name, address=plan.address, port=plan.port, attempt=attempt,
            input=plan.input, family=6 if ":" in plan.address else 4, t0_s=self.clock.now_s(),
            tls=TlsPart(sni=name if plan.kind == "tls" else ""),
            http=HttpPart(host_header=name if plan.kind == "http" else ""),
        )

    def keep(self, name: str, lines: Sequence[TraceLine], t0_s: float) -> tuple[TraceLine, ...]:
        row = replace(self._row(name), trace=TracePart(lines=tuple(lines)), t0_s=t0_s, t_s=self.clock.now_s())
        self.seen.append(row)
        return list_packets(row)


def locate_hop(plan: LocateHop, *, clock: Clock, key: bytes) -> list[Observation]:
    """Search for the hop. One row for the routers on the way (no name), one for each flow or series of questions;
    each line is what became of one packet. Never raises for the network."""
    search = _Search(plan, clock)
    if not can_hear_routers(platform.system(), platform.release()):
        return [replace(search._row(plan.name), reason=SILENT_SYSTEM)]
    t0_s = clock.now_s()
    routers = search.keep("", trace_routers(plan.address, key=key, together=plan.together), t0_s)
    if plan.kind == "dns":
        _ask_dns(search, routers, key)
    else:
        _walk(search, routers)
    return search.seen


def _walk(search: _Search, routers: Sequence[TraceLine]) -> None:
    plan, rows = search.plan, list[tuple[TraceLine, ...]]()
    ended = read_routers(routers)[1]
    last = min(MAX_TTL, ended + 1) if ended else MAX_TTL
    place, begin = 0, 1
    while not place and begin <= last and len(rows) < 3:
        rows.append(search.flow(plan.name, range(begin, min(begin + PER_FLOW, last + 1))))
        if not rows[-1]:
            return
        place, begin = find_first_sign(rows, routers), max(s.ttl for s in rows[-1]) + 1
    if not place:
        return
    search.flow(plan.name, (place,) * REPEATS)
    if place > 1:
        search.flow(plan.name, (place - 1,) * REPEATS)
    search.flow(plan.control_name, (place,) * REPEATS)


def _ask(plan: LocateHop, name: str, ttls: Sequence[int]) -> tuple[TraceLine, ...]:
    """One connection. Raises OSError where it is not established."""
    sock = open_socket(6 if ":" in plan.address else 4, deadline=time.monotonic() + CONNECT_S)
    try:
        sock.connect((plan.address, plan.port))
        return _Flow(sock, tuple(ttls)).run(_hello(name) if plan.kind == "tls" else _request(name))
    finally:
        with suppress(OSError):  # the other side shall hear of the end, and never of the question
            _set_ttl(sock, _USUAL_TTL)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
        abort(sock)


class _Flow:
    """An established connection on which one question is repeated with changing TTLs."""

    def __init__(self, sock: RecordedSocket, ttls: tuple[int, ...]) -> None:
        self._sock, self._ttls = sock, ttls
        self._sent: list[float] = []
        self._told: dict[int, tuple[HopWord, float]] = {}
        self._patience_s = 0.0

    def run(self, data: bytes) -> tuple[TraceLine, ...]:
        sock = self._sock
        sock.setblocking(False)
        with suppress(OSError):  # some congestion controls never count as thin (tcp_stream_is_thin in net/tcp.h)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"reno")
            sock.setsockopt(socket.IPPROTO_TCP, _TCP_THIN_LINEAR_TIMEOUTS, 1)
        _set_ttl(sock, self._ttls[0])
        before = _info(sock, _REPEATED_OFFSET)
        self._patience_s = patience_s = QUIET_S + 2 * _info(sock, _RTT_OFFSET) / 1e6
        self._note(time.monotonic())
        with suppress(OSError):
            sock.send(data)
        self._set_next()
        until_s = time.monotonic() + FLOW_S
        with selectors.DefaultSelector() as selector:
            selector.register(sock, selectors.EVENT_READ)
            while (now_s := time.monotonic()) < until_s:
                if selector.select(_POLL_S) and self._hear():
                    break
                while len(self._sent) < min(len(self._ttls), 1 + _info(sock, _REPEATED_OFFSET) - before):
                    self._note(time.monotonic())
                    self._set_next()
                if len(self._sent) == len(self._ttls) and now_s - self._sent[-1] > patience_s:
                    break
        if not _info(sock, _UNACKED_OFFSET) and len(self._sent) - 1 not in self._told:
            self._tell("acked")
        return self._lines()

    def _note(self, now_s: float) -> None:
        self._sent.append(now_s)

    def _set_next(self) -> None:
        _set_ttl(self._sock, self._ttls[min(len(self._sent), len(self._ttls) - 1)])

    def _tell(self, word: HopWord) -> None:
        self._told.setdefault(len(self._sent) - 1, (word, 1000 * (time.monotonic() - self._sent[-1])))

    def _hear(self) -> bool:
        """Note what the socket has; True when that ends the flow."""
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code in _UNREACHABLE:
            self._tell("exceeded")
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
            if time.monotonic() - self._sent[-1] > self._patience_s:
                return True  # the server has waited long enough for a question that never came
            self._told.pop(len(self._sent) - 1, None)
        self._tell(word)
        return word in ACTS

    def _lines(self) -> tuple[TraceLine, ...]:
        told = [(self._ttls[n], *self._told.get(n, ("silent", None))) for n in range(len(self._sent))]
        return tuple(TraceLine(ttl=ttl, word=word, delay_ms=None if delay_ms is None else round(delay_ms, 1))
                     for ttl, word, delay_ms in told)


def _set_ttl(sock: socket.socket, ttl: int) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def _info(sock: socket.socket, offset: int) -> int:
    """One number of TCP_INFO; 0 where the kernel tells less."""
    told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("@I", told, offset)[0]) if len(told) >= offset + 4 else 0


def _hello(name: str) -> bytes:
    """A ClientHello for the name that fits one segment: only one segment is repeated, and it must hold all of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    with suppress(ValueError):
        context.set_ecdh_curve("prime256v1")  # later defaults carry a post-quantum key of more than a kilobyte
    outgoing = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name).do_handshake()
    return outgoing.read()


def _request(name: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {name}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode("ascii", "replace")


def _ask_dns(search: _Search, routers: Sequence[TraceLine], key: bytes) -> None:
    """Questions with every TTL, those for the name twice: datagrams get lost. Up to twice the resolver's distance: an
    answer with a copied TTL comes from half as far as the question would have gone."""
    plan, t0_s = search.plan, search.clock.now_s()
    ended = read_routers(routers)[1]
    ttls = range(1, min(2 * ended + 1, DNS_MAX_TTL) + 1 if ended else MAX_TTL + 1)
    for name, rounds in ((plan.name, 2), (plan.control_name, 1)):
        asked: list[TtlDatagram] = []
        for _ in range(rounds):
            batch, is_answer = make_questions(name, recursion=plan.recursion, ttls=ttls)
            send_all(plan.address, batch, key=key, together=plan.together, is_answer=is_answer)
            asked += batch
        search.keep(name, list_lines(asked), t0_s)
