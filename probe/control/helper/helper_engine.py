"""What the helper does for one request: names, addresses and the page, side by side, within one deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import TypeVar

from probe.control.helper.helper_order import HelperOrder, list_addresses, list_names, plan_order
from probe.control.helper.helper_reply import HelperFindings, make_response
from probe.control.helper.volume import make_volume_job
from probe.control.helper_protocol import HttpResult, Response, XVolume
from probe.control.reaching import doh
from probe.control.reaching.doh import DohLookup
from probe.control.reaching.page_fetch import MAX_BODY_BYTES, PLAIN_BODY_BYTES, fetch_page
from probe.control.reaching.reach import reach_endpoint
from probe.control.reaching.reach_plan import ReachPlan, ReachResult
from probe.control.reaching.target_guard import TargetGuard
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, Resolver
from probe.measurement.names.dns_response import DnsResponse

DNS_TIMEOUT_S = 4.0
CONNECT_TIMEOUT_S = 5.0
HTTP_TIMEOUT_S = 7.0
"""Both for all of it, and shorter than a probe waits for each part (`probe.measurement.planning.plan_context`): what
was served to us in that time would have been served to a probe."""
REQUEST_TIMEOUT_S = 20.0
OPERATORS_AT_ONCE = 2
LAST_WORD_S = 0.2
"""A lookup ends so much before it is waited for no more, or what it has heard until then is lost with it."""
JOBS_AT_ONCE = 16
"""Threads that one request may hold: one that names silent addresses leaves the others to other requests."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperEngine:
    """What the helper works with; all but `pool` is set for the public internet."""

    pool: Executor
    guard: TargetGuard = field(default_factory=TargetGuard)
    resolvers: tuple[Resolver, ...] = PUBLIC_RESOLVERS
    doh_port: int = 443
    asn_of: Callable[[str], int] = lambda _: 0
    """The network of a public address; 0: not known. Must be quick, and raise nothing."""


async def measure_order(order: HelperOrder, engine: HelperEngine) -> Response:
    """Measure all that was ordered and answer; what does not end in time is left out."""
    deadline = time.monotonic() + REQUEST_TIMEOUT_S
    run = _RequestRun(engine=engine, deadline=deadline)
    lookups = await _resolve(list_names(order), run, min(deadline, time.monotonic() + DNS_TIMEOUT_S))
    jobs: dict[ReachPlan, Callable[[], ReachResult]] = {
        plan: partial(reach_endpoint, plan, guard=engine.guard, timeout_s=CONNECT_TIMEOUT_S, deadline=deadline)
        for plan in plan_order(order, lookups)
    }
    page, reached, volume = await asyncio.gather(
        _fetch(order, run, lookups), _run_in_parallel(jobs, run, deadline), _volume(order, run, lookups),
    )
    return make_response(order,
                         HelperFindings(lookups=lookups, reached=reached, page=page, volume=volume,
                                        asn_of=engine.asn_of,
                                               page_by_quic=await _fetch_by_quic(order, run, lookups, page)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _RequestRun:
    """One request under way."""

    engine: HelperEngine
    deadline: float
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(JOBS_AT_ONCE))


async def _volume(order: HelperOrder, run: _RequestRun, lookups: Mapping[str, DohLookup]) -> XVolume | None:
    """The transfer, or None when none was ordered, or none may be made."""
    job = make_volume_job(order, lookups, run.engine.guard)
    if job is None:
        return None
    return (await _run_in_parallel({"volume": job}, run, run.deadline)).get("volume")


async def _run_in_parallel(jobs: Mapping[K, Callable[[], V]], run: _RequestRun, deadline: float) -> dict[K, V]:
    """Run the jobs on the pool; the results of those that end before the deadline."""
    if not jobs:
        return {}
    tasks = {key: asyncio.ensure_future(_in_turn(job, run)) for key, job in jobs.items()}
    try:
        _, late = await asyncio.wait(tasks.values(), timeout=max(0.0, deadline - time.monotonic()))
    except asyncio.CancelledError:
        for task in tasks.values():
            task.cancel()
        raise
    for task in late:
        task.cancel()
    return {key: task.result() for key, task in tasks.items() if task not in late}


async def _in_turn(job: Callable[[], V], run: _RequestRun) -> V:
    async with run.turn:
        return await asyncio.get_running_loop().run_in_executor(run.engine.pool, job)


async def _resolve(names: tuple[str, ...], run: _RequestRun, deadline: float) -> dict[str, DohLookup]:
    """Each name with two operators at once, for their answers differ by place; with the next two if both fail."""
    engine = run.engine
    found: dict[str, DohLookup] = {}
    rounds = range(0, len(engine.resolvers), OPERATORS_AT_ONCE)
    for start in rounds:
        missing = [name for name in names if name not in found]
        until = time.monotonic() + (deadline - time.monotonic()) / (len(rounds) - start // OPERATORS_AT_ONCE)
        jobs: dict[tuple[str, str], Callable[[], tuple[DnsResponse, ...]]] = {
            (name, operator.name): partial(doh.ask_doh, operator, name, port=engine.doh_port,
                                           deadline=until - LAST_WORD_S)
            for name in missing
            for operator in engine.resolvers[start : start + OPERATORS_AT_ONCE]
        }
        replies = await _run_in_parallel(jobs, run, until)
        for name in missing:
            if said := [reply for (asked, _), told in replies.items() if asked == name for reply in told]:
                found[name] = doh.merge_replies(said)
    return found


async def _fetch(order: HelperOrder, run: _RequestRun, lookups: Mapping[str, DohLookup]) -> HttpResult | None:
    """The page, or None when none was ordered; a fetch that no worker was free for was refused as `busy`."""
    site, engine = order.site, run.engine
    if site is None:
        return None

    def resolve(host: str) -> DohLookup:
        return lookups.get(host) or doh.resolve_by_doh(host, engine.resolvers, port=engine.doh_port, deadline=until)

    until = min(run.deadline, time.monotonic() + HTTP_TIMEOUT_S)
    job = partial(
        fetch_page, site, headers=order.headers, trust=order.trust, resolve=resolve, guard=engine.guard, deadline=until,
        max_body_bytes=PLAIN_BODY_BYTES if order.plain else MAX_BODY_BYTES,
    )
    results = await _run_in_parallel({"page": job}, run, run.deadline)
    return results.get("page") or HttpResult(failure="unknown_error", x_refused="busy")


async def _fetch_by_quic(order: HelperOrder, run: _RequestRun, lookups: Mapping[str, DohLookup],
                         page: HttpResult | None) -> HttpResult | None:
    """The URL over HTTP/3, where that was asked for and its own host says that it speaks it; else None."""
    site = order.site
    host, _, port = page.discovered_h3_endpoint.rpartition(":") if page else ("", "", "")
    if not (order.quic and site and host == site.host and find_spec("aioquic")):
        return None

    def job() -> HttpResult | None:
        from probe.control.reaching.page_fetch_h3 import fetch_page_h3

        return fetch_page_h3(site, port=int(port), addresses=list_addresses(site.host, lookups), headers=order.headers,
                             trust=order.trust, guard=run.engine.guard, deadline=until)

    until = min(run.deadline, time.monotonic() + HTTP_TIMEOUT_S)
    return (await _run_in_parallel({"page": job}, run, run.deadline)).get("page")
