"""Which earlier failure may have caused this one? Residual blocking hits whoever comes next to the same place."""

from __future__ import annotations

from collections.abc import Sequence

from probe.model import Observation

RESIDUAL_S = 420.0
"""The longest residual blocking on record (180 to 420 s on address and port)."""

_NAMING = ("target", "trusted", "shape", "foreign")
_ENDED = ("connection_reset", "eof_error", "generic_timeout_error", "timed_out", "connection_refused",
          "connection_aborted")


def tainted_by(seen: Observation, earlier: Sequence[Observation]) -> str:
    """Id of a neighbour's failure at the same address and port within the residual time, or empty.

    A success is never tainted, and a name never taints itself: its own repeats are what convicts.
    """
    if seen.failure not in _ENDED or not seen.address:
        return ""
    for other in earlier:
        if (other.address == seen.address and other.port == seen.port and other.hostname != seen.hostname
                and other.purpose in _NAMING and other.failure in _ENDED
                and seen.t0_s - other.t_s < RESIDUAL_S):
            return other.observation_id
    return ""
