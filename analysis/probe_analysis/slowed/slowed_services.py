"""A service that is slowed on one network for days: pure, from counts of planned connections by quarters of days.

A verdict `ok` hides that connections lost what others' did not, and no single run may accuse by that: a crowded link, a
bad prefix and one bad machine look alike. Days tell some of it. What is suspected here was in trouble at most times of
the day, several days on end, much more than the network's other services at these times, and more than the same
service in other countries on the same days.

What that leaves open is listed beside each suspicion: one bad link to the service, where innocent names at its
addresses fare no better or nobody asked them; one device, where no second one measured; the service itself, where
nobody measured it elsewhere. A link that is crowded in the evening is in trouble in one or two quarters of a day, and
never suspected. Nothing here accuses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from types import MappingProxyType
from typing import Literal

from probe.judge.common.fisher import fisher_p

QUARTERS = 4
"""Of a day, of six hours each (UTC)."""
MOST_TIMES = 3
"""Quarters of a day that must be in trouble: a crowded evening takes two at most, whatever the time zone."""
LEAST_DAYS = 3
MOST_GAP_DAYS = 2
"""Days on which too little was measured, and that do not part two others."""
LEAST_SHARE = 0.15
"""Of a service's connections that are in trouble, beyond others'."""
TIMES = 3
"""So many times others' share, and at least twice the same service's elsewhere."""
LEAST_OTHERS, LEAST_ELSEWHERE = 6, 20
BY_CHANCE = 1e-6
NAMES_BY_CHANCE = 0.01
Doubt = Literal["link", "device", "service", "fresh_names"]
"""What may be the cause as well: the way to the service, one device, the service itself, or made-up names."""
DOUBTS: Mapping[Doubt, str] = MappingProxyType({
    "link": "one bad way to the service may lose them, whoever is named",
    "device": "one device may be the cause: one probe measured",
    "service": "the service itself may be the cause: nobody measured it in another country",
    "fresh_names": "it rests on names that nobody knew some days before: whoever can send results can make them up",
})
"""Doubt -> what it says."""
Network = tuple[str, int]
"""Country and AS number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Planned connections, and how many of them failed or had to send anything again; the same of innocent ones."""

    made: int = 0
    troubled: int = 0
    beside: int = 0
    beside_troubled: int = 0
    probes: int = 0
    """The most that measured in one quarter of a day."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(made=self.made + other.made, troubled=self.troubled + other.troubled,
                     beside=self.beside + other.beside, beside_troubled=self.beside_troubled + other.beside_troubled,
                     probes=max(self.probes, other.probes))

    def __sub__(self, other: Tally) -> Tally:
        return replace(self, made=self.made - other.made, troubled=self.troubled - other.troubled)

    @property
    def share(self) -> float:
        """Of connections in trouble, 0 where none was made."""
        return self.troubled / self.made if self.made else 0.0


NOTHING = Tally()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarterTally:
    """What was counted of one service on one network in one quarter of a day."""

    network: Network
    service: str
    """Empty: controls, which are others and nothing else."""
    quarter: int
    """Since 1970."""
    counted: Tally
    fresh: bool = False
    """Nobody was known in the network that day, so names count that nobody knew before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowedService:
    """A suspicion."""

    network: Network
    service: str
    first_day: int
    """Since 1970."""
    last_day: int
    has_onset: bool
    """Before it there was a day without such trouble."""
    own: Tally
    others: Tally
    """Of the network's other services in the same quarters of days."""
    elsewhere: Tally
    """Of the service in other countries on the same days."""
    by_name: bool
    """Innocent names at the service's addresses are spared."""
    not_ruled_out: tuple[Doubt, ...]


Quarters = Mapping[int, tuple[Tally, Tally]]
"""Quarter since 1970 -> the service's own connections, and others' of its network."""


