"""Endpoints that share a connection are one site: same name, port and way of speaking."""

from __future__ import annotations

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from probe.core.endpoints import Endpoint, Expectation
from probe.core.tables.handshakes import ProtocolName
from probe.core.tables.protocols import DATAGRAMS, PROTOCOLS, SITE_KINDS, SiteKind
from probe.core.tables.trust import UNJUDGED, TrustPolicy
from probe.core.tables.words import Empty, read_word


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One request of a visit."""

    input: str
    target_id: str
    url: str
    expect: Expectation = Expectation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`kind` is dns, tcp, tls, http, app, quic or stun; `address` is a literal one or empty; `sni` empty means no TLS
    beforehand."""

    kind: SiteKind
    host: str
    port: int
    address: str
    sni: str
    alpn: tuple[str, ...]
    trust: TrustPolicy
    endpoints: tuple[Endpoint, ...]
    leads: bool = True
    """The first site of its name: it asks the innocent name beforehand, for its other ports it is asked on failure."""
    app: ProtocolName | Empty = ""
    """For kind app: the protocol whose first words are said (`probe.core.tables.handshakes`)."""
    app_name: str = ""
    """For kind app: the domain or host that they name."""
    app_url: str = ""
    """For kind app: where they go, if they go over HTTP."""
    upgrades: bool = False
    """For kind app: TLS follows on the same connection (STARTTLS)."""

    @property
    def has_name(self) -> bool:
        """The site is reached through a name that must be resolved."""
        return not self.address

    @property
    def proves_itself(self) -> bool:
        """A completed handshake shows the genuine service (its certificate is judged)."""
        return (bool(self.sni) or self.upgrades) and self.trust not in UNJUDGED

    def pages(self, inputs: frozenset[str] | None = None) -> tuple[Page, ...]:
        """The requests of this site, or those for some inputs."""
        if self.kind != "http":
            return ()
        return tuple(
            Page(input=e.input, target_id=e.target_id, url=e.input, expect=e.expect)
            for e in self.endpoints if inputs is None or e.input in inputs
        )


def expand_templates(endpoint: Endpoint, *, cc: str, seed: int) -> Endpoint:
    """Fill the templates of an endpoint: `{cc}`, `{CC}`, `{rand16}`, `{8hex}`; the same for the same seed."""
    if "{" not in endpoint.input:
        return endpoint
    rng = random.Random(f"{seed} {endpoint.input}")
    values = {
        "{cc}": cc.lower() if cc != "ZZ" else "us",
        "{CC}": cc.upper() if cc != "ZZ" else "US",
        "{rand16}": "".join(rng.choices(string.ascii_lowercase, k=16)),
        "{8hex}": f"{rng.getrandbits(32):08x}",
    }
    url, host, sni = endpoint.input, endpoint.host, endpoint.sni
    for key, value in values.items():
        url, host, sni = url.replace(key, value), host.replace(key, value), sni.replace(key, value)
    return replace(endpoint, input=url, host=host, sni=sni)


def group_sites(endpoints: Sequence[Endpoint]) -> tuple[Site, ...]:
    """Sites in the order of their first endpoint; endpoints must be of built protocols and expanded."""
    found: dict[tuple[object, ...], list[Endpoint]] = {}
    for endpoint in endpoints:
        found.setdefault(_key(endpoint), []).append(endpoint)
    leaders: set[tuple[str, str]] = set()
    sites = []
    for members in found.values():
        site = _site(members, leads=(members[0].host, members[0].address) not in leaders)
        sites.append(site)
        if site.sni and site.kind not in DATAGRAMS:
            leaders.add((site.host, site.address))
    return tuple(sites)


def _key(e: Endpoint) -> tuple[object, ...]:
    place = e.input if PROTOCOLS[e.protocol].says and PROTOCOLS[e.protocol].over_http else ""
    return (e.protocol, e.host, e.port, e.address, e.sni, e.alpn, e.trust, place)


def _site(members: list[Endpoint], *, leads: bool) -> Site:
    first = members[0]
    if PROTOCOLS[first.protocol].says:
        return _app_site(first, tuple(members), leads=leads)
    secure = first.protocol in ("tls", "quic") or urlsplit(first.input).scheme in ("https", "wss")
    alpn = ("http/1.1",) if first.protocol == "http" and secure else first.alpn
    return Site(
        kind=read_word(first.protocol, SITE_KINDS), host=first.host, port=first.port, address=first.address,
        sni=(first.sni or first.host) if secure else "", alpn=alpn, trust=first.trust if secure else "none",
        endpoints=tuple(members), leads=leads,
    )


def _app_site(first: Endpoint, members: tuple[Endpoint, ...], *, leads: bool) -> Site:
    protocol = PROTOCOLS[first.protocol]
    upgrades = "tls" in protocol.layers and not protocol.secure_first
    name = first.sni or first.host
    return Site(
        kind="app", host=first.host, port=first.port, address=first.address, sni=name if protocol.secure_first else "",
        alpn=first.alpn or (("http/1.1",) if protocol.over_http and protocol.secure_first else ()),
        trust=first.trust if "tls" in protocol.layers else "none", endpoints=members, leads=leads,
        app=first.protocol, app_name=name, app_url=first.input if protocol.over_http else "", upgrades=upgrades,
    )
