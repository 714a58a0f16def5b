"""What handshakes at an address show: how the last one failed, whose certificate came, and what other hellos meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from probe.core.observations import Observation
from probe.core.tables.evidence_words import OtherBytes
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty
from probe.judge.tls.certificate_claims import claims_organisation
from probe.judge.tls.shape_evidence import UNSHAPED, ShapeEvidence


@dataclass(frozen=True, slots=True, kw_only=True)
class HandshakeEvidence:
    """Of one address and port, over TCP or QUIC."""

    alert: int = -1
    alerted_alike: bool = False
    """Innocent names were answered there, and each by the very alert that ends the site's own handshakes."""
    trust: TrustFinding | Empty = ""
    issuer: str = ""
    private_root: bool = False
    """The chain claims the private authority that the catalogue expects, under a root it does not know."""
    same_key: int = 0
    """Answers of controls that were shown the certificate that we are shown."""
    other_key: int = 0
    other_bytes: OtherBytes = "unasked"
    """passed: bytes that are no TLS were acknowledged at the same address and port, between two hellos of the site that
    were not; failed; unasked."""
    shapes: ShapeEvidence = UNSHAPED
    """Other ClientHellos at this address, and the name at other addresses."""


def add_failed_handshake(found: HandshakeEvidence, last: Observation, around: Sequence[Observation], *,
                         private_root: str) -> HandshakeEvidence:
    """With how the last failing attempt ended; `around`: innocent names at the site's addresses; `private_root`: the
    organisation of the authority that is expected."""
    answered = [o for o in around if o.purpose == "innocent" and o.operation == "tls_handshake" and not o.failure
                and (o.address, o.port) == (last.address, last.port)]
    alike = last.tls.alert >= 0 and bool(answered) and all(o.tls.alert == last.tls.alert for o in answered)
    return replace(found, alert=last.tls.alert, alerted_alike=alike, trust=last.tls.trust, issuer=last.tls.issuer,
                   private_root=claims_organisation(last, private_root))


def add_keys(found: HandshakeEvidence, mine: Sequence[Observation], control_keys: Sequence[str]) -> HandshakeEvidence:
    """With how many of the certificates that controls saw (`control_keys`) were seen here, and how many were not."""
    keys = {o.tls.chain[0] for o in mine if o.tls.chain}
    return replace(found, same_key=sum(k in keys for k in control_keys),
                   other_key=sum(k not in keys for k in control_keys))


