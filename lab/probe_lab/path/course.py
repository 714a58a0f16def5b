"""The line cut into stretches by what stands on it: where a packet goes next, past how many routers, in what time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from probe_lab.path.line import Line

Event = Callable[[bytes, float], None]
"""What happens to a packet at some place, at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A place between two routers at which packets are looked at."""

    routers: int
    """How many routers lie between it and the client."""
    place: int
    """The router at which it stands, for its distance from both ends."""
    outward: Event
    """What happens to a packet that reaches it on the way to the servers."""
    inward: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The way from one station to the next, or from or to an end of the line."""

    start: int
    """The place where it begins."""
    first_router: int
    """The router met first on the way outward, counted from the client."""
    routers: int
    """How many are met, each of which lowers the TTL."""
    travel_s: float
    then: Event
    """What happens at its end."""


class Course:
    """Every stretch of one line in both directions."""

    def __init__(self, line: Line, stations: Sequence[Station], *, arrive: Event, to_client: Event) -> None:
        """`stations` in their order from the client; `arrive` and `to_client` happen at the two ends."""
        self._line = line
        near = Station(routers=0, place=0, outward=arrive, inward=to_client)
        far = Station(routers=line.hops, place=line.hops, outward=arrive, inward=to_client)
        self._stops = (near, *stations, far)
        self._routers = [stop.routers for stop in self._stops[:-1]]
        pairs = tuple(zip(self._stops, self._stops[1:], strict=False))
        self.outward = tuple(self._stretch(one, other, then=other.outward) for one, other in pairs)
        """Number 0 leads away from the client, number n from the n-th station, which are counted from 1."""
        self.inward = tuple(self._stretch(one, other, then=one.inward) for one, other in pairs)
        """The same stretches the other way: number n leads towards the end from which `outward` n comes."""

    def from_hop(self, hop: int) -> Stretch:
        """The way of a router's own packet towards the client; it is not its own router."""
        stop = self._stops[bisect_right(self._routers, hop - 1) - 1]
        return Stretch(
            start=hop,
            first_router=stop.routers + 1,
            routers=hop - 1 - stop.routers,
            travel_s=self._line.travel_s(hop, stop.place),
            then=stop.inward,
        )

    def _stretch(self, near: Station, far: Station, *, then: Event) -> Stretch:
        return Stretch(
            start=near.place,
            first_router=near.routers + 1,
            routers=far.routers - near.routers,
            travel_s=self._line.travel_s(near.place, far.place),
            then=then,
        )
