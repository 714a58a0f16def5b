"""The line between the client and the rest of the world: routers in a row, each with its address and its distance."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from dataclasses import dataclass

from probe_lab.lab_types import World

_IPV6_BLOCKS = (0x2400, 0x2600, 0x2800, 0x2A00, 0x2C00)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Places on the line are numbered: 0 is the client, 1 to `hops` are routers, the last next to the servers."""

    hops: int
    delay_s: float
    routers4: tuple[str, ...]
    routers6: tuple[str, ...]

    def travel_s(self, start: int, end: int) -> float:
        """How long a packet takes between two places."""
        return self.delay_s * abs(end - start) / self.hops

    def address(self, hop: int, *, version: int) -> str:
        """The address that a router sends ICMP from."""
        return (self.routers6 if version == 6 else self.routers4)[hop - 1]


def draw_line(world: World) -> Line:
    """The line of this world; its seed gives the routers addresses that nobody else has, and that look public beyond
    the first few of a client behind address translators."""
    rng = random.Random(f"line {world.seed}")
    taken = {text for text in (world.client4, world.client6, world.gateway4, world.gateway6, *_inhabited(world))}
    routers4, routers6 = [world.gateway4], [world.gateway6]
    while len(routers4) < world.private_hops:  # carriers' own space (RFC 6598)
        routers4.append(f"100.{rng.randrange(64, 128)}.{rng.randrange(256)}.{rng.randrange(1, 255)}")
    while len(routers4) < world.hops:
        four = ipaddress.IPv4Address(rng.getrandbits(32))
        if four.is_global and not four.is_multicast and str(four) not in taken:
            routers4.append(str(four))
            taken.add(str(four))
    while len(routers6) < world.hops:
        six = str(ipaddress.IPv6Address((rng.choice(_IPV6_BLOCKS) << 112) | rng.getrandbits(112)))
        if six not in taken:
            routers6.append(six)
            taken.add(six)
    return Line(
        hops=world.hops, delay_s=world.client_delay_ms / 1000, routers4=tuple(routers4), routers6=tuple(routers6)
    )


def _inhabited(world: World) -> Iterable[str]:
    for vantage in world.vantages:
        yield from (vantage.ipv4, vantage.ipv6)
    for host in world.hosts.values():
        yield from (*host.ipv4, *host.ipv6)
    yield from (*world.literals, world.resolver, world.sinkhole, world.portal, world.mitm)
