"""What happens to a fleet: blocks of services, and everything that only looks like them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from probe_lab.fleet.block_patterns import HARD, LEAST_H, Pattern, shares_of_time
from probe_lab.fleet.fleet_world import BLOCK_TYPES, DAY, FleetWorld, between, log_between

CHRONIC = ("steady", "bursts")
"""Kinds of trouble that a service has from first to last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetBlock:
    """A censor's act: the truth that event detection has to find. Times are hours from the beginning."""

    service: int
    country: str
    networks: tuple[int, ...]
    begin: int
    stop: int
    """First hour in which it is over."""
    strength: float
    """Share of verdicts, or of volunteers, that meet it."""
    by_volunteer: bool
    """The same volunteers meet it all the time, rather than anybody at times."""
    daily: tuple[int, int] | None
    """From this hour of the day on, so many hours."""
    detected: float
    """Share of what meets it that the probe calls `blocked`; the rest is inconclusive."""
    block_type: int
    pattern: Pattern = "whole"

    def shares(self, seed: int) -> NDArray[np.float64]:
        """Of each of its hours the share of its strength at which it acts."""
        return shares_of_time(self.pattern, self.begin, self.stop, seed * 1000 + self.service)

    @property
    def first_hour(self) -> int:
        """First hour in which it acts: one that keeps hours may be ordered hours before."""
        if self.pattern in ("weekdays", "two_windows"):
            return self.begin + int(np.argmax(self.shares(0) > 0))
        if self.daily is None or (self.begin - self.daily[0]) % DAY < self.daily[1]:
            return self.begin
        return self.begin + (self.daily[0] - self.begin) % DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTrouble:
    """What is no block of a service: no event of kind `service` may come of it."""

    kind: str
    """outage, defect, shutdown, steady, bursts, congestion, own_fault, own_filter."""
    services: tuple[int, ...]
    networks: tuple[int, ...]
    volunteers: tuple[int, ...]
    """Of one device; empty: all of the networks."""
    when: tuple[int, int]
    """First hour, and the first in which it is over."""
    rate: float
    """Share of verdicts that it spoils."""
    blocked: float
    """Share of these that the probe wrongly calls `blocked`."""
    otherwise: str
    """What it calls the rest: down, inconclusive, local, network, none (no row)."""
    rising: int = 0
    """Hours until it has reached everybody, and again until it has left."""
    bursts: tuple[float, float] | None = None
    """Mean hours of a burst and of the quiet between; None: all the time."""

    @property
    def begin(self) -> int:
        return self.when[0]

    @property
    def stop(self) -> int:
        return self.when[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetTruth:
    """Everything that happens."""

    blocks: tuple[FleetBlock, ...]
    troubles: tuple[FleetTrouble, ...]


def draw_truth(world: FleetWorld, blocks: tuple[int, int] = (25, 45), *, troubles: bool = True) -> FleetTruth:
    """Blocks, as many as the range says, and troubles of every kind (or none)."""
    rng = np.random.default_rng([world.seed, 2])
    found = _troubles(rng, world) if troubles else []
    made = _blocks(rng, world, int(rng.integers(*blocks)), found)
    return FleetTruth(blocks=tuple(_harder(rng, made) if world.size.hard else made), troubles=tuple(found))


def _harder(rng: np.random.Generator, blocks: Sequence[FleetBlock]) -> list[FleetBlock]:
    """Most blocks with a pattern in time, as far as they last long enough to follow one."""
    made = []
    for block in blocks:
        fit = [pattern for pattern in HARD if block.stop - block.begin >= LEAST_H[pattern]]
        chosen = fit[int(rng.integers(len(fit)))] if fit and rng.random() < 0.8 and not block.daily else "whole"
        made.append(replace(block, pattern=chosen, by_volunteer=block.by_volunteer and chosen != "half_boxes"))
    return made


def _blocks(rng: np.random.Generator, world: FleetWorld, count: int,
            troubles: Sequence[FleetTrouble]) -> list[FleetBlock]:
    """Blocks that do not overlap for one service and country: what overlaps would be one block."""
    flaky = {service for trouble in troubles if trouble.kind in CHRONIC for service in trouble.services}
    made: list[FleetBlock] = []
    for _ in range(50 * count):
        if len(made) >= count:
            break
        order = _order(rng, world)
        wanted = [service for service in rng.permutation(world.size.services) if service not in flaky]
        for service in wanted[:1 if rng.random() < 0.8 else int(rng.integers(2, 5))]:
            block = replace(order, service=int(service))
            if not _collides(block, made, troubles):
                made.append(block)
    return made[:count]


def _order(rng: np.random.Generator, world: FleetWorld) -> FleetBlock:
    """One act of one censor, for a service yet to be named."""
    country = str(rng.choice(sorted(set(world.countries))))
    networks = [n for n, cc in enumerate(world.countries) if cc == country]
    if rng.random() < 0.4:
        networks = sorted(rng.choice(networks, size=int(rng.integers(1, len(networks) + 1)), replace=False).tolist())
    hours = round(float(log_between(rng, 2, min(60, world.size.days / 3) * DAY)))
    begin = int(rng.integers(min(7 * DAY, world.hours // 4), max(world.hours // 4 + 1, world.hours - hours)))
    daily = hours >= 7 * DAY and rng.random() < 0.15
    return FleetBlock(
        service=-1, country=country, networks=tuple(networks), begin=begin, stop=min(begin + hours, world.hours),
        strength=1.0 if rng.random() < 0.3 else float(rng.uniform(0.4, 1.0)), by_volunteer=bool(rng.random() < 0.3),
        daily=(int(rng.integers(DAY)), int(rng.integers(3, 11))) if daily else None,
        detected=float(between(rng, "detected")), block_type=int(rng.integers(1, len(BLOCK_TYPES))),
    )


def _collides(block: FleetBlock, others: Sequence[FleetBlock], troubles: Sequence[FleetTrouble]) -> bool:
    """Within four days of another of the same service and country, or on top of an outage or defect of the service."""
    apart = 4 * DAY
    near = any(
        (other.service, other.country) == (block.service, block.country)
        and block.begin < other.stop + apart and other.begin < block.stop + apart for other in others
    )
    return near or any(
        trouble.kind in ("outage", "defect") and block.service in trouble.services
        and block.begin < trouble.stop + DAY and trouble.begin < block.stop + DAY for trouble in troubles
    )


def _troubles(rng: np.random.Generator, world: FleetWorld) -> list[FleetTrouble]:
    return [*_of_services(rng, world), *_of_networks(rng, world), *_of_volunteers(rng, world)]


def _of_services(rng: np.random.Generator, world: FleetWorld) -> list[FleetTrouble]:
    """Worldwide outages, a defect of the probe that spreads with a version, and services that always fail at times."""
    everywhere, services = tuple(range(world.size.networks)), rng.permutation(world.size.services)
    made, left = [], [int(service) for service in services]
    for _ in range(int(rng.integers(1, 4))):
        made.append(FleetTrouble(kind="outage", services=(left.pop(),), networks=everywhere, volunteers=(),
                                 when=_when(rng, world, 2, DAY), rate=float(rng.uniform(0.6, 1)),
                                 blocked=float(rng.uniform(0.1, 0.6)), otherwise="down"))
    made.append(FleetTrouble(kind="defect", services=tuple(left.pop() for _ in range(int(rng.integers(1, 4)))),
                             networks=everywhere, volunteers=(), when=_when(rng, world, 5 * DAY, 20 * DAY),
                             rate=float(rng.uniform(0.6, 1)), blocked=float(rng.uniform(0.6, 1)),
                             otherwise="inconclusive", rising=int(rng.integers(DAY, 5 * DAY))))
    if world.size.hard:  # one that is still going on at the end
        begin = world.hours - int(rng.integers(3 * DAY, min(20 * DAY, world.hours // 2)))
        made.append(FleetTrouble(kind="defect", services=(left.pop(), left.pop()), networks=everywhere, volunteers=(),
                                 when=(begin, world.hours + 5 * DAY), rate=float(rng.uniform(0.6, 1)),
                                 blocked=float(rng.uniform(0.6, 1)), otherwise="inconclusive",
                                 rising=int(rng.integers(DAY, 5 * DAY))))
    for _ in range(max(1, round(world.size.services * float(rng.uniform(0.04, 0.12))))):
        steady, local = rng.random() < 0.5, rng.random() < 0.3
        made.append(FleetTrouble(
            kind="steady" if steady else "bursts", services=(left.pop(),),
            networks=(int(rng.integers(world.size.networks)),) if local else everywhere, volunteers=(),
            when=(0, world.hours), rate=float(rng.uniform(0.05, 0.4) if steady else rng.uniform(0.3, 0.9)),
            blocked=float(rng.uniform(0.2, 1)), otherwise="inconclusive",
            bursts=None if steady else (float(rng.uniform(1, 6)), float(rng.uniform(12, 96)))))
    return made


def _of_networks(rng: np.random.Generator, world: FleetWorld) -> list[FleetTrouble]:
    """A national shutdown, and hours of congestion that strike all services of a network a little."""
    everything = tuple(range(len(world.services)))
    country = str(rng.choice(sorted(set(world.countries))))
    cut = tuple(n for n, cc in enumerate(world.countries) if cc == country)
    made = [FleetTrouble(kind="shutdown", services=everything, networks=cut, volunteers=(),
                         when=_when(rng, world, 6, 4 * DAY), rate=float(rng.uniform(0.9, 1)), blocked=0.0,
                         otherwise="network" if rng.random() < 0.7 else "none")]
    for network in range(world.size.networks):
        for _ in range(rng.poisson(float(between(rng, "congestions_a_year")) * world.size.days / 365)):
            made.append(FleetTrouble(kind="congestion", services=everything, networks=(network,), volunteers=(),
                                     when=_when(rng, world, 1, 5), rate=float(rng.uniform(0.05, 0.5)),
                                     blocked=float(rng.uniform(0, 0.5)), otherwise="inconclusive"))
    return made


def _of_volunteers(rng: np.random.Generator, world: FleetWorld) -> list[FleetTrouble]:
    """Broken lines, which the probe mostly knows for what they are, and filters on one device, which it may not."""
    everything, made, years = tuple(range(len(world.services))), [], world.size.days / 365
    for volunteer, home in enumerate(world.home.tolist()):
        for _ in range(rng.poisson(float(between(rng, "own_faults_a_year")) * years)):
            made.append(FleetTrouble(kind="own_fault", services=everything, networks=(home,), volunteers=(volunteer,),
                                     when=_when(rng, world, 1, 2 * DAY), rate=float(rng.uniform(0.6, 1)),
                                     blocked=0.0 if rng.random() < 0.8 else float(rng.uniform(0.1, 0.5)),
                                     otherwise="local"))
        for _ in range(rng.poisson(float(between(rng, "own_filters_a_year")) * years)):
            made.append(FleetTrouble(kind="own_filter", services=(int(rng.integers(world.size.services)),),
                                     networks=(home,), volunteers=(volunteer,), when=_when(rng, world, 2, 10 * DAY),
                                     rate=1.0, blocked=float(rng.uniform(0.3, 1)), otherwise="local"))
    return made


def _when(rng: np.random.Generator, world: FleetWorld, shortest: int, longest: int) -> tuple[int, int]:
    most = max(1, min(longest, world.hours / 3))
    hours = round(float(log_between(rng, min(shortest, most), most)))
    begin = int(rng.integers(min(3 * DAY, world.hours // 4), world.hours - hours))
    return begin, begin + hours
