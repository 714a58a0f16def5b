"""Where connection attempts are lost: SYNs with small TTLs, and which routers say that one has run out there.

Needs no privilege: a TCP socket with IP_RECVERR learns of ICMP errors about its SYN (ip(7); time exceeded ends the
attempt on Linux 5.8 and later). Elsewhere nothing is heard, and nothing is claimed. A router is kept as a keyed hash
whose key ends with the run: equal routers of one run can be told, and no address of the access network is written.
"""

from __future__ import annotations

import errno
import hashlib
import re
import selectors
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from probe.core.icmp_errors import IcmpError
from probe.core.observation_parts import TracePart
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import HopWord
from probe.core.tables.failures import Failure, classify_failure
from probe.core.tables.operations import Operation
from probe.core.tables.systems import LINUX, SILENT_SYSTEM
from probe.instruments.clock import Clock
from probe.instruments.steps import TcpTrace, UdpTrace
from probe.instruments.streams.sockets import (
    RecordedSocket,
    abort,
    ask_arrival_times,
    open_socket,
    read_timed_icmp_error,
)
from probe.instruments.streams.tcp_info import get_tcp_info

MAX_TTL = 18
TOGETHER = 9
"""SYNs under way at a time in a run that need not spread its flows; else one."""
APART_S = 0.7
"""Between two SYNs where flows are spread."""
WAIT_S = 1.6
"""The kernel repeats a SYN after one second: a lost one has a second chance."""
_EXCEEDED = frozenset({(11, 0), (3, 0)})
"""Time exceeded in transit, ICMP (RFC 792) and ICMPv6 (RFC 4443)."""
_IPV6_UNICAST_HOPS = getattr(socket, "IPV6_UNICAST_HOPS", 16)


def can_hear_routers(system: str, release: str) -> bool:
    """Whether this kernel ends an attempt to connect when a router says that its TTL has run out."""
    numbers = [int(part) for part in re.findall(r"\d+", release)[:2]]
    return system == "Linux" and numbers >= [5, 8]


@dataclass(slots=True)
class _Attempt:
    ttl: int
    sock: RecordedSocket
    begin_s: float
    """By the clock that nobody sets."""
    begun_at_s: float
    """By the one by which the system notes arrivals."""


def trace_tcp(plan: TcpTrace, *, clock: Clock, key: bytes) -> Observation:
    """Send SYNs with TTL 1, 2, ... until the address answers. It has a line for each
    that was answered: exceeded, open, refused, reset or unreachable. Silence at a TTL leaves no line."""
    return raise_ttl(plan, lambda ttls: _batch(plan, ttls, key), operation="trace", clock=clock, apart_s=APART_S)


def raise_ttl(plan: TcpTrace | UdpTrace, batch: Callable[[range], Iterable[TraceLine]], *, operation: Operation,
              clock: Clock, apart_s: float) -> Observation:
    """Ask with TTL 1, 2, ... until anything but a router answers. `batch` asks with some TTLs at once and tells what
    answered; `apart_s` passes between batches where flows are spread.

    A system that does not tell of routers is not asked, and nothing is sent."""
    t0_s = clock.now_s()
    found: list[TraceLine] = []
    failure: Failure = ""
    size = TOGETHER if plan.together else 1
    try:
        for first in range(1, MAX_TTL + 1, size) if LINUX else ():
            answers = list(batch(range(first, min(first + size, MAX_TTL + 1))))
            found += answers
            if size == 1:
                time.sleep(apart_s)
            if any(line.word != "exceeded" for line in answers):
                break
    except OSError as error:  # no descriptors, or no such family
        failure = classify_failure(error)
    return Observation(
        operation=operation, purpose=plan.purpose, address=plan.address, port=plan.port, failure=failure,
        family=6 if ":" in plan.address else 4, reason="" if LINUX else SILENT_SYSTEM,
        trace=TracePart(lines=tuple(sorted(found, key=lambda line: line.ttl))),
        t0_s=t0_s, t_s=clock.now_s(),
    )


def _batch(plan: TcpTrace, ttls: range, key: bytes) -> Iterator[TraceLine]:
    with selectors.DefaultSelector() as selector:
        for ttl in ttls:
            attempt = _start(plan, ttl)
            if attempt is not None:
                selector.register(attempt.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, attempt)
        try:
            until_s = time.monotonic() + WAIT_S
            while selector.get_map() and (left_s := until_s - time.monotonic()) > 0:
                for ready, _ in selector.select(left_s):
                    attempt = ready.data
                    selector.unregister(attempt.sock)
                    yield _read_attempt(attempt, key)
                    abort(attempt.sock)
        finally:
            for ready in list(selector.get_map().values()):
                abort(ready.data.sock)


def _start(plan: TcpTrace, ttl: int) -> _Attempt | None:
    sock = open_socket(6 if ":" in plan.address else 4, deadline=time.monotonic() + WAIT_S)
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
    sock.setblocking(False)
    ask_arrival_times(sock)
    begin_s, begun_at_s = time.monotonic(), time.time()
    with suppress(OSError):  # in progress; what is refused at once tells nothing of the way
        if socket.socket.connect_ex(sock, (plan.address, plan.port)) in (0, errno.EINPROGRESS):
            return _Attempt(ttl, sock, begin_s, begun_at_s)
    abort(sock)
    return None


def _read_attempt(attempt: _Attempt, key: bytes) -> TraceLine:
    heard_ms = 1000 * (time.monotonic() - attempt.begin_s)
    code = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    icmp, arrived_s = read_timed_icmp_error(attempt.sock) if code else (None, 0.0)
    told_ms = 1000 * (arrived_s - attempt.begun_at_s) if code else get_tcp_info(attempt.sock).min_rtt_ms
    delay_ms = told_ms if 0 < told_ms < heard_ms else heard_ms  # a busy device reads late what the system heard in time
    return TraceLine(ttl=attempt.ttl, word=_word(code, icmp), delay_ms=round(delay_ms, 1),
                     router=hash_router(icmp.sender if icmp else "", key))


def is_exceeded(icmp: IcmpError | None) -> bool:
    """Whether an ICMP error says that a packet's TTL has run out in transit."""
    return icmp is not None and icmp.kind in _EXCEEDED


_ENDS: dict[Failure, HopWord] = {"connection_refused": "refused", "connection_reset": "reset"}


def _word(code: int, icmp: IcmpError | None) -> HopWord:
    if not code:
        return "open"
    if icmp:
        return "exceeded" if is_exceeded(icmp) else "unreachable"
    return _ENDS.get(classify_failure(OSError(code, "")), "unreachable")


def hash_router(address: str, key: bytes) -> str:
    """A router's address as a hash that means something under `key` alone; empty for none."""
    return hashlib.blake2b(address.encode(), key=key, digest_size=4).hexdigest() if address else ""
