"""Ports that a list may name for each protocol. Others are refused: to knock there is no visit to the service, and a
list of others must not turn volunteers into scanners of other people's servers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from probe.core.tables.handshakes import ProtocolName

_WEB = frozenset({80, 81, 443, 2052, 2053, 2082, 2083, 2086, 2087, 2095, 2096, 4443, 5280, 5281, 5443, 8000, 8008, 8080,
                  8081, 8088, 8090, 8443, 8448, 8880, 8888})
"""Where pages and what HTTP carries are served, and where Cloudflare, Matrix and XMPP (BOSH) serve them."""
_CHAT = frozenset({80, 443, 5222, 5223, 8080})
_CALLS = frozenset({443, *range(3478, 3482), 5349, *range(19302, 19310)})

PORTS: Mapping[ProtocolName, frozenset[int]] = MappingProxyType({
    "dns": frozenset({0}),
    "dns_txt": frozenset({0}),
    "tcp": _WEB | _CHAT | {143, 465, 587, 993, 995, 4244, 5228, 5229, 5230, 5242, 14000},
    "tls": _WEB | _CHAT | {465, 993, 995, 2197, 5061, 5228, 5229, 5230},
    "http": _WEB,
    "http_post": _WEB,
    "websocket": _WEB,
    "quic": frozenset({443, 8443}),
    "stun": _CALLS,
    "udp": _CALLS | {7985, 7987, 10000},
    "mtproto": _CHAT,
    "mtproto_http": _WEB,
    "mtproto_ws": _WEB,
    "wa_noise": _CHAT,
    "wa_noise_ws": _WEB,
    "mmtls": _CHAT,
    "mmtls_http": _WEB,
    "wechat_newgetdns": _WEB,
    "viber": _CHAT | {4244, 5242},
    "threema": _CHAT,
    "loco": _CHAT,
    "max_tcp": _CHAT,
    "max_ws": _WEB,
    "mqtt": _CHAT | {8883},
    "session_seed": _WEB,
    "smp": _CHAT,
    "xmpp_starttls": _CHAT,
    "xmpps": _CHAT,
    "xmpp_ws": _WEB,
    "imap": frozenset({993}),
    "imap_starttls": frozenset({143}),
    "smtp": frozenset({465}),
    "smtp_starttls": frozenset({587}),
    "opendht": frozenset({4222}),
    "discord_udp_ping": frozenset(range(50_000, 65_536)),
})
"""Never 25: who hands over mail there without being a mail server is a spammer to the server and to the provider."""


def explain_foreign_port(protocol: ProtocolName, port: int) -> str:
    """Why a list may not name this port for the protocol; empty where it may."""
    ports = sorted(PORTS[protocol])
    if port in PORTS[protocol]:
        return ""
    named = ", ".join(map(str, ports)) if len(ports) < 40 else f"{ports[0]} to {ports[-1]}"
    return f"no port of {protocol}: {port}; a list may name {named}"
