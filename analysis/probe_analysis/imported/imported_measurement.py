"""What an importer makes of one measurement of others, before it has a place in our results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from probe.catalogue.endpoint_urls import parse_endpoint_url
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.handshakes import ProtocolName, SpokenProtocol
from probe.core.tables.protocols import PROTOCOLS, SCHEMES
from probe.core.tables.roles import Role
from probe.core.tables.run_words import NetworkType
from probe.core.tables.trust import TrustPolicy
from probe.core.tables.words import Empty
from probe_analysis.imported.words.ooni_keys import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredTarget:
    """One target of a measurement, and the endpoints that it was tried at, in order."""

    target_id: str
    service: str
    role: Role
    inputs: tuple[str, ...]
    theirs: str = ""
    """The word of its own engine (`probe_analysis.imported.ooni.ooni_verdicts`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMeasurement:
    """One measurement: who made it, what was seen, what its own engine says."""

    test: str
    version: str
    """Of the test, and after a space that of the engine."""
    software: str
    cc: str
    asn: int
    start: datetime
    source: str
    """Its `measurement_uid`, or its report and input where it has none."""
    report: str
    platform: str
    network_type: NetworkType
    lab: bool = False
    """Made in our laboratory, and exported by us."""
    aims: tuple[MeasuredTarget, ...] = ()
    observations: tuple[Observation, ...] = ()
    """Without ids; their times are seconds since `start`."""
    controls: tuple[ControlAnswer, ...] = ()
    shown: frozenset[str] = frozenset()
    """Who was reached over a proven connection: hosts, the helper. It shows that the line was well."""
    left_out: int = 0
    """Operations that could not be understood."""

    @property
    def identity(self) -> tuple[str, str, datetime]:
        """What two copies of one measurement have in common, and two measurements have not."""
        return self.test, self.source, self.start


@dataclass(slots=True, kw_only=True)
class ReadResult:
    """What the reader of one test collects."""

    aims: list[MeasuredTarget] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    controls: list[ControlAnswer] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)
    left_out: int = 0


_PLAIN: dict[str, ProtocolName] = {
    "http": "http", "https": "http", "tcpconnect": "tcp", "tlshandshake": "tls", "dnslookup": "dns",
    "quichandshake": "quic", "stun": "stun",
}


def make_endpoint(aim: MeasuredTarget, url: str, *, sni: str = "", trust: TrustPolicy | Empty = "",
                  says: SpokenProtocol | Empty = "") -> Endpoint:
    """The endpoint that a URL names, as far as another program measures it; `says`: a messenger's protocol whose first
    words were said. Raises BadUrl."""
    where = parse_endpoint_url(url)
    secure = where.scheme in ("https", "tlshandshake", "quichandshake", "mqtts")
    spoken = next((p.name for p in PROTOCOLS.values() if p.name == says and p.says and where.scheme in p.schemes), None)
    return Endpoint(
        target_id=aim.target_id, service=aim.service, role=aim.role, tier=1, input=url,
        protocol=spoken or _PLAIN.get(where.scheme, SCHEMES[where.scheme][0]), host=where.host,
        port=where.port, address=where.address, sni=(sni or where.host) if secure else "",
        trust=(trust or "web_pki") if secure else "none",
    )


Reader = Callable[["MeasurementEnvelope"], ReadResult]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurementEnvelope:
    """What the reader of a test needs of the envelope."""

    test: str
    version: tuple[int, ...]
    url: str
    """The input; empty where the test has none."""
    start: datetime
    verifies: bool
    """A request over HTTPS succeeds only over a verified certificate."""
    runtime_s: float
    resolver: str = ""
    """Whose resolver the system asks, as `resolver_address` of an observation says it; empty: the file does not say."""
    envelope: Envelope
