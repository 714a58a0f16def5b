"""STUN: is a call server's UDP port answered, and how many of a series of requests are?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUT, Failure, classify_failure, open_failure
from probe.instruments.clock import Clock
from probe.instruments.datagrams.stun_wire import (
    judge_answer,
    make_binding_request,
    make_transaction,
    read_mapped_address,
    read_transaction,
)
from probe.instruments.datagrams.udp_socket import UdpFlow
from probe.instruments.steps import StunBinding

REQUESTS = 10
"""Of 28 bytes each; three attempts are thirty at most."""
APART_S = 0.15
WAIT_S = 2.0
"""After the last request: more than a satellite's round trip."""
LOST_MOST = 0.3
"""The share of unanswered requests beyond which an attempt has failed: a line that loses one packet in ten in each
direction loses a fifth of the requests."""


AddressReport = Callable[[str, str], None]
"""Takes an address of ours and the address of the server that reported it. Stores neither, nor anything from which they
could be found."""

NO_REQUEST_OF_OURS = open_failure("unknown_failure: answer to no request")


def _to_nobody(address: str, teller: str) -> None:
    return


@dataclass(slots=True)
class BindingSeries:
    """Requests sent and answers heard so far."""

    waiting: set[bytes] = field(default_factory=set)
    answered: int = 0
    complaint: Failure = ""
    """The first answer that was none: an error, or another's."""
    own: str = field(default="", repr=False)
    """The address that the first answer said is ours; it goes no further than to who asked."""

    @property
    def failure(self) -> Failure:
        """Of a series that has ended: a complaint where nothing better was said, silence where too few answered."""
        if self.complaint and not self.answered:
            return self.complaint
        return TIMEOUT if len(self.waiting) > LOST_MOST * (len(self.waiting) + self.answered) else ""


def measure_binding(plan: StunBinding, *, clock: Clock, report_address: AddressReport = _to_nobody) -> Observation:
    """One series of requests. `failure` is a timeout where most went unanswered; the network raises nothing.
    `report_address` gets what the server says is our own address; no observation has it."""
    base = Observation(
        operation="stun_binding", purpose=plan.purpose, attempt=plan.attempt, hostname=plan.hostname,
        address=plan.address, address_source=plan.source, port=plan.port, family=6 if ":" in plan.address else 4,
        target_id=plan.target_id, input=plan.input, t0_s=clock.now_s(),
    )
    try:
        with UdpFlow(plan.address, plan.port) as flow:
            series = send_series(flow)
            report_address(series.own, plan.address)
            return replace(
                base, failure=flow.failure or series.failure, icmp=flow.anonymous_icmp, t_s=clock.now_s(),
                datagrams=replace(
                    base.datagrams, requests=len(series.waiting) + series.answered, responses=series.answered,
                ),
                bytes_written=flow.bytes_written, bytes_read=flow.bytes_read,
            )
    except OSError as error:
        return replace(base, failure=classify_failure(error), t_s=clock.now_s())


def send_series(flow: UdpFlow, *, requests: int = REQUESTS, wait_s: float = WAIT_S) -> BindingSeries:
    """Send a series and hear its answers; an ICMP error ends it."""
    series = BindingSeries()
    for _ in range(requests):
        transaction = make_transaction()
        series.waiting.add(transaction)
        flow.send(make_binding_request(transaction))
        _hear(flow, series, time.monotonic() + APART_S, all_at_once=False)
        if flow.failure:
            return series
    _hear(flow, series, time.monotonic() + wait_s, all_at_once=True)
    return series


def _hear(flow: UdpFlow, series: BindingSeries, until: float, *, all_at_once: bool) -> None:
    """Take answers until the time is up or, with `all_at_once`, none is missing any more."""
    while not (all_at_once and not series.waiting):
        data = flow.receive(until)
        if data is None:
            return
        transaction = read_transaction(data)
        word = judge_answer(data, transaction) if transaction in series.waiting else None
        if word == "":
            series.waiting.discard(transaction)
            series.answered += 1
            series.own = series.own or read_mapped_address(data, transaction)
        else:
            series.complaint = series.complaint or word or NO_REQUEST_OF_OURS
