"""What servers there are in the world: hosts of the catalogue, public resolvers, and the places of censors.

Derived from the catalogue's rows: a host listens on the ports that its rows name, on all its addresses, and as
most of the web does it answers port 80 with a redirect where it serves TLS on 443.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.core.endpoints import Endpoint
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, Resolver
from probe.core.tables.trust import TrustPolicy
from probe.core.tables.words import Empty
from probe_lab.lab_types import HostPlan, World
from probe_lab.servers.faults import Faults
from probe_lab.servers.zone import faces
from probe_lab.world import FIXED_ANSWERS

_KINDS = {
    "https": "https",
    "wss": "https",
    "tlshandshake": "tls",
    "mqtts": "tls",
    "http": "http",
    "ws": "http",
    "tcpconnect": "tcp",
}
"""URL scheme of a row -> kind of server over TCP. In order of precedence."""

_PRECEDENCE = tuple(dict.fromkeys(_KINDS.values()))

DOT_PORT = 853

_DOT_NAMES = {"cloudflare": ("one.one.one.one",), "quad9": ("dns.quad9.net",)}
"""Names under which operators answer DNS over TLS, besides the name of their DoH service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One server: a host on one port, the same on all its addresses."""

    kind: str
    """https, tls, http, tcp, redirect (port 80 of a TLS host), dot, udp, quic (a host that serves nothing else there),
    or a place: sinkhole, sinkhole_tls, portal, mitm."""
    host: str
    """The name (or literal address) that the catalogue gives it."""
    port: int
    rows: tuple[Endpoint, ...] = ()
    names: tuple[str, ...] = ()
    """Server names that it knows, the default first."""
    trust: TrustPolicy | Empty = ""
    """Trust policy of its rows; decides which authority signed its certificate."""
    alpn: tuple[str, ...] = ("http/1.1",)
    doh_path: str = ""
    """Where it answers DNS over HTTPS; empty: nowhere."""
    addresses: tuple[str, ...] = ()
    neighbours: tuple[Site, ...] = ()
    """Other sites on the same address and port."""

    def with_name(self, name: str) -> Site:
        """The site that a client means by a name: this one unless a neighbour alone knows the name."""
        if not self.neighbours or name in self.names:
            return self
        return next((site for site in self.neighbours if name in site.names), self)


def catalogue_sites(world: World, endpoints: Sequence[Endpoint], faults: Faults) -> list[Site]:
    """Every host of the catalogue on every TCP port that a row names, and its redirect to TLS."""
    sites = row_sites(world, endpoints, faults, _KINDS)
    taken = {(site.host, site.port) for site in sites}
    secure = [site for site in sites if site.port == 443 and site.kind in ("https", "tls")]
    redirects = [
        Site(kind="redirect", host=site.host, port=80, names=site.names, addresses=site.addresses)
        for site in secure
        if (site.host, 80) not in taken
    ]
    return sites + redirects


def row_sites(
    world: World, endpoints: Sequence[Endpoint], faults: Faults, kinds: Mapping[str, str]
) -> list[Site]:
    """A site for each host and port that rows of these URL schemes name."""
    grouped: dict[tuple[str, int], list[Endpoint]] = {}
    for row in endpoints:
        if row.port and _scheme(row) in kinds and "closed" not in row.expect.status:
            grouped.setdefault((row.address or row.host.lower(), row.port), []).append(row)
    sites = []
    for (host, port), rows in grouped.items():
        addresses = _addresses(world, host, faults)
        if addresses:
            found = {kinds[_scheme(row)] for row in rows}
            kind = next((kind for kind in _PRECEDENCE if kind in found), min(found))
            sites.append(_site(kind, host, port, rows, addresses))
    return sites


def _scheme(row: Endpoint) -> str:
    return row.input.partition(":")[0].lower()


def _site(kind: str, host: str, port: int, rows: Sequence[Endpoint], addresses: tuple[str, ...]) -> Site:
    operator = _operator(host)
    return Site(
        kind=kind,
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


def resolver_sites(endpoints: Sequence[Endpoint]) -> list[Site]:
    """What public resolvers serve besides plain DNS: DoT, and DoH where no row's own site answers it."""
    rows = {(row.host.lower(), row.port) for row in endpoints}
    sites = []
    for operator in PUBLIC_RESOLVERS:
        addresses = (*operator.ipv4, *operator.ipv6)
        names = tuple(name for name in (operator.doh_host, *_DOT_NAMES.get(operator.name, ())) if name)
        if names:
            dot = Site(kind="dot", host=names[0], port=DOT_PORT, names=names, alpn=("dot",), addresses=addresses)
            sites.append(dot)
        if operator.doh_host and (operator.doh_host, 443) not in rows:
            sites.append(
                Site(
                    kind="https",
                    host=operator.doh_host,
                    port=443,
                    names=(operator.doh_host,),
                    doh_path=operator.doh_path,
                    addresses=addresses,
                )
            )
    return sites


def places(world: World, faults: Faults) -> list[Site]:
    """Where lying resolvers, captive portals and interceptors lead."""
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
    if "portal" in kinds or any(fault.params.get("reply") == "portal" for fault in faults.all("router")):
        sites.append(Site(kind="portal", host=world.portal, port=80, addresses=(world.portal,)))
    if "mitm" in kinds:
        sites.append(Site(kind="mitm", host=world.mitm, port=443, addresses=(world.mitm,)))
    return sites
