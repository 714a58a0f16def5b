"""What happened on the network, seen from here or from a control elsewhere. Never what it means.

Times ending in `_s` are seconds on the run's monotonic clock (zero when the run starts) unless they are named `_time`,
which are UTC stamps in RFC 3339.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.icmp_errors import IcmpError
from probe.core.observation_parts import (
    NO_APP,
    NO_DATAGRAMS,
    NO_DNS,
    NO_HTTP,
    NO_TCP,
    NO_TLS,
    NO_TRACE,
    NO_TRANSFER,
    AppPart,
    DatagramPart,
    DnsPart,
    HttpPart,
    TcpPart,
    TlsPart,
    TracePart,
    TransferPart,
)
from probe.core.packets import Packet
from probe.core.places import Place
from probe.core.tables.address_sources import AddressSource
from probe.core.tables.control_sources import HELPER, AppWord, ControlSource, ControlState
from probe.core.tables.evidence_words import Answered
from probe.core.tables.failures import Failure
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose
from probe.core.tables.words import Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One network operation: what was sent where, what came back, how it failed. A row of results.

    Failure words and operations are OONI's (df-007); `failure` is empty on success.
    The fields here belong to every operation. Each part (`dns`, `tls`, ...) belongs to some: in another operation it is
    its empty value, which all of these share, so that a reader never asks whether a part is there.
    """

    observation_id: str = ""
    """`<run_id>.<sequence>`."""
    sequence: int = 0
    run_id: str = ""
    target_id: str = ""
    """Empty for what serves several targets (resolution, ladder, innocent names)."""
    input: str = ""
    purpose: Purpose = "target"
    """A word of `probe.core.tables.purposes`."""
    attempt: int = 1
    planned: bool = False
    """Of a connection to the target: it was planned beforehand, whatever those before it met. False also in rows of
    before this was written down, of which the first attempt was planned."""
    operation: Operation
    failure: Failure = ""
    reason: str = ""
    """Why this was not attempted; empty when it was."""
    tainted_by: str = ""
    """Observation whose failure may have caused this one (residual blocking); it cannot convict."""
    t0_s: float = 0.0
    t_s: float = 0.0
    hostname: str = ""
    address: str = ""
    address_source: AddressSource | Empty = ""
    port: int = 0
    family: int = 0
    """4 or 6."""
    icmp: IcmpError | None = None
    """The ICMP error that ended the attempt."""
    packets: tuple[Packet, ...] = ()
    """The decisive packets of the connection or question, where packets may be captured; of a visit they stand with
    its last operation."""
    met_expectation: Answered = ""
    """yes, no, or empty when nothing was expected; with a `no`, `mismatch` says what."""
    mismatch: str = ""
    fingerprint: str = ""
    """Name of a fingerprint that matched an answer, a redirect or a page (`probe.catalogue.fingerprints`)."""
    fingerprint_scope: str = ""
    """Its scope, and the countries in which it is expected, separated by spaces: `national IR`."""
    bytes_written: int = 0
    bytes_read: int = 0
    dns: DnsPart = NO_DNS
    tcp: TcpPart = NO_TCP
    tls: TlsPart = NO_TLS
    http: HttpPart = NO_HTTP
    datagrams: DatagramPart = NO_DATAGRAMS
    trace: TracePart = NO_TRACE
    app: AppPart = NO_APP
    transfer: TransferPart = NO_TRANSFER


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAnswer:
    """What one control vantage saw of one endpoint; failures use the same words as observations."""

    control_id: str
    asn: int = 0
    cc: str = ""
    networks: int = 1
    """How many networks, in as many countries, its word is of: 1 for one vantage; of a crowd's feed, as many as it
    tells, rounded down."""
    input: str
    source: ControlSource = HELPER
    """A word of `probe.core.tables.control_sources`."""
    age_s: int = 0
    """Of a feed: seconds since it was measured; negative where it is dated after our own clock."""
    before: bool = False
    """Of a feed: it was not measured after this probe had failed too, so that what worked may have failed since."""
    state: ControlState
    """answered, failed (the control could not be asked), or refused; of a feed whose word does not count, refused."""
    reason: str = ""
    """Why there is no answer; of one that is there, `busy` where the control left something out for its load."""
    t0_s: float = 0.0
    t_s: float = 0.0
    dns_failure: Failure = ""
    addresses: tuple[str, ...] = ()
    tcp: tuple[tuple[Place, Failure], ...] = ()
    """(place, failure or empty) pairs."""
    tls: tuple[tuple[Place, Failure], ...] = ()
    udp: tuple[tuple[Place, Failure], ...] = ()
    """(place, failure or empty) pairs of a QUIC handshake or a STUN binding."""
    leaf_keys: tuple[tuple[Place, str], ...] = ()
    """(place, SHA-256 of the leaf's SubjectPublicKeyInfo) pairs."""
    ja4s: tuple[tuple[Place, str], ...] = ()
    """(place, JA4 of the ClientHello with which the control shook hands) pairs; helpers of others do not tell."""
    app: tuple[tuple[Place, AppWord], ...] = ()
    """(place, proof or failure) pairs of a messenger's own first words."""
    shapes: tuple[tuple[Place, str], ...] = ()
    """(place, `shape answered` or `shape failure`) pairs of a ClientHello in the shape of a program; empty in
    answers of before, and of helpers of others."""
    served_in: tuple[tuple[Place, str], ...] = ()
    """(place, country) pairs: somebody in that country is served there, where a control has lines in several."""
    http_failure: Failure | None = None
    """None when HTTP was not asked for; empty when it worked."""
    http_status: int = 0
    http_title: str = ""
    http_body_bytes: int = 0
    http_header_names: tuple[str, ...] = ()
    http_location: str = ""
    volume_failure: Failure | None = None
    """None when no transfer was asked for; empty when it worked."""
    volume_bytes: int = 0
    volume_s: float = 0.0
    """From the established connection to the last byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPacket:
    """A captured packet of a flow that failed, without anything of the volunteer's own."""

    observation_id: str
    at_s: float
    """On the run's monotonic clock."""
    outbound: bool
    length: int
    """As long as it was on the wire; `data` may be cut."""
    data: bytes
    """From its IP header on."""
