"""The parts of an observation: what only some kinds of operation have (`probe.core.observations`).

Every field has an empty value, and each part one shared instance of empty values (`NO_DNS` ...): of a lookup, `tls.sni`
is simply empty.
"""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.replies import DnsReply, HttpsRecord, SoaRecord, TraceLine
from probe.core.tables.evidence_words import Answered
from probe.core.tables.handshakes import Proof, SpokenProtocol
from probe.core.tables.resolvers import DnsEngine, OperatorName, ResolverRole
from probe.core.tables.shapes import ShapeName
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsPart:
    """A question to a resolver and its answer: of resolve and dns_round_trip."""

    engine: DnsEngine | Empty = ""
    """system, udp, tcp, doh, dot."""
    resolver: ResolverRole | OperatorName | Empty = ""
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
    dns_flags: tuple[str, ...] = ()
    """QR, AA, TC, RD, RA, AD, CD of the accepted reply (RFC 1035 section 4.1.1, RFC 4035 section 3); empty: unknown."""
    authority_records: int = -1
    """Records in its authority section; -1: unknown."""
    soas: tuple[SoaRecord, ...] = ()
    """Its SOA records, of each section the first."""
    https_records: tuple[HttpsRecord, ...] = ()
    """Its HTTPS records, where these were asked for (`query_type` HTTPS); their address hints are in `answers`."""
    replies: tuple[DnsReply, ...] = ()
    """Every reply to the one question, in order of arrival."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpPart:
    """What TCP tells of the connection that opens, or that carries a handshake, a request or a transfer, and how soon
    it was answered (Linux: `TCP_INFO`)."""

    acked: Answered = ""
    """yes, no, or empty when unknown: whether the peer's TCP acknowledged the ClientHello, or the request."""
    segments: int = 0
    """TCP segments that carried the ClientHello; of a transfer, those sent and received; of small records, those both
    ways when the last that was acknowledged had been sent; 0 when unknown."""
    min_rtt_ms: float = 0.0
    """The shortest round trip that TCP had measured on this connection when the operation ended, also by a reset; 0
    where the system does not tell. Of a connect it is the SYN's; later ones may be those of whoever answered."""
    end_ms: float = 0.0
    """From just before the first bytes of the operation (of a connect: the SYN) were handed to the system until the
    first byte of an answer, or the end of the connection, reached us: never shorter than it was on the wire. 0 where
    nothing came, or something came before we had said anything."""
    retransmits: int = 0
    """Segments of ours that TCP had sent again on this connection when the operation ended, SYNs included; of the last
    operation: when the connection was closed."""
    segments_out: int = 0
    """Of the last operation of a connection: segments that we had sent on it when it was closed, SYN, repeats and bare
    acknowledgements included; 0 in all other rows, and where the system does not tell."""
    delivered: int = 0
    """Of the same: segments with a SYN, data or an end that the other side had acknowledged."""
    mean_rtt_ms: float = 0.0
    """Of the same: TCP's running mean of the round trips (RFC 6298); 0 where none was measured."""
    out_of_order: int = 0
    """Of the same: segments with data that came before one that belongs in front of them: it was late, or lost and sent
    again."""
    receive_mss: int = 0
    """Of a transfer: about the size of the largest TCP segment that came; 0 where the system does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsPart:
    """A TLS handshake, over TCP or within QUIC; of what runs over TLS, the name and the protocol agreed."""

    sni: str = ""
    alpn: str = ""
    version: str = ""
    cipher: str = ""
    alert: int = -1
    hello_bytes: int = 0
    server_hello: bool = False
    """A ServerHello or an alert was read: the name reached a TLS server."""
    ja4: str = ""
    shape: ShapeName | Empty = ""
    """Shape of the ClientHello (`probe.core.tables.shapes`); empty: the library's own."""
    chain: tuple[str, ...] = ()
    """SHA-256 of the SubjectPublicKeyInfo of each certificate presented, leaf first."""
    trust: TrustFinding | Empty = ""
    """valid, or why not: a word of `probe.core.tables.trust`."""
    issuer: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPart:
    """A request over HTTP and its response."""

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
    clock_offset_s: float | None = None
    """Server's Date minus our clock, where a Date was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatagramPart:
    """A series of requests over UDP."""

    requests: int = 0
    """Requests of the series, a repeat counted once more; in a QUIC handshake the PINGs after it."""
    responses: int = 0
    """How many of them were answered. Never by what: a STUN answer holds the volunteer's address."""
    versions: tuple[int, ...] = ()
    """The versions of QUIC that the server offers instead of one that does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePart:
    """Packets with small TTLs: of trace and udp_trace."""

    lines: tuple[TraceLine, ...] = ()
    left_out_bytes: int = 0
    """Of a search for a hop: so many bytes at the end of what had failed were not said, so that nothing could be
    answered to; 0 also where it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPart:
    """The first words of a messenger's own protocol."""

    protocol: SpokenProtocol | Empty = ""
    """Whose first words were said on this connection (`probe.core.tables.protocols`), or `innocent_http`."""
    proof: Proof | Empty = ""
    """A word of `probe.core.tables.handshakes.PROOFS`; empty: nothing was heard."""
    reply_bytes: int = 0
    reply_head: str = ""
    """The first bytes of the reply in hexadecimal, where they hold nothing personal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPart:
    """How much came and when: of a transfer, and of a page whose time was up, which tells the same."""

    flow_s: float = 0.0
    """Of a transfer: seconds from the established connection to the last byte that came; of a page whose time was up:
    from its request; of a stay: how long it lasted; of small records: from the first to the last acknowledgement."""
    bins: tuple[int, ...] = ()
    """Of a transfer: bytes that came in each half second, TLS included."""
    rounds: int = 0
    """Of a transfer: how often requests were sent, each time once all before were answered: so many round trips are our
    own doing; of a stay: exchanges that were answered; of small records: those that were acknowledged."""


NO_DNS = DnsPart()
NO_TCP = TcpPart()
NO_TLS = TlsPart()
NO_HTTP = HttpPart()
NO_DATAGRAMS = DatagramPart()
NO_TRACE = TracePart()
NO_APP = AppPart()
NO_TRANSFER = TransferPart()
