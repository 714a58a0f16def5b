"""Name resolution as observations: the system's way and UDP (`stream_lookups` has the others)."""

from __future__ import annotations

import time
from dataclasses import replace

from probe.core.observation_parts import DnsPart
from probe.core.observations import Observation
from probe.core.replies import DnsReply
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import ResolverRole
from probe.instruments.clock import Clock
from probe.instruments.fingerprint_match import get_index
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.dns_udp import DnsQuestion
from probe.instruments.names.system_dns import resolve_by_system


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


def add_fingerprint(seen: Observation) -> Observation:
    """The lookup, with the name of the fingerprint that its answer matches."""
    match = get_index().of_answer(seen.dns.answers, seen.dns.cnames)
    return replace(seen, fingerprint=match.name, fingerprint_scope=match.scope)
