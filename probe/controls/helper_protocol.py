"""Messages between a probe and a test helper: OONI's web connectivity protocol plus `x_endpoints`.

OONI's own fields keep OONI's older failure words, so that its probes can use our helper and we can use theirs.
Fields that begin with `x_` are our extension and carry the words of df-007. Whatever was not measured is absent,
never a failure.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

from probe.core.addresses import bracket_host

MAX_REQUEST_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 256 * 1024
MAX_ENDPOINTS = 32
MAX_ADDRESSES = 32

ShortText = Annotated[str, Meta(max_length=64)]
HostText = Annotated[str, Meta(max_length=253)]
UrlText = Annotated[str, Meta(max_length=2048)]
HeaderText = Annotated[str, Meta(max_length=512)]
Port = Annotated[int, Meta(ge=0, le=65535)]

FORWARDED_HEADERS = ("Accept", "Accept-Language", "User-Agent")
"""The only request headers that a helper passes on to the site."""

FLAG_FROM_PROBE, FLAG_FROM_HELPER, FLAG_BOGON, FLAG_TLS_VALID = 1, 2, 4, 8
"""Bits of `ip_info.flags`."""

OLD_WORDS: dict[str, str] = {
    "dns_name_error": "dns_nxdomain_error",
    "dns_server_failure": "dns_server_misbehaving",
    "connection_refused_error": "connection_refused",
    "tcp_timed_out_error": "generic_timeout_error",
    "deferred_timeout_error": "generic_timeout_error",
    "response_never_received": "eof_error",
    "connect_error": "unknown_failure: connect_error",
    "unknown_error": "unknown_failure: unknown_error",
}
"""Failure words that helpers still use, and what df-007 calls the same thing today."""

LOOKUP_FAILED: Final = "dns_lookup_error"


class XEndpoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One endpoint to measure apart from the URL. Without `address`, the helper resolves `host` itself."""

    proto: ShortText
    """tcp, tls, dns, quic or stun; shape: a ClientHello of a shape, as far as the server's answer."""
    host: HostText
    port: Port = 0
    address: ShortText = ""
    sni: HostText = ""
    """Server name for TLS and QUIC; empty: `host`."""
    alpn: Annotated[tuple[ShortText, ...], Meta(max_length=4)] = ()
    trust: ShortText = ""
    """Name of anchors to accept besides the public ones; `none`: a bad certificate is no failure."""
    app: ShortText = ""
    """A messenger's protocol whose first words are to be said there; older helpers go as far as they know."""
    shape: ShortText = ""
    """For proto shape: which (`probe.core.tables.shapes`)."""
    app_name: HostText = ""
    """The domain or host that those words name; empty: `host`."""


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a probe asks. Null stands for empty, as Go programs write it."""

    http_request: UrlText = ""
    """URL to fetch; empty: only `x_endpoints` are wanted."""
    http_request_headers: (
        Annotated[dict[ShortText, Annotated[list[HeaderText], Meta(max_length=4)] | None], Meta(max_length=16)] | None
    ) = None
    tcp_connect: Annotated[list[ShortText], Meta(max_length=256)] | None = None
    """`ip:port`, of which only the address counts; the port is that of the URL."""
    x_quic_enabled: bool = False
    """Whether QUIC and HTTP/3 are to be tried as well."""
    x_trust: ShortText = ""
    """Whose signature proves the URL's own host (a trust word); empty: public authorities."""
    x_endpoints: Annotated[list[XEndpoint], Meta(max_length=MAX_ENDPOINTS)] | None = None
    x_volume: ShortText = ""
    """Address of the URL's host from which to take a transfer; empty: none is wanted."""


class TcpResult(Struct, frozen=True, kw_only=True):
    """OONI's: whether a connection was established."""

    status: bool
    failure: str | None


class TlsResult(Struct, frozen=True, kw_only=True):
    """OONI's: whether a TLS handshake succeeded, certificate verified."""

    server_name: str
    status: bool
    failure: str | None


