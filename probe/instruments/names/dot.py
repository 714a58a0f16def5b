"""DNS over TLS (RFC 7858): the questions of DNS over TCP inside a TLS session on port 853."""

from __future__ import annotations

import os
import struct
import time
from dataclasses import replace

from probe.core.observation_parts import DnsPart, TlsPart
from probe.core.observations import Observation
from probe.core.tables.failures import classify_failure
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import OPERATORS, Resolver
from probe.core.tables.words import read_word
from probe.instruments.clock import Clock
from probe.instruments.names.lookups import add_reply, read_framed
from probe.instruments.streams.sockets import abort, open_socket, stop_icmp_reports
from probe.instruments.streams.tls_handshake import TlsStream, make_context, shake_hands

PORT = 853
_ALPN = ("dot",)


def lookup_over_tls(name: str, query_types: tuple[str, ...], *, operator: Resolver, address: str, clock: Clock,
                    timeout_s: float, purpose: Purpose = "target") -> list[Observation]:
    """Questions to an operator at a pinned address, one after the other on one connection; the operator must prove
    itself by its certificate (the strict profile of RFC 8310)."""
    base = Observation(
        operation="dns_round_trip", purpose=purpose, hostname=name,
        dns=DnsPart(engine="dot", resolver=read_word(operator.name, OPERATORS), resolver_address=address,
                    query_type=query_types[0]),
        tls=TlsPart(sni=operator.dot_host), t0_s=clock.now_s(),
    )
    sock = open_socket(6 if ":" in address else 4, deadline=time.monotonic() + timeout_s)
    seen: list[Observation] = []
    try:
        sock.connect((address, PORT))
        stop_icmp_reports(sock)
        stream = TlsStream(sock, make_context("web_pki", _ALPN), server_name=operator.dot_host)
        shaken = shake_hands(stream)
        if shaken.failure:
            return [replace(
                base, failure=shaken.failure, tls=replace(base.tls, trust=shaken.trust),
                tcp=replace(base.tcp, acked=shaken.acked), t_s=clock.now_s(),
            )]
        for kind in query_types:
            base = replace(base, dns=replace(base.dns, query_type=kind), t0_s=clock.now_s())
            seen.append(_question(stream, base, clock))
        return seen
    except (OSError, ValueError) as error:
        return [*seen, replace(base, failure=sock.failure or classify_failure(error), t_s=clock.now_s())]
    finally:
        abort(sock)


def _question(stream: TlsStream, base: Observation, clock: Clock) -> Observation:
    from probe.instruments.names.dns_wire import make_query, parse_reply

    identity = int.from_bytes(os.urandom(2), "big")
    wire = make_query(base.hostname, base.dns.query_type, identity=identity)
    stream.sendall(struct.pack(">H", len(wire)) + wire)
    reply = parse_reply(read_framed(stream.recv), name=base.hostname, query_type=base.dns.query_type, identity=identity)
    return add_reply(base, reply, clock)
