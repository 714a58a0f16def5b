"""Faults of the client's own line: packets that vanish there, by the clock or by their family."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from probe_lab.lab_types import Fault
from probe_lab.path.fault_notes import FaultNotes
from probe_lab.servers.faults import number

_FOREVER_S = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time, in the seconds that the router is told."""

    from_s: float
    until_s: float

    def __contains__(self, now_s: float) -> bool:
        return self.from_s <= now_s < self.until_s


def span(fault: Fault, *, started_s: float) -> Span:
    """When a fault with `from_s` and `until_s` acts, with a router that started at `started_s`."""
    until_s = number(fault.params, "until_s", 0.0) or _FOREVER_S
    return Span(from_s=started_s + number(fault.params, "from_s", 0.0), until_s=started_s + until_s)


class LineFaults:
    """What swallows packets on the client's own line, in either direction."""

    def __init__(self, faults: Iterable[Fault], *, notes: FaultNotes, started_s: float) -> None:
        """Faults of other kinds, and a blackhole that lies farther out, are ignored."""
        self._notes = notes
        self._acts: list[tuple[Fault, Callable[[bytes, float], bool]]] = []
        for fault in faults:
            if fault.kind == "ipv6_dropped":
                self._acts.append((fault, lambda raw, _now_s: raw[0] >> 4 == 6))
            elif fault.kind == "blackhole" and not number(fault.params, "hop", 0):
                self._acts.append((fault, _within(span(fault, started_s=started_s))))

    def __bool__(self) -> bool:
        return bool(self._acts)

    def swallows(self, raw: bytes, *, host: bytes, to_server: bool, now_s: float) -> bool:
        """Whether a packet gets no farther; `host` is the address at the other end."""
        for fault, acts in self._acts:
            if acts(raw, now_s):
                self._notes.write(fault, host=host, to_server=to_server, now_s=now_s)
                return True
        return False


def _within(when: Span) -> Callable[[bytes, float], bool]:
    return lambda _raw, now_s: now_s in when
