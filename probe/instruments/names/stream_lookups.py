"""Lookups on connections: over TCP (RFC 7766), TLS (DoT, RFC 7858) and HTTPS (DoH, RFC 8484).

A lookup's questions are asked one after the other on one connection, an earlier lookup's where one is kept. A kept
connection may have died meanwhile: what fails on it is asked again on a fresh one, and only that says how it failed.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from dataclasses import replace

from probe.core.observation_parts import DnsPart, TlsPart
from probe.core.observations import Observation
from probe.core.tables.failures import Failure, classify_failure, classify_rcode
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import OPERATORS, DnsEngine, Resolver, find_operator
from probe.core.tables.words import read_word
from probe.instruments.clock import Clock
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.lookups import add_fingerprint
from probe.instruments.names.resolver_lines import ResolverLines
from probe.instruments.streams.kept_streams import Stream, get_socket, hang_up
from probe.instruments.streams.sockets import open_socket, stop_icmp_reports
from probe.instruments.streams.tls_handshake import TlsStream, make_context, shake_hands

PORTS: dict[DnsEngine, int] = {"tcp": 53, "dot": 853, "doh": 443}
MAX_DNS_BYTES = 65535
ENOUGH = "this run has opened its connections to this resolver"
"""Reason of a lookup that was left out."""
_ALPN: dict[DnsEngine, tuple[str, ...]] = {"dot": ("dot",), "doh": ("http/1.1",)}
_KEPT_SHARE = 0.5
"""Of the time for a lookup, what a kept connection may take: a dead one is silent."""


def lookup_over_tcp(name: str, query_type: str, *, server: str, lines: ResolverLines, clock: Clock,
                    timeout_s: float) -> Observation:
    """One question in the clear, to a public resolver."""
    base = Observation(operation="dns_round_trip", hostname=name, dns=DnsPart(
        engine="tcp", resolver="public", resolver_address=server, query_type=query_type))
    (seen,) = _look_up(base, (query_type,), None, lines=lines, clock=clock, timeout_s=timeout_s)
    return seen


def lookup_encrypted(name: str, query_types: tuple[str, ...], *, engine: DnsEngine, operator: Resolver, address: str,
                     lines: ResolverLines, clock: Clock, timeout_s: float, purpose: Purpose = "target",
                     fresh: bool = False) -> list[Observation]:
    """Questions to an operator at a pinned address, by `dot` or `doh`; the operator must prove itself by its
    certificate (the strict profile of RFC 8310). `fresh`: on a connection of its own."""
    base = Observation(operation="dns_round_trip", purpose=purpose, hostname=name, tls=TlsPart(sni=operator.doh_host),
                       dns=DnsPart(engine=engine, resolver=read_word(operator.name, OPERATORS),
                                   resolver_address=address, query_type=query_types[0]))
    return _look_up(base, query_types, operator, lines=lines, clock=clock, timeout_s=timeout_s, fresh=fresh)


def _look_up(base: Observation, kinds: tuple[str, ...], operator: Resolver | None, *, lines: ResolverLines,
             clock: Clock, timeout_s: float, fresh: bool = False) -> list[Observation]:
    engine, address = base.dns.engine or "tcp", base.dns.resolver_address
    kept = None if fresh else lines.take(engine, address, deadline=time.monotonic() + timeout_s * _KEPT_SHARE)
    if kept is not None:
        seen, whole = _ask_all(kept, base, kinds, operator, clock)
        if whole:
            lines.keep(engine, address, kept)
            return seen
        hang_up(kept)
    base = replace(base, t0_s=clock.now_s())
    if not lines.may_open(operator.name if operator else find_operator(address) or address, engine):
        return [replace(base, reason=ENOUGH, t_s=clock.now_s())]
    stream, failed = _open(base, operator, clock, timeout_s)
    if failed is not None:
        return [failed]
    assert stream is not None
    seen, whole = _ask_all(stream, base, kinds, operator, clock)
    if whole:
        lines.keep(engine, address, stream)
    else:
        hang_up(stream)
    return seen


def _open(base: Observation, operator: Resolver | None, clock: Clock,
          timeout_s: float) -> tuple[Stream | None, Observation | None]:
    """A connection that is ready for questions, or how it failed."""
    engine, address = base.dns.engine or "tcp", base.dns.resolver_address
    sock = open_socket(6 if ":" in address else 4, deadline=time.monotonic() + timeout_s)
    try:
        sock.connect((address, PORTS[engine]))
        stop_icmp_reports(sock)
        if operator is None:
            return sock, None
        stream = TlsStream(sock, make_context("web_pki", _ALPN[engine]), server_name=operator.doh_host)
        shaken = shake_hands(stream)
        if not shaken.failure:
            return stream, None
        failed = replace(base, failure=shaken.failure, tls=replace(base.tls, trust=shaken.trust))
        if engine == "dot":
            failed = replace(failed, tcp=replace(base.tcp, acked=shaken.acked))
    except (OSError, ValueError) as error:
        failed = replace(base, failure=sock.failure or classify_failure(error))
    hang_up(sock)
    return None, replace(failed, t_s=clock.now_s())


def _ask_all(stream: Stream, base: Observation, kinds: tuple[str, ...], operator: Resolver | None,
             clock: Clock) -> tuple[list[Observation], bool]:
    """The answers, and whether the connection is fit for more questions."""
    seen: list[Observation] = []
    whole = True
    for kind in kinds:
        one = replace(base, dns=replace(base.dns, query_type=kind), t0_s=clock.now_s())
        try:
            if operator is not None and base.dns.engine == "doh":
                got, whole = _ask_by_http(stream, one, operator, clock)
            else:
                got, whole = _ask_framed(stream, one, clock)
        except (OSError, ValueError) as error:
            failure = get_socket(stream).failure or classify_failure(error)
            got, whole = replace(one, failure=failure, t_s=clock.now_s()), False
        seen.append(got)
        if not whole:
            break
    return seen, whole


def _ask_framed(stream: Stream, base: Observation, clock: Clock) -> tuple[Observation, bool]:
    from probe.instruments.names.dns_wire import make_query, parse_reply

    identity = int.from_bytes(os.urandom(2), "big")
    wire = make_query(base.hostname, base.dns.query_type, identity=identity)
    stream.sendall(struct.pack(">H", len(wire)) + wire)
    reply = parse_reply(read_framed(stream.recv), name=base.hostname, query_type=base.dns.query_type,
                        identity=identity)
    return add_reply(base, reply, clock), not reply.failure


def read_framed(recv: Callable[[int], bytes]) -> bytes:
    """One message of DNS over a stream, after its length in two bytes (RFC 1035 section 4.2.2)."""
    return _read_exactly(recv, struct.unpack(">H", _read_exactly(recv, 2))[0])


def _read_exactly(recv: Callable[[int], bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = recv(size - len(data))
        if not chunk:
            raise OSError("connection closed")
        data += chunk
    return data


def _ask_by_http(stream: Stream, base: Observation, operator: Resolver, clock: Clock) -> tuple[Observation, bool]:
    from probe.instruments.names.dns_wire import make_query, parse_reply
    from probe.instruments.streams.http_exchange import exchange_http

    try:
        wire = make_query(base.hostname, base.dns.query_type, identity=0)  # id 0 keeps the request cacheable, RFC 8484
    except ValueError:
        return replace(base, failure="invalid_argument", t_s=clock.now_s()), True
    got = exchange_http(
        stream, f"https://{operator.doh_host}{operator.doh_path}", host=operator.doh_host, method="POST", body=wire,
        headers={"Content-Type": "application/dns-message", "Accept": "application/dns-message"},
        max_body_bytes=MAX_DNS_BYTES,
    )
    if got.failure or got.status != 200:
        return replace(
            base, failure=got.failure or "http_unexpected_status_code", http=replace(base.http, status=got.status),
            t_s=clock.now_s(),
        ), got.reusable
    reply = parse_reply(got.body, name=base.hostname, query_type=base.dns.query_type, identity=0)
    return add_reply(base, reply, clock), got.reusable


def add_reply(base: Observation, reply: DnsResponse, clock: Clock) -> Observation:
    """The lookup with what the message says, which may be none."""
    failure: Failure = "dns_server_misbehaving" if reply.failure else classify_rcode(reply.rcode, reply.answered)
    return add_fingerprint(replace(
        base, failure=failure,
        dns=replace(
            base.dns, rcode=reply.rcode, answers=reply.answers, cnames=reply.cnames, answer_ttl_s=reply.ttl_s,
            authoritative=reply.authoritative, ede=reply.ede, dns_flags=tuple(reply.flags.split()),
            authority_records=reply.authority_records, soas=reply.soas, https_records=reply.https_records,
        ),
        t_s=clock.now_s(),
    ))
