"""IPv4 addresses inside IPv6 ones: what a network that has only IPv6 does to reach IPv4 (RFC 6052, RFC 7050)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

WELL_KNOWN = "64:ff9b::/96"
KNOWN_NAME = "ipv4only.arpa"
"""Has IPv4 addresses alone: an IPv6 answer was made by the network's resolver and shows its prefix (RFC 7050)."""
_KNOWN_ADDRESSES = frozenset(map(ipaddress.IPv4Address, ("192.0.0.170", "192.0.0.171")))
_LENGTHS = (96, 64, 56, 48, 40, 32)
_SKIPPED_BYTE = 8
"""Bits 64 to 71 are zero and never carry the address (RFC 6052 section 2.2)."""


def find_nat64_prefix(answers: Iterable[str]) -> str:
    """The NAT64 prefix that AAAA answers for `KNOWN_NAME` show; empty when they show none."""
    for text in answers:
        address = _ipv6(text)
        for length in _LENGTHS:
            if address is not None and _inside(address, length) in _KNOWN_ADDRESSES:
                return str(ipaddress.IPv6Network((address, length), strict=False))
    return ""


@lru_cache(maxsize=4096)
def extract_ipv4(text: str, prefix: str = "") -> str:
    """The IPv4 address inside an IPv6 one under `prefix` or the well-known prefix; empty for any other text."""
    address = _ipv6(text)
    if address is None:
        return ""
    for net in map(ipaddress.IPv6Network, filter(None, (WELL_KNOWN, prefix))):
        if address in net:
            return str(_inside(address, net.prefixlen))
    return ""


def to_public_address(text: str, prefix: str = "") -> str:
    """The address as everybody else knows it: the IPv4 one where it is inside, else itself."""
    return extract_ipv4(text, prefix) or text


def to_translated_address(text: str, prefix: str) -> str:
    """The IPv6 address by which an IPv4 one is reached through the translator; others as they are.

    Raises ValueError for a prefix of a length that RFC 6052 does not have.
    """
    net = ipaddress.IPv6Network(prefix)
    if net.prefixlen not in _LENGTHS:
        raise ValueError(f"a NAT64 prefix has one of the lengths {_LENGTHS}, not {net.prefixlen}")
    try:
        four = ipaddress.IPv4Address(text).packed
    except ValueError:
        return text
    whole = bytearray(net.network_address.packed)
    for place, byte in zip(_places(net.prefixlen), four, strict=True):
        whole[place] = byte
    return str(ipaddress.IPv6Address(bytes(whole)))


def _inside(address: ipaddress.IPv6Address, length: int) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(bytes(address.packed[place] for place in _places(length)))


def _places(length: int) -> list[int]:
    """Where the four bytes lie in an address under a prefix of this length."""
    return [place for place in range(length // 8, 16) if place != _SKIPPED_BYTE or length == 96][:4]


def _ipv6(text: str) -> ipaddress.IPv6Address | None:
    try:
        return ipaddress.IPv6Address(text)
    except ValueError:
        return None
