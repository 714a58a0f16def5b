"""Which two letters are a country's code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

COUNTRIES: frozenset[str] = frozenset(Path(__file__).with_name("countries.txt").read_text(encoding="ascii").split())
"""Assigned by ISO 3166-1 alpha-2, in capitals; and XK, which tables of addresses use for Kosovo."""

COUNTRY_SLIPS: Mapping[str, str] = MappingProxyType({"UK": "GB", "EL": "GR"})
"""Codes that are in use for a country elsewhere, but are not its own here -> its own."""


def is_country(cc: str) -> bool:
    """Whether it is a country's code, in capitals. ZZ, which stands for a country not told, is none."""
    return cc in COUNTRIES
