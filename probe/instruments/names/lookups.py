"""Name resolution as observations: the system's way, UDP, TCP and DoH, each answer with who gave it."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from dataclasses import replace

from probe.core.observation_parts import DnsPart, TlsPart
from probe.core.observations import Observation
from probe.core.replies import DnsReply
from probe.core.tables.failures import Failure, classify_failure, classify_rcode
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import OPERATORS, Resolver, ResolverRole
from probe.core.tables.words import read_word
from probe.instruments.clock import Clock
from probe.instruments.fingerprint_match import get_index
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.dns_udp import DnsQuestion
from probe.instruments.names.system_dns import resolve_by_system
from probe.instruments.streams.sockets import abort, open_socket, stop_icmp_reports
from probe.instruments.streams.tls_handshake import TlsStream, make_context, shake_hands

MAX_DNS_BYTES = 65535


def lookup_by_system(name: str, *, clock: Clock, timeout_s: float, purpose: Purpose = "target") -> Observation:
    """What applications on this device get for `name` (getaddrinfo; A and AAAA together)."""
    t0_s = clock.now_s()
    addresses, failure, _ = resolve_by_system(name, timeout_s=timeout_s)
    return add_fingerprint(Observation(
        operation="resolve", purpose=purpose, hostname=name,
        dns=DnsPart(engine="system", resolver="system", query_type="ANY", answers=addresses[:32]), failure=failure,
        t0_s=t0_s, t_s=clock.now_s(),
    ))


def observe_question(question: DnsQuestion, *, resolver: ResolverRole, clock: Clock, attempt: int = 1,
                     purpose: Purpose = "target") -> Observation:
    """The observation of a UDP question, with every reply heard so far."""
    first = question.first or DnsResponse()
    t0_s = question.sent_at - clock.zero
    return add_fingerprint(Observation(
        operation="dns_round_trip", purpose=purpose, attempt=attempt, hostname=question.name,
        dns=DnsPart(
            engine="udp", resolver=resolver, resolver_address=question.server, query_type=question.query_type,
            rcode=first.rcode, answers=first.answers, cnames=first.cnames, answer_ttl_s=first.ttl_s,
            authoritative=first.authoritative, ede=first.ede, dns_flags=tuple(first.flags.split()),
            authority_records=first.authority_records, soas=first.soas, https_records=first.https_records,
            replies=list_replies(question),
        ),
        failure=question.failure, t0_s=t0_s,
        t_s=(question.done_at or time.monotonic()) - clock.zero, bytes_written=question.bytes_written,
        bytes_read=question.bytes_read,
    ))


def list_replies(question: DnsQuestion) -> tuple[DnsReply, ...]:
    """Each reply in order of arrival."""
    return tuple(
        DnsReply(delay_ms=round(delay_s * 1000, 1), ip_ttl=ttl, rcode=reply.failure or reply.rcode,
                 flags=tuple(reply.flags.split()), answers=reply.answers)
        for delay_s, ttl, reply in question.replies
    )


def lookup_over_tcp(name: str, query_type: str, *, server: str, resolver: ResolverRole, clock: Clock,
                    timeout_s: float) -> Observation:
    """One question over TCP (RFC 7766)."""
    from probe.instruments.names.dns_wire import make_query, parse_reply

    base = Observation(
        operation="dns_round_trip", hostname=name,
        dns=DnsPart(engine="tcp", resolver=resolver, resolver_address=server, query_type=query_type),
        t0_s=clock.now_s(),
    )
    sock = open_socket(6 if ":" in server else 4, deadline=time.monotonic() + timeout_s)
    try:
        identity = int.from_bytes(os.urandom(2), "big")
        wire = make_query(name, query_type, identity=identity)
        sock.connect((server, 53))
        stop_icmp_reports(sock)
        sock.sendall(struct.pack(">H", len(wire)) + wire)
        reply = parse_reply(read_framed(sock.recv), name=name, query_type=query_type, identity=identity)
        return add_reply(base, reply, clock)
    except (OSError, ValueError) as error:
        return replace(base, failure=sock.failure or classify_failure(error), t_s=clock.now_s())
    finally:
        abort(sock)


def read_framed(recv: Callable[[int], bytes]) -> bytes:
    """One message of DNS over a stream, after its length in two bytes (RFC 1035 section 4.2.2)."""
    return _exactly(recv, struct.unpack(">H", _exactly(recv, 2))[0])


def _exactly(recv: Callable[[int], bytes], size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = recv(size - len(data))
        if not chunk:
            raise OSError("connection closed")
        data += chunk
    return data


def lookup_over_https(name: str, query_types: tuple[str, ...], *, operator: Resolver, address: str, clock: Clock,
                      timeout_s: float, purpose: Purpose = "target") -> list[Observation]:
    """Questions to a DoH operator (RFC 8484) at a pinned address, one after the other on one connection."""
    base = Observation(
        operation="dns_round_trip", purpose=purpose, hostname=name,
        dns=DnsPart(engine="doh", resolver=read_word(operator.name, OPERATORS), resolver_address=address,
                    query_type=query_types[0]),
        tls=TlsPart(sni=operator.doh_host), t0_s=clock.now_s(),
    )
    sock = open_socket(6 if ":" in address else 4, deadline=time.monotonic() + timeout_s)
    try:
        sock.connect((address, 443))
        stop_icmp_reports(sock)
        stream = TlsStream(sock, make_context("web_pki", ("http/1.1",)), server_name=operator.doh_host)
        shaken = shake_hands(stream)
        if shaken.failure:
            return [replace(base, failure=shaken.failure, tls=replace(base.tls, trust=shaken.trust), t_s=clock.now_s())]
        return [_doh_question(stream, replace(base, dns=replace(base.dns, query_type=kind)), operator, clock)
                for kind in query_types]
    except OSError as error:
        return [replace(base, failure=sock.failure or classify_failure(error), t_s=clock.now_s())]
    finally:
        abort(sock)


def _doh_question(stream: TlsStream, base: Observation, operator: Resolver, clock: Clock) -> Observation:
    from probe.instruments.names.dns_wire import make_query, parse_reply
    from probe.instruments.streams.http_exchange import exchange_http

    base = replace(base, t0_s=clock.now_s())
    try:
        wire = make_query(base.hostname, base.dns.query_type, identity=0)  # id 0 keeps the request cacheable, RFC 8484
    except ValueError:
        return replace(base, failure="invalid_argument", t_s=clock.now_s())
    got = exchange_http(
        stream, f"https://{operator.doh_host}{operator.doh_path}", host=operator.doh_host, method="POST", body=wire,
        headers={"Content-Type": "application/dns-message", "Accept": "application/dns-message"},
        max_body_bytes=MAX_DNS_BYTES,
    )
    if got.failure or got.status != 200:
        return replace(
            base, failure=got.failure or "http_unexpected_status_code", http=replace(base.http, status=got.status),
            t_s=clock.now_s(),
        )
    reply = parse_reply(got.body, name=base.hostname, query_type=base.dns.query_type, identity=0)
    return add_reply(base, reply, clock)


def add_reply(base: Observation, reply: DnsResponse, clock: Clock) -> Observation:
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


def add_fingerprint(seen: Observation) -> Observation:
    """The lookup, with the name of the fingerprint that its answer matches."""
    match = get_index().of_answer(seen.dns.answers, seen.dns.cnames)
    return replace(seen, fingerprint=match.name, fingerprint_scope=match.scope)
