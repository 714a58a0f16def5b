"""Whether a hop lies where paths to other owners pass as well, well before the service's own door.

A service's front refuses visitors in its own network: at its border, on a balancer, at the server. What acts there is
no censor, however many hops before the address. So a hop counts as one before the door only if it lies nearer than
every router that may be the service's own, and if other owners' packets are seen to pass there where that can be told.
What an owner hires further out, such as a company that filters the traffic of many, is not told from a censor.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.catalogue.owners import may_share_network
from probe.core.addresses import family_of
from probe.core.observations import Observation
from probe.judge.hops.hop_lines import Lines, read_routers

DOOR_HOPS, OWN_SHARE = 2, 2
"""Routers before the address, and one in so many of all, that may be the service's own where nothing shows whose they
are: wide networks take visitors over far before their servers."""


def may_be_before_door(most: int, way: Lines, *, end: int, heard: int) -> bool:
    """Whether it is worth asking further whether hop `most` is before the door: it is neither a router that is the
    service's own nor the last before it. `end`: the TTL with which the address is reached, 0 where it is not known;
    `heard`: the furthest router that is known to stand before it."""
    return 0 < most < (_find_own_router(way) or _find_reached(way, end=end, heard=heard) - 1)


def is_before_door(most: int, way: Lines, traces: Sequence[Observation], address: str, *, end: int, heard: int) -> bool:
    """Whether paths to other owners pass hop `most`: a router there or further on is heard of on one of theirs at the
    same distance. Where no path to others is known, whether it is nearer than every router that may be the service's: a
    guard of the operator's own may stand in the farther half of the way.
    """
    own = _find_own_router(way)
    if own and most >= own:
        return False
    others = [o for o in traces if o.purpose == "reference" and family_of(o.address) == family_of(address)
              and not may_share_network(o.address, address) and any(s.router for s in o.trace.lines)]
    if not others:
        reached = _find_reached(way, end=end, heard=heard)
        return 0 < most < (own or min(reached - DOOR_HOPS, reached // OWN_SHARE + 1))
    routers = {s.ttl: s.router for s in way if s.router and s.word != "end" and s.ttl >= most}
    return most > 0 and any(routers.get(s.ttl) == s.router for o in others for s in o.trace.lines if s.router)


def _find_own_router(way: Lines) -> int:
    """The first router in the service's own network; 0 where none is seen."""
    return min((s.ttl for s in way if s.space == "service" and s.word != "end"), default=0)


def _find_reached(way: Lines, *, end: int, heard: int) -> int:
    return min((ttl for ttl in (end, read_routers(way)[1]) if ttl), default=heard + 1)
