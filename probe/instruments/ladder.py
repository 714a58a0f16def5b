"""How far does the network reach? Resolver, controls, TLS and IPv6 at once; targets wait for the first good news."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from probe.catalogue.sites import Page
from probe.core.addresses import may_connect
from probe.core.endpoints import Endpoint
from probe.core.nat64 import KNOWN_NAME
from probe.core.observations import Observation
from probe.core.tables.resolvers import DnsEngine, Resolver
from probe.instruments.clock import Clock
from probe.instruments.names.dns_udp import DnsListener, DnsQuestion
from probe.instruments.names.lookups import lookup_by_system, observe_question
from probe.instruments.names.resolver_lines import ResolverLines
from probe.instruments.names.stream_lookups import lookup_encrypted
from probe.instruments.steps import Visit
from probe.instruments.visits.visit import visit
from probe.instruments.worker_pool import DaemonPool


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderPlan:
    """What to climb with."""

    network_resolver: str
    innocent_names: tuple[str, ...]
    controls: tuple[Endpoint, ...]
    """HTTP control endpoints, exact bodies first."""
    operators: tuple[Resolver, ...]
    """DoH operators whose pinned addresses double as TLS controls."""
    dot_operators: tuple[Resolver, ...] = ()
    """Operators to try DoT with: the others only where the first fails."""
    lines: ResolverLines
    has_ipv4: bool
    has_ipv6: bool
    timeout_s: float = 6.0


Emit = Callable[[Observation], None]


def climb_ladder(plan: LadderPlan, *, clock: Clock, listener: DnsListener, pool: DaemonPool, emit: Emit) -> None:
    """Start every rung; each observation is handed to `emit` from a worker, in any order, as it comes."""
    for name in plan.innocent_names[:2]:
        if plan.network_resolver:
            _ask_resolver(plan, name, "A" if plan.has_ipv4 else "AAAA", clock, listener, emit)
    if plan.network_resolver and plan.has_ipv6:
        _ask_resolver(plan, KNOWN_NAME, "AAAA", clock, listener, emit)
    for endpoint in plan.controls:
        pool.submit(partial(_try_control, plan, endpoint, clock, emit))
    for operator in plan.operators:
        pinned = (*(operator.ipv4[:1] if plan.has_ipv4 else ()), *(operator.ipv6[:1] if plan.has_ipv6 else ()))
        for address in pinned:
            pool.submit(partial(_try_tls, plan, operator, address, clock, emit))
    if plan.dot_operators:
        pool.submit(partial(_try_dot, plan, clock, emit))


def _ask_resolver(plan: LadderPlan, name: str, kind: str, clock: Clock, listener: DnsListener, emit: Emit) -> None:
    def first(question: DnsQuestion) -> None:
        emit(observe_question(question, resolver="network", clock=clock, purpose="ladder"))

    listener.ask(DnsQuestion(name=name, query_type=kind, server=plan.network_resolver, timeout_s=plan.timeout_s - 1,
                             on_first=first))


def _try_control(plan: LadderPlan, endpoint: Endpoint, clock: Clock, emit: Emit) -> None:
    found = lookup_by_system(endpoint.host, clock=clock, timeout_s=plan.timeout_s - 1, purpose="ladder")
    emit(found)
    addresses = [a for a in found.dns.answers if may_connect(a)]
    if not addresses and found.failure and plan.operators:
        operator = plan.operators[0]
        asked = lookup_encrypted(endpoint.host, ("A",), engine="doh", operator=operator, address=operator.ipv4[0],
                                 lines=plan.lines, clock=clock, timeout_s=plan.timeout_s, purpose="ladder")
        for observation in asked:
            emit(observation)
        addresses = [a for o in asked for a in o.dns.answers if may_connect(a)]
    for address in _one_of_each(addresses, plan):
        seen = visit(_visit(plan, endpoint, address), clock=clock)
        for observation in seen:
            emit(observation)
        if not seen[0].failure:  # the other family is tried only where this one does not connect
            return


def _one_of_each(addresses: Sequence[str], plan: LadderPlan) -> list[str]:
    """The first address of each family that this network has, IPv4 first."""
    four = [a for a in addresses if ":" not in a][: int(plan.has_ipv4)]
    return four + [a for a in addresses if ":" in a][: int(plan.has_ipv6)]


def _visit(plan: LadderPlan, endpoint: Endpoint, address: str) -> Visit:
    secure = endpoint.input.startswith("https:")
    return Visit(
        purpose="ladder", address=address, port=endpoint.port, hostname=endpoint.host, source="system",
        sni=endpoint.host if secure else "", alpn=("http/1.1",) if secure else (),
        trust="web_pki" if secure else "none", input=endpoint.input,
        pages=(Page(input=endpoint.input, target_id="", url=endpoint.input, expect=endpoint.expect),),
        connect_timeout_s=plan.timeout_s, tls_timeout_s=plan.timeout_s, http_timeout_s=plan.timeout_s,
    )


def _try_tls(plan: LadderPlan, operator: Resolver, address: str, clock: Clock, emit: Emit) -> None:
    step = Visit(
        purpose="ladder", address=address, port=443, hostname=operator.doh_host, source="literal",
        sni=operator.doh_host, alpn=("http/1.1",), trust="web_pki", connect_timeout_s=plan.timeout_s,
        tls_timeout_s=plan.timeout_s,
    )
    seen = visit(step, clock=clock)
    for observation in seen:
        emit(replace(observation, input=""))
    if seen[-1].operation == "tls_handshake" and seen[-1].failure:  # is it DoH that fails? Once more, with a question
        for again in _ask_encrypted(plan, "doh", operator, address, clock):
            emit(again)


def _try_dot(plan: LadderPlan, clock: Clock, emit: Emit) -> None:
    """One innocent question; where it fails, each operator twice, for one failure shows nothing."""
    first, *others = plan.dot_operators
    for operator in (first, first, *others, *others):
        address = (operator.ipv4 if plan.has_ipv4 else operator.ipv6)[:1]
        for there in address:
            seen = _ask_encrypted(plan, "dot", operator, there, clock)
            for observation in seen:
                emit(observation)
            if any(not o.failure or o.dns.rcode for o in seen):
                return


def _ask_encrypted(plan: LadderPlan, engine: DnsEngine, operator: Resolver, address: str,
                   clock: Clock) -> list[Observation]:
    """An innocent question on a connection of its own."""
    return lookup_encrypted(plan.innocent_names[0], ("A" if plan.has_ipv4 else "AAAA",), engine=engine,
                            operator=operator, address=address, lines=plan.lines, clock=clock,
                            timeout_s=plan.timeout_s, purpose="ladder", fresh=True)


def wait_for_rungs(events: queue.SimpleQueue[Observation], *, enough: Callable[[Sequence[Observation]], bool],
                   until_s: float, clock: Clock) -> list[Observation]:
    """Collect rungs until `enough` says so or the time is up; what comes later stays in the queue."""
    seen: list[Observation] = []
    while not enough(seen):
        left = until_s - clock.now_s()
        if left <= 0:
            break
        try:
            seen.append(events.get(timeout=left))
        except queue.Empty:
            break
    return seen


