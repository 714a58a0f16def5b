"""The boxes on the path that all share: the censor's and the client's carrier's, each before one router."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from probe_lab.box.middlebox import Middlebox
from probe_lab.lab_types import Rule, World
from probe_lab.path.line import Line
from probe_lab.truth import TruthLog

_ORIGIN_TTL = 64
"""What servers send with, as far as a box assumes before it has seen them."""
_CARRIERS_SEED = 1_000_003


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBox:
    """One box."""

    place: int
    """The router that it stands before."""
    box: Middlebox


def place_boxes(
    world: World, line: Line, *, rules: Iterable[Rule], carrier: Iterable[Rule], truth: TruthLog, started_s: float
) -> tuple[PlacedBox, ...]:
    """The boxes that have rules, the carrier's first. Raises ValueError for a rule that is not allowed."""
    def place() -> Iterator[PlacedBox]:
        for whose, acts, hop, seed in (("carrier", tuple(carrier), world.carrier_hop, world.seed + _CARRIERS_SEED),
                                       ("middlebox", tuple(rules), world.censor_hop, world.seed)):
            if acts:
                yield PlacedBox(place=hop, box=Middlebox(
                    acts, truth=truth, seed=seed, actor=whose, started_s=started_s,
                    address4=line.address(hop, version=4), address6=line.address(hop, version=6),
                    server_ttl=_ORIGIN_TTL - (line.hops - hop + 1)))

    return tuple(place())
