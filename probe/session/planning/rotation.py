"""What of the catalogue a scheduled run takes: the core each time, the rest by turns. Pure.

A turn follows from the time and the rhythm of the schedule alone, so that there is no state to keep or to lose: a run
that was missed leaves its share out once and moves nothing. A cycle is one run shorter than a day or a week, so that
what is measured once in it comes an hour earlier each time, and nothing is known of one hour of the day only.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from probe.catalogue.types import Catalogue
from probe.core.endpoints import Endpoint

CORE, EXTENDED = 1, 2
_DAY_MIN = 1440
_GOLDEN = 0.6180339887498949
Group = tuple[str, str]
"""Service and role: judged together, so measured together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationTurn:
    """One run of a schedule."""

    number: int
    """Of the run among all that the rhythm has had since 1970."""
    every_min: int
    salt: str
    """Tells one installation's order from another's."""
    extended: bool = True
    """Whether more than the core is measured at all."""

    @property
    def daily(self) -> int:
        """Runs in which everything extended has its turn."""
        return max(1, _DAY_MIN // self.every_min - 1)

    @property
    def weekly(self) -> int:
        """Runs in which everything rare has its turn."""
        return max(1, 7 * _DAY_MIN // self.every_min - 1)

    def of_core(self) -> RotationTurn:
        """The same turn, of the core alone."""
        return replace(self, extended=False)

    @property
    def words(self) -> tuple[str, ...]:
        """For the runs table: the shares of this run, counted from one."""
        of_day = f"{self.number % self.daily + 1}/{self.daily}"
        if not self.extended:
            return (f"tier:{CORE}", f"small:{of_day}")
        return f"tier:{CORE}", f"daily:{of_day}", f"weekly:{self.number % self.weekly + 1}/{self.weekly}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationShare:
    """What one run takes."""

    inputs: frozenset[str]
    """Endpoints that are measured."""
    thorough: frozenset[tuple[str, int]]
    """Targets, with the tier of their endpoints, of which it is also asked, if they are blocked, how long something
    stays behind: once a week."""
    searches: frozenset[tuple[str, int]]
    """Those of which it is asked where that happens: once a day at most, since a filter is set off again for it."""
    programs: frozenset[tuple[str, int]]
    """Those that are also asked in the shape of a program that people use: once a day at most."""
    gentle: frozenset[str]
    """Services of small servers: they are not asked again in later time slots."""
    glances: bool
    """Whether sites that are well are asked for more than their pages."""


def choose_share(catalogue: Catalogue, turn: RotationTurn) -> RotationShare:
    """What this run takes of the catalogue."""
    small = frozenset(name for name, service in catalogue.services.items() if service.small)
    core, daily, weekly = _by_turns(catalogue.endpoints, small, extended=turn.extended)
    now_daily = _due(daily, turn.number, turn.daily, turn.salt)
    now_weekly = _due(weekly, turn.number, turn.weekly, turn.salt)
    thorough = [*(core[g] for g in _by_turn(core, turn, 1, turn.weekly)),
                *(daily[g] for g in _by_turn(now_daily, turn, turn.daily, turn.weekly))]
    searches = [*(core[g] for g in _by_turn(core, turn, 1, turn.daily)), *(daily[g] for g in now_daily)]
    programs = [*(core[g] for g in _by_turn(core, replace(turn, salt=f"programs {turn.salt}"), 1, turn.daily)),
                *(daily[g] for g in now_daily)]
    rare = [weekly[g] for g in now_weekly]
    taken = [*_inputs(core.values()), *_inputs(daily[g] for g in now_daily), *_inputs(weekly[g] for g in now_weekly)]
    return RotationShare(
        inputs=frozenset(taken),
        thorough=_targets([*thorough, *rare]), searches=_targets([*searches, *rare]),
        programs=_targets([*programs, *rare]), gentle=small,
        glances=turn.number % turn.weekly == _draw("glances", turn.salt) % turn.weekly,
    )


Groups = Mapping[Group, list[Endpoint]]


def _by_turns(endpoints: Iterable[Endpoint], small: frozenset[str], *, extended: bool,
              ) -> tuple[Groups, Groups, Groups]:
    """Endpoints for every run, for once a day, and for once a week."""
    core: dict[Group, list[Endpoint]] = defaultdict(list)
    daily: dict[Group, list[Endpoint]] = defaultdict(list)
    weekly: dict[Group, list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        if endpoint.tier > CORE and not extended:
            continue
        rare, often = endpoint.tier > EXTENDED, endpoint.tier <= CORE and endpoint.service not in small
        turns = weekly if rare else core if often else daily
        turns[endpoint.service, endpoint.role].append(endpoint)
    return core, daily, weekly


def _due(groups: Groups, number: int, cycle: int, salt: str) -> list[Group]:
    """The groups of this run's share: the largest are dealt first, each to the share that has least so far.

    Among equals a share comes first whose place is far from those before, so that few groups are not all dealt to
    the first shares.
    """
    order = sorted(range(cycle), key=lambda place: place * _GOLDEN % 1.0)
    sizes, dealt = [0] * cycle, dict[Group, int]()
    for group in sorted(groups, key=lambda g: (-len(groups[g]), _draw(".".join(g), salt))):
        place = min(order, key=sizes.__getitem__)
        sizes[place] += len(groups[group])
        dealt[group] = place
    return [group for group in groups if dealt[group] == number % cycle]


def _by_turn(groups: Iterable[Group], turn: RotationTurn, cycle: int, within: int) -> list[Group]:
    """Those of the groups, each of which is measured once in `cycle` runs, whose turn it is: one in `within` runs."""
    rounds = max(1, round(within / cycle))
    return [g for g in groups if turn.number // cycle % rounds == _draw(".".join(g), turn.salt) % rounds]


def _targets(groups: Iterable[Iterable[Endpoint]]) -> frozenset[tuple[str, int]]:
    return frozenset((e.target_id, e.tier) for group in groups for e in group)


def _inputs(groups: Iterable[Iterable[Endpoint]]) -> Iterable[str]:
    return (endpoint.input for group in groups for endpoint in group)


def _draw(word: str, salt: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{salt} {word}".encode()).digest()[:8], "big")
