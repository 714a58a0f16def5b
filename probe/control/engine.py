"""What the helper does for one request: names, addresses and the page, side by side, within one deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from probe.control import doh
from probe.control.doh import QUERY_TYPES, Lookup
from probe.control.fetch import fetch
from probe.control.guard import Guard
from probe.control.order import Order, names_of, plans_of
from probe.control.protocol import HttpResult, Response, XVolume
from probe.control.reach import Plan, Reach, reach
from probe.control.reply import Findings, respond
from probe.control.volume import volume_job
from probe.measure.dns_reply import Reply
from probe.tables.resolvers import PUBLIC_RESOLVERS, Resolver

DNS_TIMEOUT_S = 4.0
CONNECT_TIMEOUT_S = 10.0
HTTP_TIMEOUT_S = 10.0
REQUEST_TIMEOUT_S = 20.0
OPERATORS_AT_ONCE = 2

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What the helper works with; all but `pool` is set for the public internet."""

    pool: Executor
    guard: Guard = field(default_factory=Guard)
    resolvers: tuple[Resolver, ...] = PUBLIC_RESOLVERS
    doh_port: int = 443


async def measure(order: Order, engine: Engine) -> Response:
    """Measure all that was ordered and answer; what does not end in time is left out."""
    deadline = time.monotonic() + REQUEST_TIMEOUT_S
    lookups = await _resolve(names_of(order), engine, min(deadline, time.monotonic() + DNS_TIMEOUT_S))
    jobs: dict[Plan, Callable[[], Reach]] = {
        plan: partial(reach, plan, guard=engine.guard, timeout_s=CONNECT_TIMEOUT_S, deadline=deadline)
        for plan in plans_of(order, lookups)
    }
    page, reached, volume = await asyncio.gather(
        _fetch(order, engine, lookups, deadline), _side_by_side(jobs, engine.pool, deadline),
        _volume(order, engine, lookups, deadline),
    )
    return respond(order, Findings(lookups=lookups, reached=reached, page=page, volume=volume))


async def _volume(order: Order, engine: Engine, lookups: Mapping[str, Lookup], deadline: float) -> XVolume | None:
    """The transfer, or None when none was ordered, or none may be made."""
    job = volume_job(order, lookups, engine.guard)
    if job is None:
        return None
    return (await _side_by_side({"volume": job}, engine.pool, deadline)).get("volume")


async def _side_by_side(jobs: Mapping[K, Callable[[], V]], pool: Executor, deadline: float) -> dict[K, V]:
    """Run the jobs on the pool; the results of those that end before the deadline."""
    if not jobs:
        return {}
    loop = asyncio.get_running_loop()
    futures = {key: loop.run_in_executor(pool, job) for key, job in jobs.items()}
    _, late = await asyncio.wait(futures.values(), timeout=max(0.0, deadline - time.monotonic()))
    for future in late:
        future.cancel()
    return {key: future.result() for key, future in futures.items() if future not in late}


async def _resolve(names: tuple[str, ...], engine: Engine, deadline: float) -> dict[str, Lookup]:
    """Each name with two operators at once, for their answers differ by place; with the next two if both fail."""
    found: dict[str, Lookup] = {}
    rounds = range(0, len(engine.resolvers), OPERATORS_AT_ONCE)
    for start in rounds:
        missing = [name for name in names if name not in found]
        until = time.monotonic() + (deadline - time.monotonic()) / (len(rounds) - start // OPERATORS_AT_ONCE)
        jobs: dict[tuple[str, str, str], Callable[[], Reply | None]] = {
            (name, operator.name, kind): partial(doh.ask, operator, name, kind, port=engine.doh_port, deadline=until)
            for name in missing
            for operator in engine.resolvers[start : start + OPERATORS_AT_ONCE]
            for kind in QUERY_TYPES
        }
        replies = await _side_by_side(jobs, engine.pool, until)
        for name in missing:
            if said := [reply for (asked, _, _), reply in replies.items() if asked == name and reply is not None]:
                found[name] = doh.merge(said)
    return found


async def _fetch(order: Order, engine: Engine, lookups: Mapping[str, Lookup], deadline: float) -> HttpResult | None:
    """The page, or None when none was ordered; a fetch that no worker was free for was refused as `busy`."""
    site = order.site
    if site is None:
        return None

    def resolve(host: str) -> Lookup:
        return lookups.get(host) or doh.lookup(host, engine.resolvers, port=engine.doh_port, deadline=until)

    until = min(deadline, time.monotonic() + HTTP_TIMEOUT_S)
    job = partial(
        fetch, site, headers=order.headers, trust=order.trust, resolve=resolve, guard=engine.guard, deadline=until
    )
    results = await _side_by_side({"page": job}, engine.pool, deadline)
    return results.get("page") or HttpResult(failure="unknown_error", x_refused="busy")
