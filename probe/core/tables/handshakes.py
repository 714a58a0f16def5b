"""Messengers' own first words: what is said, what proves the answer, and how much that proof is worth.

A connection that opens proves little: a box on the way can accept it in the service's place. An answer that repeats a
number we drew, or that has a shape which nobody but the service gives, proves more. None needs an account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from probe.core.tables.table_file import read_table

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


HANDSHAKES: Mapping[ProtocolName, Handshake] = MappingProxyType({
    row.protocol: row for row in read_table(Path(__file__).with_name("handshakes.csv"), Handshake)
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
