"""What is spoken with an endpoint: the words of the column `protocol`, and which of them the probe can speak.

The catalogue lists endpoints of protocols that are not built too: an honest list of what is not measured
is worth more than a list that looks complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from probe.core.tables.handshakes import HANDSHAKES, Carriage, Handshake, ProtocolName

EndpointStatus = Literal["active", "unproven", "dead"]
"""What the catalogue says of an endpoint: dead ones must not answer."""
LocateKind = Literal["tls", "http", "app", "quic", "dns"]
"""Questions by which a hop is looked for; app: a messenger's own first words."""
Transport = Literal["tcp", "udp", "tls", "quic", "dns"]
Layer = Literal["dns", "tcp", "tls", "http", "app", "websocket", "udp", "quic"]
SiteKind = Literal["dns", "tcp", "tls", "http", "app", "quic", "stun"]
"""How the endpoints of one site are measured (`probe.catalogue.sites`)."""
SITE_KINDS: tuple[SiteKind, ...] = get_args(SiteKind)
Carrier = Literal["tcp", "quic", "stun"]
"""What a helper speaks at an address; tcp: and TLS above it."""
DatagramKind = Literal["quic", "stun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """One protocol: what carries it, whether it is built, and the consent it takes."""

    name: ProtocolName
    schemes: tuple[str, ...]
    """URL schemes under which the catalogue writes it."""
    transport: Transport
    """tcp, udp, tls, quic or dns; `http` is tcp or tls as its URL says."""
    layers: tuple[Layer, ...]
    """What is measured on the way, in order; for protocols that are not built, what would be."""
    built: bool
    consent_level: int
    """1: ordinary web traffic. 2: bytes that mark the sender as a user of messengers. 3: large transfers, and QUIC."""
    why_not: str = ""
    """For protocols that are not built: why, in one sentence."""
    module: str = ""
    """A library that it takes and that not every installation has."""
    extra: str = ""
    """The extra of this package that brings the library."""

    @property
    def says(self) -> bool:
        """A messenger's own first words are said (`probe.core.tables.handshakes`)."""
        return self.built and self.name in HANDSHAKES

    @property
    def worth(self) -> int:
        """How much an answer tells of the service. 2: its own words. 1: a page, or a secure channel. 0: a name that
        resolves, a port that opens."""
        return 2 if "app" in self.layers else 1 if {"tls", "http", "quic"}.intersection(self.layers) else 0

    @property
    def secure_first(self) -> bool:
        """TLS comes before anything is said in the protocol itself; after STARTTLS it does not."""
        before, _, _ = " ".join(self.layers).partition("app")
        return "tls" in before

    @property
    def over_http(self) -> bool:
        """HTTP carries it: its words go to a place, not only to a port."""
        return "http" in self.layers


_TCP: tuple[Layer, ...] = ("dns", "tcp")
_TLS: tuple[Layer, ...] = (*_TCP, "tls")
_UDP: tuple[Layer, ...] = ("dns", "udp")
_CARRIED: Mapping[Carriage, tuple[str, tuple[Layer, ...]]] = MappingProxyType({
    "tcp": ("tcpconnect", (*_TCP, "app")),
    "tls": ("tlshandshake", (*_TLS, "app")),
    "starttls": ("tcpconnect", (*_TCP, "app", "tls")),
    "http": ("http", (*_TCP, "http", "app")),
    "https": ("https", (*_TLS, "http", "app")),
    "websocket": ("wss", (*_TLS, "http", "websocket", "app")),
})
"""What carries first words -> the usual URL scheme, and what is measured on the way."""


def _web(name: ProtocolName, schemes: str, *, transport: Transport = "tcp",
         layers: tuple[Layer, ...] = (*_TLS, "http")) -> Protocol:
    return Protocol(name=name, schemes=tuple(schemes.split()), transport=transport, layers=layers, built=True,
                    consent_level=1)


def _datagrams(name: ProtocolName, scheme: str, *, layers: tuple[Layer, ...], consent_level: int, module: str = "",
               extra: str = "") -> Protocol:
    return Protocol(name=name, schemes=(scheme,), transport="quic" if "quic" in layers else "udp", layers=layers,
                    built=True, consent_level=consent_level, module=module, extra=extra)


def _says(row: Handshake) -> Protocol:
    """A messenger's own protocol whose first words are said."""
    scheme, layers = _CARRIED[row.over]
    return Protocol(name=row.protocol, schemes=(row.scheme or scheme,), layers=layers, built=True,
                    transport="tls" if layers[:3] == _TLS else "tcp", consent_level=2 if row.marks_sender else 1)


def _own(name: ProtocolName, scheme: str, *, layers: tuple[Layer, ...], why_not: str,
         consent_level: int = 2) -> Protocol:
    carriers: tuple[Transport, ...] = ("quic", "udp", "tls", "tcp")
    transport: Transport = next((t for t in carriers if t in layers), "dns")
    return Protocol(name=name, schemes=(scheme,), transport=transport, layers=layers, built=False,
                    consent_level=consent_level, why_not=why_not)


PROTOCOLS: Mapping[ProtocolName, Protocol] = MappingProxyType({
    protocol.name: protocol
    for protocol in (
        _web("dns", "dnslookup", transport="dns", layers=("dns",)),
        _web("tcp", "tcpconnect", layers=_TCP),
        _web("tls", "tlshandshake", transport="tls", layers=_TLS),
        _web("http", "http https"),
        _own("dns_txt", "dnslookup", layers=("dns",), consent_level=1,
             why_not="Only addresses are asked for, no texts."),
        _datagrams("quic", "quichandshake", layers=(*_UDP, "quic"), consent_level=3, module="aioquic", extra="quic"),
        _datagrams("stun", "stun", layers=(*_UDP, "app"), consent_level=2),
        _own("udp", "udp", layers=_UDP, why_not="No reply is known that a server gives without a session."),
        _own("opendht", "udp", layers=(*_UDP, "app"),
             why_not="The probe has no client for its distributed hash table (DHT)."),
        _own("discord_udp_ping", "udp", layers=(*_UDP, "app"),
             why_not="Its addresses change with every answer of the voice directory."),
        *map(_says, HANDSHAKES.values()),
    )
})

DATAGRAMS = frozenset(p.name for p in PROTOCOLS.values() if p.built and p.transport in ("quic", "udp"))
"""Protocols over UDP that the probe speaks: an endpoint of theirs is asked in datagrams, and never connected to."""

SCHEMES: Mapping[str, tuple[ProtocolName, ...]] = MappingProxyType({
    scheme: tuple(p.name for p in PROTOCOLS.values() if scheme in p.schemes)
    for scheme in sorted({s for p in PROTOCOLS.values() for s in p.schemes})
})
"""Each URL scheme and the protocols that are written under it; the first is meant where none is named."""

DEFAULT_PORTS: Mapping[str, int] = MappingProxyType({"http": 80, "https": 443, "wss": 443, "dnslookup": 0})
"""Ports that a URL may leave out; every other scheme must name its port."""
