"""Names as public operators resolve them, over DoH (RFC 8484) to pinned addresses with verified certificates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.control.helper_protocol import MAX_ADDRESSES
from probe.control.reaching.reach import Stream, hang_up, open_stream
from probe.control.reaching.reach_plan import ReachPlan
from probe.control.reaching.target_guard import has_route
from probe.core.addresses import parse_address
from probe.core.tables.failures import NO_ANSWER, Failure, classify_rcode
from probe.core.tables.resolvers import Resolver
from probe.measurement.names.dns_response import DnsResponse
from probe.measurement.names.dns_wire import make_query, parse_reply
from probe.measurement.streams.http_exchange import exchange_http
from probe.measurement.streams.http_parts import HttpExchange

QUERY_TYPES = ("A", "AAAA")
MAX_MESSAGE_BYTES = 16 * 1024
_HEADERS = {"Content-Type": "application/dns-message", "Accept": "application/dns-message"}

_DECISIVE: tuple[Failure, ...] = ("dns_nxdomain_error", NO_ANSWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class DohLookup:
    """Addresses of a name, or the df-007 word for having none. With neither, no operator could be asked."""

    addresses: tuple[str, ...] = ()
    failure: Failure = ""


def ask_doh(operator: Resolver, name: str, *, port: int, deadline: float) -> tuple[DnsResponse, ...]:
    """What an operator says of a name's addresses, IPv4 and IPv6: both questions on one connection, while it lasts.
    Empty when it gave no usable answer. Raises nothing for the network."""
    address = next((a for a in operator.ipv4 + operator.ipv6 if has_route(a)), None)
    try:
        queries = [make_query(name, kind, identity=0) for kind in QUERY_TYPES]  # RFC 8484, 4.1: caches like zero
    except ValueError:
        return (DnsResponse(rcode="NXDOMAIN"),)
    if address is None:
        return ()
    plan = ReachPlan(address=address, port=port, sni=operator.doh_host, alpn=("http/1.1",))
    replies: list[DnsResponse] = []
    stream: Stream | None = None
    try:
        for kind, query in zip(QUERY_TYPES, queries, strict=True):
            stream = stream or open_stream(plan, deadline=deadline)[1]
            if stream is None:
                break
            got = _post(stream, operator, query)
            reply = _reply(got, name, kind)
            replies += [reply] if reply else []
            if not got.reusable:
                hang_up(stream)
                stream = None
    finally:
        if stream is not None:
            hang_up(stream)
    return tuple(replies)


def _post(stream: Stream, operator: Resolver, query: bytes) -> HttpExchange:
    return exchange_http(stream, f"https://{operator.doh_host}{operator.doh_path}", host=operator.doh_host,
                         method="POST", body=query, headers=_HEADERS, max_body_bytes=MAX_MESSAGE_BYTES)


def _reply(got: HttpExchange, name: str, query_type: str) -> DnsResponse | None:
    """The message that an answer carries, where it is one."""
    if got.failure or got.status != 200 or got.truncated:
        return None
    reply = parse_reply(got.body, name=name, query_type=query_type, identity=0)
    return None if reply.failure else reply


def merge_replies(replies: Iterable[DnsResponse]) -> DohLookup:
    """What several replies say together: every address, else the clearest failure."""
    failures: list[Failure] = []
    addresses: dict[str, None] = {}
    for reply in replies:
        addresses |= dict.fromkeys(str(a) for text in reply.answers if (a := parse_address(text)) is not None)
        failures.append(classify_rcode(reply.rcode, bool(reply.answers)))
    if addresses:
        return DohLookup(addresses=tuple(addresses)[:MAX_ADDRESSES])
    decisive = [word for word in _DECISIVE if word in failures]
    return DohLookup(failure=next(iter(decisive + failures), ""))


def resolve_by_doh(name: str, operators: Sequence[Resolver], *, port: int, deadline: float) -> DohLookup:
    """Resolve in the calling thread: the first operator that answers decides."""
    for operator in operators:
        if replies := ask_doh(operator, name, port=port, deadline=deadline):
            return merge_replies(replies)
        if time.monotonic() >= deadline:
            break
    return DohLookup()
