"""Made-up networks whose connections take time, name by name, and what slows them: censors, and innocent causes.

A country with several networks and two others; names stand two or three to a prefix. Each name is measured twice in
three hours on each network, by one of a few probes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

SlowedBy = Literal["name", "data", "address"]
"""Handshakes of some names; handshakes at an address; all packets of an address."""
LIMIT_S = 10.0
"""A handshake is given up then."""
PER_DAY = 16
BEGIN_H = 490_000
"""Hours since 1970 of the first measurement."""
HOME = "XA"
ABROAD = ("XB", "XC")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedNetwork:
    """A network, and how its line is."""

    cc: str
    asn: int
    delay_s: float
    """Of a round trip to the nearest server."""
    jitter: float
    """Standard deviation of the logarithm."""
    probes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedName:
    """A name, where it stands, and how far away that is."""

    name: str
    service: str
    prefix: int
    trips: int
    """Round trips of a handshake: 1 or 2."""
    far_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedTry:
    """One connection. Times are seconds; a handshake of LIMIT_S was given up."""

    network: TimedNetwork
    probe: int
    hour: float
    """Since the beginning."""
    name: TimedName
    connect_s: float
    handshake_s: float
    version: int = 0
    moved: bool = False
    """To another prefix."""

    @property
    def address(self) -> str:
        """Where it went."""
        return f"93.184.{self.name.prefix + 100 * self.moved}.{1 + sum(self.name.name.encode()) % 200}"


Cause = Callable[[random.Random, TimedTry], TimedTry]
"""What becomes of a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowedTruth:
    """What a censor slows."""

    by: SlowedBy
    names: frozenset[str]
    networks: frozenset[int]
    first_h: float
    last_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedWorld:
    """Networks and names for some days, and what happens to them."""

    seed: int
    days: int
    networks: Sequence[TimedNetwork]
    names: Sequence[TimedName]
    causes: Sequence[Cause] = ()
    truth: SlowedTruth | None = None
    home: Sequence[TimedNetwork] = field(default=())

    def list_tries(self) -> Iterator[TimedTry]:
        """All connections, network by network."""
        rng = random.Random(f"tries {self.seed}")
        ways = {(n.asn, prefix): rng.lognormvariate(0, 0.35) for n in self.networks
                for prefix in sorted({name.prefix for name in self.names})}
        for network in self.networks:
            for name in self.names:
                for turn in range(self.days * PER_DAY):
                    hour = (turn // 2) * 3 + rng.random() * 3
                    yield self._try(rng, network, name, hour, ways[network.asn, name.prefix])

    def _try(self, rng: random.Random, network: TimedNetwork, name: TimedName, hour: float, way: float) -> TimedTry:
        trip = (network.delay_s + name.far_s) * way
        spike = 4.0 if rng.random() < 0.03 else 1.0
        lost = sum(rng.random() < 0.01 for _ in range(2))
        made = TimedTry(network=network, probe=rng.randrange(network.probes), hour=hour, name=name,
                        connect_s=trip * spike * rng.lognormvariate(0, network.jitter),
                        handshake_s=(trip * name.trips * spike + 0.01) * rng.lognormvariate(0, network.jitter) + lost)
        for cause in self.causes:
            made = cause(rng, made)
        if max(made.handshake_s, made.connect_s) < LIMIT_S:
            return made
        return replace(made, handshake_s=min(LIMIT_S, made.handshake_s), connect_s=min(LIMIT_S, made.connect_s))


def draw_networks(rng: random.Random, home: int) -> list[TimedNetwork]:
    """Networks of the country and four of others: wired, mobile, and some by satellite."""
    made = []
    for number, cc in enumerate((*[HOME] * home, *ABROAD * 2)):
        kind = rng.choices(("wired", "mobile", "satellite"), (6, 3, 0.5))[0]
        delay, jitter = {"wired": (rng.uniform(0.008, 0.04), 0.15), "mobile": (rng.uniform(0.03, 0.08), 0.4),
                         "satellite": (0.6, 0.15)}[kind]
        made.append(TimedNetwork(cc=cc, asn=64500 + number, delay_s=delay, jitter=jitter, probes=rng.randint(1, 3)))
    return made


def draw_names(rng: random.Random) -> list[TimedName]:
    """Names of six prefixes, each of one service; in each prefix one name or two are no messenger's."""
    made = []
    for prefix in range(6):
        far = rng.choice((0.002, 0.005, 0.02, 0.04))
        for number in range(rng.randint(2, 3)):
            service = f"service{prefix}" if number == 0 else f"site{prefix}-{number}.example"
            made.append(TimedName(name=f"n{number}.p{prefix}.example", service=service, prefix=prefix,
                                  trips=rng.randint(1, 2), far_s=far))
    return made


def draw_slowed(seed: int) -> TimedWorld:
    """A world in which a censor slows names, or what stands at an address, to 0.5, 2 or 6 s."""
    rng = random.Random(f"slowed {seed}")
    home, days = rng.randint(5, 8), rng.choice((1, 2, 3, 5, 8, 14))
    networks, names = draw_networks(rng, home), draw_names(rng)
    struck = rng.sample([one for one in networks[:home] if one.delay_s < 0.3],
                        min(rng.randint(1, 4), sum(one.delay_s < 0.3 for one in networks[:home]) - 1) or 1)
    by: SlowedBy = rng.choice(("name", "name", "data", "address"))
    first_h = rng.uniform(48, 24 * 8)
    prefixes = rng.sample(range(6), 1 if by != "name" else rng.randint(1, 3))
    chosen = {one.name for one in names if one.prefix in prefixes and (by != "name" or one.name.startswith("n0."))}
    truth = SlowedTruth(by=by, names=frozenset(chosen), networks=frozenset(one.asn for one in struck), first_h=first_h,
                        last_h=first_h + 24 * days)
    to_s = rng.choice((0.5, 2.0, 6.0))
    span = int(truth.last_h // 24) + rng.randint(1, 4)
    return TimedWorld(seed=seed, days=span, networks=networks, names=names, truth=truth,
                      causes=(_slow_down(truth, to_s, rng.uniform(0.05, 0.3)),), home=networks[:home])


def _slow_down(truth: SlowedTruth, to_s: float, spread: float) -> Cause:
    def slow(rng: random.Random, made: TimedTry) -> TimedTry:
        if not (made.name.name in truth.names and made.network.asn in truth.networks
                and truth.first_h <= made.hour < truth.last_h):
            return made
        held = to_s * rng.lognormvariate(0, spread)
        connect = max(made.connect_s, held) if truth.by == "address" else made.connect_s
        return replace(made, connect_s=connect, handshake_s=max(made.handshake_s, held))

    return slow
