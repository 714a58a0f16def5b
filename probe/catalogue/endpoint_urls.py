"""The URL of an endpoint: what it names, and why it may be refused."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from probe.core.tables.protocols import DEFAULT_PORTS, SCHEMES

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_URL_CHARACTERS = 2000
MAX_HOST_CHARACTERS = 253
_LABEL = r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?|\{[a-z0-9]{2,10}\})"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})+\Z")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
PLACEHOLDERS = frozenset(("{cc}", "{CC}", "{8hex}", "{rand16}"))
"""What may stand in a URL for the volunteer's country (lower or upper case), 8 random hex digits, 16 random letters."""


class BadUrlError(ValueError):
    """The URL is not one of an endpoint; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlParts:
    """What a URL names. `address` is filled when the host is a literal address."""

    scheme: str
    host: str
    port: int
    address: str


@lru_cache(maxsize=8)
def parse_endpoint_url(url: str) -> UrlParts:
    """The scheme, host and port of an endpoint's URL; raises BadUrl."""
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url:
        raise BadUrlError(f"not a URL of at most {MAX_URL_CHARACTERS} printable ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadUrlError(str(error)) from None
    if parts.scheme not in SCHEMES:
        raise BadUrlError(f"unknown scheme {parts.scheme!r}; known: {', '.join(SCHEMES)}")
    if "@" in parts.netloc:
        raise BadUrlError("credentials in a URL")
    if unknown := set(_PLACEHOLDER.findall(url)) - PLACEHOLDERS:
        raise BadUrlError(f"unknown placeholder {min(unknown)}")
    address = parse_literal_host(host)
    if not address:
        _require_name(host)
    if port is None:
        port = DEFAULT_PORTS.get(parts.scheme)
    if port is None or (port == 0) != (parts.scheme == "dnslookup"):
        raise BadUrlError("no port between 1 and 65535")
    return UrlParts(scheme=parts.scheme, host=host, port=port, address=address)


@lru_cache(maxsize=256)
def parse_literal_host(host: str) -> str:
    """The host itself when it is a public literal address, empty when it is a name; raises BadUrl for other addresses.

    Private, loopback and reserved addresses are refused: they are the volunteer's own network.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return ""
    inner = find_carried_address(address)
    if not address.is_global or address.is_multicast or not inner.is_global:
        raise BadUrlError(f"{host} is not a public address")
    return host


def find_carried_address(address: IPAddress) -> IPAddress:
    """The IPv4 address behind a mapped, 6to4 or NAT64 (RFC 6052) address, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _require_name(host: str) -> None:
    last = host.rpartition(".")[2]
    numeric = last.isdigit() or last.startswith("0x")  # 127.1, 2130706433 and 0x7f.1 are addresses to some resolvers
    if len(host) > MAX_HOST_CHARACTERS or numeric or not _HOST.match(host):
        raise BadUrlError(f"{host!r} is neither a full host name nor an address")
