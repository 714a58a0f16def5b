"""Fetching a page over HTTP/3 (RFC 9114) as the helper does, where a site says that it speaks it. No redirects.

Imported only where a probe asked for QUIC and a page named an endpoint: aioquic is an extra, and slow to load.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted
from cryptography.hazmat.primitives.serialization import Encoding

from probe.controls.helper_protocol import HttpResult
from probe.controls.reaching.fetch_site import FetchSite
from probe.controls.reaching.public_addresses import has_route
from probe.core.tables.failures import TIMEOUT, Failure, classify_failure, open_failure, trust_failure
from probe.core.tables.trust import TrustPolicy
from probe.instruments.datagrams.quic_trust import judge_chain
from probe.instruments.datagrams.udp_socket import UdpFlow
from probe.instruments.streams.http_parts import HttpExchange
from probe.instruments.streams.tls_handshake import MAX_CHAIN
from probe_operate.reaching.page_fetch import make_failed_result, make_final_result
from probe_operate.reaching.target_guard import TargetGuard

MAX_HEADERS = 100
MOST_BODY_BYTES = 192 * 1024
"""What the datagrams of one flow may bring (`MAX_DATAGRAMS`)."""


@dataclass(slots=True, kw_only=True)
class _Got:
    """What has come so far."""

    shaken: bool = False
    over: bool = False
    failure: Failure = ""
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


def fetch_page_h3(site: FetchSite, *, port: int, addresses: Sequence[str], headers: Mapping[str, str],
                  trust: TrustPolicy, guard: TargetGuard, deadline: float) -> HttpResult | None:
    """GET `site` at the first of its addresses that may be asked; None where none may. The network raises nothing."""
    fit = (a for a in addresses if not guard.refusal(a, port, proto="quic") and has_route(a))
    address = next(fit, None)
    if address is None:
        return None
    got = _Got()
    try:
        with UdpFlow(address, port) as flow:
            _converse(flow, site, headers, trust, got, deadline)
            got.failure = got.failure or flow.failure
    except OSError as error:
        got.failure = classify_failure(error)
    except Exception as error:  # hostile bytes may break the library in many ways
        got.failure = open_failure(f"unknown_failure: quic library {type(error).__name__}")
    if not got.failure and not (got.status and got.over):
        got.failure = TIMEOUT
    if got.failure:
        return make_failed_result(got.failure)
    return make_final_result(HttpExchange(status=got.status, headers=tuple(got.headers),
                                          body=bytes(got.body[:MOST_BODY_BYTES]),
                                          truncated=len(got.body) > MOST_BODY_BYTES), None, host=site.host)


def _converse(flow: UdpFlow, site: FetchSite, headers: Mapping[str, str], trust: TrustPolicy, got: _Got,
              deadline: float) -> None:
    quic = QuicConnection(configuration=QuicConfiguration(
        is_client=True, alpn_protocols=H3_ALPN, server_name=site.host, verify_mode=ssl.CERT_NONE, idle_timeout=20.0))
    quic.connect((flow.address, flow.port), now=time.monotonic())
    http = H3Connection(quic)
    asked = False
    try:
        while not (got.over or got.failure or flow.failure) and time.monotonic() < deadline:
            if got.shaken and not asked:
                got.failure = trust_failure(judge_chain(_chain(quic), trust=trust, name=site.host))
                if got.failure:
                    return
                _ask(http, quic, site, headers)
                asked = True
            _turn(quic, flow, deadline)
            _take(quic, http, got)
    finally:
        with suppress(Exception):  # whatever became of it, the farewell changes nothing
            quic.close()
            _send(quic, flow)


def _ask(http: H3Connection, quic: QuicConnection, site: FetchSite, headers: Mapping[str, str]) -> None:
    path = site.url.partition("://")[2].partition("/")[2]
    http.send_headers(quic.get_next_available_stream_id(), [
        (b":method", b"GET"), (b":scheme", b"https"), (b":authority", site.host_header.encode()),
        (b":path", b"/" + path.encode()), *((name.lower().encode(), value.encode()) for name, value in headers.items()),
    ], end_stream=True)


def _turn(quic: QuicConnection, flow: UdpFlow, deadline: float) -> None:
    """Send what is due, then wait for one datagram or the state machine's timer."""
    _send(quic, flow)
    timer = quic.get_timer()
    data = flow.receive(min(deadline, timer) if timer is not None else deadline)
    now = time.monotonic()
    if data is not None:
        quic.receive_datagram(data, (flow.address, flow.port), now=now)
    elif timer is not None and now >= timer:
        quic.handle_timer(now=now)


def _send(quic: QuicConnection, flow: UdpFlow) -> None:
    for data, _ in quic.datagrams_to_send(now=time.monotonic()):
        flow.send(data)


def _take(quic: QuicConnection, http: H3Connection, got: _Got) -> None:
    while (event := quic.next_event()) is not None:
        if isinstance(event, HandshakeCompleted):
            got.shaken = True
        elif isinstance(event, ConnectionTerminated):
            if not got.over:
                got.over = True
                got.failure = open_failure(f"unknown_failure: quic error {event.error_code:#x}")
            return
        for part in http.handle_event(event):
            _part(part, got)


def _part(part: H3Event, got: _Got) -> None:
    if isinstance(part, HeadersReceived) and not got.status:
        for name, value in part.headers[:MAX_HEADERS]:
            if name == b":status" and value.isdigit() and len(value) == 3 and value >= b"200":
                got.status = int(value)
            elif not name.startswith(b":"):
                got.headers.append((name.decode("latin-1")[:100].title(), value.decode("latin-1")[:1000]))
        if not got.status:
            got.headers.clear()  # an interim answer: the real one is still to come
    elif isinstance(part, DataReceived):
        got.body += part.data
    if isinstance(part, HeadersReceived | DataReceived):
        got.over = bool(got.status) and (part.stream_ended or len(got.body) > MOST_BODY_BYTES)


def _chain(quic: QuicConnection) -> tuple[bytes, ...]:
    tls = quic.tls
    certificates = [tls._peer_certificate, *tls._peer_certificate_chain][:MAX_CHAIN]
    return tuple(c.public_bytes(Encoding.DER) for c in certificates if c is not None)
