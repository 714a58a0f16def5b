"""What somebody makes up who can send results: blocks that are none, and words that are to hide real ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from probe_lab.fleet.fleet_truth import FleetBlock
from probe_lab.fleet.fleet_verdicts import Fleet

ELSEWHERE = (("ZA", 64901), ("BR", 64902))
"""Networks of countries in which no volunteer measures; they come after those of the world."""
ForgedAim = Literal["make", "hide_beside", "hide_abroad"]
_HOURS = (3, 6, 24, 72)
_MADE_UP = 4
"""Blocks that are made up in a fleet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgedVerdicts:
    """Names that say the same of a service for some hours."""

    network: int
    service: int
    begin: int
    stop: int
    names: int
    says: Literal["ok", "blocked"]
    established: bool
    """They were there before; else nobody knows them, and nobody hears them beside those whom somebody does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpBlock:
    """A block that is none."""

    country: str
    network: int
    service: int
    begin: int
    stop: int


def draw_made_up(fleet: Fleet) -> list[MadeUpBlock]:
    """Blocks of services that nobody blocks there, each where several volunteers measure, after the first month."""
    world = fleet.world
    rng = np.random.default_rng([world.seed, 8])
    real = {(block.country, block.service) for block in fleet.truth.blocks}
    real |= {(world.countries[network], service) for trouble in fleet.truth.troubles for network in trouble.networks
             for service in trouble.services if trouble.kind not in ("congestion", "own_fault")}
    made: list[MadeUpBlock] = []
    for _ in range(200):
        network = int(rng.integers(world.size.networks))
        service, hours = int(rng.integers(world.size.services)), int(rng.choice(_HOURS))
        begin = int(rng.integers(min(31 * 24, world.hours // 2), world.hours - hours - 24))
        if (world.countries[network], service) in real or not world.present[world.members(network), begin].any():
            continue
        real.add((world.countries[network], service))
        made.append(MadeUpBlock(country=world.countries[network], network=network, service=service, begin=begin,
                                stop=begin + hours))
        if len(made) == _MADE_UP:
            break
    return made


def make_blocks_up(made: Sequence[MadeUpBlock], names: int, *, established: bool) -> Iterator[ForgedVerdicts]:
    """So many names in the network of each find it blocked."""
    for one in made:
        yield ForgedVerdicts(network=one.network, service=one.service, begin=one.begin, stop=one.stop, names=names,
                             says="blocked", established=established)


def hide_beside(blocks: Sequence[FleetBlock], names: int, *, established: bool) -> Iterator[ForgedVerdicts]:
    """So many names in each network of each block find the service well."""
    for block in blocks:
        for network in block.networks:
            yield ForgedVerdicts(network=network, service=block.service, begin=block.begin, stop=block.stop,
                                 names=names, says="ok", established=established)


def hide_abroad(fleet: Fleet, names: int, *, established: bool) -> Iterator[ForgedVerdicts]:
    """So many names in each of two countries where nobody else is find every block's service blocked as well."""
    for block in fleet.truth.blocks:
        for place in range(len(ELSEWHERE)):
            yield ForgedVerdicts(network=fleet.world.size.networks + place, service=block.service, begin=block.begin,
                                 stop=block.stop, names=names, says="blocked", established=established)
