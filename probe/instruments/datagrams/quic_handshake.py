"""A QUIC handshake with a chosen address, as whom one likes, through aioquic's state machine on a socket of our own.

Imported only where a QUIC endpoint is really visited: aioquic is an extra, and slow to load.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from aioquic.quic import events
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicProtocolVersion
from cryptography.hazmat.primitives.serialization import Encoding

from probe.core.observation_parts import TlsPart
from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUT, Failure, classify_failure, open_failure, trust_failure
from probe.core.tables.trust import TrustFinding
from probe.core.tables.words import Empty
from probe.instruments.clock import Clock
from probe.instruments.datagrams.quic_trust import judge_chain
from probe.instruments.datagrams.quic_wire import is_meant_for
from probe.instruments.datagrams.udp_socket import UdpFlow
from probe.instruments.steps import QuicVisit
from probe.instruments.streams.tls_handshake import MAX_CHAIN, hash_key, read_certificate_names

STAY_S = 3.0
"""The Great Firewall drops what the client sends from 0.06 to 7.5 s after the Initial, nine times in ten within one
second (Zohaib et al., USENIX Security 2025): a handshake alone may still succeed."""
PING_EVERY_S = 0.6
MOST_DATA = 32768
"""What a server may say on streams that we open or it does: we ask for nothing."""
SILENCE_S = 3.0
"""After the last PING: repeats of the first ones are long under way then."""
logging.getLogger("quic").setLevel(logging.CRITICAL + 1)  # the library tells of addresses
_CRYPTO_ERROR = range(0x100, 0x200)
"""Errors that carry a TLS alert (RFC 9001 section 4.8)."""


@dataclass(slots=True)
class QuicHandshake:
    """What one connection showed, while it runs and when it is over."""

    failure: Failure = ""
    spoken: bool = False
    """A datagram of version 1 came for us: the name reached a QUIC server, whatever it said of it."""
    done: bool = False
    alert: int = -1
    alpn: str = ""
    cipher: str = ""
    chain_der: tuple[bytes, ...] = ()
    trust: TrustFinding | Empty = ""
    over: bool = False
    pings: int = 0
    heard: set[int] = field(default_factory=set)


def visit_quic(plan: QuicVisit, *, clock: Clock) -> Observation:
    """Shake hands and stay for some PINGs. A handshake that is done with `failure` a timeout was followed by silence.
    The network raises nothing. At most about 25 datagrams are sent."""
    base = Observation(
        operation="quic_handshake", purpose=plan.purpose, attempt=plan.attempt, hostname=plan.hostname,
        address=plan.address, address_source=plan.source, port=plan.port, family=6 if ":" in plan.address else 4,
        target_id=plan.target_id, input=plan.input, tls=TlsPart(sni=plan.sni), t0_s=clock.now_s(),
    )
    try:
        with UdpFlow(plan.address, plan.port) as flow:
            got = shake_hands_quic(flow, plan)
            subject, issuer = read_certificate_names(got.chain_der[0]) if got.chain_der else ("", "")
            return replace(
                base, failure=got.failure, icmp=flow.anonymous_icmp, t_s=clock.now_s(),
                tls=replace(
                    base.tls, alpn=got.alpn, cipher=got.cipher, version="TLSv1.3" if got.done else "", alert=got.alert,
                    server_hello=got.spoken, chain=tuple(hash_key(der) for der in got.chain_der), trust=got.trust,
                    subject=subject, issuer=issuer,
                ),
                datagrams=replace(base.datagrams, requests=got.pings, responses=len(got.heard)),
                bytes_written=flow.bytes_written, bytes_read=flow.bytes_read,
            )
    except OSError as error:
        return replace(base, failure=classify_failure(error), t_s=clock.now_s())


def shake_hands_quic(flow: UdpFlow, plan: QuicVisit, *, stay_s: float = STAY_S) -> QuicHandshake:
    """The handshake within `plan.timeout_s`, and after it PINGs for `stay_s`; the certificate is judged by the plan."""
    got = QuicHandshake()
    with _contain_errors(got):
        _converse(flow, plan, got, stay_s)
    if plan.trust == "none" and got.spoken and got.over and not got.done:
        got.failure = ""  # an innocent name only has to reach a server; an alert is an answer too
    return got


@contextmanager
def _contain_errors(got: QuicHandshake) -> Iterator[None]:
    """Hostile bytes may break the library in many ways, long after they were read: a token that no datagram holds does
    so when the next one is built. The socket's own errors are the caller's."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        got.over, got.failure = True, open_failure(f"unknown_failure: quic library {type(error).__name__}")


