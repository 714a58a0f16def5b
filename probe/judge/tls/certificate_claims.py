"""What a certificate claims that nobody we trust has signed."""

from __future__ import annotations

from probe.core.observations import Observation
from probe.core.tables.trust import TrustFinding

_OF_UNKNOWN: tuple[TrustFinding, ...] = ("unknown_issuer", "self_signed")


def claims_organisation(seen: Observation, organisation: str) -> bool:
    """Whether a certificate of nobody we trust names this organisation in its issuer (RFC 4514 escapes commas)."""
    return bool(organisation) and organisation in seen.tls.issuer.replace("\\", "") and seen.tls.trust in _OF_UNKNOWN
