"""The client's own router as a translator with limits: so many new connections at a time, so many at all.

It keeps a table of the client's TCP connections. A SYN that the limits forbid vanishes, to whomever it goes; so
does, where the table is limited, every segment of a connection that is not in it (any more).
"""

from __future__ import annotations

from collections import OrderedDict, deque

from probe_lab.lab_types import Fault
from probe_lab.servers.faults import number
from probe_lab.wire.packet import ACK, SYN, TCP

MAX_FLOWS = 65_536

_WINDOW_S = 60.0
_TIMEOUT_S = 120.0


class NatLimit:
    """The table of one `nat_limit` fault."""

    def __init__(self, fault: Fault) -> None:
        """`flows` limits the table, else `syns` limits new connections in `window_s`."""
        self._flows = int(number(fault.params, "flows", 0))
        self._syns = int(number(fault.params, "syns", 0))
        self._window_s = number(fault.params, "window_s", _WINDOW_S)
        self._timeout_s = number(fault.params, "timeout_s", _TIMEOUT_S)
        self._seen: OrderedDict[bytes, float] = OrderedDict()
        """Connection -> when it was last used; the one longest idle first."""
        self._opened: deque[float] = deque()

    def passes(self, raw: bytes, *, to_server: bool, now_s: float) -> bool:
        """Whether a packet gets through; what is no TCP segment always does."""
        ends = _tcp_ends(raw, to_server=to_server)
        if ends is None:
            return True
        key, flags = ends
        self._forget(now_s)
        if key in self._seen:
            self._seen[key] = now_s
            self._seen.move_to_end(key)
            return True
        if not to_server or flags & (SYN | ACK) != SYN:
            return not self._flows
        if not self._has_room(now_s):
            return False
        self._seen[key] = now_s
        self._opened.append(now_s)
        return True

    def _has_room(self, now_s: float) -> bool:
        if self._flows:
            return len(self._seen) < self._flows
        while self._opened and self._opened[0] <= now_s - self._window_s:
            self._opened.popleft()
        return len(self._opened) < self._syns or not self._syns

    def _forget(self, now_s: float) -> None:
        oldest_s = now_s - self._timeout_s
        while self._seen:
            key, used_s = next(iter(self._seen.items()))
            if used_s > oldest_s and len(self._seen) <= MAX_FLOWS:
                return
            del self._seen[key]


def _tcp_ends(raw: bytes, *, to_server: bool) -> tuple[bytes, int] | None:
    """The connection of a TCP segment (the server's address, its port, the client's) and the segment's flags."""
    if raw[0] >> 4 == 4:
        at, proto, src, dst = (raw[0] & 15) * 4, raw[9], raw[12:16], raw[16:20]
        later_fragment = int.from_bytes(raw[6:8]) & 0x1FFF
    else:
        at, proto, src, dst, later_fragment = 40, raw[6], raw[8:24], raw[24:40], 0
    if proto != TCP or later_fragment or len(raw) < at + 20:
        return None
    sport, dport = raw[at : at + 2], raw[at + 2 : at + 4]
    key = dst + dport + sport if to_server else src + sport + dport
    return key, raw[at + 13]