def find_slowed(rows: Iterable[QuarterTally]) -> list[SlowedService]:
    """Every suspicion, by network, service and first day.

    Known names count alone first. What only fresh ones add is reported where those suspect nothing on the same days.
    """
    every = list(rows)
    known = _find_all([row for row in every if not row.fresh])
    fresh_days = {(row.network, row.quarter // QUARTERS) for row in every if row.fresh}
    if not fresh_days:
        return known
    known_by_service: dict[tuple[Network, str], list[SlowedService]] = defaultdict(list)
    for one in known:
        known_by_service[one.network, one.service].append(one)
    # What fresh names say of other networks makes no suspicion.
    more = [replace(one, not_ruled_out=(*one.not_ruled_out, "fresh_names")) for one in _find_all(every)
            if any((one.network, day) in fresh_days for day in range(one.first_day, one.last_day + 1))
            and not any(_overlap(one, other) for other in known_by_service[one.network, one.service])]
    return sorted([*known, *more], key=lambda one: (one.network, one.service, one.first_day))


def _overlap(one: SlowedService, other: SlowedService) -> bool:
    return one.first_day <= other.last_day and other.first_day <= one.last_day


def _find_all(rows: Iterable[QuarterTally]) -> list[SlowedService]:
    services: dict[tuple[Network, str], dict[int, Tally]] = defaultdict(lambda: defaultdict(lambda: NOTHING))
    networks: dict[tuple[Network, int], Tally] = defaultdict(lambda: NOTHING)
    days: dict[tuple[str, int], dict[str, Tally]] = defaultdict(lambda: defaultdict(lambda: NOTHING))
    for row in rows:
        services[row.network, row.service][row.quarter] += row.counted
        networks[row.network, row.quarter] += row.counted
        days[row.service, row.quarter // QUARTERS][row.network[0]] += row.counted
    found: list[SlowedService] = []
    for (network, service), own in sorted(services.items()):
        if not service:
            continue
        quarters = {quarter: (counted, networks[network, quarter] - counted) for quarter, counted in own.items()}
        known = _judge_days(quarters)
        for stretch in _list_stretches(known):
            abroad = (counted for day in range(stretch[0], stretch[-1] + 1)
                      for cc, counted in days[service, day].items() if cc != network[0])
            if one := _judge_stretch(network, service, stretch, quarters, sum(abroad, NOTHING)):
                found.append(replace(one, has_onset=any(day < stretch[0] for day in known)))
    return found


def sum_services(rows: Iterable[QuarterTally]) -> dict[tuple[Network, str], Tally]:
    """What was counted of each service on each network in all quarters; controls are left out. Where known names
    measured it, fresh ones are not heard."""
    sums: dict[bool, dict[tuple[Network, str], Tally]] = {
        fresh: defaultdict(lambda: NOTHING) for fresh in (True, False)}
    for row in rows:
        if row.service:
            sums[row.fresh][row.network, row.service] += row.counted
    return sums[True] | sums[False]


def _judge_days(quarters: Quarters) -> dict[int, bool]:
    """Day -> whether it was in trouble most of the time; of days on which enough was measured."""
    worse: dict[int, list[bool]] = defaultdict(list)
    for quarter, (own, others) in quarters.items():
        if own.made and others.made >= LEAST_OTHERS:
            worse[quarter // QUARTERS].append(_is_worse(own, others))
    return {day: sum(flags) >= MOST_TIMES for day, flags in sorted(worse.items()) if len(flags) >= MOST_TIMES}


def _is_worse(own: Tally, others: Tally) -> bool:
    return own.share >= others.share + LEAST_SHARE and own.share >= TIMES * others.share


def _list_stretches(known: Mapping[int, bool]) -> Iterator[Sequence[int]]:
    """Days in trouble that follow each other, but for days of which too little is known."""
    stretch: list[int] = []
    for day, is_bad in (*known.items(), (10**9, False)):
        if stretch and (not is_bad or day - stretch[-1] > MOST_GAP_DAYS + 1):
            if len(stretch) >= LEAST_DAYS:
                yield stretch
            stretch = []
        if is_bad:
            stretch.append(day)


def _judge_stretch(network: Network, service: str, stretch: Sequence[int], quarters: Quarters, abroad: Tally,
                   ) -> SlowedService | None:
    within = [both for quarter, both in quarters.items() if stretch[0] <= quarter // QUARTERS <= stretch[-1]]
    own, others = (sum((both[side] for both in within), NOTHING) for side in (0, 1))
    # Twice what others lose is believed of any service, since some lie farther away.
    usual = min(1.0, 2 * (others.troubled + 1) / (others.made + 2))
    is_elsewhere = abroad.made >= LEAST_ELSEWHERE
    if _bound_chance(own, usual) > BY_CHANCE or (is_elsewhere and 2 * abroad.share > own.share):
        return None
    by_name = is_name_struck(own)
    doubts: list[Doubt] = [] if by_name else ["link"]
    doubts += ["device"] if own.probes < 2 else []
    doubts += [] if is_elsewhere else ["service"]
    return SlowedService(network=network, service=service, first_day=stretch[0], last_day=stretch[-1], has_onset=False,
                         own=own, others=others, elsewhere=abroad, by_name=by_name, not_ruled_out=tuple(doubts))


def _bound_chance(own: Tally, usual: float) -> float:
    """At least the chance that so many are in trouble where each is with `usual` (Chernoff 1952)."""
    share = own.share
    if share <= usual:
        return 1.0
    rest = (1 - share) * log((1 - share) / (1 - usual)) if share < 1 else 0.0
    return exp(-own.made * (share * log(share / usual) + rest))


def is_name_struck(own: Tally) -> bool:
    """Whether innocent names at the same addresses are spared."""
    if not own.beside:
        return False
    chance = fisher_p((own.made, own.made - own.troubled), (own.beside, own.beside - own.beside_troubled))
    return chance <= NAMES_BY_CHANCE and TIMES * own.beside_troubled * own.made <= own.troubled * own.beside