def _converse(flow: UdpFlow, plan: QuicVisit, got: QuicHandshake, stay_s: float) -> None:
    quic = _connection(plan)
    quic.connect((plan.address, plan.port), now=time.monotonic())
    own_id = quic.host_cid
    try:
        _drive(quic, flow, got, own_id, until=time.monotonic() + plan.timeout_s, goal=lambda: got.done)
        if got.done:
            _read_chain(quic, got)
            got.trust = judge_chain(got.chain_der, trust=plan.trust, name=plan.sni)
            got.failure = trust_failure(got.trust)
            if not got.failure and not got.over and stay_s:
                _stay(quic, flow, got, own_id, stay_s)
        elif not got.over:
            got.failure = flow.failure or TIMEOUT
    finally:
        with suppress(Exception):  # whatever became of it, the farewell changes nothing
            quic.close()
            _send(quic, flow)


def make_initial(plan: QuicVisit) -> bytes:
    """The first datagram of a fresh connection: an Initial with the ClientHello (RFC 9000 section 14.1)."""
    quic = _connection(plan)
    quic.connect((plan.address, plan.port), now=time.monotonic())
    return next((data for data, _ in quic.datagrams_to_send(now=time.monotonic())), b"")


def _connection(plan: QuicVisit) -> QuicConnection:
    version = int(QuicProtocolVersion.VERSION_1)
    return QuicConnection(configuration=QuicConfiguration(
        is_client=True, alpn_protocols=list(plan.alpn) or ["h3"], server_name=plan.sni, verify_mode=ssl.CERT_NONE,
        supported_versions=[version], original_version=version, idle_timeout=60.0, max_data=MOST_DATA,
        max_stream_data=MOST_DATA,
    ))


def _drive(quic: QuicConnection, flow: UdpFlow, got: QuicHandshake, own_id: bytes, *, until: float,
           goal: Callable[[], bool]) -> None:
    """Let the state machine work until the goal, the end of the connection, an ICMP error, or `until`."""
    while not (goal() or got.over or flow.failure) and (now := time.monotonic()) < until:
        _send(quic, flow)
        timer = quic.get_timer()
        data = flow.receive(min(until, timer) if timer is not None else until)
        now = time.monotonic()
        if data is not None:
            got.spoken = got.spoken or is_meant_for(data, own_id)
            quic.receive_datagram(data, (flow.address, flow.port), now=now)
        elif timer is not None and now >= timer:
            quic.handle_timer(now=now)
        _take_events(quic, got)


def _send(quic: QuicConnection, flow: UdpFlow) -> None:
    for data, _ in quic.datagrams_to_send(now=time.monotonic()):
        flow.send(data)


def _take_events(quic: QuicConnection, got: QuicHandshake) -> None:
    while (event := quic.next_event()) is not None:
        if isinstance(event, events.HandshakeCompleted):
            got.done, got.alpn = True, (event.alpn_protocol or "")[:32]
        elif isinstance(event, events.PingAcknowledged):
            got.heard.add(event.uid)
        elif isinstance(event, events.ConnectionTerminated):
            got.over = True
            if not got.done:
                got.failure, got.alert = _why_over(event.error_code)


def _why_over(code: int) -> tuple[Failure, int]:
    """Failure word and alert of a connection that ended before its handshake had."""
    if code in _CRYPTO_ERROR:
        return open_failure(f"ssl_error: quic alert {code & 0xFF}"), code & 0xFF
    return open_failure(f"unknown_failure: quic error {code:#x}"), -1


def _read_chain(quic: QuicConnection, got: QuicHandshake) -> None:
    tls = quic.tls
    certificates = [tls._peer_certificate, *tls._peer_certificate_chain][:MAX_CHAIN]
    got.chain_der = tuple(c.public_bytes(Encoding.DER) for c in certificates if c is not None)
    got.cipher = tls.key_schedule.cipher_suite.name if tls.key_schedule is not None else ""


def _stay(quic: QuicConnection, flow: UdpFlow, got: QuicHandshake, own_id: bytes, stay_s: float) -> None:
    """PINGs at a steady pace; a timeout where none of the last ones is answered. An orderly end is an answer."""
    begin = time.monotonic()
    while not got.over and not flow.failure and time.monotonic() < begin + stay_s:
        got.pings += 1
        quic.send_ping(got.pings)
        _drive(quic, flow, got, own_id, until=time.monotonic() + PING_EVERY_S, goal=lambda: False)
    _drive(quic, flow, got, own_id, until=time.monotonic() + SILENCE_S, goal=lambda: got.pings in got.heard)
    if not got.over and got.pings not in got.heard:
        got.failure = flow.failure or TIMEOUT
