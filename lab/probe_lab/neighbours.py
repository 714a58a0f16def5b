"""Names beside others in the same small networks: those whom a withdrawn route strikes, and a /32 filter spares."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from probe_lab.lab_types import HostPlan, World

_HOST_BITS = {4: 8, 6: 64}
_TRIES = 1000


def with_neighbours(world: World, names: Iterable[str], beside: Sequence[str]) -> World:
    """The world in which each name has addresses in the /24 and /64 networks of these addresses, at their owner's.

    Of a family that those have not, it has none. Raises ValueError for a name that does not exist in this world.
    """
    hosts, owners = dict(world.hosts), dict(world.owners)
    rng = random.Random(f"neighbours {world.seed} {beside[0]}")
    for name in map(str.lower, names):
        if name not in hosts:
            raise ValueError(f"{name} has no addresses of its own in this world")
        taken = {*owners, *beside}
        fresh4 = _beside(hosts[name].ipv4, [a for a in beside if ":" not in a], taken, rng)
        fresh6 = _beside(hosts[name].ipv6, [a for a in beside if ":" in a], taken, rng)
        hosts[name] = HostPlan(name=name, ipv4=fresh4, ipv6=fresh6)
        owners |= dict.fromkeys((*fresh4, *fresh6), owners[beside[0]])
    return replace(world, hosts=hosts, owners=owners)


def _beside(own: Sequence[str], others: Sequence[str], taken: set[str], rng: random.Random) -> tuple[str, ...]:
    """As many addresses as a name has of its own, in the networks of the others in turn."""
    return tuple(_fresh(others[number % len(others)], taken, rng) for number in range(len(own) if others else 0))


def _fresh(other: str, taken: set[str], rng: random.Random) -> str:
    """An address in another's network that nobody has; it is taken from now on."""
    address = ipaddress.ip_address(other)
    bits = _HOST_BITS[address.version]
    for _ in range(_TRIES):
        text = str(type(address)(int(address) >> bits << bits | rng.randrange(1, (1 << bits) - 1)))
        if text not in taken:
            taken.add(text)
            return text
    raise ValueError(f"no address is left beside {other}")
