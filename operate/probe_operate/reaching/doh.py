"""Names as public operators resolve them, over DoH (RFC 8484) to pinned addresses with verified certificates."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from probe.controls.helper_protocol import MAX_ADDRESSES
from probe.controls.reaching.public_addresses import has_route
from probe.core.addresses import parse_address
from probe.core.tables.failures import EOF, NO_ANSWER, TIMEOUT, Failure, classify_rcode, is_timeout
from probe.core.tables.resolvers import Resolver
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.names.dns_wire import make_query
from probe.instruments.names.https_wire import walk_reply
from probe.instruments.streams.http_parts import HttpExchange
from probe.instruments.streams.kept_streams import KeptStreams, Stream, hang_up
from probe_operate.reaching.doh_connections import ask_question, keep_connections
from probe_operate.reaching.reach import open_stream
from probe_operate.reaching.reach_plan import NO_RESOLVER, RESOLVER_SILENT, ReachPlan

QUERY_TYPES = ("A", "AAAA")
NO_SUCH_NAME = "NXDOMAIN"
SILENT = DnsResponse(failure=TIMEOUT)
"""Stands for an operator that took a question and did not answer it in time."""

_DECISIVE: tuple[Failure, ...] = ("dns_nxdomain_error", NO_ANSWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class DohLookup:
    """Addresses of a name, or the df-007 word for having none, or a reason why neither is known."""

    addresses: tuple[str, ...] = ()
    failure: Failure = ""
    reason: str = ""
    """busy, no_resolver or resolver_silent."""


def ask_doh(operator: Resolver, name: str, *, port: int, deadline: float,
            kept: KeptStreams | None = None) -> tuple[DnsResponse, ...]:
    """What an operator says of a name's addresses, IPv4 and IPv6: both questions on one connection, while it lasts.
    Empty when it gave no usable answer, `SILENT` alone when it took a question and its time was up. Half an answer
    denies nothing: a name without IPv4 addresses may have others. Raises nothing for the network."""
    try:
        queries = [make_query(name, kind, identity=0) for kind in QUERY_TYPES]  # RFC 8484, 4.1: caches like zero
    except ValueError:
        return (DnsResponse(rcode=NO_SUCH_NAME),)
    line = _Line(operator=operator, port=port, deadline=deadline, kept=kept or keep_connections())
    replies: list[DnsResponse] = []
    silent = False
    try:
        for kind, query in zip(QUERY_TYPES, queries, strict=True):
            got = line.ask(query)
            if got is None:
                break
            silent = silent or is_timeout(got.failure)
            reply = _reply(got, name, kind)
            replies += [reply] if reply else []
    finally:
        line.end()
    if len(replies) == len(QUERY_TYPES) or any(r.answers or r.rcode == NO_SUCH_NAME for r in replies):
        return tuple(replies)
    return (SILENT,) if silent else ()


@dataclass(slots=True, kw_only=True)
class _Line:
    """A connection to an operator, kept from earlier or made when there is a question."""

    operator: Resolver
    port: int
    deadline: float
    kept: KeptStreams
    _stream: Stream | None = None

    def ask(self, query: bytes) -> HttpExchange | None:
        """One question; once more on a fresh connection where a kept one had ended. None: no connection."""
        was_kept = self._stream is None and self._take()
        if not self._stream and not self._open():
            return None
        got = self._exchange(query)
        if not (got.failure and was_kept):
            return got
        if is_timeout(got.failure):  # a kept connection may be dead: its silence is not the operator's
            return replace(got, failure=EOF)
        return self._exchange(query) if self._open() else None

    def end(self) -> None:
        """Keep the connection for others, if it still stands."""
        if self._stream is not None:
            self.kept.keep((self.operator.doh_host, self.port), self._stream)

    def _take(self) -> bool:
        self._stream = self.kept.take((self.operator.doh_host, self.port), deadline=self.deadline)
        return self._stream is not None

    def _open(self) -> bool:
        address = next((a for a in self.operator.ipv4 + self.operator.ipv6 if has_route(a)), None)
        if address is not None:
            plan = ReachPlan(address=address, port=self.port, sni=self.operator.doh_host, alpn=("http/1.1",))
            self._stream = open_stream(plan, deadline=self.deadline)[1]
        return self._stream is not None

    def _exchange(self, query: bytes) -> HttpExchange:
        assert self._stream is not None
        got = ask_question(self._stream, self.operator, query)
        if not got.reusable:
            hang_up(self._stream)
            self._stream = None
        return got


def _reply(got: HttpExchange, name: str, query_type: str) -> DnsResponse | None:
    """The message that an answer carries, where it is one."""
    if got.failure or got.status != 200 or got.truncated:
        return None
    reply = walk_reply(got.body, name=name, query_type=query_type, identity=0)
    return None if reply.failure else reply


def merge_replies(replies: Iterable[DnsResponse]) -> DohLookup:
    """What several replies say together: every address, else the clearest failure; with none, why nothing is known."""
    failures: list[Failure] = []
    addresses: dict[str, None] = {}
    silent = False
    for reply in replies:
        if reply is SILENT:
            silent = True
            continue
        addresses |= dict.fromkeys(str(a) for text in reply.answers if (a := parse_address(text)) is not None)
        failures.append(classify_rcode(reply.rcode, bool(reply.answers)))
    if addresses:
        return DohLookup(addresses=tuple(addresses)[:MAX_ADDRESSES])
    decisive = [word for word in _DECISIVE if word in failures]
    if not failures:
        return DohLookup(reason=RESOLVER_SILENT if silent else NO_RESOLVER)
    return DohLookup(failure=next(iter(decisive + failures)))


def resolve_by_doh(name: str, operators: Sequence[Resolver], *, port: int, deadline: float,
                   kept: KeptStreams | None = None) -> DohLookup:
    """Resolve in the calling thread: the first operator that answers decides."""
    heard: list[DnsResponse] = []
    for number, operator in enumerate(operators):
        now = time.monotonic()
        if now >= deadline:
            break
        until = now + (deadline - now) / (len(operators) - number)
        replies = ask_doh(operator, name, port=port, deadline=until, kept=kept)
        if replies and replies != (SILENT,):
            return merge_replies(replies)
        heard += replies
    return merge_replies(heard)
