"""Which earlier failure may have caused this one? Residual blocking hits whoever comes next to the same place."""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.path.residual_evidence import ENDED
from probe.judge.udp.udp_evidence import OPERATIONS

RESIDUAL_S = 420.0
"""The longest residual blocking on record (180 to 420 s on address and port)."""

_NAMING: tuple[Purpose, ...] = ("target", "trusted", "shape", "program", "foreign", "foreign_helper")
_INNOCENT: tuple[Purpose, ...] = ("innocent", "residual")


def find_tainting_failure(seen: Observation, earlier: Sequence[Observation]) -> str:
    """Id of a neighbour's failure at the same address within the residual time, or empty; `earlier` is what was seen
    at that address. Of targets failures on any port count, since some boxes punish all that two addresses exchange; an
    innocent name's failure on another port is not explained away by them.

    A success is never tainted, and a name never taints itself: its own repeats are what convicts. An innocent name
    that was served at this very port after the neighbour's last failure shows that nothing was left behind.
    """
    if seen.failure not in ENDED or not seen.address:
        return ""
    any_port = seen.purpose in NETWORK_PURPOSES and seen.operation not in OPERATIONS
    failures = [o for o in earlier if o.address == seen.address and o.hostname != seen.hostname
                and (any_port or o.port == seen.port) and o.purpose in _NAMING and o.failure in ENDED
                and seen.t0_s - o.t_s < RESIDUAL_S]
    if not failures:
        return ""
    last = max(failures, key=lambda o: o.t_s)
    return "" if _was_spared(earlier, seen, since_s=last.t_s) else last.observation_id


def _was_spared(earlier: Sequence[Observation], seen: Observation, *, since_s: float) -> bool:
    return any(o.purpose in _INNOCENT and o.operation != "connect" and not o.failure
               and (o.address, o.port) == (seen.address, seen.port) and since_s <= o.t0_s and o.t_s <= seen.t0_s
               for o in earlier)
