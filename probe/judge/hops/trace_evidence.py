"""Where connection attempts are lost: in the network that all traffic from here shares, or close to the service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import may_share_network, name_network
from probe.core.addresses import is_beside
from probe.core.observations import Observation
from probe.core.tables.evidence_words import HopWord, LostWhere
from probe.core.tables.words import Empty

BEYOND_HOPS = 2
"""So many hops further others must be heard of: routers do not always answer, and one silent one proves nothing."""

NETWORKS = 2
"""Networks of others, by their addresses, whose traffic must pass where ours is lost."""
LOOP = 3
"""So often one router is heard of where packets go round: twice some routers tell of one packet."""
_NOWHERE: tuple[int, Empty] = (0, "")
_ENDS: tuple[HopWord, ...] = ("open", "refused", "reset")


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedPath:
    """What one trace heard: TTL -> router that let it run out, and the TTL at which the address itself answered."""

    heard: Mapping[int, str]
    ended_at: int = 0
    """0: it never answered."""
    ended_by: HopWord | Empty = ""

    @property
    def reach(self) -> int:
        """The furthest router that was heard of; 0 for none."""
        return max(self.heard, default=0)


def read_trace(trace: Observation) -> TracedPath:
    """Read a trace's lines. Packets that go round come no further than to where they first return."""
    heard = _cut_loop({line.ttl: line.router for line in trace.trace.lines if line.word == "exceeded"})
    ended = [(line.ttl, line.word) for line in trace.trace.lines if line.word in _ENDS]
    ended_at, ended_by = min(ended, default=_NOWHERE)
    return TracedPath(heard=heard, ended_at=ended_at, ended_by=ended_by)


def _cut_loop(heard: Mapping[int, str]) -> Mapping[int, str]:
    """Without what is heard from where packets return to a router that they have passed."""
    met = Counter(heard.values())
    again = [ttl for ttl, router in heard.items() if router and met[router] >= LOOP
             and any(heard[before] == router for before in heard if before < ttl)]
    return {ttl: router for ttl, router in heard.items() if ttl < min(again, default=ttl + 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedWays:
    """The ways that tell of one address and port."""

    ours: Sequence[TracedPath]
    others: Mapping[str, TracedPath]
    """To addresses of other networks, in the same family, that answered."""
    beside: Sequence[TracedPath]
    """To neighbours of the address."""


NO_WAYS = TracedWays(ours=(), others={}, beside=())
"""Nobody looked."""


def gather_ways(traces: Sequence[Observation], address: str, port: int) -> TracedWays:
    """Sort traces of one sort, SYNs or datagrams; nothing is read where none is of this address."""
    ours = [read_trace(o) for o in traces if o.purpose == "trace" and (o.address, o.port) == (address, port)]
    if not ours:
        return NO_WAYS
    family = 6 if ":" in address else 4
    others = {o.address: read_trace(o) for o in traces if o.purpose == "reference" and o.family == family
              and not may_share_network(o.address, address)}
    return TracedWays(
        ours=ours, others={other: way for other, way in others.items() if way.ended_by == "open"},
        beside=[read_trace(o) for o in traces if o.purpose == "neighbour" and is_beside(o.address, address)])


def locate_loss(traces: Sequence[Observation], address: str, port: int) -> LostWhere:
    """near: lost, or answered in the address's name, at a place that other traffic passes through; far: beyond
    everything that is shared with other traffic, where the operator itself may refuse us; unknown: neither is
    shown; empty: nobody looked.

    Near needs references whose routers are the same as far as ours are heard of and that are heard of further on, in
    two networks at least, neither of them the address's own: an operator may refuse us within its network as well,
    where the way to its other services, or to whoever stands beside it, goes on. And what comes after the last router
    that is heard of must be shared, too: an operator's first router may refuse us before it says a word.
    """
    ways = gather_ways(traces, address, port)
    if not ways.ours:
        return ""
    passed = {name_network(other) for other, theirs in ways.others.items()
              if any(is_nearer(way, theirs) for way in ways.ours)}
    if len(passed) >= NETWORKS and all(
            goes_on_shared(way, ways, place=way.ended_at or way.reach + 1) for way in ways.ours):
        return "near"
    others = list(ways.others.values())
    return "far" if others and not passed and all(_is_far(way, others) for way in ways.ours) else "unknown"


def _shares(way: TracedPath, other: TracedPath) -> bool:
    """Both took the same way as far as ours is known."""
    return not way.reach or other.heard.get(way.reach) == way.heard[way.reach]


def is_nearer(way: TracedPath, other: TracedPath) -> bool:
    """Whether our way ends, or is answered in the address's name, where the other goes on."""
    if not _shares(way, other):
        return False
    if way.ended_at:  # something answered for the address where packets for others were still under way
        return other.reach >= way.ended_at
    return other.reach >= way.reach + BEYOND_HOPS


def goes_on_shared(way: TracedPath, ways: TracedWays, *, place: int, networks: int = NETWORKS) -> bool:
    """Whether some router at or beyond the hop `place`, where our way ends, is passed on the way to so many unrelated
    networks as well.

    A neighbour's way tells what comes there on ours. Where none is heard of so far, all others must pass one and the
    same router there: where each has its own, ours may be the operator's.
    """
    way = TracedPath(heard={hop: router for hop, router in way.heard.items() if hop < place})
    following = [(hop, router) for other in ways.beside if _shares(way, other)
                 for hop, router in other.heard.items() if hop >= place]
    others = {address: other for address, other in ways.others.items() if _shares(way, other)}
    if following:
        return any(_count_networks(others, step) >= networks for step in following)
    next_hop = min((hop for other in others.values() for hop in other.heard if hop >= place), default=0)
    routers = {other.heard.get(next_hop, "") for other in others.values()} - {""}
    return len(routers) == 1 and _count_networks(others, (next_hop, routers.pop())) >= NETWORKS


def _count_networks(ways: Mapping[str, TracedPath], step: tuple[int, str]) -> int:
    hop, router = step
    return len({name_network(address) for address, way in ways.items() if way.heard.get(hop) == router})


def passes_beside(traces: Sequence[Observation], address: str, port: int, *,
                  is_short: Callable[[TracedPath, TracedPath], bool] = is_nearer) -> bool:
    """Whether packets for a neighbour of the address pass where those for the address are lost: `is_short` tells it of
    our way and another. Routes are lost by networks of a /24, or a /48, at least; so it is not for want of a route."""
    ways = gather_ways(traces, address, port)
    return bool(ways.ours) and all(any(is_short(way, other) for other in ways.beside) for way in ways.ours)


def _is_far(way: TracedPath, others: Sequence[TracedPath]) -> bool:
    return bool(way.reach) and all(way.reach >= other.reach or not _shares(way, other) for other in others)
