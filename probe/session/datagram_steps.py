"""Carrying out a step over UDP; each loads what it needs, for most runs need none of it."""

from __future__ import annotations

from collections.abc import Callable

from probe.core.observations import Observation
from probe.instruments.clock import Clock
from probe.instruments.steps import Datagrams, QuicVisit, StunBinding, VersionProbe


def exchange_datagrams(step: Datagrams, *, clock: Clock, key: bytes,
                       report_address: Callable[[str, str], None]) -> Observation:
    """Do one step to its end. `key` hides routers (`probe.instruments.hops.trace`). `report_address` gets what a server
    says is our own address, and that server's address."""
    if isinstance(step, QuicVisit):
        from probe.instruments.datagrams.quic_handshake import visit_quic

        return visit_quic(step, clock=clock)
    if isinstance(step, VersionProbe):
        from probe.instruments.datagrams.quic_version import ask_version

        return ask_version(step, clock=clock)
    if isinstance(step, StunBinding):
        from probe.instruments.datagrams.stun import measure_binding

        return measure_binding(step, clock=clock, report_address=report_address)
    from probe.instruments.hops.udp_trace import trace_udp

    return trace_udp(step, clock=clock, key=key)
