"""Stretches of a run in which nothing at all was answered, though it had been before: the line was dark.

A train in a tunnel, a router that starts anew, a device that dozes, a box that cuts a client off for a minute, and a
shutdown that begins in mid-run all do this. What failed then tells nothing of whom it was meant for.

Silence of a few blocked services must not look alike. So what counts as silent are places that answered at another
time of the run, and at which nothing under their own name had been struck before: a punishment keeps to its address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.operations import ABOVE_TCP, Operation

LEAST_S = 8.0
"""Longer than the wait for one answer."""
LEAST_PLACES = 3
LEAST_FAILURES = 5
_OPERATIONS: frozenset[Operation] = frozenset(("connect", "dns_round_trip", *ABOVE_TCP))
_Place = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DarkSpell:
    """From the last answer before it to the first after it, on the run's clock."""

    from_s: float
    to_s: float
    lasts: bool = False
    """Nothing was answered any more until the run's end."""

    def holds(self, seen: Observation) -> bool:
        """Whether an observation began and ended in it."""
        return self.from_s <= seen.t0_s and seen.t_s <= self.to_s


def find_dark_spells(seen: Iterable[Observation]) -> tuple[DarkSpell, ...]:
    """All of a run's, in order. What was left out, for which there is a reason, was answered by nobody."""
    rows = sorted((o for o in seen if o.operation in _OPERATIONS and _place(o)[0] and not o.reason),
                  key=lambda o: o.t_s)
    answered = [o.t_s for o in rows if not is_silent(o)]
    if not answered:
        return ()
    alive = {_place(o) for o in rows if not is_silent(o)}
    end_s = rows[-1].t_s
    gaps = zip(answered, [*answered[1:], end_s], strict=True)
    return tuple(DarkSpell(from_s=from_s, to_s=to_s, lasts=to_s == end_s and is_silent(rows[-1]))
                 for from_s, to_s in gaps if to_s - from_s >= LEAST_S and _is_dark(rows, alive, from_s, to_s))


def _is_dark(rows: Sequence[Observation], alive: set[_Place], from_s: float, to_s: float) -> bool:
    struck = {_place(o) for o in rows if o.failure and o.operation in ABOVE_TCP and o.t_s <= from_s}
    silent = [o for o in rows if from_s <= o.t0_s and o.t_s <= to_s and is_silent(o)]
    telling = {_place(o) for o in silent} & alive - struck
    return len(telling) >= LEAST_PLACES and sum(_place(o) in telling for o in silent) >= LEAST_FAILURES


def is_silent(seen: Observation) -> bool:
    """Whether no answer came in its time."""
    return seen.failure in TIMEOUTS


def _place(seen: Observation) -> _Place:
    """Where it went: of a question the resolver."""
    if seen.operation == "dns_round_trip":
        return seen.dns.resolver_address, 53
    return (seen.address, seen.port) if seen.address else ("", 0)
