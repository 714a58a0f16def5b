"""A request made sound: what to resolve, where to connect, what to fetch. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probe.catalogue.programs import PROGRAM_HELLOS
from probe.controls.helper_protocol import MAX_ADDRESSES, Request, XEndpoint, split_address
from probe.controls.reaching.fetch_site import FetchSite, normalise_host, parse_site
from probe.core.addresses import parse_address
from probe.core.tables.handshakes import HELPER_HANDSHAKES
from probe.core.tables.protocols import Carrier
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.trust import TRUSTS, TrustPolicy
from probe.core.tables.words import read_word
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.page_fetch import select_forwarded_headers
from probe_operate.reaching.reach_plan import PUBLIC_TRUST, ReachPlan

MAX_NAMES = 4
MAX_PLANS = 64
PROTOS = ("tcp", "tls", "dns", "quic", "stun", "shape")
_OONI_ALPN = ("h2", "http/1.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperOrder:
    """A request that was found sound, its hosts and addresses in canonical form."""

    site: FetchSite | None
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


def parse_order(request: Request) -> HelperOrder:
    """Check a request. Raises ValueError for what cannot be measured at all. One that names nothing is answered, as
    OONI's helpers answer it: nothing is found."""
    site = parse_site(request.http_request) if request.http_request else None
    endpoints = tuple(_sound(endpoint) for endpoint in request.x_endpoints or ())
    addresses = dict.fromkeys(split_address(text)[0] for text in request.tcp_connect or ())
    return HelperOrder(
        site=site,
        trust=_check_trust(request.x_trust),
        headers=select_forwarded_headers(request.http_request_headers),
        addresses=tuple(addresses)[:MAX_ADDRESSES],
        endpoints=endpoints,
        volume=str(literal) if site and (literal := parse_address(request.x_volume)) else "",
        quic=request.x_quic_enabled and site is not None and parse_address(site.host) is None,
    )


def _sound(endpoint: XEndpoint) -> XEndpoint:
    if endpoint.proto not in PROTOS:
        raise ValueError("unknown proto")
    literal = parse_address(endpoint.address)
    if endpoint.address and literal is None:
        raise ValueError("bad address")
    host = normalise_host(endpoint.host)
    return XEndpoint(
        proto=endpoint.proto,
        host=host,
        port=endpoint.port,
        address=str(literal) if literal else "",
        sni=normalise_host(endpoint.sni or host) if endpoint.proto in ("tls", "quic", "shape") else "",
        alpn=endpoint.alpn,
        trust=_check_trust(endpoint.trust),
        app=endpoint.app if endpoint.app in HELPER_HANDSHAKES else "",
        app_name=normalise_host(endpoint.app_name or host),
        shape=_check_shape(endpoint) if endpoint.proto == "shape" else "",
    )


def _check_shape(endpoint: XEndpoint) -> ProgramShape:
    if endpoint.shape not in PROGRAM_HELLOS or not endpoint.address:
        raise ValueError("unknown shape")
    return read_word(endpoint.shape, PROGRAM_HELLOS)


def _check_trust(trust: str) -> TrustPolicy:
    return next((name for name in TRUSTS if name == trust), PUBLIC_TRUST)


def list_names(order: HelperOrder) -> tuple[str, ...]:
    """The names to resolve, the URL's first; four at most, since each costs third parties several questions."""
    hosts = [order.site.host] if order.site else []
    hosts += [endpoint.host for endpoint in order.endpoints if endpoint.proto == "dns" or not endpoint.address]
    return tuple(dict.fromkeys(host for host in hosts if parse_address(host) is None))[:MAX_NAMES]


def plan_order(order: HelperOrder, lookups: Mapping[str, DohLookup]) -> tuple[ReachPlan, ...]:
    """Every connection to make, each once, 64 at most; what was asked for by name and port comes first."""
    wanted = [plan for endpoint in order.endpoints for plan in plan_endpoint(endpoint, lookups)]
    return tuple(dict.fromkeys(wanted + plan_site(order, lookups) + plan_quic(order, lookups)))[:MAX_PLANS]


def plan_site(order: HelperOrder, lookups: Mapping[str, DohLookup]) -> list[ReachPlan]:
    """Connections for the URL: to the probe's addresses and the helper's own, at the ports that OONI's helpers use.

    These are the URL's port; without one, 443 for https, 80 and 443 for http. TLS wherever it is not plain HTTP.
    """
    if order.site is None:
        return []
    site = order.site
    tls_port = site.port if site.scheme == "https" else 443
    same = (e.alpn for e in order.endpoints if (e.proto, e.port, e.sni) == ("tls", tls_port, site.host))
    alpn = next(same, _OONI_ALPN)  # one handshake for both, where an endpoint asks for the same
    plans: list[ReachPlan] = []
    for address in dict.fromkeys(order.addresses + list_addresses(site.host, lookups)):
        if site.scheme == "http":
            plans.append(ReachPlan(address=address, port=site.port))
        if site.scheme == "https" or site.port == 80:
            plans.append(ReachPlan(address=address, port=tls_port, sni=site.host, alpn=alpn, trust=order.trust))
    return plans


def plan_quic(order: HelperOrder, lookups: Mapping[str, DohLookup]) -> list[ReachPlan]:
    """QUIC handshakes for the URL, where they were asked for: wherever TLS is tried over TCP."""
    if not order.quic:
        return []
    return [ReachPlan(address=plan.address, port=plan.port, sni=plan.sni, alpn=("h3",), trust=plan.trust, proto="quic")
            for plan in plan_site(order, lookups) if plan.sni]


def plan_endpoint(endpoint: XEndpoint, lookups: Mapping[str, DohLookup]) -> list[ReachPlan]:
    """Connections for one endpoint: to its address, or to all that its name has here."""
    if endpoint.proto == "dns":
        return []
    addresses = (endpoint.address,) if endpoint.address else list_addresses(endpoint.host, lookups)
    return [
        ReachPlan(address=address, port=endpoint.port, sni=endpoint.sni, alpn=endpoint.alpn,
                  trust=read_word(endpoint.trust, TRUSTS), proto=_carrier(endpoint),
                  app=read_word(endpoint.app, HELPER_HANDSHAKES), app_name=endpoint.app_name if endpoint.app else "",
                  shape=read_word(endpoint.shape, PROGRAM_HELLOS) if endpoint.shape else "")
        for address in addresses
    ]


def _carrier(endpoint: XEndpoint) -> Carrier:
    return "quic" if endpoint.proto == "quic" else "stun" if endpoint.proto == "stun" else "tcp"


def list_addresses(host: str, lookups: Mapping[str, DohLookup]) -> tuple[str, ...]:
    """Addresses of `host` as the helper knows them; a literal is its own address."""
    return (host,) if parse_address(host) else lookups.get(host, DohLookup()).addresses
