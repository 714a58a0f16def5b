"""Resolvers and DoH operators that the probe may ask, by pinned address, and the root servers.

Addresses are the operators' published anycast addresses; the root servers' are in the IANA root hints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

DnsEngine = Literal["system", "udp", "tcp", "doh", "dot"]
"""What carries a lookup."""
ResolverRole = Literal["system", "network", "public", "trusted", "dark"]
"""Who is asked."""
Channel = Literal["system", "network", "public", "tcp", "doh", "dot", "dark", "alive", "again", "zone",
                  "https", "https_dark", "https_doh"]
"""One way to ask for a name (`probe.instruments.steps.Lookup`); `alive`: whether the network's resolver still
serves others; `again` and `zone`: it once more, and for a zone's SOA; `https`, `https_dark` and `https_doh`:
it, an address without a resolver, and a trusted one, for an HTTPS record."""

HTTPS: Final = "HTTPS"
"""Query type of HTTPS records (type 65, RFC 9460)."""

OperatorName = Literal["google", "cloudflare", "quad9", "adguard", "nextdns"]
OPERATORS: tuple[OperatorName, ...] = get_args(OperatorName)
"""Operators of encrypted DNS that we, or those whose files we read, ask; a lookup's `resolver` names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """A recursive resolver of a public operator."""

    name: str
    """A word of `OPERATORS`, but for tests."""
    ipv4: tuple[str, ...]
    ipv6: tuple[str, ...] = ()
    doh_host: str = ""
    """Server name and Host for DoH (RFC 8484) over HTTP/1.1; empty: plain DNS only (or DoH over HTTP/2 alone)."""
    doh_path: str = "/dns-query"


PUBLIC_RESOLVERS: tuple[Resolver, ...] = (
    Resolver(name="google", ipv4=("8.8.8.8", "8.8.4.4"), ipv6=("2001:4860:4860::8888",), doh_host="dns.google"),
    Resolver(name="cloudflare", ipv4=("1.1.1.1", "1.0.0.1"), ipv6=("2606:4700:4700::1111",),
             doh_host="cloudflare-dns.com"),
    Resolver(name="quad9", ipv4=("9.9.9.9", "149.112.112.112"), ipv6=("2620:fe::fe",)),
    Resolver(name="adguard", ipv4=("94.140.14.140", "94.140.14.141"), doh_host="unfiltered.adguard-dns.com"),
)

ENCRYPTED: tuple[DnsEngine, ...] = ("doh", "dot")
"""Engines of lookups that nobody on the way can read or forge."""
ON_LINES: tuple[Channel, ...] = ("tcp", "doh", "dot", "https_doh")
"""Those of `Channel` that take a connection to a public resolver."""
NEUTRAL: frozenset[ResolverRole] = frozenset({"public", "trusted", "dark"})
"""Resolvers that the probe itself chose: the same ones everywhere."""
UNASSIGNED_ADDRESS = "192.0.2.53"
"""An address that nobody has (RFC 5737): whoever answers a question sent there intercepts port 53."""

def find_operator(address: str) -> str:
    """Name of the public operator whose resolver has this address; empty: none that we know."""
    return next((o.name for o in PUBLIC_RESOLVERS if address in (*o.ipv4, *o.ipv6)), "")


FILTERING_RESOLVERS = frozenset((
    "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3",  # Cloudflare: malware; malware and adult content
    "9.9.9.9", "149.112.112.112",  # Quad9: malware
    "94.140.14.14", "94.140.15.15", "94.140.14.15", "94.140.15.16",  # AdGuard: advertisements; family
    "185.228.168.9", "185.228.169.9", "185.228.168.10", "185.228.169.11", "185.228.168.168", "185.228.169.168",
    "208.67.222.123", "208.67.220.123",  # OpenDNS FamilyShield
))
"""Resolvers that people choose because they filter (the operators' own lists; CleanBrowsing in the fourth line).
What they deny was denied on the household's request."""

ROOT_SERVERS: tuple[str, ...] = (
    "198.41.0.4", "170.247.170.2", "192.33.4.12", "199.7.91.13", "192.203.230.10", "192.5.5.241",
    "198.97.190.53", "192.36.148.17", "192.58.128.30", "193.0.14.129", "199.7.83.42", "202.12.27.33",
)
"""Asked with RD=0 a root server refers to a top-level domain and never answers A or AAAA of a host:
any such answer was injected on the way (the "dark resolver" test)."""
OWN_RESOLVERS: tuple[ResolverRole, ...] = ("network", "system")
