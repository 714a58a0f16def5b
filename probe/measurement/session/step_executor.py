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
from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe.measurement.clock import Clock
from probe.measurement.hops.locate import locate
from probe.measurement.hops.trace import trace
from probe.measurement.names.dot import lookup_dot
from probe.measurement.names.lookups import lookup_doh, lookup_system, lookup_tcp
from probe.measurement.packets.capture import Capture
from probe.measurement.planning.steps import Ask, Datagrams, Follow, Locate, Lookup, Step, Trace, Transfer, Visit
from probe.measurement.session.datagram_steps import exchange_datagrams
from probe.measurement.visits.visit import visit


class AskHelper(Protocol):
    """How a control is asked; the control client fits."""

    def __call__(self, control_id: str, endpoint: Endpoint, addresses: tuple[str, ...], volume: str = "", /,
                 ) -> ControlAnswer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What steps need to be carried out."""

    clock: Clock
    endpoints: dict[str, Endpoint]
    ask: AskHelper
    query_types: tuple[str, ...]
    way_to: Callable[[str], str] = str
    """How this network reaches a literal address; empty where it does not."""
    timeout_s: float = 6.0
    capture: Capture | None = None
    """Where packets may be captured."""
    trace_key: bytes = field(default_factory=partial(secrets.token_bytes, 16), repr=False)
    """Routers are written as hashes under this key, which nobody keeps."""
    told: Callable[[str, str], None] = field(default=lambda address, teller: None, repr=False)
    """Takes what servers say of our own address: (it, who says so)."""


Result = tuple[list[Observation], list[ControlAnswer]]


def carry_out(step: Step, shop: Workshop) -> Result:
    """Do one step to its end; UDP lookups are not done here (the listener has them)."""
    if isinstance(step, Visit):
        return visit(step, clock=shop.clock, capture=shop.capture), []
    if isinstance(step, Ask):
        return [], [shop.ask(step.control_id, shop.endpoints[step.input], step.addresses, step.volume)]
    if isinstance(step, Trace):
        return [trace(step, clock=shop.clock, key=shop.trace_key)], []
    if isinstance(step, Datagrams):
        return [exchange_datagrams(step, clock=shop.clock, key=shop.trace_key, told=shop.told)], []
    if isinstance(step, Transfer):
        from probe.measurement.visits.transfer import transfer

        return [transfer(step, clock=shop.clock)], []
    if isinstance(step, Locate):
        return locate(step, clock=shop.clock, key=shop.trace_key), []
    if isinstance(step, Follow):
        return _follow(step, shop), []
    return _lookup(step, shop), []


def _lookup(step: Lookup, shop: Workshop) -> list[Observation]:
    if step.channel == "system":
        return [lookup_system(step.name, clock=shop.clock, timeout_s=shop.timeout_s)]
    if step.channel == "tcp":
        seen = lookup_tcp(step.name, shop.query_types[0], server=step.server, resolver="public", clock=shop.clock,
                          timeout_s=shop.timeout_s)
        return [replace(seen, purpose="innocent", input=step.about) if step.about else seen]
    operator = next(o for o in PUBLIC_RESOLVERS if o.name == step.server)
    address = shop.way_to(operator.ipv4[0]) or next(iter(operator.ipv6), operator.ipv4[0])
    lookup = lookup_dot if step.channel == "dot" else lookup_doh
    return lookup(step.name, shop.query_types, operator=operator, address=address, clock=shop.clock,
                      timeout_s=shop.timeout_s + 2)


def _follow(step: Follow, shop: Workshop) -> list[Observation]:
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
        looked = [replace(lookup_system(host, clock=shop.clock, timeout_s=shop.timeout_s), purpose="redirect",
                          input=step.input, target_id=step.target_id)]
        addresses = looked[0].dns.answers
    usable = [a for a in addresses if may_connect(a) and ":" not in a]
    if not usable:
        return [*looked, replace(base, reason="redirect into private address space" if addresses else
                                 "the redirect's host does not resolve")]
    secure = parts.scheme == "https"
    return looked + visit(Visit(
        purpose="redirect", address=usable[0], port=port, hostname=host, source="system", input=step.input,
        target_id=step.target_id, sni=host if secure else "", alpn=("http/1.1",) if secure else (),
        trust="web_pki" if secure else "none", connect_timeout_s=shop.timeout_s, tls_timeout_s=shop.timeout_s,
        pages=(Page(input=step.input, target_id=step.target_id, url=step.url),), http_timeout_s=shop.timeout_s,
    ),
    clock=shop.clock)
