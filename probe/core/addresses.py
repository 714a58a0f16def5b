"""What kind of address is this: bogon, private, ours, or one that may be measured."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from probe.core.nat64 import extract_ipv4

NEAR, PROVIDER = "near", "provider"
"""What is stored in place of an address that would tell whose household it is (`probe.judge.common.nearness`):
one of this line's own, and one of the provider's network that may be this line's."""
_GLOBAL6 = ipaddress.ip_network("2000::/3")
_NOBODYS = tuple(ipaddress.ip_network(net) for net in ("2001::/32", "2002::/16", "3fff::/20", "192.88.99.0/24"))
"""Teredo, 6to4 and its relays (RFC 7526), documentation (RFC 9637): older libraries call these global."""


@lru_cache(maxsize=4096)  # a plan is made again after each answer, of the same addresses
def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, or None when `text` is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def bracket_host(host: str) -> str:
    """The host as it stands before a port: an IPv6 address in brackets (RFC 3986 section 3.2.2)."""
    return f"[{host}]" if ":" in host else host


@lru_cache(maxsize=4096)
def family_of(text: str) -> int:
    """4 or 6; 0 when `text` is no address."""
    address = parse_address(text)
    return address.version if address else 0


@lru_cache(maxsize=4096)
def is_bogon(text: str, nat64_prefix: str = "") -> bool:
    """True for an answer that no public name should have: not globally routable, Teredo, 6to4, documentation."""
    address = parse_address(text)
    if address is None:
        return True
    if embedded := extract_ipv4(text, nat64_prefix):
        return is_bogon(embedded)
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL6:
        return True
    if any(address in net for net in _NOBODYS):
        return True
    return not address.is_global or address.is_multicast


_INSIDE = tuple(ipaddress.ip_network(net) for net in (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))


def is_inside(text: str) -> bool:
    """True for an address of the space in which networks, carriers' too, number their own machines (RFC 1918, RFC 4193,
    RFC 6598)."""
    address = parse_address(text)
    return address is not None and any(address in net for net in _INSIDE)


def is_private(text: str) -> bool:
    """True for an address in private, loopback or link-local space (a household's or company's own), or near us."""
    address = parse_address(text)
    return text == NEAR or (
        address is not None and (address.is_private or address.is_link_local or address.is_loopback))


def is_beside(text: str, other: str) -> bool:
    """True for two addresses of one small network: the same /24, or /64 over IPv6; and for two near ones."""
    if text == other == NEAR:
        return True
    one, two = parse_address(text), parse_address(other)
    if one is None or two is None or one.version != two.version:
        return False
    shift = one.max_prefixlen - (24 if one.version == 4 else 64)
    return int(one) >> shift == int(two) >> shift


def find_neighbour(text: str) -> str:
    """Another address of the same small network (`is_beside`), in its other half, so that what singles out an address
    or a few that follow each other does not hold it; empty for no address."""
    address = parse_address(text)
    if address is None:
        return ""
    last = 1 << (7 if address.version == 4 else 63)
    other = int(address) ^ last
    if other & 0xFF in (0x00, 0xFF):  # of a network and of a broadcast
        other ^= 1
    return str(type(address)(other))


@lru_cache(maxsize=4096)
def provider_network(text: str) -> str:
    """The /16 that an address lies in, the /32 over IPv6: what one provider has at least; empty for no address."""
    address = parse_address(text)
    if address is None:
        return ""
    return str(ipaddress.ip_network((address, 16 if address.version == 4 else 32), strict=False))


def same_provider(text: str, other: str) -> bool:
    """Whether two addresses of one family are so close that one provider may have both: the same /16, /32 over IPv6."""
    return provider_network(text) == provider_network(other) != ""


def may_connect(text: str, nat64_prefix: str = "") -> bool:
    """True when the probe may open a connection to it: never into private, local or multicast space."""
    return parse_address(text) is not None and not is_bogon(text, nat64_prefix)
