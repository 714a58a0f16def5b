"""Reaching one address: TCP, then TLS where a server name is given. Raises nothing for the network."""

from __future__ import annotations

import random
import time
from dataclasses import replace

from probe.controls.reaching.public_addresses import has_route
from probe.core.tables.failures import classify_failure
from probe.core.tables.handshakes import SpokenProtocol
from probe.core.tables.shapes import ProgramShape
from probe.instruments.streams.kept_streams import Stream, hang_up
from probe.instruments.streams.raw_handshake import read_reply
from probe.instruments.streams.raw_hello import make_client_hello
from probe.instruments.streams.sockets import RecordedSocket, abort, open_socket, stop_icmp_reports
from probe.instruments.streams.tls_handshake import TlsStream, hash_key, make_context, shake_hands
from probe_operate.reaching.own_shortage import explain_no_connection
from probe_operate.reaching.reach_plan import NO_ROUTE, ReachPlan, ReachResult
from probe_operate.reaching.target_guard import TargetGuard

_RANDOM = random.SystemRandom()


def reach_endpoint(plan: ReachPlan, *, guard: TargetGuard, timeout_s: float, deadline: float) -> ReachResult:
    """Connect (over UDP: ask), shake hands, say a messenger's first words where asked to, hang up.

    Within `timeout_s` and before `deadline` (monotonic seconds).
    """
    if refused := guard.refusal(plan.address, plan.port, proto=plan.proto):
        return ReachResult(reason=refused)
    if not has_route(plan.address):
        return ReachResult(reason=NO_ROUTE)
    if plan.proto != "tcp":
        from probe_operate.reaching.reach_udp import reach_udp

        return reach_udp(plan, timeout_s=min(timeout_s, deadline - time.monotonic()))
    found, stream = open_stream(plan, deadline=min(deadline, time.monotonic() + timeout_s))
    if stream is None:
        return found
    try:
        return _speak(stream, plan, plan.app, found) if plan.app else found
    finally:
        hang_up(stream)


def _speak(stream: Stream, plan: ReachPlan, app: SpokenProtocol, found: ReachResult) -> ReachResult:
    from probe.instruments.messengers.app_exchange import exchange_first_words

    heard = exchange_first_words(stream, app, name=plan.app_name)
    return replace(found, operation="app_round_trip", failure=heard.failure, proof=heard.proof)


def _say_hello(sock: RecordedSocket, name: str, shape: ProgramShape) -> ReachResult:
    try:
        hello = make_client_hello(shape, name, _RANDOM)
    except ValueError:
        return ReachResult(reason="bad_name")
    try:
        sock.sendall(hello)
        failure = read_reply(sock).failure
    except OSError as error:
        failure = classify_failure(error)
    return ReachResult(operation="tls_handshake", failure=failure, hello=hello)


def open_stream(plan: ReachPlan, *, deadline: float) -> tuple[ReachResult, Stream | None]:
    """Connect and shake hands; the stream is the caller's to close, and None when a step failed, or this machine lacks
    what a connection takes."""
    sock: RecordedSocket | None = None
    try:
        sock = open_socket(6 if ":" in plan.address else 4, deadline=deadline)
        sock.connect((plan.address, plan.port))
    except OSError as error:
        if sock is not None:
            abort(sock)
        return explain_no_connection("connect", error), None
    stop_icmp_reports(sock)
    if not plan.sni:
        return ReachResult(operation="connect"), sock
    if plan.shape:
        found = _say_hello(sock, plan.sni, plan.shape)
        abort(sock)
        return found, None
    try:
        stream = TlsStream(sock, make_context(plan.trust, plan.alpn), server_name=plan.sni)
    except ValueError:
        abort(sock)
        return ReachResult(reason="bad_name"), None
    shaken = shake_hands(stream)
    found = ReachResult(
        operation="tls_handshake",
        failure=shaken.failure,
        tls_version=shaken.version,
        leaf_key_sha256=hash_key(shaken.chain_der[0]) if shaken.chain_der else "",
        trust=shaken.trust,
        hello=shaken.hello,
    )
    if shaken.failure:
        abort(sock)
        return found, None
    return found, stream
