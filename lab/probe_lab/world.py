"""Draws the internet of one laboratory: who has which address, how far away things are, what the clocks say.

Everything follows from one seed. Addresses look public (no reserved, private or documentation range, no address
of a real resolver or root server) so that no rule of the program under test can recognise the laboratory by them.
"""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from probe.catalogue.owners import find_owner
from probe.core.endpoints import Endpoint
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS
from probe_lab.hops import draw_hops
from probe_lab.lab_types import HostPlan, VantagePoint, World

FIXED_ANSWERS: dict[str, tuple[str, ...]] = {"uptime.signal.org": ("127.0.0.1",)}
"""Names whose address is a message rather than a place: Signal's own outage flag says "up" with 127.0.0.1."""

_CARRIERS_HOPS = 3
"""So far from the client its own network reaches at least."""
_NETWORK_HOLDS = 128
"""IPv4 addresses of one owner in one /16, each in a /24 of its own: half of it."""

IPV6_SHARE = 0.6
"""Share of the names that also have IPv6 addresses."""

_ADDRESS_COUNTS = ((1, 2, 3), (5, 3, 2))
"""How many addresses of one family a name has, and how often."""

_IPV6_BLOCKS = ("2400::/12", "2600::/12", "2800::/12", "2a00::/12", "2c00::/12")
"""What the regional registries hold of the global unicast space."""

_VANTAGE_NETWORKS = ((24940, "DE"), (16276, "FR"), (63949, "SG"), (14061, "NL"), (20473, "JP"), (36352, "US"))
"""Hosting networks of different countries where test helpers usually live."""


def draw_world(
    *,
    seed: int,
    endpoints: Sequence[Endpoint],
    rtt_ms: tuple[float, float] = (10, 300),
    helpers: int = 2,
    hops: tuple[int, int] | None = None,
    loss: float = 0.0,
    clock_shift_s: int = 0,
    censor_hop: int | None = None,
    shared: Mapping[str, str] | None = None,
    private_hops: int = 0,
    door_hops: int | None = None,
    at_door: bool = False,
    carrier_hop: int | None = None,
) -> World:
    """The world that `seed` determines for these catalogue rows.

    `rtt_ms` and `hops` are ranges to draw from (milliseconds; routers between client and servers), `censor_hop` is a
    router that all paths share or, `at_door`, one of the operators' own (default: any of those), `carrier_hop` a shared
    one (default: one of the first three). `door_hops`: how many
    routers are each operator's own (default: 1 to 3, of few routers fewer, and as the censor's place wants). `shared`
    gives a name the addresses of another. Behind `private_hops` routers without public addresses the client has none
    either. Names that only dead rows carry, and templates such as `{rand16}.com`, get no entry: they do not exist.
    Raises ValueError for more helpers than there are networks to put them in, a place where the censor cannot sit, and
    sharing by a name that does not exist.
    """
    if helpers > len(_VANTAGE_NETWORKS):
        raise ValueError(f"at most {len(_VANTAGE_NETWORKS)} helpers, each in its own network; asked for {helpers}")
    rng = random.Random(seed)
    literals = _literals(endpoints)
    pool = _Pool(rng, taken=(*literals, *pinned_addresses()))
    vantages = _vantages(rng, pool, helpers)
    hop_count, own_hops = draw_hops(rng, hops=hops, door_hops=door_hops, censor_hop=censor_hop, at_door=at_door,
                                   carrier_hop=carrier_hop)
    door = hop_count - own_hops
    client_delay_ms = rng.uniform(*rtt_ms) / 2
    places = {name: pool.ipv4() for name in ("client4", "gateway4", "resolver", "sinkhole", "portal", "mitm")}
    if private_hops:
        net = rng.randrange(256)
        places |= {"client4": f"192.168.{net}.{rng.randrange(2, 250)}", "gateway4": f"192.168.{net}.1"}
    found = _hosts(rng, pool, endpoints, vantages)
    world = World(
        seed=seed,
        client6=pool.ipv6(),
        gateway6=pool.ipv6(),
        vantages=vantages,
        hosts=found,
        owners=_owners(found, endpoints, literals),
        door_hops=own_hops,
        literals=literals,
        client_delay_ms=client_delay_ms,
        vantage_delay_ms=rng.uniform(5, 50),
        hops=hop_count,
        censor_hop=censor_hop or rng.randint(*((door + 1, hop_count) if at_door and own_hops else (1, door))),
        carrier_hop=carrier_hop or rng.randint(1, min(_CARRIERS_HOPS, door)),
        client4_later=pool.ipv4(),
        private_hops=min(private_hops, hop_count),
        loss=loss,
        clock_shift_s=clock_shift_s,
        **places,
    )
    return with_shared(world, shared) if shared else world


