"""Servers that are slow by themselves: a connection's answers leave at a rate of their own, for everybody."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from probe_lab.lab_types import Value
from probe_lab.servers.faults import Faults, number
from probe_lab.servers.served_sites import Site
from probe_lab.servers.streams import Ends, Stream

SLOW, LATE = "http_slow", "http_late"
_AS_FAST_AS_IT_CAN: dict[str, Value] = {"burst_bytes": 1 << 40}
_PIECE_S = 0.1
"""Between two pieces; what leaves at once is what belongs to that time."""


@dataclass(slots=True, kw_only=True)
class Pace:
    """One connection's rate, what it may still send at once, and how late its answers begin."""

    late_s: float
    bytes_per_s: float
    burst_bytes: float
    after_requests: int
    seen: Counter[str]
    """Requests so far, of this connection or of all by the same client."""
    whose: str

    async def write(self, stream: Stream, data: bytes) -> None:
        """Send one answer, in the connection's own time. Raises OSError when the peer is gone."""
        self.seen[self.whose] += 1
        await asyncio.sleep(self.late_s)
        if self.seen[self.whose] <= self.after_requests:
            await stream.write(data)
            return
        at_once = int(min(self.burst_bytes, len(data)))
        self.burst_bytes -= at_once
        if at_once:
            await stream.write(data[:at_once])
        size, due_s = max(1, int(self.bytes_per_s * _PIECE_S)), time.monotonic()
        for start in range(at_once, len(data), size):
            due_s += len(data[start : start + size]) / self.bytes_per_s
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await stream.write(data[start : start + size])


def pace_of(faults: Faults, site: Site, ends: Ends, clients: Counter[str]) -> Pace | None:
    """The pace of a new connection to a site; None where it sends as fast as it can. `clients` remembers requests."""
    found = {fault.kind: fault.params for fault in faults.of("http", site.host, *site.names, ends.local)}
    if not {SLOW, LATE} & {*found} or not site.rows:
        return None
    params = found.get(SLOW, _AS_FAST_AS_IT_CAN)
    return Pace(late_s=number(found[LATE], "after_s", 9) if LATE in found else 0.0,
                bytes_per_s=number(params, "bytes_per_s", 20_000), burst_bytes=number(params, "burst_bytes", 0),
                after_requests=int(number(params, "after_requests", 0)),
                seen=clients if params.get("per_client", False) else Counter(), whose=f"{site.host} {ends.peer}")
