"""Carrying out a step over UDP; each loads what it needs, for most runs need none of it."""

from __future__ import annotations

from collections.abc import Callable

from probe.measure.clock import Clock
from probe.model import Observation
from probe.steps import Binding, Datagrams, QuicVisit, VersionProbe


def exchange_datagrams(step: Datagrams, *, clock: Clock, key: bytes, told: Callable[[str, str], None]) -> Observation:
    """Do one step to its end. `key` hides routers (`probe.measure.trace`); `told` is told what a server says of our own
    address, and who says so."""
    if isinstance(step, QuicVisit):
        from probe.measure.quic import quic_visit

        return quic_visit(step, clock=clock)
    if isinstance(step, VersionProbe):
        from probe.measure.quic_version import ask_version

        return ask_version(step, clock=clock)
    if isinstance(step, Binding):
        from probe.measure.stun import binding

        return binding(step, clock=clock, told=told)
    from probe.measure.udp_trace import udp_trace

    return udp_trace(step, clock=clock, key=key)
