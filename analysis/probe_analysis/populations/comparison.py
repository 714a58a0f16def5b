"""Which networks can be compared, and whether a difference between them is more than chance.

A difference counts only where nothing else differs as well: the kind of access (fronts refuse mobile networks, and data
centres), the version of the program, the address that was asked (one edge may be out of order), the resolver.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from probe.core.tables.block_types import CauseId
from probe.judge.common.fisher import fisher_p
from probe_analysis.populations.pooled_cause import find_layer, is_of_name
from probe_analysis.populations.population_evidence import NetworkView, Side, may_share

T = TypeVar("T")

CHANCE = 0.001
"""Probability of such a difference where there is none, by Fisher's exact test over probe-hours: small, since stretches
are looked for where most fails, and many are looked at."""
PUBLIC = "public:"


def merge_sides(sides: Iterable[Side]) -> Side:
    """The probe-hours of several networks together."""
    measured = tuple(side for side in sides if side.hours)
    return Side(
        hours=sum(side.hours for side in measured),
        probes=_union(side.probes for side in measured), access=_union(side.access for side in measured),
        instruments=_union(side.instruments for side in measured),
        addresses=_union(side.addresses for side in measured),
        resolvers=_union(side.resolvers for side in measured),
        first_h=min((side.first_h for side in measured), default=-1),
        last_h=max((side.last_h for side in measured), default=-1))


def is_comparable(struck: Side, served: Side, cause: CauseId) -> bool:
    """Whether nothing that is known tells the two sides apart but their networks.

    Of a resolver's answers it must be known that those who are served asked a resolver of their own network; of all
    else which address they asked, unless the failure was seen to be of the name alone.
    """
    if not (may_share(struck.access, served.access) and may_share(struck.instruments, served.instruments)):
        return False
    if find_layer(cause) == "dns":
        return asks_own_resolver(served)
    if not struck.addresses or not served.addresses:
        return is_of_name(cause)
    return not struck.addresses.isdisjoint(served.addresses)


def asks_own_resolver(side: Side) -> bool:
    """Whether all of it is known to have asked resolvers that are no public ones."""
    return bool(side.resolvers) and not any(name.startswith(PUBLIC) for name in side.resolvers)


def is_beyond_chance(struck: Sequence[NetworkView], served: Sequence[NetworkView]) -> bool:
    """Whether those who are struck are served more rarely than the others in the same hours."""
    ours, others = ((sum(v.hours for v in views), sum(v.served.hours for v in views))
                    for views in (struck, served))
    return fisher_p(ours, others) < CHANCE


def count_parties(views: Iterable[NetworkView], cause: CauseId) -> int:
    """How many may differ in what they do: networks, or where names are at stake, resolvers. Networks that share a
    resolver are one, and so are all that ask the same public one."""
    if find_layer(cause) != "dns":
        return len({view.asn for view in views})
    parties: set[str] = set()
    for view in views:
        shared = {name for name in view.struck.resolvers if name != "own"}
        parties |= shared or {str(view.asn)}
    return len(parties)


def _union(parts: Iterable[frozenset[T]]) -> frozenset[T]:
    return frozenset().union(*parts)
