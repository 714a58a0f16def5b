"""The languages in which people are told things, and which of them a person reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

LanguageCode = Literal["en", "ru", "fa", "zh_CN"]


class Language(NamedTuple):
    """One language. No dataclass, since every command imports this before it knows whether it needs any."""

    name: str
    """As its own speakers write it."""
    tag: str
    """For HTML, by BCP 47."""
    right_to_left: bool = False


LANGUAGES: Mapping[LanguageCode, Language] = MappingProxyType({
    "en": Language(name="English", tag="en"),
    "ru": Language(name="русский", tag="ru"),
    "fa": Language(name="فارسی", tag="fa", right_to_left=True),
    "zh_CN": Language(name="简体中文", tag="zh-Hans"),
})
SOURCE: LanguageCode = "en"
"""The language in which the texts are written."""
LANGUAGE_VARIABLE = "PROBE_LANG"
_LOCALES: Mapping[str, LanguageCode] = MappingProxyType({"zh": "zh_CN", "zh_CN": "zh_CN", "zh_SG": "zh_CN"})


def find_language(environ: Mapping[str, str]) -> LanguageCode:
    """The language of `PROBE_LANG`, else of the locale by the rules of POSIX; English where we have it not."""
    for variable in (LANGUAGE_VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(variable, ""):
            return read_locale(value) or SOURCE
    return SOURCE


def read_locale(name: str) -> LanguageCode | None:
    """The language of a locale's name such as `ru_RU.UTF-8`; None where we have none for it."""
    place = name.partition(".")[0].partition("@")[0].replace("-", "_")
    if place in _LOCALES:
        return _LOCALES[place]
    language = place.partition("_")[0].lower()
    return next((code for code in LANGUAGES if code == language), None)
