"""Faults out on the line: links between two routers that packets do not get over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from probe_lab.lab_types import Fault
from probe_lab.path.fault_notes import FaultNotes
from probe_lab.path.line_faults import span
from probe_lab.path.reach import Reach, find_reach
from probe_lab.servers.faults import number
from probe_lab.wire.icmp_errors import make_no_route, make_packet_too_big

_MTU_BYTES = 1400


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """The link behind one router."""

    hop: int
    """Routers between the client and the link."""
    fault: Fault
    stops: Callable[[bytes, float], bool]
    """Whether a packet does not get over the link at a time."""
    error: Callable[[bytes, str], bytes | None]
    """What the sender of such a packet gets from the router (its address is given) that could not send it on."""
    notes: FaultNotes
    leads_to: Reach
    """Whose packets take this link."""

    def passes(self, raw: bytes, *, host: bytes, to_server: bool, now_s: float) -> bool:
        """Whether a packet gets over; `host` is the address at the far end."""
        if not self.leads_to(host) or not self.stops(raw, now_s):
            return True
        self.notes.write(self.fault, host=host, to_server=to_server, now_s=now_s)
        return False


def obstacles(
    faults: Iterable[Fault], *, hops: int, notes: FaultNotes, started_s: float
) -> tuple[Obstacle, ...]:
    """The obstacles on a line of so many routers, the nearest first; faults of other kinds are ignored.

    Raises ValueError for a match without addresses.
    """
    found = []
    for fault in faults:
        if fault.kind == "mtu":
            found.append(_narrow(fault, hops=hops, notes=notes))
        elif fault.kind == "blackhole" and number(fault.params, "hop", 0):
            found.append(_dead(fault, hops=hops, notes=notes, started_s=started_s))
    return tuple(sorted(found, key=lambda obstacle: obstacle.hop))


def _narrow(fault: Fault, *, hops: int, notes: FaultNotes) -> Obstacle:
    mtu = int(number(fault.params, "bytes", _MTU_BYTES))
    tells = bool(fault.params.get("icmp", False))
    return Obstacle(
        # The last link of all is the servers' own: they would know how wide it is.
        hop=max(0, min(int(number(fault.params, "hop", 1)), hops - 1)),
        fault=fault,
        stops=lambda raw, _now_s: len(raw) > mtu,
        error=lambda raw, sender: make_packet_too_big(raw, sender=sender, mtu=mtu) if tells else None,
        notes=notes,
        leads_to=find_reach(fault),
    )


def _dead(fault: Fault, *, hops: int, notes: FaultNotes, started_s: float) -> Obstacle:
    when = span(fault, started_s=started_s)
    tells = bool(fault.params.get("icmp", False))
    return Obstacle(
        hop=min(int(number(fault.params, "hop", 1)), hops),
        fault=fault,
        stops=lambda _raw, now_s: now_s in when,
        error=lambda raw, sender: make_no_route(raw, sender=sender) if tells else None,
        notes=notes,
        leads_to=find_reach(fault),
    )
