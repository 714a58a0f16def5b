"""Reading a country's code that a person gives: one place that says why it is none. Pure."""

from __future__ import annotations

from probe.core.tables.countries import COUNTRY_SLIPS, is_country
from probe.core.translation import say

_SHOWN = 20
_UNKNOWN = "XX"
"""What tables write where the country is not known: no simulated fleet has it."""


def explain_no_country(text: str, *, made_up: bool = False) -> str:
    """Why a text is no country's code; empty where it is one, also in small letters. `made_up`: also codes that begin
    with X, which simulated fleets have."""
    code = text.strip().upper()
    letters = len(code) == len("DE") and code.isascii() and code.isalpha()
    if is_country(code) or (made_up and letters and code.startswith("X") and code != _UNKNOWN):
        return ""
    shown = "".join(sign if sign.isprintable() else "?" for sign in text[:_SHOWN])
    if code in COUNTRY_SLIPS:
        return say("no country has the code {code}: did you mean {near}?", code=repr(shown), near=COUNTRY_SLIPS[code])
    return say("no country has the code {code}: give its two letters, such as DE", code=repr(shown))
