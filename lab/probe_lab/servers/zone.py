"""The names of the world: which exist, through which alias, with which addresses.

A content network may show two faces (`cdn_split`): near addresses to the network's own resolver, far ones to
every other resolver. Both are genuine.
"""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass

from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe_lab.lab_types import HostPlan, World
from probe_lab.servers.faults import Faults
from probe_lab.servers.served_pages import portal_name
from probe_lab.world import FIXED_ANSWERS

_ALIAS_SHARE = 0.25
"""Share of the names that are aliases (CNAME) of a content network's name."""

IPV4_ONLY = "ipv4only.arpa"
_IPV4_ONLY_ADDRESSES = ("192.0.0.170", "192.0.0.171")
"""The name without IPv6 by which hosts find out a network's prefix (RFC 7050), and its addresses."""

_NEVER_ALIASED = frozenset((*(operator.doh_host for operator in PUBLIC_RESOLVERS), *FIXED_ANSWERS))
_HTTPS_SHARE, _HINT_SHARE, _KEYS_SHARE = 0.5, 0.7, 0.5
_KEYS_HEAD = b"\0\x45\xfe\x0d\0\x41"
"""Lengths and version of a list of one ECH configuration of 65 bytes (RFC 9849 section 4)."""
_TTLS_S = (20, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """What one name owns: addresses and perhaps the alias target through which they are found."""

    alias: str
    """Target of the name's CNAME; empty where the name owns its addresses itself."""
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...]
    ttl_s: int
    https: str = ""
    """Its HTTPS record (RFC 9460) as text; empty where it has none."""


class Zone:
    """All names of one world after the faults that take names away or split them."""

    def __init__(self, world: World, faults: Faults) -> None:
        self._near: dict[str, Records] = {}
        self._far: dict[str, Records] = {}
        for name, plan in world.hosts.items():
            if any(fault.kind == "nonexistent" for fault in faults.of("zone", name)):
                continue
            near, far = faces(world, plan, faults)
            seen = _records(near, world)
            self._near.update(seen)
            self._far.update(seen if far is near else _records(far, world))
        for side in (self._near, self._far):
            if any(fault.params.get("reply") == "portal" for fault in faults.all("router")):
                side[portal_name(world.seed)] = Records(alias="", ipv4=(world.portal,), ipv6=(), ttl_s=60)
            side[IPV4_ONLY] = Records(alias="", ipv4=_IPV4_ONLY_ADDRESSES, ipv6=(), ttl_s=86_400)
        self._parents = {parent for name in self._near for parent in _parents(name)}

    def find(self, name: str, *, near: bool) -> Records | None:
        """The records of a name in lower case without its last dot; None where there are none."""
        return (self._near if near else self._far).get(name)

    def has_below(self, name: str) -> bool:
        """Whether a name without records exists all the same because others lie below it (RFC 8020)."""
        return name in self._parents

    def zone_of(self, name: str) -> str:
        """The zone whose SOA a negative answer carries: the registered domain, or the top-level domain."""
        labels = name.split(".")
        second = len(labels) > 1 and labels[-2] in _SECOND and len(labels[-1]) == len("uk")
        registered = ".".join(labels[-3 if second else -2:])
        return registered if registered in self._parents or registered in self._near else labels[-1]

    def top_level_domains(self) -> frozenset[str]:
        """The delegations of the root."""
        return frozenset({name.rpartition(".")[2] for name in self._near} | {"com", "net", "org"})


def _records(plan: HostPlan, world: World) -> dict[str, Records]:
    """What a host owns under its name, and under its alias where it has one."""
    rng = random.Random(f"{world.seed}:{plan.name}:records")
    ttl_s = rng.choice(_TTLS_S)
    alias = _alias(plan.name, rng) if _may_alias(plan.name) else ""
    https = _https(plan, rng)
    found = {plan.name: Records(alias=alias, ipv4=plan.ipv4, ipv6=plan.ipv6, ttl_s=ttl_s, https=https)}
    if alias:
        found[alias] = Records(alias="", ipv4=plan.ipv4, ipv6=plan.ipv6, ttl_s=ttl_s, https=https)
    return found


def _https(plan: HostPlan, rng: random.Random) -> str:
    """What most names lack; of those that have one, some hint at no address, and some have keys."""
    if rng.random() >= _HTTPS_SHARE:
        return ""
    words = ["1", ".", 'alpn="h2,http/1.1"']
    if plan.ipv4 and rng.random() < _HINT_SHARE:
        words.append(f'ipv4hint="{",".join(plan.ipv4)}"')
    if rng.random() < _KEYS_SHARE:
        words.append(f'ech="{base64.b64encode(_KEYS_HEAD + rng.randbytes(65)).decode()}"')
    return " ".join(words)


def faces(world: World, plan: HostPlan, faults: Faults) -> tuple[HostPlan, HostPlan]:
    """What the network's resolver and what all others see of a host; the same plan unless a content network splits.

    A host with one IPv4 address gets a second one for the split, in another network, following from the seed.
    """
    if not any(fault.kind == "cdn_split" for fault in faults.of("zone", plan.name)):
        return plan, plan
    near4, far4 = plan.ipv4[:1], plan.ipv4[1:] or (_elsewhere(world, plan),)
    near6, far6 = plan.ipv6[:1], plan.ipv6[1:] or plan.ipv6
    return (
        HostPlan(name=plan.name, ipv4=near4, ipv6=near6),
        HostPlan(name=plan.name, ipv4=far4, ipv6=far6),
    )


def _elsewhere(world: World, plan: HostPlan) -> str:
    taken = {address.rpartition(".")[0] for host in world.hosts.values() for address in host.ipv4}
    rng = random.Random(f"{world.seed}:{plan.name}:elsewhere")
    while True:
        network = f"{rng.choice((23, 104, 151, 185, 199))}.{rng.randint(1, 250)}.{rng.randint(1, 250)}"
        if network not in taken:
            return f"{network}.{rng.randint(1, 254)}"


def _may_alias(name: str) -> bool:
    return name not in _NEVER_ALIASED and not name.endswith(".lab.example")


def _alias(name: str, rng: random.Random) -> str:
    if rng.random() >= _ALIAS_SHARE:
        return ""
    label = name.replace(".", "-")[:60].strip("-")
    return f"{label}.{rng.choice(('edge', 'global', 'pop'))}{rng.randint(1, 9)}.contentnet.example"


_SECOND = frozenset({"ac", "co", "com", "edu", "go", "gob", "gov", "net", "org"})
"""Below which registries of countries delegate."""


def _parents(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(1, len(labels))]
