"""The line between the client and the rest of the world: routers in a row, each with its address and its distance.

The last ones are each operator's own: which router a packet meets there follows from whose server it is for.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from probe_lab.lab_types import World
from probe_lab.wire.packet import pack_address

_IPV6_BLOCKS = (0x2400, 0x2600, 0x2800, 0x2A00, 0x2C00)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Places on the line are numbered: 0 is the client, 1 to `hops` are routers, the last next to the servers."""

    hops: int
    delay_s: float
    routers4: tuple[str, ...]
    routers6: tuple[str, ...]
    door: int
    """The last router that all paths pass."""
    owners: Mapping[bytes, str] = field(default_factory=dict)
    """Packed address of a host -> whose it is."""
    doors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Owner -> the addresses of its own routers: those of IPv4, nearest first, then those of IPv6."""

    def travel_s(self, start: int, end: int) -> float:
        """How long a packet takes between two places."""
        return self.delay_s * abs(end - start) / self.hops

    def address(self, hop: int, *, version: int, host: bytes = b"") -> str:
        """The address that a router sends ICMP from, of the routers on the way to a host."""
        own = self.doors.get(self.owners.get(host, "")) if hop > self.door else None
        if own is None:
            return (self.routers6 if version == 6 else self.routers4)[hop - 1]
        return own[hop - self.door - 1 + (self.hops - self.door if version == 6 else 0)]


def draw_line(world: World) -> Line:
    """The line of this world; its seed gives the routers addresses that nobody else has, and that look public beyond
    the first few of a client behind address translators."""
    rng = random.Random(f"line {world.seed}")
    taken = {text for text in (*world.clients, world.gateway4, world.gateway6, *_inhabited(world))}
    routers4, routers6 = [world.gateway4], [world.gateway6]
    while len(routers4) < world.private_hops:  # carriers' own space (RFC 6598)
        routers4.append(f"100.{rng.randrange(64, 128)}.{rng.randrange(256)}.{rng.randrange(1, 255)}")
    routers4 += [_draw_router4(rng, taken) for _ in range(world.hops - len(routers4))]
    routers6 += [_draw_router6(rng, taken) for _ in range(world.hops - len(routers6))]
    return Line(
        hops=world.hops, delay_s=world.client_delay_ms / 1000, routers4=tuple(routers4), routers6=tuple(routers6),
        door=world.door, owners={pack_address(text): owner for text, owner in world.owners.items()},
        doors=_draw_doors(world, rng, taken),
    )


def _draw_doors(world: World, rng: random.Random, taken: set[str]) -> dict[str, tuple[str, ...]]:
    return {
        owner: (*(_draw_router4(rng, taken) for _ in range(world.door_hops)),
                *(_draw_router6(rng, taken) for _ in range(world.door_hops)))
        for owner in dict.fromkeys(world.owners.values())
    }


def _draw_router4(rng: random.Random, taken: set[str]) -> str:
    while True:
        four = ipaddress.IPv4Address(rng.getrandbits(32))
        if four.is_global and not four.is_multicast and str(four) not in taken:
            taken.add(str(four))
            return str(four)


def _draw_router6(rng: random.Random, taken: set[str]) -> str:
    while True:
        six = str(ipaddress.IPv6Address((rng.choice(_IPV6_BLOCKS) << 112) | rng.getrandbits(112)))
        if six not in taken:
            taken.add(six)
            return six


def _inhabited(world: World) -> Iterable[str]:
    for vantage in world.vantages:
        yield from (vantage.ipv4, vantage.ipv6)
    for host in world.hosts.values():
        yield from (*host.ipv4, *host.ipv6)
    yield from (*world.literals, world.resolver, world.sinkhole, world.portal, world.mitm)
