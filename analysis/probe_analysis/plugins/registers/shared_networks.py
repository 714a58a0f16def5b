"""Networks whose addresses serve many sites at once: what lies there is not meant because a neighbour is listed."""

from __future__ import annotations

from probe.catalogue.owners import find_front
from probe.catalogue.packaged import load_owners

_SHARED_THROUGHOUT = frozenset({"cloudflare", "fastly"})
"""Fronts that have no address for one customer alone. Others are known by who else was seen at an address."""


def find_shared_network(address: str) -> str:
    """The content network that an address belongs to; empty for none that is known here."""
    front = find_front(address)
    return load_owners()[front].title if front in _SHARED_THROUGHOUT else ""
