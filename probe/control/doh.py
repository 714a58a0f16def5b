"""Names as public operators resolve them, over DoH (RFC 8484) to pinned addresses with verified certificates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.compare.addresses import parse
from probe.control.guard import has_route
from probe.control.protocol import MAX_ADDRESSES
from probe.control.reach import hang_up, open_stream
from probe.control.reach_plan import Plan
from probe.measure.dns_reply import Reply
from probe.measure.dns_wire import make_query, parse_reply
from probe.measure.exchange import exchange
from probe.tables.failures import NO_ANSWER, rcode_failure
from probe.tables.resolvers import Resolver

QUERY_TYPES = ("A", "AAAA")
MAX_MESSAGE_BYTES = 16 * 1024
_HEADERS = {"Content-Type": "application/dns-message", "Accept": "application/dns-message"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Addresses of a name, or the df-007 word for having none. With neither, no operator could be asked."""

    addresses: tuple[str, ...] = ()
    failure: str = ""


def ask(operator: Resolver, name: str, query_type: str, *, port: int, deadline: float) -> Reply | None:
    """One question to one operator; None when it gave no usable answer. Raises nothing for the network."""
    try:
        query = make_query(name, query_type, identity=0)  # RFC 8484, 4.1: zero is friendly to caches
    except ValueError:
        return Reply(rcode="NXDOMAIN")
    address = next((a for a in operator.ipv4 + operator.ipv6 if has_route(a)), None)
    if address is None:
        return None
    plan = Plan(address=address, port=port, sni=operator.doh_host, alpn=("http/1.1",))
    reach, stream = open_stream(plan, deadline=deadline)
    if stream is None or reach.failure:
        return None
    try:
        got = exchange(
            stream, f"https://{operator.doh_host}{operator.doh_path}", host=operator.doh_host, method="POST",
            body=query, headers=_HEADERS, max_body_bytes=MAX_MESSAGE_BYTES,
        )
    finally:
        hang_up(stream)
    if got.failure or got.status != 200 or got.truncated:
        return None
    reply = parse_reply(got.body, name=name, query_type=query_type, identity=0)
    return None if reply.failure else reply


def merge(replies: Iterable[Reply]) -> Lookup:
    """What several replies say together: every address, else the clearest failure."""
    failures: list[str] = []
    addresses: dict[str, None] = {}
    for reply in replies:
        addresses |= dict.fromkeys(str(a) for text in reply.answers if (a := parse(text)) is not None)
        failures.append(rcode_failure(reply.rcode, bool(reply.answers)))
    if addresses:
        return Lookup(addresses=tuple(addresses)[:MAX_ADDRESSES])
    decisive = [word for word in ("dns_nxdomain_error", NO_ANSWER) if word in failures]
    return Lookup(failure=next(iter(decisive + failures), ""))


def lookup(name: str, operators: Sequence[Resolver], *, port: int, deadline: float) -> Lookup:
    """Resolve in the calling thread: the first operator that answers decides."""
    for operator in operators:
        replies = [ask(operator, name, kind, port=port, deadline=deadline) for kind in QUERY_TYPES]
        if any(replies):
            return merge(reply for reply in replies if reply)
        if time.monotonic() >= deadline:
            break
    return Lookup()
