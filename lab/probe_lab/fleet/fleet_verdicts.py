"""What the probes of a fleet say, day by day: one number for each volunteer, hour and service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from probe_lab.fleet.block_patterns import is_behind_box
from probe_lab.fleet.fleet_truth import FleetBlock, FleetTrouble, FleetTruth
from probe_lab.fleet.fleet_world import BLOCK_TYPES, DAY, FleetWorld

NO_ROW, OK, BLOCKED, DOWN, NETWORK, LOCAL, INCONCLUSIVE, CONFIRMED = range(8)
OUTCOMES = ("", "ok", "blocked", "down", "network", "local", "inconclusive", "blocked")
"""Number -> outcome as the results name it; CONFIRMED is `blocked`, and another time slot agreed."""
_LASTING = ("outage", "defect", "own_filter")
"""Troubles that a later slot meets as well."""
_AGREE, _AGREE_BY_CHANCE = 0.9, 0.3
"""Share of rightly and of wrongly blocked verdicts that a later slot confirms."""
_OTHERWISE = {"none": NO_ROW, "down": DOWN, "network": NETWORK, "local": LOCAL, "inconclusive": INCONCLUSIVE}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Day:
    """The verdicts of one day."""

    number: int
    outcomes: NDArray[np.uint8]
    """Volunteer x hour x service."""
    types: NDArray[np.uint8]
    """Network x hour x service: the block type of what is called `blocked` there."""


class Fleet:
    """A world and what happens to it. The verdicts of a day depend on the seed and the day alone."""

    def __init__(self, world: FleetWorld, truth: FleetTruth) -> None:
        self.world, self.truth = world, truth

    def days(self) -> Iterator[Day]:
        """Every day in order."""
        return (self.day(number) for number in range(self.world.size.days))

    def day(self, number: int) -> Day:
        """The verdicts of one day."""
        world, begin = self.world, number * DAY
        rng = np.random.default_rng([world.seed, 3, number])
        present = world.present[:, begin:begin + DAY]
        outcomes = self._usual(rng, present)
        types = np.broadcast_to(self._chance_types[:, None, :], (world.size.networks, DAY, len(world.services))).copy()
        for place, block in enumerate(self.truth.blocks):
            if block.begin < begin + DAY and begin < block.stop:
                self._block(rng, place, block, begin, outcomes, types)
        for place, trouble in enumerate(self.truth.troubles):
            if trouble.begin < begin + DAY and begin < trouble.stop:
                self._trouble(rng, place, trouble, begin, outcomes)
        chance = np.flatnonzero(outcomes == BLOCKED)
        outcomes.flat[chance[rng.random(len(chance)) < _AGREE_BY_CHANCE]] = CONFIRMED
        outcomes[~present] = NO_ROW
        return Day(number=number, outcomes=outcomes, types=types)

    @cached_property
    def _chance_types(self) -> NDArray[np.uint8]:
        rng = np.random.default_rng([self.world.seed, 4])
        shape = (self.world.size.networks, len(self.world.services))
        return rng.integers(1, len(BLOCK_TYPES), shape).astype(np.uint8)

    @cached_property
    def _edges(self) -> NDArray[np.float32]:
        """Volunteer x service: below the first a verdict is wrongly blocked, then inconclusive, then down."""
        world = self.world
        edges = np.cumsum([world.false_blocked, world.inconclusive, world.down], axis=0)
        return np.asarray(edges[:, world.home], dtype=np.float32)

    def _usual(self, rng: np.random.Generator, present: NDArray[np.bool_]) -> NDArray[np.uint8]:
        chance = rng.random((*present.shape, len(self.world.services)), dtype=np.float32)
        outcomes = np.full(chance.shape, OK, dtype=np.uint8)
        for edge, outcome in zip(self._edges[::-1], (DOWN, INCONCLUSIVE, BLOCKED), strict=True):
            outcomes[chance < edge[:, None, :]] = outcome
        return outcomes

    def _block(self, rng: np.random.Generator, place: int, block: FleetBlock, begin: int, outcomes: NDArray[np.uint8],
               types: NDArray[np.uint8]) -> None:
        hours = np.arange(max(0, block.begin - begin), min(DAY, block.stop - begin))
        if block.daily:
            hours = hours[(hours - block.daily[0]) % DAY < block.daily[1]]
        people = self._of_networks(block.networks)
        shares = block.shares(self.world.seed)[begin + hours - block.begin]
        hours, shares = hours[shares > 0], shares[shares > 0]
        shape = (len(people), len(hours))
        if block.by_volunteer:
            meets = np.broadcast_to(self._struck(place, block)[people][:, None], shape)
        else:
            meets = rng.random(shape) < block.strength * shares
        if block.pattern == "half_boxes":
            meets = meets & is_behind_box(people, begin // DAY, self.world.seed * 1000 + place)[:, None]
        blocked = np.where(rng.random(shape) < _AGREE, CONFIRMED, BLOCKED)
        said = np.where(rng.random(shape) < block.detected, blocked, INCONCLUSIVE)
        at = np.ix_(people, hours, np.array([block.service]))
        outcomes[at] = np.where(meets, said, outcomes[at][:, :, 0])[:, :, None]
        types[np.ix_(np.array(block.networks), hours, np.array([block.service]))] = block.block_type

    def _struck(self, place: int, block: FleetBlock) -> NDArray[np.bool_]:
        """Volunteer -> whether a block that strikes the same people all the time strikes this one."""
        rng = np.random.default_rng([self.world.seed, 5, place])
        return np.asarray(rng.permutation(len(self.world.home)) < block.strength * len(self.world.home))

    def _of_networks(self, networks: Sequence[int]) -> NDArray[np.int64]:
        return np.flatnonzero(np.isin(self.world.home, networks))

    def _trouble(self, rng: np.random.Generator, place: int, trouble: FleetTrouble, begin: int,
                 outcomes: NDArray[np.uint8]) -> None:
        hours = np.arange(max(0, trouble.begin - begin), min(DAY, trouble.stop - begin))
        people = self._of_networks(trouble.networks)
        if trouble.volunteers:
            people = np.array(trouble.volunteers, dtype=np.int64)
        services = np.array(trouble.services)
        shape = (len(people), len(hours), len(services))
        runs = (*shape[:2], 1) if trouble.otherwise == "none" else shape  # what writes nothing fails as a whole
        spoilt = np.broadcast_to(rng.random(runs, dtype=np.float32) < trouble.rate, shape).copy()
        if trouble.bursts:
            active = self._bursts(place, trouble)[np.ix_(self.world.home[people], begin + hours)]
            spoilt &= active[:, :, None]
        if trouble.rising:
            spoilt &= self._spread(place, trouble, people, begin + hours)[:, :, None]
        lasts = trouble.kind in _LASTING
        blocked = np.where(rng.random(shape, dtype=np.float32) < _AGREE * lasts, CONFIRMED, BLOCKED)
        said = np.where(rng.random(shape, dtype=np.float32) < trouble.blocked, blocked, _OTHERWISE[trouble.otherwise])
        at = np.ix_(people, hours, services)
        outcomes[at] = np.where(spoilt, said, outcomes[at])

    def _bursts(self, place: int, trouble: FleetTrouble) -> NDArray[np.bool_]:
        """Network x hour: a burst is on. What fails in many networks does so in each by itself, or in all at once."""
        key = (place,)
        if key not in self._kept:
            rng = np.random.default_rng([self.world.seed, 6, place])
            together = bool(rng.random() < 0.5)
            rows = [_states(rng, self.world.hours, trouble) for _ in range(1 if together else self.world.size.networks)]
            self._kept[key] = np.array(rows * self.world.size.networks if together else rows)
        return self._kept[key]

    @cached_property
    def _kept(self) -> dict[tuple[int], NDArray[np.bool_]]:
        return {}

    def _spread(self, place: int, trouble: FleetTrouble, people: NDArray[np.int64], hours: NDArray[np.int64],
                ) -> NDArray[np.bool_]:
        """Whether a volunteer has the defective version yet, and still."""
        rng = np.random.default_rng([self.world.seed, 7, place])
        rising = min(trouble.rising, (trouble.stop - trouble.begin) / 2)
        when = rng.random((2, len(self.world.home)))[:, people] * rising
        has = (hours >= trouble.begin + when[0][:, None]) & (hours < trouble.stop - when[1][:, None])
        return np.asarray(has, dtype=np.bool_)


def _states(rng: np.random.Generator, hours: int, trouble: FleetTrouble) -> NDArray[np.bool_]:
    on, off = trouble.bursts or (1.0, 1.0)
    lengths = rng.exponential([off, on], size=(8 + int(3 * hours / (on + off)), 2)).ravel()
    return np.asarray(np.searchsorted(np.cumsum(lengths), np.arange(hours), side="right") % 2 == 1, dtype=np.bool_)
