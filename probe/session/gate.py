"""When may a step start? One visit at a time per address and port, few TLS connections per address, a steady pace."""

from __future__ import annotations

import random
from collections import deque

from probe.steps import Datagrams, Lookup, Step, Trace, Transfer, Visit

TLS_PER_ADDRESS = 3
TLS_WINDOW_S = 10.0
"""Some boxes refuse an address for a minute after the fourth TLS connection in ten seconds."""

_AT_A_PLACE = Visit | Trace | Transfer | Datagrams


class Gate:
    """Bookkeeping of what runs where; times are run seconds."""

    def __init__(self, *, interval_s: float, rng: random.Random) -> None:
        self._interval_s = interval_s
        self._rng = rng
        self._next_flow_s = 0.0
        self._busy: set[tuple[str, int, bool]] = set()
        self._shakes: dict[str, deque[float]] = {}

    def ready_at_s(self, step: Step, now_s: float) -> float | None:
        """The moment at which `step` may start; None while another visit has its address and port."""
        ready = self._next_flow_s if self._interval_s else now_s
        if isinstance(step, Visit | Lookup):
            ready = max(ready, step.not_before_s)
        if isinstance(step, _AT_A_PLACE):
            if _place(step) in self._busy:
                return None
            if isinstance(step, Visit | Transfer) and step.sni:
                ready = max(ready, self._next_shake_s(step.address))
        return ready

    def _next_shake_s(self, address: str) -> float:
        times = self._shakes.get(address)
        if times is None or len(times) < TLS_PER_ADDRESS:
            return 0.0
        return times[-TLS_PER_ADDRESS] + TLS_WINDOW_S

    def start(self, step: Step, now_s: float) -> None:
        """Note that `step` starts now."""
        if self._interval_s:
            self._next_flow_s = now_s + self._interval_s * self._rng.uniform(0.5, 1.5)
        if isinstance(step, _AT_A_PLACE):
            self._busy.add(_place(step))
            if isinstance(step, Visit | Transfer) and step.sni:
                self._shakes.setdefault(step.address, deque(maxlen=TLS_PER_ADDRESS)).append(now_s)

    def end(self, step: Step) -> None:
        """Note that `step` ended."""
        if isinstance(step, _AT_A_PLACE):
            self._busy.discard(_place(step))


def _place(step: Visit | Trace | Transfer | Datagrams) -> tuple[str, int, bool]:
    """TCP and UDP ports are places apart."""
    return step.address, step.port, isinstance(step, Datagrams)
