"""Innocent causes of slowness: worlds in which nobody slows a name."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from probe_lab.fleet.timed_world import Cause, TimedName, TimedNetwork, TimedTry, TimedWorld, draw_names, draw_networks


def draw_innocent(word: str, seed: int) -> TimedWorld:
    """A world with this innocent cause, of INNOCENTS."""
    rng = random.Random(f"innocent {word} {seed}")
    home = rng.randint(5, 8)
    networks, names = draw_networks(rng, home), draw_names(rng)
    if word == "satellite":
        networks = [replace(one, delay_s=0.6, jitter=0.3) if at < 2 else one for at, one in enumerate(networks)]
    days = rng.randint(6, 20)
    onset_h, last_h = rng.uniform(24, 24 * days - 40), 24.0 * days
    if rng.random() < 0.5:
        last_h = onset_h + rng.uniform(12, 24 * 8)
    struck, prefix = rng.choice(networks[:home]), rng.randrange(6)
    cause = INNOCENTS[word](rng, struck, rng.choice([one for one in names if one.prefix == prefix]))

    def within(own: random.Random, made: TimedTry) -> TimedTry:
        return cause(own, made) if onset_h <= made.hour < last_h else made

    return TimedWorld(seed=seed, days=days, networks=networks, names=names, causes=(within,), home=networks[:home])


def _add(made: TimedTry, connect_s: float, handshake_s: float) -> TimedTry:
    return replace(made, connect_s=made.connect_s + connect_s, handshake_s=made.handshake_s + handshake_s)


def _is_evening(made: TimedTry) -> float:
    return max(0.0, math.sin((made.hour % 24 - 14) / 10 * math.pi)) if 14 <= made.hour % 24 < 24 else 0.0


def _congest_evenings(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """Queues of a network, or of its way to one prefix, in the evening."""
    queue_s, prefix = rng.uniform(0.1, 0.8), rng.choice((None, name.prefix))

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        if made.network != struck or prefix not in (None, made.name.prefix):
            return made
        wait = queue_s * _is_evening(made) * own.uniform(0.5, 1.5)
        lost = own.random() < 0.15 * _is_evening(made)
        return _add(made, wait, wait * made.name.trips + lost)

    return cause


def _cut_cable(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """A longer way, of a network to all or to some prefixes."""
    more_s, far = rng.uniform(0.05, 0.28), rng.choice((range(6), range(3), (name.prefix,)))

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        hit = made.network == struck and made.name.prefix in far
        return _add(made, more_s, more_s * made.name.trips) if hit else made

    return cause


def _move_front(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """A name moves to fronts far away, for everybody or for the networks of one country or one network."""
    more_s, who = rng.uniform(0.03, 0.25), rng.choice(("all", "country", "network"))

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        here = who == "all" or (made.network.cc == struck.cc if who == "country" else made.network == struck)
        return replace(_add(made, more_s, more_s * made.name.trips), moved=True) if here and made.name == name else made

    return cause


def _slow_front(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """The operator's own front is slow, or asks for work: for everybody or one country, always or by day, for one name
    or all that stands there."""
    wait_s, by_day = rng.choice((0.5, 1.0, 3.0, 6.0)), rng.random() < 0.3
    country, whole = rng.choice(("", struck.cc)), rng.random() < 0.3

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        busy = not by_day or 9 <= made.hour % 24 < 18
        mine = made.name.prefix == name.prefix if whole else made.name == name
        here = country in ("", made.network.cc)
        return _add(made, 0, wait_s * own.lognormvariate(0, 0.3)) if busy and mine and here else made

    return cause


def _slow_device(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """One probe's device computes slowly, or sends all through a tunnel."""
    wait_s, tunnel = rng.uniform(0.2, 3.0), rng.random() < 0.5

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        if made.network != struck or made.probe:
            return made
        return _add(made, wait_s / 4 if tunnel else 0, wait_s * own.lognormvariate(0, 0.2))

    return cause


def _new_version(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """A new version of the client, whose hello some servers answer late; on one network, some, or all."""
    wait_s, everywhere = rng.uniform(0.2, 1.0), rng.random() < 0.5
    strange = None if rng.random() < 0.5 else name.name

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        if not everywhere and made.network != struck:
            return made
        late = strange in (None, made.name.name)
        return replace(_add(made, 0, wait_s * late * own.lognormvariate(0, 0.2)), version=1)

    return cause


def _own_queue(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """The volunteer's own line is busy at times."""
    queue_s, busy = rng.uniform(0.3, 3.0), rng.uniform(0.1, 0.6)

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        if made.network != struck or made.probe or random.Random(f"{int(made.hour / 2)} {queue_s}").random() > busy:
            return made
        wait = queue_s * own.uniform(0.3, 1.5)
        return _add(made, wait, wait * made.name.trips)

    return cause


def _slow_dns(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """Lookups are slow: no connection is."""
    return lambda own, made: made


def _grow_chain(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """A chain of certificates that takes a round trip more."""
    return lambda own, made: _add(made, 0, made.connect_s) if made.name == name else made


def _bad_day(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    """One probe has a bad day: all that it does, or one name on it, is slow."""
    wait_s, day = rng.uniform(0.5, 5.0), [0]
    alone = rng.random() < 0.3

    def cause(own: random.Random, made: TimedTry) -> TimedTry:
        day[0] = day[0] or int(made.hour // 24) + 1
        if made.network != struck or made.probe or int(made.hour // 24) + 1 != day[0] or (
                alone and made.name != name):
            return made
        return _add(made, 0, wait_s * own.uniform(0.3, 1.5))

    return cause


def _nothing(rng: random.Random, struck: TimedNetwork, name: TimedName) -> Cause:
    return lambda own, made: made


INNOCENTS: Mapping[str, Callable[[random.Random, TimedNetwork, TimedName], Cause]] = MappingProxyType({
    "evening": _congest_evenings, "cable": _cut_cable, "moved": _move_front, "slow_front": _slow_front,
    "device": _slow_device, "version": _new_version, "own_queue": _own_queue, "dns": _slow_dns, "chain": _grow_chain,
    "satellite": _nothing, "bad_day": _bad_day,
})
"""Word -> what makes the cause."""
