"""Where datagrams to an address are lost: requests with small TTLs, and which routers say that one has run out there.

Needs no privilege: a connected UDP socket with IP_RECVERR learns of ICMP errors (ip(7)). Routers are written as in
`probe.instruments.hops.trace`, as hashes under a key that ends with the run.
"""

from __future__ import annotations

import selectors
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from probe.core.icmp_errors import IcmpError
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import HopWord
from probe.core.tables.failures import Failure
from probe.core.tables.protocols import DatagramKind
from probe.instruments.clock import Clock
from probe.instruments.datagrams.quic_wire import make_version_question
from probe.instruments.datagrams.stun_wire import make_binding_request, make_transaction
from probe.instruments.datagrams.udp_socket import UdpFlow
from probe.instruments.hops.trace import WAIT_S, hash_router, is_exceeded, raise_ttl
from probe.instruments.steps import UdpTrace

AGAIN_S = 0.7
"""A datagram has a second chance, for nobody repeats it for us."""


@dataclass(slots=True)
class _Attempt:
    ttl: int
    flow: UdpFlow
    begin_s: float
    payload: bytes


def trace_udp(plan: UdpTrace, *, clock: Clock, key: bytes) -> Observation:
    """Send requests with TTL 1, 2, ... until the address answers. Lines as of a trace over TCP: exceeded, open
    (an answer), refused or unreachable. Two datagrams a TTL at most."""
    return raise_ttl(plan, lambda ttls: _batch(plan, ttls, key), operation="udp_trace", clock=clock, apart_s=0.0)


def _payload(protocol: DatagramKind) -> bytes:
    return make_version_question().datagram if protocol == "quic" else make_binding_request(make_transaction())


def _batch(plan: UdpTrace, ttls: range, key: bytes) -> Iterator[TraceLine]:
    with selectors.DefaultSelector() as selector, ExitStack() as flows:
        for ttl in ttls:
            attempt = _Attempt(ttl, flows.enter_context(UdpFlow(plan.address, plan.port, ttl=ttl)), time.monotonic(),
                               _payload(plan.protocol))
            attempt.flow.send(attempt.payload)
            selector.register(attempt.flow, selectors.EVENT_READ, attempt)
        begin_s = time.monotonic()
        again_s = begin_s + AGAIN_S
        while selector.get_map() and (now := time.monotonic()) < begin_s + WAIT_S:
            if now >= again_s:
                for waiting in selector.get_map().values():
                    waiting.data.flow.send(waiting.data.payload)
                again_s = begin_s + WAIT_S
            for ready, _ in selector.select(max(0.0, again_s - time.monotonic())):
                selector.unregister(ready.fileobj)
                yield _read_attempt(ready.data, key)


def _read_attempt(attempt: _Attempt, key: bytes) -> TraceLine:
    flow = attempt.flow
    answered = flow.receive(time.monotonic()) is not None
    delay_ms = 1000 * (time.monotonic() - attempt.begin_s)
    return TraceLine(ttl=attempt.ttl, word=_word(answered, flow.failure, flow.icmp), delay_ms=round(delay_ms, 1),
                     router=hash_router(flow.icmp.sender if flow.icmp else "", key))


def _word(answered: bool, failure: Failure, icmp: IcmpError | None) -> HopWord:
    if answered:
        return "open"
    if is_exceeded(icmp):
        return "exceeded"
    return "refused" if failure == "connection_refused" else "unreachable"
