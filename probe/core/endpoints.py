"""What is measured: one way to reach a target today, and the answer that it gives where nobody interferes."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.handshakes import ProtocolName
from probe.core.tables.protocols import EndpointStatus
from probe.core.tables.roles import Role
from probe.core.tables.trust import TrustPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the genuine service answers; empty fields expect nothing."""

    status: tuple[str, ...] = ()
    """Accepted HTTP status codes: "200", a class "4xx", or "any"; for controls that must find nothing, "closed" (a
    port) or "NXDOMAIN" (a name)."""
    body: tuple[str, ...] = ()
    """The decoded body must contain one of these texts (case-insensitive)."""
    header: str = ""
    """A response header that must be present."""
    location: str = ""
    """Text that the Location header must contain."""
    json: str = ""
    """`path=value` or `path`: a JSON path (dots, [n]) that must exist and, with `=`, equal the value."""
    reply: str = ""
    """Pattern of a messenger's own reply, for protocols that speak their own bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One way to reach a target today: a row of targets.csv."""

    target_id: str
    service: str
    role: Role
    tier: int
    """0 control, 1 core, 2 extended, 3 rare."""
    input: str
    """The URL of the endpoint; unique in the catalogue."""
    protocol: ProtocolName
    """A name of `probe.core.tables.protocols`."""
    host: str
    port: int
    """0 where the protocol has none (DNS)."""
    address: str = ""
    """A literal address that needs no name resolution; empty: resolve `host`."""
    sni: str = ""
    """Server name for TLS; empty: no TLS."""
    alpn: tuple[str, ...] = ()
    trust: TrustPolicy = "none"
    """Whose signature proves the server: a name of `probe.core.tables.trust`."""
    expect: Expectation = Expectation()
    status: EndpointStatus = "active"
    self_block: str = ""
    """ISO 3166 codes, separated by spaces, of countries where the operator itself refuses service."""
    category_code: str = ""
    notes: str = ""
