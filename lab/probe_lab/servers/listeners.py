"""Which address and port of the world is bound, and which server is behind it.

Hosts that share an address share its ports and are told apart by name. QUIC stands beside HTTPS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from probe.core.endpoints import Endpoint
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS
from probe_lab.lab_types import DrawnScenario, World
from probe_lab.servers.faults import Faults, number
from probe_lab.servers.served_sites import Site, catalogue_sites, places, resolver_sites, row_sites

_DATAGRAM_SCHEMES = ("stun", "udp")
_QUIC_SCHEME = "quichandshake"
_QUIC_PORT = 443

_TOLD_APART = ({"https", "tls", "dot"}, {"http", "redirect"})
"""Kinds of server that can stand behind one address and port: TLS asks for a name, and so does HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One socket to bind, or one address that a common socket serves."""

    address: str
    port: int
    site: Site


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer:
    """One address that answers DNS on port 53."""

    address: str
    role: str
    """network, public, or root."""
    tcp: bool = True


def name_servers(world: World, faults: Faults) -> tuple[NameServer, ...]:
    """Every name server of the world. A dead resolver has no TCP; one that refuses is not there at all."""
    dead = [fault for fault in faults.all("resolver") if fault.kind == "resolver_dead" and not fault.match]
    network = NameServer(address=world.resolver, role="network", tcp=not dead)
    public = [
        NameServer(address=address, role="public")
        for operator in PUBLIC_RESOLVERS
        for address in (*operator.ipv4, *operator.ipv6)
    ]
    roots = [NameServer(address=address, role="root") for address in ROOT_SERVERS]
    absent = any(fault.params.get("refuse", False) for fault in dead)
    return (*([] if absent else [network]), *public, *roots)


def plan_listeners(drawn: DrawnScenario, endpoints: Sequence[Endpoint], faults: Faults) -> tuple[Listener, ...]:
    """Every TCP listener of this scenario except the name servers' own, without two on one address and port."""
    sites = [*catalogue_sites(drawn.world, endpoints, faults), *places(drawn.world, faults)]
    return _listeners((*sites, *resolver_sites(endpoints)), faults)


def plan_datagrams(drawn: DrawnScenario, endpoints: Sequence[Endpoint], faults: Faults) -> tuple[Listener, ...]:
    """Every UDP listener of this scenario except the name servers' own and QUIC's."""
    return _listeners(row_sites(drawn.world, endpoints, faults, dict.fromkeys(_DATAGRAM_SCHEMES, "udp")), faults)


def plan_quic(
    drawn: DrawnScenario, endpoints: Sequence[Endpoint], faults: Faults, *, tcp: Iterable[Listener]
) -> Mapping[str, Site]:
    """Address -> what answers QUIC on port 443 there: every HTTPS site of the TCP plan, and hosts of QUIC alone."""
    own = _listeners(row_sites(drawn.world, endpoints, faults, {_QUIC_SCHEME: "quic"}), faults)
    plan = {item.address: item.site for item in own if item.port == _QUIC_PORT}
    plan.update({item.address: item.site for item in tcp if item.port == _QUIC_PORT and item.site.kind == "https"})
    return plan


def _listeners(sites: Iterable[Site], faults: Faults) -> tuple[Listener, ...]:
    """A listener for each address and port; of sites that cannot be told apart the first stays."""
    chosen: dict[tuple[str, int], Listener] = {}
    for site in sites:
        for address in site.addresses:
            if _closed(faults, site, address):
                continue
            key = (address, site.port)
            first = chosen.get(key)
            if first is None:
                chosen[key] = Listener(address=address, port=site.port, site=site)
            elif _can_be_told_apart(first.site, site):
                shared = replace(first.site, neighbours=(*first.site.neighbours, site))
                chosen[key] = replace(first, site=shared)
    return tuple(chosen.values())


def _can_be_told_apart(one: Site, other: Site) -> bool:
    return any({one.kind, other.kind} <= kinds for kinds in _TOLD_APART)


def _closed(faults: Faults, site: Site, address: str) -> bool:
    for fault in faults.of("listen", site.host, *site.names, address):
        if int(number(fault.params, "port", site.port)) == site.port:
            return True
    return False
