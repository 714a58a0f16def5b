"""Messengers' own first words: what is said, what proves the answer, and how much that proof is worth.

A connection that opens proves little: a box on the way can accept it in the service's place. An answer that repeats a
number we drew, or that has a shape which nobody but the service gives, proves more. None needs an account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

ProtocolName = Literal[
    "dns", "tcp", "tls", "http", "dns_txt", "quic", "stun", "udp", "opendht", "discord_udp_ping", "mtproto", "wa_noise",
    "mmtls", "viber", "threema", "xmpp_starttls", "xmpps", "imap", "imap_starttls", "smtp", "smtp_starttls", "loco",
    "max_tcp", "mqtt", "smp", "mtproto_http", "mmtls_http", "wechat_newgetdns", "http_post", "session_seed",
    "websocket", "mtproto_ws", "wa_noise_ws", "max_ws", "xmpp_ws",
]
"""Words of the column `protocol` of targets.csv."""
SpokenProtocol = ProtocolName | Literal["innocent_http"]
"""Whose words were said (`Observation.protocol`)."""
Carriage = Literal["tcp", "tls", "starttls", "http", "https", "websocket"]
"""What carries first words: starttls: they come before TLS, on the same connection."""
Proof = Literal["proven", "answered", "refused", "foreign"]

PROVEN: Final = "proven"
ANSWERED: Final = "answered"
REFUSED: Final = "refused"
FOREIGN: Final = "foreign"

PROOFS: Mapping[Proof, str] = MappingProxyType({
    PROVEN: "the answer repeats a number that we drew, or is signed by a key that we know",
    ANSWERED: "the answer has the shape that the service's own has",
    REFUSED: "the service's own way to say no: it speaks, and knows its protocol",
    FOREIGN: "bytes came that are not the service's",
})
"""The words of an observation's `proof`; empty: nothing was heard."""

GENUINE_PROOFS: frozenset[Proof] = frozenset((PROVEN, ANSWERED, REFUSED))
"""Proofs under which the service is reached."""

INNOCENT_HTTP: Final = "innocent_http"
"""Plain HTTP for an innocent name, said to a messenger's port: does that port carry what is no messenger's?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """The first words of one protocol."""

    protocol: ProtocolName
    """Also the name of the module that says them, and of the laboratory's that answers."""
    over: Carriage
    sends: str
    proof: str
    strength: str
    """A: a number repeated or a key known. B: a shape of its own. C: hardly more than any answer."""
    marks_sender: bool
    """Whoever listens on the way learns more than a connection to this host tells: who speaks is a user of it."""
    source: str
    head_bytes: int = 8
    """How much of a genuine answer's beginning is kept; 0 where it may hold the volunteer's address, or is HTTP's."""
    scheme: str = ""
    """URL scheme under which the catalogue writes it; empty: the usual one of what carries it."""
    place: str = ""
    """Where the words go at a server of the protocol, for those that HTTP carries; empty: wherever the URL says."""
    current: bool = True
    """Whether apps of today say it so."""


def _row(protocol: ProtocolName, over: Carriage, sends: str, proof: str, strength: str, source: str, *,
         marks: bool = True, head: int = 8, scheme: str = "", place: str = "", current: bool = True) -> Handshake:
    return Handshake(protocol=protocol, over=over, sends=sends, proof=proof, strength=strength, marks_sender=marks,
                     source=source, head_bytes=head, scheme=scheme, place=place, current=current)