def with_shared(world: World, shared: Mapping[str, str]) -> World:
    """The world in which each name has the addresses of the other that it is mapped to.

    Raises ValueError for a name that does not exist in this world, or whose address is a message.
    """
    hosts = dict(world.hosts)
    for name, other in ((name.lower(), other.lower()) for name, other in shared.items()):
        for known in (name, other):
            if known not in world.hosts or known in FIXED_ANSWERS:
                raise ValueError(f"{known} has no addresses to share in this world")
        hosts[name] = replace(world.hosts[other], name=name)
    return replace(world, hosts=hosts)


def with_tenants(world: World, names: Iterable[str], address: str) -> World:
    """The world in which these names have addresses in the networks of the operator whose address is given, and lie
    at its door.

    Raises ValueError for an address of nobody's, and for a name without addresses of its own.
    """
    hosts, owners = dict(world.hosts), dict(world.owners)
    owner = owners.get(address)
    if owner is None:
        raise ValueError(f"{address} has no operator in this world")
    rng = random.Random(f"tenants {world.seed} {owner}")
    pool = _Pool(rng, taken=(*owners, world.resolver, world.sinkhole, world.portal, world.mitm, *world.clients))
    pool.adopt(owner, (held for held, whose in owners.items() if whose == owner))
    for name in map(str.lower, names):
        if name not in hosts or name in FIXED_ANSWERS:
            raise ValueError(f"{name} has no addresses of its own in this world")
        fresh4 = tuple(pool.ipv4(owner) for _ in hosts[name].ipv4)
        fresh6 = tuple(pool.ipv6(owner) for _ in hosts[name].ipv6)
        hosts[name] = HostPlan(name=name, ipv4=fresh4, ipv6=fresh6)
        owners |= dict.fromkeys((*fresh4, *fresh6), owner)
    return replace(world, hosts=hosts, owners=owners)


def _owners(
    hosts: Mapping[str, HostPlan], endpoints: Iterable[Endpoint], literals: Iterable[str]
) -> dict[str, str]:
    """Whose each address is: a known owner's, or that of the one name that stands for it."""
    known = _known_owners(endpoints)
    owners = {address: known.get(address, address) for address in literals}
    for name, plan in hosts.items():
        if name not in FIXED_ANSWERS:
            for address in (*plan.ipv4, *plan.ipv6):
                owners.setdefault(address, known.get(name, name))
    return owners


def _known_owners(endpoints: Iterable[Endpoint]) -> dict[str, str]:
    """Name or literal address -> who owns the service that the catalogue names first for it; controls are of many."""
    owners: dict[str, str] = {}
    for row in (row for row in endpoints if row.role != "control"):
        for known in (row.address, row.host.lower()):
            owners.setdefault(known, find_owner(row.service, row.host))
    return owners


def pinned_addresses() -> tuple[str, ...]:
    """The real addresses of public resolvers and root servers, which keep them inside the laboratory."""
    resolvers = [address for operator in PUBLIC_RESOLVERS for address in (*operator.ipv4, *operator.ipv6)]
    return (*resolvers, *ROOT_SERVERS)


