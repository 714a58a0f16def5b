"""Recorded connections whose first words ended after so many milliseconds."""

from __future__ import annotations

from typing import Any

from observations import HOST, RESET, observation, replace_flat
from probe.core.observations import Observation
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose

HERE, TRIP_MS, BOX_MS = "93.184.0.1", 80.0, 20.0


def connection(at_s: float, *, syn_ms: float = TRIP_MS, end_ms: float = BOX_MS, failure: Failure = RESET,
               purpose: Purpose = "target", idle_ms: float = 1.0, kind: Operation = "tls_handshake", attempt: int = 1,
               later_ms: float = 0.0, **first: Any) -> list[Observation]:
    """One connection and the first that is said on it, `idle_ms` after it stands; `later_ms`: a lower round trip that
    the system measured after the SYN's."""
    name = HOST if purpose == "target" else "innocent.example"
    opened = observation(
        operation="connect", purpose=purpose, attempt=attempt, address=HERE, port=443, hostname=name, t0_s=at_s,
        t_s=at_s + syn_ms / 1000, min_rtt_ms=syn_ms, end_ms=syn_ms)
    said_s = opened.t_s + idle_ms / 1000
    said = observation(
        operation=kind, purpose=purpose, attempt=attempt, address=HERE, port=443, hostname=name, failure=failure,
        t0_s=said_s, t_s=said_s + end_ms / 1000, min_rtt_ms=later_ms or syn_ms, end_ms=end_ms, sni=name)
    return [opened, replace_flat(said, **first)]


def innocent(at_s: float = 0.0, **changes: Any) -> list[Observation]:
    """An innocent name's handshake, which the service answers."""
    plain: dict[str, Any] = dict(end_ms=TRIP_MS + 3, failure="", purpose="innocent")
    return connection(at_s, **plain | changes)


def three(**changes: Any) -> list[list[Observation]]:
    return [connection(10.0 * n, attempt=n, **changes) for n in (1, 2, 3)]
