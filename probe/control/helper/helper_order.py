"""A request made sound: what to resolve, where to connect, what to fetch. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probe.control.helper_protocol import MAX_ADDRESSES, Request, XEndpoint, split_address
from probe.control.reaching.doh import Lookup
from probe.control.reaching.page_fetch import Site, clean_host, forwarded, parse_site
from probe.control.reaching.reach_plan import PUBLIC, Plan
from probe.core.addresses import parse
from probe.core.tables.handshakes import HELPED
from probe.core.tables.protocols import Carrier
from probe.core.tables.trust import TRUSTS, TrustPolicy
from probe.core.tables.words import known

MAX_NAMES = 4
MAX_PLANS = 64
PROTOS = ("tcp", "tls", "dns", "quic", "stun")
_OONI_ALPN = ("h2", "http/1.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request that was found sound, its hosts and addresses in canonical form."""

    site: Site | None
    trust: TrustPolicy
    headers: Mapping[str, str]
    addresses: tuple[str, ...]
    endpoints: tuple[XEndpoint, ...]
    volume: str = ""
    """Address of the site from which to take a transfer; empty: none."""
    quic: bool = False
    """Whether the site is to be tried over QUIC as well."""

    @property
    def plain(self) -> bool:
        """Whether it is a request as OONI's probes make it: they read a missing answer otherwise than ours do."""
        return not self.endpoints


def take_order(request: Request) -> Order:
    """Check a request. Raises ValueError for what cannot be measured at all."""
    site = parse_site(request.http_request) if request.http_request else None
    endpoints = tuple(_sound(endpoint) for endpoint in request.x_endpoints or ())
    if site is None and not endpoints:
        raise ValueError("nothing to measure")
    addresses = dict.fromkeys(split_address(text)[0] for text in request.tcp_connect or ())
    return Order(
        site=site,
        trust=_known(request.x_trust),
        headers=forwarded(request.http_request_headers),
        addresses=tuple(addresses)[:MAX_ADDRESSES],
        endpoints=endpoints,
        volume=str(literal) if site and (literal := parse(request.x_volume)) else "",
        quic=request.x_quic_enabled and site is not None and parse(site.host) is None,
    )


def _sound(endpoint: XEndpoint) -> XEndpoint:
    if endpoint.proto not in PROTOS:
        raise ValueError("unknown proto")
    literal = parse(endpoint.address)
    if endpoint.address and literal is None:
        raise ValueError("bad address")
    host = clean_host(endpoint.host)
    return XEndpoint(
        proto=endpoint.proto,
        host=host,
        port=endpoint.port,
        address=str(literal) if literal else "",
        sni=clean_host(endpoint.sni or host) if endpoint.proto in ("tls", "quic") else "",
        alpn=endpoint.alpn,
        trust=_known(endpoint.trust),
        app=endpoint.app if endpoint.app in HELPED else "",
        app_name=clean_host(endpoint.app_name or host),
    )


def _known(trust: str) -> TrustPolicy:
    return next((name for name in TRUSTS if name == trust), PUBLIC)


def names_of(order: Order) -> tuple[str, ...]:
    """The names to resolve, the URL's first; four at most, since each costs third parties several questions."""
    hosts = [order.site.host] if order.site else []
    hosts += [endpoint.host for endpoint in order.endpoints if endpoint.proto == "dns" or not endpoint.address]
    return tuple(dict.fromkeys(host for host in hosts if parse(host) is None))[:MAX_NAMES]


def plans_of(order: Order, lookups: Mapping[str, Lookup]) -> tuple[Plan, ...]:
    """Every connection to make, each once, 64 at most; what was asked for by name and port comes first."""
    wanted = [plan for endpoint in order.endpoints for plan in endpoint_plans(endpoint, lookups)]
    return tuple(dict.fromkeys(wanted + site_plans(order, lookups) + quic_plans(order, lookups)))[:MAX_PLANS]


def site_plans(order: Order, lookups: Mapping[str, Lookup]) -> list[Plan]:
    """Connections for the URL: to the probe's addresses and the helper's own, at the ports that OONI's helpers use.

    These are the URL's port; without one, 443 for https, 80 and 443 for http. TLS wherever it is not plain HTTP.
    """
    if order.site is None:
        return []
    site = order.site
    tls_port = site.port if site.scheme == "https" else 443
    same = (e.alpn for e in order.endpoints if (e.proto, e.port, e.sni) == ("tls", tls_port, site.host))
    alpn = next(same, _OONI_ALPN)  # one handshake for both, where an endpoint asks for the same
    plans: list[Plan] = []
    for address in dict.fromkeys(order.addresses + resolved(site.host, lookups)):
        if site.scheme == "http":
            plans.append(Plan(address=address, port=site.port))
        if site.scheme == "https" or site.port == 80:
            plans.append(Plan(address=address, port=tls_port, sni=site.host, alpn=alpn, trust=order.trust))
    return plans


def quic_plans(order: Order, lookups: Mapping[str, Lookup]) -> list[Plan]:
    """QUIC handshakes for the URL, where they were asked for: wherever TLS is tried over TCP."""
    if not order.quic:
        return []
    return [Plan(address=plan.address, port=plan.port, sni=plan.sni, alpn=("h3",), trust=plan.trust, proto="quic")
            for plan in site_plans(order, lookups) if plan.sni]


def endpoint_plans(endpoint: XEndpoint, lookups: Mapping[str, Lookup]) -> list[Plan]:
    """Connections for one endpoint: to its address, or to all that its name has here."""
    if endpoint.proto == "dns":
        return []
    addresses = (endpoint.address,) if endpoint.address else resolved(endpoint.host, lookups)
    return [
        Plan(address=address, port=endpoint.port, sni=endpoint.sni, alpn=endpoint.alpn,
             trust=known(endpoint.trust, TRUSTS), proto=_carrier(endpoint), app=known(endpoint.app, HELPED),
             app_name=endpoint.app_name if endpoint.app else "")
        for address in addresses
    ]


def _carrier(endpoint: XEndpoint) -> Carrier:
    return "quic" if endpoint.proto == "quic" else "stun" if endpoint.proto == "stun" else "tcp"


def resolved(host: str, lookups: Mapping[str, Lookup]) -> tuple[str, ...]:
    """Addresses of `host` as the helper knows them; a literal is its own address."""
    return (host,) if parse(host) else lookups.get(host, Lookup()).addresses
