"""Which address and port of the world has a server, and what kind of server it is.

Derived from the catalogue's rows: a host listens on the ports that its rows name, on all its addresses, and as
most of the web does it answers port 80 with a redirect where it serves TLS on 443.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from probe.lab.servers.faults import Faults, number
from probe.lab.servers.zone import faces
from probe.lab.types import Drawn, HostPlan, World
from probe.lab.world import FIXED_ANSWERS
from probe.model import Endpoint
from probe.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS, Resolver

_KINDS = {
    "https": "https",
    "wss": "https",
    "tlshandshake": "tls",
    "mqtts": "tls",
    "http": "http",
    "ws": "http",
    "tcpconnect": "tcp",
}
"""URL scheme of a row -> kind of server; schemes over UDP need no listener here. In order of precedence."""

_PRECEDENCE = tuple(dict.fromkeys(_KINDS.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One server: a host on one port, the same on all its addresses."""

    kind: str
    """https, tls, http, tcp, redirect (port 80 of a TLS host), or a place: sinkhole, sinkhole_tls, portal, mitm."""
    host: str
    """The name (or literal address) that the catalogue gives it."""
    port: int
    rows: tuple[Endpoint, ...] = ()
    names: tuple[str, ...] = ()
    """Server names that it knows, the default first."""
    trust: str = ""
    """Trust policy of its rows; decides which authority signed its certificate."""
    alpn: tuple[str, ...] = ("http/1.1",)
    doh_path: str = ""
    """Where it answers DNS over HTTPS; empty: nowhere."""
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One socket to bind."""

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


def plan_listeners(drawn: Drawn, endpoints: Sequence[Endpoint], faults: Faults) -> tuple[Listener, ...]:
    """Every TCP listener of this scenario except the name servers' own, without two on one address and port."""
    sites = [*_catalogue_sites(drawn.world, endpoints, faults), *_places(drawn.world, faults)]
    chosen: dict[tuple[str, int], Listener] = {}
    for site in (*sites, *_resolver_sites(endpoints)):
        for address in site.addresses:
            if not _closed(faults, site, address):
                chosen.setdefault((address, site.port), Listener(address=address, port=site.port, site=site))
    return tuple(chosen.values())


def _catalogue_sites(world: World, endpoints: Sequence[Endpoint], faults: Faults) -> list[Site]:
    grouped: dict[tuple[str, int], list[Endpoint]] = {}
    for row in endpoints:
        if row.port and urlsplit(row.input).scheme in _KINDS and "closed" not in row.expect.status:
            grouped.setdefault((row.address or row.host.lower(), row.port), []).append(row)
    sites = []
    for (host, port), rows in grouped.items():
        addresses = _addresses(world, host, faults)
        if addresses:
            sites.append(_site(host, port, rows, addresses))
    taken = {(site.host, site.port) for site in sites}
    secure = [site for site in sites if site.port == 443 and site.kind in ("https", "tls")]
    redirects = [
        Site(kind="redirect", host=site.host, port=80, names=site.names, addresses=site.addresses)
        for site in secure
        if (site.host, 80) not in taken
    ]
    return sites + redirects


def _site(host: str, port: int, rows: Sequence[Endpoint], addresses: tuple[str, ...]) -> Site:
    kinds = {_KINDS[urlsplit(row.input).scheme] for row in rows}
    operator = _operator(host)
    return Site(
        kind=next(kind for kind in _PRECEDENCE if kind in kinds),
        host=host,
        port=port,
        rows=tuple(rows),
        names=tuple(dict.fromkeys([*(row.sni.lower() for row in rows if row.sni), host])),
        trust=next((row.trust for row in rows if row.sni), ""),
        alpn=_alpn(rows),
        doh_path=operator.doh_path if operator and port == 443 else "",
        addresses=addresses,
    )


def _alpn(rows: Iterable[Endpoint]) -> tuple[str, ...]:
    """What the server speaks: HTTP/1.1 unless its rows say otherwise, and before HTTP/2 where it has both."""
    named = {protocol for row in rows for protocol in row.alpn}
    if not named or any(row.sni and not row.alpn for row in rows):
        named.add("http/1.1")
    return tuple(sorted(named, key=lambda protocol: (protocol != "http/1.1", protocol)))


def _addresses(world: World, host: str, faults: Faults) -> tuple[str, ...]:
    if host in world.literals:
        return (host,)
    plan = world.hosts.get(host)
    if plan is None or host in FIXED_ANSWERS:
        return ()
    near, far = faces(world, plan, faults)
    return tuple(dict.fromkeys((*_all(near), *_all(far))))


def _all(plan: HostPlan) -> tuple[str, ...]:
    return (*plan.ipv4, *plan.ipv6)


def _operator(host: str) -> Resolver | None:
    return next((operator for operator in PUBLIC_RESOLVERS if operator.doh_host == host), None)


def _resolver_sites(endpoints: Sequence[Endpoint]) -> list[Site]:
    """DoH services whose host is no catalogue row; a row's own site answers DoH by itself."""
    rows = {(row.host.lower(), row.port) for row in endpoints}
    return [
        Site(
            kind="https",
            host=operator.doh_host,
            port=443,
            names=(operator.doh_host,),
            doh_path=operator.doh_path,
            addresses=(*operator.ipv4, *operator.ipv6),
        )
        for operator in PUBLIC_RESOLVERS
        if operator.doh_host and (operator.doh_host, 443) not in rows
    ]


def _places(world: World, faults: Faults) -> list[Site]:
    sites = [
        Site(kind="sinkhole", host=world.sinkhole, port=80, addresses=(world.sinkhole,)),
        Site(
            kind="sinkhole_tls",
            host=world.sinkhole,
            port=443,
            names=("gateway.filter.example",),
            addresses=(world.sinkhole,),
        ),
    ]
    kinds = {fault.kind for fault in faults.all("place")}
    if "portal" in kinds:
        sites.append(Site(kind="portal", host=world.portal, port=80, addresses=(world.portal,)))
    if "mitm" in kinds:
        sites.append(Site(kind="mitm", host=world.mitm, port=443, addresses=(world.mitm,)))
    return sites


def _closed(faults: Faults, site: Site, address: str) -> bool:
    for fault in faults.of("listen", site.host, *site.names, address):
        if int(number(fault.params, "port", site.port)) == site.port:
            return True
    return False
