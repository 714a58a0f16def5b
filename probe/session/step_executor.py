"""Carrying out one step: the bridge from plan to measurement, run on worker threads."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from probe.catalogue.sites import Page
from probe.core.addresses import may_connect
from probe.core.endpoints import Endpoint
from probe.core.observation_parts import HttpPart
from probe.core.observations import ControlAnswer, Observation
from probe.core.tables.resolvers import HTTPS, PUBLIC_RESOLVERS
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.words import Empty
from probe.instruments.clock import Clock
from probe.instruments.hops.locate import locate_hop
from probe.instruments.hops.trace import trace_tcp
from probe.instruments.names.lookups import lookup_by_system
from probe.instruments.names.resolver_lines import ResolverLines
from probe.instruments.names.stream_lookups import lookup_encrypted, lookup_over_tcp
from probe.instruments.packets.capture import PacketCapture
from probe.instruments.steps import (
    AskControl,
    Datagrams,
    FollowRedirect,
    LocateHop,
    Lookup,
    Step,
    TcpTrace,
    Transfer,
    Visit,
)
from probe.instruments.visits.visit import visit
from probe.session.datagram_steps import exchange_datagrams


class AskHelper(Protocol):
    """How a control is asked; the control client fits."""

    def __call__(self, control_id: str, endpoint: Endpoint, addresses: tuple[str, ...], volume: str = "",
                 shape: ProgramShape | Empty = "", /,
                 ) -> ControlAnswer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StepExecutor:
    """What steps need to be carried out."""

    clock: Clock
    endpoints: dict[str, Endpoint]
    ask: AskHelper
    query_types: tuple[str, ...]
    lines: ResolverLines
    way_to: Callable[[str], str] = str
    """How this network reaches a literal address; empty where it does not."""
    timeout_s: float = 6.0
    capture: PacketCapture | None = None
    """Where packets may be captured."""
    trace_key: bytes = field(default_factory=partial(secrets.token_bytes, 16), repr=False)
    """Routers are written as hashes under this key, which nobody keeps."""
    report_address: Callable[[str, str], None] = field(default=lambda address, teller: None, repr=False)
    """Takes what servers say of our own address: (it, who says so)."""


StepResult = tuple[list[Observation], list[ControlAnswer]]


def execute_step(step: Step, executor: StepExecutor) -> StepResult:
    """Do one step to its end; UDP lookups are not done here (the listener has them)."""
    if isinstance(step, Visit):
        return visit(step, clock=executor.clock, capture=executor.capture), []
    if isinstance(step, AskControl):
        return [], [executor.ask(step.control_id, executor.endpoints[step.input], step.addresses, step.volume,
                                 step.shape)]
    if isinstance(step, TcpTrace):
        return [trace_tcp(step, clock=executor.clock, key=executor.trace_key)], []
    if isinstance(step, Datagrams):
        return [exchange_datagrams(step, clock=executor.clock, key=executor.trace_key,
                                   report_address=executor.report_address)], []
    if isinstance(step, Transfer):
        from probe.instruments.visits.transfer import make_transfer

        return [make_transfer(step, clock=executor.clock)], []
    if isinstance(step, LocateHop):
        return locate_hop(step, clock=executor.clock, key=executor.trace_key), []
    if isinstance(step, FollowRedirect):
        return _follow(step, executor), []
    return _lookup(step, executor), []


def _lookup(step: Lookup, executor: StepExecutor) -> list[Observation]:
    if step.channel == "system":
        return [lookup_by_system(step.name, clock=executor.clock, timeout_s=executor.timeout_s)]
    if step.channel == "tcp":
        seen = lookup_over_tcp(step.name, executor.query_types[0], server=step.server, lines=executor.lines,
                               clock=executor.clock, timeout_s=executor.timeout_s)
        return [replace(seen, purpose="innocent", input=step.about) if step.about else seen]
    operator = next(o for o in PUBLIC_RESOLVERS if o.name == step.server)
    address = executor.way_to(operator.ipv4[0]) or next(iter(operator.ipv6), operator.ipv4[0])
    kinds = (HTTPS,) if step.channel == "https_doh" else (*executor.query_types, HTTPS)
    found = lookup_encrypted(step.name, kinds, engine="dot" if step.channel == "dot" else "doh", operator=operator,
                             address=address, lines=executor.lines, clock=executor.clock,
                             timeout_s=executor.timeout_s + 2)
    return [replace(o, purpose="https") if o.dns.query_type == HTTPS else o for o in found]


def _follow(step: FollowRedirect, executor: StepExecutor) -> list[Observation]:
    """One redirect, to a public address only; a place inside somebody's own network is written down, not visited."""
    base = Observation(
        operation="connect", purpose="redirect", input=step.input, target_id=step.target_id,
        http=HttpPart(url=step.url),
    )
    try:
        parts = urlsplit(step.url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return [replace(base, reason="the redirect is no URL")]
    if not host or parts.username:
        return [replace(base, reason="the redirect names no host that may be visited")]
    base = replace(base, hostname=host, port=port)
    looked: list[Observation] = []
    addresses: tuple[str, ...] = (host,)
    if not may_connect(host):
        if host.replace(".", "").isdigit() or ":" in host:
            return [replace(base, reason="redirect into private address space")]
        looked = [replace(lookup_by_system(host, clock=executor.clock, timeout_s=executor.timeout_s),
                          purpose="redirect", input=step.input, target_id=step.target_id)]
        addresses = looked[0].dns.answers
    usable = [a for a in addresses if may_connect(a) and ":" not in a]
    if not usable:
        return [*looked, replace(base, reason="redirect into private address space" if addresses else
                                 "the redirect's host does not resolve")]
    secure = parts.scheme == "https"
    return looked + visit(Visit(
        purpose="redirect", address=usable[0], port=port, hostname=host, source="system", input=step.input,
        target_id=step.target_id, sni=host if secure else "", alpn=("http/1.1",) if secure else (),
        trust="web_pki" if secure else "none", connect_timeout_s=executor.timeout_s, tls_timeout_s=executor.timeout_s,
        pages=(Page(input=step.input, target_id=step.target_id, url=step.url),), http_timeout_s=executor.timeout_s,
    ),
    clock=executor.clock)
