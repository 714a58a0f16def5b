"""Owners and sanctions as values: the tables of `owners.toml` and `sanctions.toml`."""

from __future__ import annotations

import ipaddress
import re
from datetime import date

import msgspec

from probe.core.tables.owner_words import OwnerKind

_COUNTRY = re.compile(r"[A-Z]{2}|INTL")


class Owner(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One organisation; the head of `owners.toml` tells what each field means."""

    title: str
    kinds: tuple[OwnerKind, ...]
    countries: tuple[str, ...]
    source: str
    services: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    asns: tuple[int, ...] = ()
    prefixes: tuple[str, ...] = ()
    fronts: tuple[str, ...] = ()
    dns_hosts: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    transits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for prefix in self.prefixes:
            ipaddress.ip_network(prefix)
        _refuse_odd_countries(self.countries)
        if not self.kinds or not self.source:
            raise ValueError("an owner has a kind and a source")


class Sanction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A country that many operators refuse for reasons of law; an entry of `sanctions.toml`."""

    country: str
    since: date
    until: date | None = None
    seats: tuple[str, ...]
    serves: tuple[str, ...] = ()
    whole: bool = True
    """All of the country is meant. Operators of other seats refuse such a one as well, on their lawyers' advice, so
    nobody is known to serve it but those of `serves` and the country's own."""
    source: str

    def __post_init__(self) -> None:
        _refuse_odd_countries((self.country,))
        _refuse_odd_countries(self.seats)
        if self.until is not None and self.until < self.since:
            raise ValueError("a sanction ends after it began")


def _refuse_odd_countries(countries: tuple[str, ...]) -> None:
    if not countries or not all(_COUNTRY.fullmatch(country) for country in countries):
        raise ValueError("a country is two capital letters, or INTL")
