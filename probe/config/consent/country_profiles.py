"""How careful the set-up is by default in a country: a packaged table, read once."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

CAREFUL = "careful"
"""The profile of a country that nobody listed, and of one that is not told."""
OPEN = "open"
"""The profile of a country in which we know of no harm from such measurements."""
GRAVE = "grave"
"""The profile of countries in which whoever helps is in danger."""
_FILE = Path(__file__).with_name("profiles.toml")


ChatWords = Literal["included", "asked", "never"]
"""Whether level 1 says the first words of chats: as part of it, where the person says yes, or not at all."""


class CountryProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults and what is said of the risk."""

    title: str
    tier: int
    level: int
    pace_s: float
    deadline_s: float
    every_min: int
    chat: ChatWords
    text: str


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    profile: dict[str, CountryProfile]
    countries: dict[str, tuple[str, ...]]


@functools.cache
def load_profiles() -> _Table:
    """The whole table. Raises when the packaged file is damaged."""
    return msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), _Table)


def is_grave(cc: str) -> bool:
    """Whether measuring, or helping somebody to, is feared to bring persecution in a country."""
    return name_profile(cc) == GRAVE


def profile_of(cc: str) -> CountryProfile:
    """The profile of a country (ISO 3166 code in any case)."""
    return load_profiles().profile[name_profile(cc)]


def needs_care(cc: str) -> bool:
    """Whether saying a blocked name again may harm people in a country: unless we know of no harm to anybody there."""
    return name_profile(cc) != OPEN


def name_profile(cc: str) -> str:
    """The name of a country's profile (ISO 3166 code in any case)."""
    return next((name for name, codes in load_profiles().countries.items() if cc.upper() in codes), CAREFUL)
