"""Which networks and countries addresses lie in, by the table that came with the program: the same on any machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from probe.config.geo.geo_table import NO_COUNTRY, NO_ENTRY, GeoEntry, GeoError, is_public
from probe.config.geo.packaged_table import PACKAGED, PackedTable
from probe.core.addresses import parse_address

MAX_ADDRESSES = 20_000
"""Of one run; more than the catalogue's names have."""


def look_up_networks(addresses: Iterable[str]) -> Mapping[str, int]:
    """Address -> AS number, of those that the packaged table knows. Empty where that cannot be read: then addresses
    alone must do."""
    return {address: found.asn for address, found in _look_up(addresses).items() if found.asn}


def look_up_countries(addresses: Iterable[str]) -> Mapping[str, str]:
    """Address -> country (ISO 3166-1 alpha-2) in which its network says it is used, as far as the table knows."""
    return {address: found.cc for address, found in _look_up(addresses).items() if found.cc != NO_COUNTRY}


def _look_up(addresses: Iterable[str]) -> Mapping[str, GeoEntry]:
    public = {address for address in addresses if _is_public(address)}
    return {address: _find(address) for address in sorted(public, key=_order)[:MAX_ADDRESSES]}


def _order(address: str) -> tuple[int, int]:
    """Neighbours one after the other: the table is read in blocks."""
    parsed = parse_address(address)
    return (parsed.version, int(parsed)) if parsed else (0, 0)


@lru_cache(maxsize=MAX_ADDRESSES)
def _find(address: str) -> GeoEntry:
    try:
        return _table().find(address)
    except GeoError:
        return NO_ENTRY


@lru_cache(maxsize=MAX_ADDRESSES)
def _is_public(address: str) -> bool:
    return is_public(address)


@lru_cache(maxsize=1)
def _table() -> PackedTable:
    return PackedTable(PACKAGED)