def living_hosts(endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    """The names that must exist, sorted: neither dead, nor a template, nor a literal address."""
    names = {row.host.lower() for row in endpoints if row.status != "dead" and row.host and "{" not in row.host}
    return tuple(sorted(name for name in names if not is_address(name)))


@lru_cache(maxsize=8192)  # of the same catalogue for each laboratory
def is_address(text: str) -> bool:
    """Whether the text is a literal IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _literals(endpoints: Iterable[Endpoint]) -> tuple[str, ...]:
    named = {row.address for row in endpoints if row.address}
    return tuple(sorted(named | {row.host for row in endpoints if is_address(row.host)}))


def _vantages(rng: random.Random, pool: _Pool, count: int) -> tuple[VantagePoint, ...]:
    letters = "abcdef"[:count]
    networks = rng.sample(_VANTAGE_NETWORKS, count)
    return tuple(
        VantagePoint(
            control_id=f"helper-{letter}",
            ipv4=pool.ipv4(),
            ipv6=pool.ipv6(),
            asn=asn,
            cc=cc,
            url=f"https://helper-{letter}.lab.example:443/",
        )
        for letter, (asn, cc) in zip(letters, networks, strict=True)
    )


def _hosts(
    rng: random.Random, pool: _Pool, endpoints: Sequence[Endpoint], vantages: Sequence[VantagePoint]
) -> dict[str, HostPlan]:
    hosts: dict[str, HostPlan] = {}
    owners = _known_owners(endpoints)
    for name in living_hosts(endpoints):
        owner = owners.get(name, name)
        ipv4 = tuple(pool.ipv4(owner) for _ in range(_count(rng)))
        ipv6 = tuple(pool.ipv6(owner) for _ in range(_count(rng))) if rng.random() < IPV6_SHARE else ()
        hosts[name] = HostPlan(name=name, ipv4=ipv4, ipv6=ipv6)
    for name, answers in FIXED_ANSWERS.items():
        hosts[name] = HostPlan(name=name, ipv4=answers, ipv6=())
    for operator in PUBLIC_RESOLVERS:
        if operator.doh_host:
            hosts[operator.doh_host] = HostPlan(name=operator.doh_host, ipv4=operator.ipv4, ipv6=operator.ipv6)
    for vantage in vantages:
        name = f"{vantage.control_id}.lab.example"
        hosts[name] = HostPlan(name=name, ipv4=(vantage.ipv4,), ipv6=(vantage.ipv6,))
    return hosts


def _count(rng: random.Random) -> int:
    return rng.choices(_ADDRESS_COUNTS[0], _ADDRESS_COUNTS[1])[0]


_NOT_ORDINARY = (0, 10, 100, 127, 169, 172, 192, 198, 203, *range(224, 256))
"""First octets of networks for special purposes (RFC 6890), and of multicast: there each address is looked at."""


class _Pool:
    """Draws distinct public-looking addresses; IPv4 ones in distinct /24 networks, as a CDN's usually are.

    Those of one owner lie in its own networks: IPv4 in /16, IPv6 in a /32.
    """

    def __init__(self, rng: random.Random, *, taken: Iterable[str]) -> None:
        taken = tuple(taken)
        self._rng = rng
        self._used4 = {int(ipaddress.IPv4Address(address)) >> 8 for address in taken if ":" not in address}
        self._used6 = {int(ipaddress.IPv6Address(address)) for address in taken if ":" in address}
        self._blocks = [int(ipaddress.IPv6Network(block).network_address) for block in _IPV6_BLOCKS]
        self._networks4: dict[str, int] = {}
        self._room4: dict[str, int] = {}
        """Owner -> how many addresses more its network takes."""
        self._held4: set[int] = set()
        self._networks6: dict[str, int] = {}

    def adopt(self, owner: str, addresses: Iterable[str]) -> None:
        """The owner has these addresses already: the last of each family tells its network."""
        for address in map(ipaddress.ip_address, addresses):
            if address.version == 4:
                self._hold(owner, int(address) >> 16)
            else:
                self._networks6[owner] = int(address) >> 96

    def _hold(self, owner: str, network: int) -> None:
        if self._networks4.get(owner) != network:
            self._room4[owner] = _NETWORK_HOLDS
        self._networks4[owner] = network
        self._held4.add(network)

    def ipv4(self, owner: str = "") -> str:
        """An address in the owner's network; one alone in its network without an owner."""
        while True:
            number = self._rng.getrandbits(32)
            network = self._networks4.get(owner) if owner else None
            if network is not None:
                number = network << 16 | number & 0xFFFF
            if number >> 8 not in self._used4 and number & 255 not in (0, 255) and _is_ordinary(number):
                if network is None and number >> 16 in self._held4:
                    continue
                if owner:
                    self._hold(owner, number >> 16)
                    self._room4[owner] -= 1
                    if not self._room4[owner]:  # the next one begins a further network
                        del self._networks4[owner]
                self._used4.add(number >> 8)
                return socket.inet_ntop(socket.AF_INET, number.to_bytes(4))

    def ipv6(self, owner: str = "") -> str:
        """An address in the owner's network; one alone in its network without an owner."""
        while True:
            network = self._rng.choice(self._blocks) | (self._rng.getrandbits(36) << 80)
            if owner:
                held = self._networks6.setdefault(owner, network >> 96)
                network = held << 96 | network & (1 << 96) - 1
            number = network | self._rng.getrandbits(64)
            if number not in self._used6:
                self._used6.add(number)
                return socket.inet_ntop(socket.AF_INET6, number.to_bytes(16))


def _is_ordinary(number: int) -> bool:
    """Whether an IPv4 address is one of the global internet's, and of one machine."""
    if number >> 24 not in _NOT_ORDINARY:
        return True
    address = ipaddress.IPv4Address(number)
    return address.is_global and not address.is_multicast
