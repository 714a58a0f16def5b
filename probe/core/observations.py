"""What happened on the network, seen from here or from a control elsewhere. Never what it means.

Times ending in `_s` are seconds on the run's monotonic clock (zero when the run starts) unless they are named `_time`,
which are UTC stamps in RFC 3339.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.address_sources import AddressSource
from probe.core.tables.control_sources import HELPER, AppWord, ControlSource, ControlState
from probe.core.tables.evidence_words import Answered
from probe.core.tables.failures import Failure
from probe.core.tables.handshakes import Proof, SpokenProtocol
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import DnsEngine, OperatorName, ResolverRole
from probe.core.tables.shapes import ShapeName
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One network operation: what was sent where, what came back, how it failed. A row of results.

    Failure words and operations are OONI's (df-007); `failure` is empty on success.
    Which columns are filled depends on `operation`; the others keep their empty value.
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
    # DNS
    dns_engine: DnsEngine | Empty = ""
    resolver: ResolverRole | OperatorName | Empty = ""
    resolver_address: str = ""
    query_type: str = ""
    rcode: str = ""
    answers: tuple[str, ...] = ()
    cnames: tuple[str, ...] = ()
    answer_ttl_s: int = -1
    authoritative: bool = False
    ede: tuple[str, ...] = ()
    """Extended DNS errors, `code text` (RFC 8914)."""
    replies: tuple[str, ...] = ()
    """Every reply to the one question in order of arrival: `delay_ms|IP TTL|flags|answers`. Of a trace:
    `TTL word delay_ms router`, the router as a hash that means something within its run alone; of a search for a hop
    also the router's address space and the IP TTL of an answer. Of a version of QUIC that does not exist: the versions
    that the server offers instead, as eight hexadecimal digits each."""
    # TCP
    icmp: str = ""
    """`type/code sender` of an ICMP error that ended the attempt."""
    packets: tuple[str, ...] = ()
    """The decisive packets of the connection or question, where packets may be captured; of a visit they stand with
    its last operation: `probe.inference.evidence.packet_text` has the form. Neither an address nor our port is in
    it."""
    # TLS
    sni: str = ""
    alpn: str = ""
    tls_version: str = ""
    cipher: str = ""
    tls_alert: int = -1
    hello_bytes: int = 0
    acked: Answered = ""
    """yes, no, or empty when unknown: whether the peer's TCP acknowledged the ClientHello, or the request."""
    server_hello: bool = False
    """A ServerHello or an alert was read: the name reached a TLS server."""
    ja4: str = ""
    shape: ShapeName | Empty = ""
    """Shape of the ClientHello (`probe.core.tables.shapes`); empty: the library's own."""
    segments: int = 0
    """TCP segments that carried the ClientHello; of a transfer, those sent and received; 0 when unknown."""
    chain: tuple[str, ...] = ()
    """SHA-256 of the SubjectPublicKeyInfo of each certificate presented, leaf first."""
    trust: TrustFinding | Empty = ""
    issuer: str = ""
    subject: str = ""
    # HTTP
    url: str = ""
    method: str = ""
    host_header: str = ""
    status: int = 0
    location: str = ""
    title: str = ""
    server: str = ""
    header_names: tuple[str, ...] = ()
    body_bytes: int = 0
    body_sha256: str = ""
    body_truncated: bool = False
    body_excerpt: str = ""
    met_expectation: Answered = ""
    """yes, no, or empty when nothing was expected; with a `no`, `mismatch` says what."""
    mismatch: str = ""
    fingerprint: str = ""
    """Name of a fingerprint that matched an answer, a redirect or a page (`probe.catalogue.fingerprints`)."""
    fingerprint_scope: str = ""
    """Its scope, and the countries in which it is expected, separated by spaces: `national IR`."""
    clock_offset_s: float | None = None
    """Server's Date minus our clock, where a Date was seen."""
    # datagrams
    requests: int = 0
    """Requests of a series over UDP, a repeat counted once more; in a QUIC handshake the PINGs after it."""
    responses: int = 0
    """How many of them were answered. Never by what: a STUN answer holds the volunteer's address."""
    # messengers' own protocols
    protocol: SpokenProtocol | Empty = ""
    """Whose first words were said on this connection (`probe.core.tables.protocols`), or `innocent_http`."""
    proof: Proof | Empty = ""
    """A word of `probe.core.tables.handshakes.PROOFS`; empty: nothing was heard."""
    reply_bytes: int = 0
    reply_head: str = ""
    """The first bytes of the reply in hexadecimal, where they hold nothing personal."""
    # volume
    bytes_written: int = 0
    bytes_read: int = 0
    flow_s: float = 0.0
    """Of a transfer: seconds from the established connection to the last byte that came; of a page whose time was up:
    from its request."""
    bins: tuple[str, ...] = ()
    """Of a transfer: bytes that came in each half second, TLS included."""
    min_rtt_ms: float = 0.0
    """Of a transfer: the shortest round trip that TCP measured; 0 where the system does not tell."""
    receive_mss: int = 0
    """Of a transfer: about the size of the largest TCP segment that came; 0 where the system does not tell."""
    rounds: int = 0
    """Of a transfer: how often requests were sent, each time once all before were answered: so many round trips are our
    own doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAnswer:
    """What one control vantage saw of one endpoint; failures use the same words as observations."""

    control_id: str
    asn: int = 0
    cc: str = ""
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
    t0_s: float = 0.0
    t_s: float = 0.0
    dns_failure: Failure = ""
    addresses: tuple[str, ...] = ()
    tcp: tuple[tuple[str, Failure], ...] = ()
    """(`ip:port`, failure or empty) pairs."""
    tls: tuple[tuple[str, Failure], ...] = ()
    udp: tuple[tuple[str, Failure], ...] = ()
    """(`ip:port`, failure or empty) pairs of a QUIC handshake or a STUN binding."""
    leaf_keys: tuple[tuple[str, str], ...] = ()
    """(`ip:port`, SHA-256 of the leaf's SubjectPublicKeyInfo) pairs."""
    ja4s: tuple[tuple[str, str], ...] = ()
    """(`ip:port`, JA4 of the ClientHello with which the control shook hands) pairs; helpers of others do not tell."""
    app: tuple[tuple[str, AppWord], ...] = ()
    """(`ip:port`, proof or failure) pairs of a messenger's own first words."""
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
