"""Strikes and punishments: what the failures at one address are once they are read in their order.

Some boxes punish. A name is struck once, and then for some minutes nothing at all passes between two addresses: what
the name met, and what any connection meets afterwards, are two unlike failures of one block. So a path is *free* until
its name is *struck*, may be *punished* after that, and is *freed* when the address answers again.

Only an order that such a mechanism makes is read so: something was said on a connection and was struck, and within the
longest punishment on record connections no longer open, or whatever is said on them fails as it does for an innocent
name then. Punishments may stand before the first strike too, where an innocent name was served in between: somebody
else's visit set them off.

Servers that ban visitors look alike from here: this says what happened, and accuses nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from probe.core.observations import Observation
from probe.core.tables.failures import kind_of

LONGEST_S = 420.0
"""The longest residual blocking on record (180 to 420 s on address and port)."""
_SPAN = re.compile(r"[0-9]{1,6}-([0-9]{1,6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class PunishmentEvidence:
    """Of one address of one endpoint."""

    spells: int = 0
    """Times at which the name was struck while the address was free."""
    punished: int = 0
    """Failing attempts that strikes explain, and that said nothing themselves."""

    @property
    def is_once(self) -> bool:
        """One strike and its punishment: an outage that begins just then, or a server's ban, would look so."""
        return self.punished > 0 and self.spells < 2


NO_PUNISHMENT = PunishmentEvidence()


def select_strikes(ends: Sequence[Observation], around: Sequence[Observation]) -> list[Observation]:
    """Of the ends of a path's failing attempts, in order, those that are strikes; all of them where no punishment is
    seen. `around`: innocent names at the site's addresses."""
    return [end for end, punished in zip(ends, _mark_punished(ends, around), strict=True) if not punished]


def gather_punishment(ends: Sequence[Observation], around: Sequence[Observation]) -> PunishmentEvidence:
    """How often the path was struck while free, and how many attempts were punished."""
    marks = _mark_punished(ends, around)
    if not any(marks):
        return NO_PUNISHMENT
    spells = sum(not mark and (index == 0 or marks[index - 1]) for index, mark in enumerate(marks))
    return PunishmentEvidence(spells=spells, punished=sum(marks))


def _mark_punished(ends: Sequence[Observation], around: Sequence[Observation]) -> list[bool]:
    """Of each end whether it is a punishment: none where no strike stands beside them."""
    struck = next((end for end in ends if end.operation != "connect"), None)
    if struck is None:
        return [False] * len(ends)
    return [_follows_strike(end, struck, ends, around) or _precedes_strike(end, struck, around) for end in ends]


def _follows_strike(end: Observation, struck: Observation, ends: Sequence[Observation],
                    around: Sequence[Observation]) -> bool:
    if _ends_like(end, struck) or end.t0_s < struck.t0_s:
        return False
    said = [o.t_s for o in ends if _ends_like(o, struck) and o.t_s <= end.t0_s]
    if not said or end.t0_s - max(said) > LONGEST_S:
        return False
    return end.operation == "connect" or any(
        o.failure and _ends_like(o, end) and max(said) <= o.t0_s <= end.t_s + LONGEST_S
        for o in _select_innocents(around, end))


def _precedes_strike(end: Observation, struck: Observation, around: Sequence[Observation]) -> bool:
    served = any(not o.failure and o.operation != "connect" and end.t_s <= o.t0_s <= struck.t0_s
                 for o in _select_innocents(around, end))
    return end.operation == "connect" and served and struck.t0_s - end.t_s <= LONGEST_S


def _ends_like(end: Observation, other: Observation) -> bool:
    return (end.operation, kind_of(end.failure)) == (other.operation, kind_of(other.failure))


def _select_innocents(around: Sequence[Observation], at: Observation) -> list[Observation]:
    return [o for o in around if o.purpose in ("innocent", "residual") and (o.address, o.port) == (at.address, at.port)]


def read_longest_s(span: str) -> float:
    """Of a stored `residual_s`, how long the punishment lasts at most: that of record where the run did not see its
    end, and where the text, which may be anybody's, says nothing of the kind or more."""
    found = _SPAN.fullmatch(span)
    return min(float(found[1]), LONGEST_S) if found else LONGEST_S
