"""What an answer of an endpoint proves, and why some endpoints are only listed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from probe.core.endpoints import Endpoint
from probe.core.tables.handshakes import HANDSHAKES
from probe.core.tables.protocols import PROTOCOLS
from probe.core.tables.trust import judges_certificates

STRENGTHS: Mapping[str, str] = MappingProxyType({
    "A": "only the service itself can have answered: a certificate for its name, or its own protocol's proof",
    "B": "an answer in a form that nobody else is known to give",
    "C": "little more than that something answers: an open port, a name that resolves, a page in the clear",
})
_PLAIN = {"stun": "B", "quic": "A"}
"""Of protocols without a row in the table of handshakes; the others follow from their certificates."""


def rate_proof(endpoint: Endpoint) -> str:
    """A, B or C: what an answer of this endpoint proves."""
    if endpoint.protocol in HANDSHAKES:
        return HANDSHAKES[endpoint.protocol].strength
    return _PLAIN.get(endpoint.protocol) or ("A" if endpoint.sni and judges_certificates(endpoint.trust) else "C")


def explain_unmeasured(endpoint: Endpoint) -> str:
    """Why an endpoint is only listed; empty for one that is measured."""
    if endpoint.status == "dead":
        return "the service is closed, so the probe only asks whether the name still resolves"
    protocol = PROTOCOLS[endpoint.protocol]
    return "" if protocol.built else protocol.why_not


def describe_coverage(endpoints: Iterable[Endpoint]) -> str:
    """One line: how many are measured, how strongly, and how many are not, with the reasons."""
    rows = list(endpoints)
    reasons = Counter(explain_unmeasured(e) for e in rows if explain_unmeasured(e))
    counts = Counter(rate_proof(e) for e in rows if not explain_unmeasured(e))
    strong = ", ".join(f"{word} {counts[word]}" for word in STRENGTHS)
    left = f", {sum(reasons.values())} not attempted"
    reason_text = "; ".join(f"{n} because {why[0].lower()}{why[1:].rstrip('.')}" for why, n in reasons.most_common())
    return f"{sum(counts.values())} endpoints measured ({strong}){left}{f': {reason_text}' if reason_text else ''}."