class HttpFirst(Struct, frozen=True, kw_only=True):
    """The answer to the first request, before any redirect: what a probe that follows none can compare with."""

    status_code: int
    location: str
    title: str
    body_length: int
    body_sha256: str
    header_names: list[str]


class HttpResult(Struct, frozen=True, kw_only=True):
    """OONI's: the final answer after redirects. `body_length` and `status_code` are -1 when it failed."""

    body_length: int = -1
    discovered_h3_endpoint: str = ""
    """`host:port` where the answer says that HTTP/3 is spoken; empty: it says nothing of it."""
    failure: str | None
    title: str = ""
    """As OONI reads it: entities and white space are left."""
    headers: dict[str, str] = field(default_factory=dict)
    status_code: int = -1
    x_failure: str = ""
    x_refused: str = ""
    """Why the helper would not fetch this; the failure then says nothing of the site."""
    x_body_sha256: str = ""
    x_body_truncated: bool = False
    x_first: HttpFirst | None = None


class DnsResult(Struct, frozen=True, kw_only=True):
    """OONI's: the addresses of the URL's host as the helper resolves them."""

    failure: str | None
    addrs: list[str]


class AddressInfo(Struct, frozen=True, kw_only=True):
    """OONI's: what is known of an address; `asn` 0 is unknown."""

    asn: int
    flags: int


class XResult(Struct, frozen=True, kw_only=True):
    """What became of one `XEndpoint` at one address. With a `reason` nothing was measured."""

    proto: str
    host: str
    port: int = 0
    address: str = ""
    sni: str = ""
    operation: str = ""
    """resolve, connect, tls_handshake, app_round_trip, quic_handshake or stun_binding: the last step taken, and the one
    that failed if any did."""
    failure: str | None = None
    reason: str = ""
    """Why it was not measured: a guard's word, no_route, busy, no_resolver, resolver_silent."""
    addresses: list[str] = field(default_factory=list)
    tls_version: str = ""
    leaf_key_sha256: str = ""
    """SHA-256 of the presented leaf's SubjectPublicKeyInfo, in hexadecimal, whether or not it was accepted."""
    trust: str = ""
    """valid, expired, not_yet_valid, self_signed, unknown_issuer, wrong_name, invalid."""
    shape: str = ""
    """Of the ClientHello, where it was not the helper's own library's."""
    ja4: str = ""
    """JA4 of the ClientHello with which the helper shook hands: a server may refuse some clients everywhere."""
    proof: str = ""
    """What the reply to a messenger's first words proves (`probe.core.tables.handshakes.PROOFS`)."""


class XVolume(Struct, frozen=True, kw_only=True):
    """What became of a transfer."""

    bytes_read: int = 0
    flow_s: float = 0.0
    """From the established connection to the last byte."""
    failure: str | None = None


class Response(Struct, frozen=True, kw_only=True):
    """What a helper answers."""

    tcp_connect: dict[str, TcpResult] = field(default_factory=dict)
    tls_handshake: dict[str, TlsResult] | UnsetType = UNSET
    """Left out where no handshake was tried."""
    quic_handshake: dict[str, TlsResult] = field(default_factory=dict)
    http_request: HttpResult | None = None
    http3_request: HttpResult | None = None
    dns: DnsResult | None = None
    ip_info: dict[str, AddressInfo] = field(default_factory=dict)
    x_endpoints: list[XResult] = field(default_factory=list)
    x_volume: XVolume | None = None


def encode_message(message: Request | Response) -> bytes:
    """The JSON text of a message."""
    return msgspec.json.encode(message)


def join_address(address: str, port: int) -> str:
    """`ip:port`, with brackets for IPv6, in canonical form. Raises ValueError when `address` is no literal."""
    return f"{bracket_host(str(ipaddress.ip_address(address)))}:{port}"


def split_address(text: str) -> tuple[str, int]:
    """The canonical address and port of `ip:port`. Raises ValueError when it is not that."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError("not an address and port")
    return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))), int(port)
