"""When may a step start? One visit at a time per address and port, few TLS connections per address, few lookups at once
per resolver, a steady pace.

What may leave an address blocked for minutes comes last there.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from typing import TypeGuard

from probe.core.tables.resolvers import ON_LINES
from probe.instruments.names.resolver_lines import AT_ONCE
from probe.instruments.steps import Datagrams, LocateHop, Lookup, Step, TcpTrace, Transfer, Visit
from probe.session.planning.queue_turns import spoils_address

TLS_PER_ADDRESS = 3
TLS_WINDOW_S = 10.0
"""Some boxes refuse an address for a minute after the fourth TLS connection in ten seconds."""

_AT_A_PLACE = Visit | TcpTrace | Transfer | Datagrams | LocateHop


class Pacer:
    """Bookkeeping of what runs where; times are run seconds."""

    def __init__(self, *, interval_s: float, rng: random.Random) -> None:
        self._interval_s = interval_s
        self._rng = rng
        self._next_flow_s = 0.0
        self._busy: set[tuple[str, int, bool]] = set()
        self._searching: set[str] = set()
        self._shakes: dict[str, deque[float]] = {}
        self._asking: Counter[str] = Counter()

    def ready_at_s(self, step: Step, now_s: float) -> float | None:
        """The moment at which `step` may start; None while others have its place, or its resolver's connections."""
        ready = self._next_flow_s if self._interval_s else now_s
        if isinstance(step, Visit | Lookup):
            ready = max(ready, step.not_before_s)
        if _is_on_line(step) and self._asking[step.server] >= AT_ONCE:
            return None
        if isinstance(step, _AT_A_PLACE):
            if (_place(step) in self._busy and not _is_bare(step)) or step.address in self._searching:
                return None
            if isinstance(step, Visit | Transfer) and step.sni:
                ready = max(ready, self._next_shake_s(step.address))
            if isinstance(step, LocateHop) and step.kind == "tls":
                ready = max(ready, self._quiet_s(step.address))
        return ready

    def _next_shake_s(self, address: str) -> float:
        times = self._shakes.get(address)
        if times is None or len(times) < TLS_PER_ADDRESS:
            return 0.0
        return times[-TLS_PER_ADDRESS] + TLS_WINDOW_S

    def _quiet_s(self, address: str) -> float:
        """When a search, which shakes hands as often as is allowed by itself, crowds nobody else's."""
        times = self._shakes.get(address)
        return times[-1] + TLS_WINDOW_S if times else 0.0

    def start(self, step: Step, now_s: float) -> None:
        """Note that `step` starts now."""
        if self._interval_s:
            self._next_flow_s = now_s + self._interval_s * self._rng.uniform(0.5, 1.5)
        if _is_on_line(step):
            self._asking[step.server] += 1
        if isinstance(step, _AT_A_PLACE):
            if not _is_bare(step):
                self._busy.add(_place(step))
            if isinstance(step, LocateHop):
                self._searching.add(step.address)
            if isinstance(step, Visit | Transfer) and step.sni:
                self._shakes.setdefault(step.address, deque(maxlen=TLS_PER_ADDRESS)).append(now_s)

    def end(self, step: Step, now_s: float = 0.0) -> None:
        """Note that `step` ended at `now_s`."""
        if _is_on_line(step):
            self._asking[step.server] -= 1
        if isinstance(step, _AT_A_PLACE) and not _is_bare(step):
            self._busy.discard(_place(step))
        if isinstance(step, LocateHop):
            self._searching.discard(step.address)
            times = self._shakes.setdefault(step.address, deque(maxlen=TLS_PER_ADDRESS))
            times.extend([now_s] * TLS_PER_ADDRESS)


def _is_on_line(step: Step) -> TypeGuard[Lookup]:
    """Whether it takes a connection to a resolver."""
    return isinstance(step, Lookup) and step.channel in ON_LINES


def _is_bare(step: Step) -> bool:
    """A connection on which nothing is said: it keeps nobody waiting, and waits for nobody."""
    return isinstance(step, Visit) and step.ends_stream and not step.sni


def _place(step: Visit | TcpTrace | Transfer | Datagrams | LocateHop) -> tuple[str, int, bool]:
    """TCP and UDP ports are places apart."""
    return step.address, step.port, isinstance(step, Datagrams)


def must_wait_for(other: Step, late: Step, now_s: float) -> bool:
    """Whether `late` must wait for another step: a visit of its address, or one that may yet lead somebody there.

    What waits for a later time slot holds a search up, which would spoil that, and an innocent name not.
    """
    if spoils_address(other) or (isinstance(late, LocateHop) and late.kind == "dns"):  # a resolver punishes nobody
        return False
    if isinstance(other, Lookup) and other.not_before_s > now_s:
        return False
    if isinstance(other, Visit | TcpTrace | Transfer | Datagrams) and isinstance(late, Visit | LocateHop):
        later = isinstance(other, Visit) and other.not_before_s > now_s and isinstance(late, Visit)
        return other.address == late.address and not later
    return True
