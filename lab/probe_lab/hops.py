"""How many routers a world has, how many of them are each operator's own, and at which one the censor sits."""

from __future__ import annotations

import random

_USUAL_HOPS = (4, 12)
_MOST_DOOR_HOPS = 3


def draw_hops(
    rng: random.Random, *, hops: tuple[int, int] | None, door_hops: int | None, censor_hop: int | None, at_door: bool,
    carrier_hop: int | None = None,
) -> tuple[int, int]:
    """How many routers there are, and how many of them, next to the servers, are each operator's own.

    None leaves a number open, and what is open follows `censor_hop` and `carrier_hop`. Raises ValueError for a place
    where one cannot be.
    """
    count = rng.randint(*(hops or _USUAL_HOPS))
    own = _draw_door_hops(rng, count, door_hops)
    inner = max(carrier_hop or 0, 0 if at_door else censor_hop or 0)
    outer = censor_hop if at_door and censor_hop else 0
    if hops is None:
        count = max(count, outer, inner + _least_own(door_hops) if inner else 0)
    for place, door in ((inner, False), (outer, True)):
        problem = explain_misplaced(place, hops=count, door_hops=door_hops, at_door=door) if place else ""
        if problem or (inner and outer and inner >= outer):
            raise ValueError(problem or f"router {inner} is farther than the door's {outer}")
    own = max(own, count - outer + 1) if outer else own
    return count, min(own, count - inner) if inner else own


def explain_misplaced(censor_hop: int, *, hops: int, door_hops: int | None, at_door: bool) -> str:
    """Why the censor cannot sit at this router of so many, and what to write; empty when it can."""
    if not at_door:
        most = hops - _least_own(door_hops)
        return "" if censor_hop <= most else (
            f"router {censor_hop} of {hops} is an operator's own: want at most {most}, or at_door = true; what an "
            "operator does itself is a [[front]]")
    least = 2 if door_hops is None else max(2, hops - door_hops + 1)
    return "" if least <= censor_hop <= hops else (
        f"router {censor_hop} of {hops} is no operator's own: want {least} to {hops}, or no at_door")


def _least_own(door_hops: int | None) -> int:
    return 1 if door_hops is None else door_hops


def _draw_door_hops(rng: random.Random, hops: int, wanted: int | None) -> int:
    """How many routers at the end of the line are the operator's own; one that all share stays at least."""
    drawn = rng.randint(1, _MOST_DOOR_HOPS)
    return min(hops - 1, max(1, min(drawn, hops // 3)) if wanted is None else wanted)
