"""Whether a hop lies where paths to other owners pass as well, well before the service's own door.

A service's front refuses visitors in its own network: at its border, on a balancer, at the server. What acts there is
no censor, however many hops before the address. So a hop counts as one before the door only if it lies nearer than
every router that may be the service's own, and if other owners' packets are seen to pass there where that can be told.
What an owner hires further out, such as a company that filters the traffic of many, is not told from a censor.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.addresses import family_of, same_provider
from probe.core.observations import Observation
from probe.inference.evidence.hop_lines import Lines, read_routers

DOOR_HOPS = 4
"""Routers before the address that may be the service's own, where nothing shows whose they are: a border, a filter, a
balancer and what joins them."""


def is_before_door(most: int, way: Lines, *, end: int, heard: int) -> bool:
    """Whether hop `most` is nearer than the door. `end`: the TTL with which the address is reached, 0 where it is not
    known; `heard`: the furthest router that is known to stand before it."""
    own = min((s.ttl for s in way if s.space == "service" and s.word != "end"), default=0)
    reached = min((ttl for ttl in (end, read_routers(way)[1]) if ttl), default=heard + 1)
    door = reached - DOOR_HOPS
    return 0 < most < (min(own, door) if own else door)


def is_shared(most: int, way: Lines, traces: Sequence[Observation], address: str) -> bool:
    """Whether paths to other owners pass hop `most`: a router there or further on is heard of on one of theirs at the
    same distance. True also where no path to others is known, so that nothing can be told."""
    routers = {s.ttl: s.router for s in way if s.router and s.word != "end" and s.ttl >= most}
    others = [o for o in traces if o.purpose == "reference" and family_of(o.address) == family_of(address)
              and not same_provider(o.address, address) and any(s.router for s in o.trace.lines)]
    return not others or any(routers.get(s.ttl) == s.router for o in others for s in o.trace.lines if s.router)
