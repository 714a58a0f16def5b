"""Does a QUIC server live at an address, whatever becomes of its handshakes? Needs no QUIC library."""

from __future__ import annotations

import time
from dataclasses import replace

from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUT, classify_failure
from probe.instruments.clock import Clock
from probe.instruments.datagrams.quic_wire import make_version_question, read_offered_versions
from probe.instruments.datagrams.udp_socket import UdpFlow
from probe.instruments.steps import VersionProbe

TRIES = 3
"""Of 1200 bytes each, the next only where the one before went unanswered."""
WAIT_S = 1.2


def ask_version(plan: VersionProbe, *, clock: Clock) -> Observation:
    """Ask for a version that does not exist; `versions` are those offered instead. The network raises nothing."""
    base = Observation(operation="quic_version", purpose="version", attempt=plan.attempt, address=plan.address,
                       port=plan.port, family=6 if ":" in plan.address else 4, t0_s=clock.now_s())
    question, offered, tries = make_version_question(), None, 0
    try:
        with UdpFlow(plan.address, plan.port) as flow:
            while offered is None and tries < TRIES and not flow.failure:
                flow.send(question.datagram)
                tries += 1
                until = time.monotonic() + WAIT_S
                while offered is None and (data := flow.receive(until)) is not None:
                    offered = read_offered_versions(data, question)
            return replace(
                base, failure="" if offered is not None else flow.failure or TIMEOUT, icmp=flow.anonymous_icmp,
                t_s=clock.now_s(),
                datagrams=replace(base.datagrams, requests=tries, responses=int(offered is not None),
                                  versions=tuple(int(version, 16) for version in offered or ())),
                bytes_written=flow.bytes_written, bytes_read=flow.bytes_read,
            )
    except OSError as error:
        return replace(base, failure=classify_failure(error), t_s=clock.now_s())
