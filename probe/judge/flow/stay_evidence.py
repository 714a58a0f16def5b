"""What became of connections that were kept for a while: did they last, and did innocent ones at the same address?

A server ends idle connections of its own accord, after its own time, whatever the name. So an early end tells only
where an innocent connection, kept at the same address in turns with it, outlived it. An orderly end is anybody's: it
counts for nothing. Those that never came so far as to be kept are no stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.purposes import Purpose
from probe.judge.flow.loss_evidence import BESIDE

STAY: Final[Purpose] = "stay"
ENOUGH_STAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StayEvidence:
    """The service's own stays at one address, and innocent ones."""

    asked: int = 0
    """Own ones that were tried, also those that failed before they could be kept."""
    asked_beside: int = 0
    """Innocent ones that were tried, also where the server refused their name."""
    made: int = 0
    ended: int = 0
    """Own ones that were reset before their time."""
    silent: int = 0
    """Own ones after which nothing was acknowledged any more."""
    outlived: int = 0
    """Innocent ones that lasted to the end of their time."""
    beside_alike: int = 0
    """Innocent ones that were reset, fell silent or were ended as well."""

    @property
    def is_doubtful(self) -> bool:
        """Own ones do not last, and innocent ones do, as far as is known."""
        return bool(self.ended + self.silent) and not self.beside_alike

    @property
    def is_unexplained(self) -> bool:
        """No own one lasts, and nothing tells why: the server lets no innocent one come so far as to be kept."""
        compared = self.outlived or self.beside_alike
        return self.made >= ENOUGH_STAYS and self.ended + self.silent == self.made and not compared

    @property
    def is_cut(self) -> bool:
        return self.is_doubtful and self.ended == self.made >= ENOUGH_STAYS and self.outlived >= ENOUGH_STAYS - 1

    @property
    def is_silenced(self) -> bool:
        return self.is_doubtful and self.silent == self.made >= ENOUGH_STAYS and self.outlived >= ENOUGH_STAYS - 1


NO_STAYS = StayEvidence()


def gather_stay_evidence(turns: Sequence[Observation]) -> StayEvidence:
    """`turns`: all rows of a site's turns and stays; those of exchanges in turns are left out."""
    own = [o for o in turns if o.purpose == STAY and o.operation == "stay"]
    place = next(((o.address, o.port) for o in turns if o.purpose == STAY), None)
    beside = [o for o in turns if o.purpose == BESIDE and o.operation == "stay" and (o.address, o.port) == place]
    reset, silent = [o for o in own if o.failure == "connection_reset"], [o for o in own if o.failure in TIMEOUTS]
    asked = {o.attempt for o in turns if o.purpose == STAY}
    return StayEvidence(
        asked=len(asked), asked_beside=len({o.attempt for o in beside} | (asked & _list_refused(turns, place))),
        made=len(own), ended=len(reset), silent=len(silent),
        outlived=sum(not o.failure for o in beside),
        beside_alike=sum(bool(o.failure) for o in beside))


def _list_refused(turns: Sequence[Observation], place: tuple[str, int] | None) -> frozenset[int]:
    """Attempts of innocent connections at the place that failed before they could be kept."""
    return frozenset(o.attempt for o in turns
                     if o.purpose == BESIDE and o.failure and (o.address, o.port) == place)
