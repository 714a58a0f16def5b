"""A place on the network, as controls speak of it: an address and a port."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """An address and a port, of TCP or of UDP."""

    address: str
    """In canonical form; or a word that stands for one (`near`)."""
    port: int
    """-1 where a stored place cannot be read: `address` is then its whole text."""
