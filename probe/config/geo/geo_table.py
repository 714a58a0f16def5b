"""What a table says of an address, and which addresses it is asked about."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Protocol

NO_COUNTRY = "ZZ"


class GeoError(ValueError):
    """A table cannot be read; the text says which, why, and what to do. It holds no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeoEntry:
    """Of one address."""

    cc: str = NO_COUNTRY
    """ISO 3166-1 alpha-2; ZZ: not known."""
    asn: int = 0
    """0: not known."""


NO_ENTRY = GeoEntry()


class GeoTable(Protocol):
    """Where an address is looked up."""

    @property
    def name(self) -> str:
        """`packaged`, or what a file says it is."""

    @property
    def date(self) -> str:
        """Day on which it was made, YYYY-MM-DD; empty: it does not tell."""

    def find(self, address: str) -> GeoEntry:
        """What it says of an address. Raises GeoError where the file is damaged."""


_BORROWED = tuple(ipaddress.ip_network(f"{first}.0.0.0/8") for first in (7, 11, 21, 22, 25, 26, 28, 29, 30, 33, 55))
"""Space of two ministries of defence that operators use behind their translators, for it was never seen in public."""
_TUNNELS = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96")))
"""6to4, Teredo and NAT64: they say nothing of the network that one is in."""


def is_public(address: str) -> bool:
    """Whether an address is one by which a network is known to others."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_global and not found.is_multicast and not any(
        found in network for network in (_BORROWED if found.version == 4 else _TUNNELS))