HANDSHAKES: Mapping[ProtocolName, Handshake] = MappingProxyType({
    row.protocol: row
    for row in (
        _row("mtproto", "tcp", "req_pq_multi, obfuscated as apps do it, abridged and intermediate transport in turn",
             "resPQ with our 16-byte nonce; a transport error (-404 and the like) is a refusal", "A",
             "core.telegram.org: MTProto transports, creating an authorization key; tdesktop, Telethon"),
        _row("wa_noise", "tcp", "the Noise prologue and a ClientHello with a fresh X25519 key",
             "one frame with a ServerHello: ephemeral key, encrypted static key and certificate; proven where the "
             "certificate opens and leads to WhatsApp's root", "A", "whatsmeow, Baileys"),
        _row("mmtls", "tcp", "a ClientHello that offers ECDHE with two fresh P-256 points",
             "a ServerHello that chooses it, with a point on that curve", "B",
             "Citizen Lab, Should We Chat, Too? (2024); gommtls"),
        _row("viber", "tcp", "the 24-byte greeting of the app", "a packet of its stated length with the app's marks",
             "B", "nDPI: recorded traffic of several years ago", current=False),
        _row("threema", "tcp", "an ephemeral key and 16 bytes of cookie", "exactly 80 bytes, and no more", "C",
             "threema-android; nDPI"),
        _row("xmpp_starttls", "starttls", "a stream header for the service's domain; then STARTTLS and TLS",
             "stream features with STARTTLS, then a certificate for the domain", "A", "RFC 6120", head=0),
        _row("xmpps", "tls", "a stream header within TLS", "stream features, within TLS proven for the domain", "A",
             "RFC 6120, XEP-0368", head=0),
        _row("imap", "tls", "nothing: the server greets", "`* OK`, within proven TLS", "A", "RFC 9051, RFC 8314",
             marks=False, head=0),
        _row("imap_starttls", "starttls", "STARTTLS after the greeting, then TLS",
             "`* OK`, then a certificate for the host", "A", "RFC 9051", marks=False, head=0),
        _row("smtp", "tls", "nothing: the server greets", "`220`, within proven TLS", "A", "RFC 5321, RFC 8314",
             marks=False, head=0),
        _row("smtp_starttls", "starttls", "EHLO and STARTTLS after the greeting, then TLS",
             "`220`, then a certificate for the host", "A", "RFC 5321, RFC 3207", marks=False, head=0),
        _row("loco", "tls", "GETCONF with a packet id of ours, within TLS", "GETCONF with that id and a BSON document",
             "A", "node-kakao", marks=False),
        _row("max_tcp", "tls", "SESSION_INIT (opcode 6) with an empty map, within TLS",
             "a response or an error to our sequence number and opcode", "A", "PyMax", marks=False),
        _row("mqtt", "tls", "CONNECT without a name or password, within TLS", "CONNACK; one that refuses is a refusal",
             "B", "MQTT 3.1.1 section 3.2", marks=False, scheme="mqtts"),
        _row("smp", "tls", "nothing: the server greets",
             "a 16384-byte greeting, under the authority whose hash is known", "A",
             "simplexmq: SMP protocol, transport connection"),
        _row("mtproto_http", "https", "req_pq_multi as the body of a POST, within TLS",
             "resPQ with our 16-byte nonce as the body; four bytes of a transport error are a refusal", "A",
             "core.telegram.org: MTProto transports (HTTP)", head=0, place="/apiw1"),
        _row("mmtls_http", "http", "the mmtls ClientHello as the body of a POST to /mmtls/ and eight digits",
             "a body that begins with a ServerHello, with a point on the curve", "B",
             "Citizen Lab, Should We Chat, Too? (2024): recorded with a key known before; ours offers none, which was "
             "not seen live", head=0, place="/mmtls/"),
        _row("wechat_newgetdns", "http", "a GET of the directory of names, without an account",
             "their XML with a code; another than 0 is a refusal", "B",
             "Citizen Lab's recording of an account's; the form without one is gommtls's and was not seen live", head=0,
             place="/cgi-bin/micromsg-bin/newgetdns?uin=0&clientversion=0&scene=0&net=1"),
        _row("http_post", "https", "an empty JSON object as the body of a POST, within TLS",
             "the status and the JSON that the catalogue knows", "A", "the service's documentation", marks=False,
             head=0),
        _row("session_seed", "https", "a JSON-RPC request for one node of the network, with an id of ours",
             "a result for our id; an error for it is a refusal", "B", "JSON-RPC 2.0; Session's clients", head=0,
             place="/json_rpc"),
        _row("websocket", "websocket", "the opening of a WebSocket, within TLS",
             "the proof of our key, and the greeting that the catalogue knows; where it knows none, a client error "
             "is a refusal", "A", "RFC 6455; Discord's documentation", marks=False, head=0),
        _row("mtproto_ws", "websocket", "a WebSocket, within it the obfuscated transport and req_pq_multi",
             "the proof of our key; then resPQ with our 16-byte nonce", "A",
             "RFC 6455; core.telegram.org: MTProto transports (obfuscation, WebSocket)", head=0, place="/apiws"),
        _row("wa_noise_ws", "websocket", "a WebSocket, within it the Noise prologue and a ClientHello",
             "the proof of our key; then a ServerHello, proven as over TCP", "A", "RFC 6455; whatsmeow, Baileys",
             head=0, place="/ws/chat"),
        _row("max_ws", "websocket", "a WebSocket, within it SESSION_INIT as JSON",
             "the proof of our key; then a response or an error to our sequence number and opcode", "A",
             "RFC 6455; PyMax", head=0, place="/websocket"),
        _row("xmpp_ws", "websocket", "a WebSocket, within it the opening of a stream to the host",
             "the proof of our key; then the server's own opening, with an id", "A", "RFC 6455, RFC 7395", head=0,
             place="/websocket"),
    )
})
"""Protocol -> its first words."""

PLACES: Mapping[SpokenProtocol, str] = MappingProxyType({
    row.protocol: row.place for row in HANDSHAKES.values() if row.place
})

HELPER_HANDSHAKES: frozenset[ProtocolName] = frozenset(HANDSHAKES) - {"http_post", "websocket"}
"""What helpers say for a probe, too: never a request to whatever place somebody names."""


def is_current(protocol: ProtocolName) -> bool:
    """Whether apps of today say it so; what has no first words of its own is said as ever."""
    return protocol not in HANDSHAKES or HANDSHAKES[protocol].current
