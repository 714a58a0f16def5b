"""The nouns that every module shares: what to measure, what happened, what it means.

An `Observation` says what happened on the network; a `Verdict` says what it means. They never mix.
All values are frozen; nothing here does IO. Times ending in `_s` are seconds on the run's monotonic
clock (zero when the run starts) unless they are named `_time`, which are UTC stamps in RFC 3339.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from probe.expectation import Expectation
from probe.tables.control_sources import HELPER


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One way to reach a target today: a row of targets.csv."""

    target_id: str
    service: str
    role: str
    tier: int
    """0 control, 1 core, 2 extended, 3 rare."""
    input: str
    """The URL of the endpoint; unique in the catalogue."""
    protocol: str
    """A name of `probe.tables.protocols`."""
    host: str
    port: int
    """0 where the protocol has none (DNS)."""
    address: str = ""
    """A literal address that needs no name resolution; empty: resolve `host`."""
    sni: str = ""
    """Server name for TLS; empty: no TLS."""
    alpn: tuple[str, ...] = ()
    trust: str = "none"
    """Whose signature proves the server: a name of `probe.tables.trust`."""
    expect: Expectation = Expectation()
    status: str = "active"
    """active, unproven, or dead."""
    self_block: str = ""
    """ISO 3166 codes, separated by spaces, of countries where the operator itself refuses service."""
    category_code: str = ""
    notes: str = ""


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
    purpose: str = "target"
    """A word of `probe.tables.purposes`."""
    attempt: int = 1
    operation: str
    """resolve, dns_round_trip, connect, tls_handshake, app_round_trip, http_round_trip, trace, quic_handshake,
    quic_version, stun_binding, udp_trace, transfer."""
    failure: str = ""
    reason: str = ""
    """Why this was not attempted; empty when it was."""
    tainted_by: str = ""
    """Observation whose failure may have caused this one (residual blocking); it cannot convict."""
    t0_s: float = 0.0
    t_s: float = 0.0
    hostname: str = ""
    address: str = ""
    address_source: str = ""
    """Where the address came from: system, network, public, doh, control, literal."""
    port: int = 0
    family: int = 0
    """4 or 6."""
    # DNS
    dns_engine: str = ""
    """system, udp, tcp, doh, dot."""
    resolver: str = ""
    """A word for who was asked: system, network, public, trusted, dark."""
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
    its last operation: `probe.compare.packets` has the form. Neither an address nor our port is in it."""
    # TLS
    sni: str = ""
    alpn: str = ""
    tls_version: str = ""
    cipher: str = ""
    tls_alert: int = -1
    hello_bytes: int = 0
    acked: str = ""
    """yes, no, or empty when unknown: whether the peer's TCP acknowledged the ClientHello, or the request."""
    server_hello: bool = False
    """A ServerHello or an alert was read: the name reached a TLS server."""
    ja4: str = ""
    shape: str = ""
    """Shape of the ClientHello (`probe.tables.shapes`); empty: the library's own."""
    segments: int = 0
    """TCP segments that carried the ClientHello; of a transfer, those sent and received; 0 when unknown."""
    chain: tuple[str, ...] = ()
    """SHA-256 of the SubjectPublicKeyInfo of each certificate presented, leaf first."""
    trust: str = ""
    """valid, or why not: expired, not_yet_valid, self_signed, unknown_issuer, wrong_name, invalid."""
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
    met_expectation: str = ""
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
    protocol: str = ""
    """Whose first words were said on this connection (`probe.tables.protocols`), or `innocent_http`."""
    proof: str = ""
    """A word of `probe.tables.handshakes.PROOFS`; empty: nothing was heard."""
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
    source: str = HELPER
    """A word of `probe.tables.control_sources`."""
    age_s: int = 0
    """Of a feed: seconds since it was measured; negative where it is dated after our own clock."""
    before: bool = False
    """Of a feed: it was not measured after this probe had failed too, so that what worked may have failed since."""
    state: str
    """answered, failed (the control could not be asked), or refused; of a feed whose word does not count, refused."""
    reason: str = ""
    t0_s: float = 0.0
    t_s: float = 0.0
    dns_failure: str = ""
    addresses: tuple[str, ...] = ()
    tcp: tuple[tuple[str, str], ...] = ()
    """(`ip:port`, failure or empty) pairs."""
    tls: tuple[tuple[str, str], ...] = ()
    udp: tuple[tuple[str, str], ...] = ()
    """(`ip:port`, failure or empty) pairs of a QUIC handshake or a STUN binding."""
    leaf_keys: tuple[tuple[str, str], ...] = ()
    """(`ip:port`, SHA-256 of the leaf's SubjectPublicKeyInfo) pairs."""
    ja4s: tuple[tuple[str, str], ...] = ()
    """(`ip:port`, JA4 of the ClientHello with which the control shook hands) pairs; helpers of others do not tell."""
    app: tuple[tuple[str, str], ...] = ()
    """(`ip:port`, proof or failure) pairs of a messenger's own first words."""
    http_failure: str | None = None
    """None when HTTP was not asked for; empty when it worked."""
    http_status: int = 0
    http_title: str = ""
    http_body_bytes: int = 0
    http_header_names: tuple[str, ...] = ()
    http_location: str = ""
    volume_failure: str | None = None
    """None when no transfer was asked for; empty when it worked."""
    volume_bytes: int = 0
    volume_s: float = 0.0
    """From the established connection to the last byte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a run says of one target."""

    target_id: str
    service: str
    role: str
    input: str
    outcome: str
    block_type: str = ""
    also: tuple[str, ...] = ()
    confidence: float = 0.0
    confirmed: bool = False
    scope: str = "unknown"
    hop: str = ""
    """Hop at which the interference acts, or a range of hops; `end`: not before the server itself is reached."""
    residual: str = ""
    """none, seen, unknown, or empty where nobody looked: whether an innocent name fails at the address afterwards."""
    residual_s: str = ""
    """Seconds that it lasted after the last trigger: `20-40`, or `20-` where it outlasted the run."""
    rule_id: str = ""
    evidence: tuple[str, ...] = ()
    """Ids of the observations that the verdict rests on."""
    evidence_level: str = "socket"
    attempts: int = 0
    failed_attempts: int = 0
    control: str = ""
    """What the control said: not_needed, none, failed, agrees, contrary, doubtful."""
    control_ids: tuple[str, ...] = ()
    partial: bool = False
    reason: str = ""
    """For not_attempted and inconclusive: why, in one sentence."""
    theirs: tuple[str, ...] = ()
    """Of imported measurements: what the engine that made each says itself, `test version: word`."""
    sources: tuple[str, ...] = ()
    """Of imported measurements: the name of each, in the same order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceVerdict:
    """What a run says of one role of a service: k blocked of n decided endpoints."""

    service: str
    role: str
    outcome: str
    k: int
    n: int
    not_attempted: int = 0
    partial: bool = False
    block_types: tuple[str, ...] = ()
    blocked_targets: tuple[str, ...] = ()
    blocked_inputs: tuple[str, ...] = ()
    k_ipv4: int = 0
    n_ipv4: int = 0
    k_ipv6: int = 0
    n_ipv6: int = 0
    """Endpoints with a decided address of the family; one that is stopped before it has an address is in neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vantage:
    """Who measured, from where, with what. Never the volunteer's own address."""

    probe_id: str = ""
    probe_cc: str = "ZZ"
    probe_asn: int = 0
    cc_source: str = ""
    """Who says so: settings, table or none; empty in older files. Likewise the next."""
    asn_source: str = ""
    stated_cc: str = ""
    """What the person said; by it the run was made and judged. Empty in older files: `probe_cc`."""
    geo_cc: str = "ZZ"
    geo_asn_ipv4: int = 0
    geo_asn_ipv6: int = 0
    vantage_doubt: tuple[str, ...] = ()
    geo_db: str = ""
    geo_db_date: str = ""
    network_type: str = "unknown"
    resolver_count: int = 0
    nat64_prefix: str = ""
    tunnel: str = ""
    """full, split or empty: what a VPN carries of this device's traffic."""
    families: tuple[int, ...] = ()
    platform: str = ""
    python_version: str = ""
    openssl_version: str = ""
    requests_version: str = ""
    privilege: str = ""
    consent_level: int = 1
    lab: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: its frame, its ladder, its outcome. A row of the runs table."""

    run_id: str
    measurement_start_time: str
    measurement_end_time: str = ""
    trigger: str = "manual"
    """timed, manual, or followup."""
    engine: str = "probe"
    """Whose measurements these are: ours, or of what they were imported."""
    outcome: str = "ok"
    block_type: str = ""
    rule_id: str = ""
    also: tuple[str, ...] = ()
    """Causes that stop no service by themselves: encrypted ways to ask for names that are blocked."""
    ladder: tuple[str, ...] = ()
    """One `step:word` per rung, in order."""
    conditions: tuple[str, ...] = ()
    """One `condition:word` each, of the device and its line as the run began; `network:changed` where it moved."""
    share: tuple[str, ...] = ()
    """What of the catalogue the run took, so that what it left out is no gap; empty in older files: `tier:1`, all
    endpoints up to that; `daily:5/23`, the fifth of 23 shares of those that are measured once a day."""
    clock_offset_s: float | None = None
    deadline_s: float = 0.0
    runtime_s: float = 0.0
    n_targets: int = 0
    n_attempted: int = 0
    n_observations: int = 0
    bytes_written: int = 0
    bytes_read: int = 0
    catalogue_path: str = ""
    catalogue_version: str = ""
    rules_version: str = ""
    software_version: str = ""
    schema_version: str = ""
    seed: int = 0
    vantage: Vantage = field(default_factory=Vantage)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything that one run found; what the store writes."""

    run: Run
    observations: tuple[Observation, ...]
    controls: tuple[ControlAnswer, ...]
    verdicts: tuple[Verdict, ...]
    services: tuple[ServiceVerdict, ...]
    packets: tuple[KeptPacket, ...] = ()
    """Written to a file of their own, and not read back with the tables."""
