"""How much a matched fingerprint says here: it convicts by itself only in the countries where it is expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probe.catalogue.fingerprints import CONVICTING_SCOPES
from probe.core.observations import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintMark:
    """What the fingerprints of some observations say."""

    name: str = ""
    """The fingerprint of an answer or page that is not the service's own; empty when none matched."""
    fits: bool = False
    """It is a national or provider's one, and expected in the vantage's country."""
    restricted: bool = False
    """It belongs to a restricted mode: a genuine server, but not the one that was asked for."""
    harmless: str = ""
    """The fingerprint of a page that servers, content networks and gateways show themselves: it overrides."""

    @property
    def is_challenge(self) -> bool:
        """The page asks its reader to prove that a person reads it."""
        return self.harmless in CHALLENGES


CHALLENGES = (
    "fp_cloudflare_challenge", "fp_cloudflare_challenge_header", "fp_cloudflare_challenge_script", "fp_ddos_guard",
    "fp_browser_check",
)
"""Fingerprints of pages that stand before a page until a browser has solved what they ask."""

TELLING = (*CONVICTING_SCOPES, "product", "institution")
"""Scopes of pages that are worth a second look; vague words stand on many a genuine page."""


def is_telling(seen: Observation) -> bool:
    """Whether a page is some filter's as far as its fingerprint says."""
    return bool(seen.fingerprint) and seen.fingerprint_scope.split(" ")[0] in TELLING


def weigh_fingerprints(seen: Iterable[Observation], *, cc: str) -> FingerprintMark:
    """The strongest mark among the observations; a harmless one beside it overrides all."""
    found = [(o.fingerprint, o.fingerprint_scope.split()) for o in seen if o.fingerprint]
    harmless = next((name for name, words in found if words[:1] == ["fp"]), "")
    if harmless or not found:
        return FingerprintMark(harmless=harmless)
    name, words = max(found, key=lambda pair: _fits(pair[1], cc))
    return FingerprintMark(name=name, fits=_fits(words, cc), restricted=words[:1] == ["restricted"])


def _fits(words: list[str], cc: str) -> bool:
    return words[:1] != [] and words[0] in CONVICTING_SCOPES and cc in words[1:]
