"""Which two letters are a country's code."""

from __future__ import annotations

import pytest

from probe.config.consent.country_profiles import load_profiles
from probe.core.tables.countries import COUNTRIES, COUNTRY_SLIPS, is_country


@pytest.mark.parametrize(("cc", "known"), [
    ("DE", True), ("GB", True), ("SS", True), ("TW", True), ("XK", True), ("UK", False), ("EL", False), ("XX", False),
    ("QQ", False), ("ZZ", False), ("de", False), ("", False), ("DEU", False), ("SU", False), ("D\u0415", False),
])
def test_a_code_is_a_country_s_or_not(cc: str, known: bool) -> None:
    assert is_country(cc) is known


def test_every_listed_country_has_its_code() -> None:
    assert len(COUNTRIES) == 249 + 1
    assert all(is_country(cc) for codes in load_profiles().countries.values() for cc in codes)
    assert all(is_country(right) and not is_country(slip) for slip, right in COUNTRY_SLIPS.items())
