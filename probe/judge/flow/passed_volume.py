"""How much was seen to pass on one connection: what came under a service's own name, and in which time.

Some boxes let a service's first kilobytes through and hardly anything after them. So an answer shows only that as much
passes as came with it, and a role that carries pictures and files needs more than an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.core.endpoints import Endpoint
from probe.core.observations import Observation
from probe.core.tables.roles import ENOUGH_BYTES, Role
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.flow.transfer_evidence import SAMPLE


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedVolume:
    """Of the connection that brought most, among those on which nothing failed."""

    bytes_read: int = 0
    """TLS included; 0 where no connection went well, and where nobody counted."""
    seconds: float = 0.0
    """From the established connection to the last byte."""


NOTHING_PASSED = PassedVolume()


def find_passed_volume(endpoint: Endpoint, address: str, visits: Sequence[Observation],
                       flows: Sequence[Observation]) -> PassedVolume:
    """What came from `address` for the endpoint. `flows`: transfers for the sake of its site."""
    connections: dict[tuple[str, int], list[Observation]] = {}
    for o in (*visits, *flows):
        own = o.purpose in NETWORK_PURPOSES or (o.purpose == SAMPLE and o.http.method == "GET")
        asks = o.operation in ("http_round_trip", "transfer")
        if own and o.address == address and (not asks or o.input == endpoint.input or o.purpose == SAMPLE):
            connections.setdefault((o.purpose, o.attempt), []).append(o)
    whole = [_add_up(rows) for rows in connections.values() if not any(o.failure for o in rows)]
    return max(whole, key=lambda one: one.bytes_read, default=NOTHING_PASSED)


def is_enough(role: Role, passed_bytes: int) -> bool:
    """Whether so much shows that the role is of use; of a role that needs no volume, whatever came does."""
    return passed_bytes >= ENOUGH_BYTES.get(role, 0)


def _add_up(rows: Sequence[Observation]) -> PassedVolume:
    opened = [o.t_s for o in rows if o.operation == "connect"] or [min(o.t0_s for o in rows)]
    return PassedVolume(bytes_read=sum(o.bytes_read for o in rows),
                        seconds=round(max(0.0, max(o.t_s for o in rows) - max(opened)), 3))
