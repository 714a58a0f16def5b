"""Which networks services' addresses lie in, by the table that came with the program: the same on any machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from probe.config.geo.geo_table import GeoError, is_public
from probe.config.geo.packaged_table import PACKAGED, PackedTable
from probe.core.addresses import parse_address

MAX_ADDRESSES = 20_000
"""Of one run; more than the catalogue's names have."""


def look_up_networks(addresses: Iterable[str]) -> Mapping[str, int]:
    """Address -> AS number, of those that the packaged table knows. Empty where that cannot be read: then addresses
    alone must do."""
    public = {address for address in addresses if _is_public(address)}
    found = {address: _find_asn(address) for address in sorted(public, key=_order)[:MAX_ADDRESSES]}
    return {address: asn for address, asn in found.items() if asn}


def _order(address: str) -> tuple[int, int]:
    """Neighbours one after the other: the table is read in blocks."""
    parsed = parse_address(address)
    return (parsed.version, int(parsed)) if parsed else (0, 0)


@lru_cache(maxsize=MAX_ADDRESSES)
def _find_asn(address: str) -> int:
    try:
        return _table().find(address).asn
    except GeoError:
        return 0


@lru_cache(maxsize=MAX_ADDRESSES)
def _is_public(address: str) -> bool:
    return is_public(address)


@lru_cache(maxsize=1)
def _table() -> PackedTable:
    return PackedTable(PACKAGED)
