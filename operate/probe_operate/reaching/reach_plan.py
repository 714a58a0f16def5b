"""Where a helper is to connect, and how far it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from probe.core.tables.failures import Failure
from probe.core.tables.handshakes import Proof, SpokenProtocol
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import Carrier
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.trust import TrustFinding, TrustPolicy
from probe.core.tables.words import Empty

PUBLIC_TRUST: Final = "web_pki"
"""The trust word for certifi's bundle."""
NO_RESOLVER: Final = "no_resolver"
"""No public operator could be asked for a name."""
RESOLVER_SILENT: Final = "resolver_silent"
"""Operators took the question for a name, and said nothing of it in time."""
NO_ROUTE: Final = "no_route"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachPlan:
    """Where to connect, and as whom to be greeted; `sni` empty: TCP alone."""

    address: str
    port: int
    sni: str = ""
    alpn: tuple[str, ...] = ()
    trust: TrustPolicy = PUBLIC_TRUST
    proto: Carrier = "tcp"
    """tcp (and TLS above it), quic or stun."""
    app: SpokenProtocol | Empty = ""
    """A messenger's protocol whose first words are said; empty: none."""
    app_name: str = ""
    shape: ProgramShape | Empty = ""
    """Of the ClientHello, after whose answer the connection ends; empty: the library's own handshake is completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachResult:
    """How far it went: `operation` is the last step, `failure` its df-007 word; with a `reason`, nothing was tried."""

    operation: Operation | Empty = ""
    failure: Failure = ""
    reason: str = ""
    tls_version: str = ""
    leaf_key_sha256: str = ""
    trust: TrustFinding | Empty = ""
    hello: bytes = b""
    """The ClientHello that was sent, in its record."""
    proof: Proof | Empty = ""
