"""What the helper does for one request: names, addresses and the page, side by side, within one deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec

from probe.controls.helper_protocol import HttpResult, Response, XVolume
from probe.controls.reaching.fetch_site import FetchSite
from probe.core.tables.control_sources import BUSY
from probe.core.tables.failures import TIMEOUT, open_failure
from probe.core.tables.resolvers import PUBLIC_RESOLVERS, Resolver
from probe.instruments.names.dns_response import DnsResponse
from probe.instruments.streams.kept_streams import KeptStreams
from probe_operate.helper.helper_order import HelperOrder, list_addresses, list_names, plan_order
from probe_operate.helper.helper_reply import HelperFindings, make_response
from probe_operate.helper.page_connection import PageConnection, find_shared_plan
from probe_operate.helper.rate_limiter import SilenceBudget
from probe_operate.helper.request_run import MeasuringJob, MeasuringPool, RequestRun
from probe_operate.helper.scheduling_delay import SchedulingDelay
from probe_operate.helper.volume import make_volume_job
from probe_operate.reaching import doh
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.doh_connections import keep_connections
from probe_operate.reaching.page_fetch import MAX_BODY_BYTES, PLAIN_BODY_BYTES, fetch_page
from probe_operate.reaching.reach import reach_endpoint
from probe_operate.reaching.reach_plan import ReachPlan, ReachResult
from probe_operate.reaching.target_guard import TargetGuard

DNS_TIMEOUT_S = 4.0
CONNECT_TIMEOUT_S = 5.0
HTTP_TIMEOUT_S = 7.0
"""Both for all of it, and shorter than a probe waits for each part (`probe.session.planning.plan_context`): what
was served to us in that time would have been served to a probe. Each begins when a thread takes the job."""
VOLUME_TIMEOUT_S = 12.0
REQUEST_TIMEOUT_S = 20.0
OPERATORS_AT_ONCE = 2
TRANSFERS_AT_ONCE = 16
"""Of all requests together: a full line of ours must not look like a slow service."""
MAX_DELAY_S = 0.5
"""No failure is believed that was found while this process was kept from running for longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelperEngine:
    """What the helper works with; all but `pool` is set for the public internet."""

    pool: MeasuringPool
    guard: TargetGuard = field(default_factory=TargetGuard)
    resolvers: tuple[Resolver, ...] = PUBLIC_RESOLVERS
    doh_port: int = 443
    asn_of: Callable[[str], int] = lambda _: 0
    """The network of a public address; 0: not known. Must be quick, and raise nothing."""
    silence: SilenceBudget = field(default_factory=lambda: SilenceBudget(clock=time.monotonic))
    delay: SchedulingDelay = field(default_factory=SchedulingDelay)
    max_delay_s: float = MAX_DELAY_S
    operators: KeptStreams = field(default_factory=keep_connections)
    transfers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(TRANSFERS_AT_ONCE))


async def measure_order(order: HelperOrder, engine: HelperEngine, *, network: str = "") -> Response:
    """Measure all that was ordered and answer; what does not begin in time is `busy`. `network`: the client's, whose
    share limits it; empty: no share does."""
    async with engine.delay.watched():
        run = RequestRun(pool=engine.pool, deadline=time.monotonic() + REQUEST_TIMEOUT_S, network=network,
                         silence=engine.silence, delay=engine.delay, max_delay_s=engine.max_delay_s)
        lookups = await _resolve(list_names(order), engine, run)
        jobs = {plan: _make_reach_job(plan, engine) for plan in plan_order(order, lookups)}
        shared = find_shared_plan(order, lookups, jobs)
        beside = {shared: jobs.pop(shared)} if shared is not None else {}
        connection = PageConnection(shared.address if shared is not None else "")
        page, reached, reached_beside, volume = await asyncio.gather(
            _fetch(order, engine, run, lookups, connection), run.run_jobs(jobs),
            _reach_beside_page(beside, run, connection), _volume(order, engine, run, lookups))
        by_quic = await _fetch_by_quic(order, engine, run, lookups, page)
    return make_response(order, HelperFindings(
        lookups=lookups, reached={**reached, **reached_beside}, page=page, volume=volume, asn_of=engine.asn_of,
        page_by_quic=by_quic))


def _make_reach_job(plan: ReachPlan, engine: HelperEngine) -> MeasuringJob[ReachResult]:
    def run(deadline: float) -> ReachResult:
        return reach_endpoint(plan, guard=engine.guard, timeout_s=CONNECT_TIMEOUT_S, deadline=deadline)

    return MeasuringJob(run=run, takes_s=CONNECT_TIMEOUT_S, failure_of=lambda found: found.failure)


async def _reach_beside_page(jobs: Mapping[ReachPlan, MeasuringJob[ReachResult]], run: RequestRun,
                             connection: PageConnection) -> dict[ReachPlan, ReachResult]:
    """What the page's own connection shows of its address; where it shows nothing soon, that is reached by itself."""
    if not jobs:
        return {}
    opened = await connection.wait()
    return dict.fromkeys(jobs, opened) if opened is not None else await run.run_jobs(jobs)


async def _volume(order: HelperOrder, engine: HelperEngine, run: RequestRun,
                  lookups: Mapping[str, DohLookup]) -> XVolume | None:
    """The transfer, or None when none was ordered, or none may be made."""
    make = make_volume_job(order, lookups, engine.guard)
    if make is None or engine.transfers.locked():
        return None
    job: MeasuringJob[XVolume | None] = MeasuringJob(
        run=lambda _: make(), takes_s=VOLUME_TIMEOUT_S, about_speed=True,
        failure_of=lambda volume: open_failure(volume.failure or "") if volume else "")
    async with engine.transfers:
        return (await run.run_jobs({"volume": job})).get("volume")


async def _resolve(names: tuple[str, ...], engine: HelperEngine, run: RequestRun) -> dict[str, DohLookup]:
    """Each name with two operators at once, for their answers differ by place; with the next two if both fail."""
    found: dict[str, DohLookup] = {}
    rounds = range(0, len(engine.resolvers), OPERATORS_AT_ONCE)
    for start in rounds:
        missing = [name for name in names if name not in found or found[name].reason]
        jobs = {
            (name, operator.name): _make_lookup_job(operator, name, engine, DNS_TIMEOUT_S / len(rounds))
            for name in missing
            for operator in engine.resolvers[start : start + OPERATORS_AT_ONCE]
        }
        replies = await run.run_jobs(jobs)
        for name in missing:
            heard = [reply for (asked, _), answers in replies.items() if asked == name for reply in answers]
            busy = not heard and any(key not in replies for key in jobs if key[0] == name)
            found[name] = DohLookup(reason=BUSY) if busy else doh.merge_replies(heard)
    return found


def _make_lookup_job(operator: Resolver, name: str, engine: HelperEngine,
                     takes_s: float) -> MeasuringJob[tuple[DnsResponse, ...]]:
    def run(deadline: float) -> tuple[DnsResponse, ...]:
        return doh.ask_doh(operator, name, port=engine.doh_port, deadline=deadline, kept=engine.operators)

    return MeasuringJob(run=run, takes_s=takes_s,
                        failure_of=lambda replies: TIMEOUT if replies == (doh.SILENT,) else "")


async def _fetch(order: HelperOrder, engine: HelperEngine, run: RequestRun,
                 lookups: Mapping[str, DohLookup], connection: PageConnection) -> HttpResult | None:
    """The page, or None when none was ordered; a fetch that no worker was free for was refused as `busy`."""
    if order.site is None:
        return None
    job = MeasuringJob(run=partial(_fetch_site, order, order.site, engine, lookups, connection),
                       takes_s=HTTP_TIMEOUT_S + DNS_TIMEOUT_S, failure_of=lambda page: open_failure(page.x_failure))
    try:
        results = await run.run_jobs({"page": job})
    finally:
        connection.end()
    return results.get("page") or HttpResult(failure="unknown_error", x_refused=BUSY)


def _fetch_site(order: HelperOrder, site: FetchSite, engine: HelperEngine, lookups: Mapping[str, DohLookup],
                connection: PageConnection, deadline: float) -> HttpResult:
    """The page within its own time, and names of redirects within that of names."""
    connection.begin()

    def resolve(host: str) -> DohLookup:
        return lookups.get(host) or doh.resolve_by_doh(
            host, engine.resolvers, port=engine.doh_port, kept=engine.operators,
            deadline=min(deadline, time.monotonic() + DNS_TIMEOUT_S))

    return fetch_page(site, headers=order.headers, trust=order.trust, resolve=resolve, guard=engine.guard,
                      deadline=deadline - DNS_TIMEOUT_S, names_s=DNS_TIMEOUT_S, note=connection.note,
                      max_body_bytes=PLAIN_BODY_BYTES if order.plain else MAX_BODY_BYTES)


async def _fetch_by_quic(order: HelperOrder, engine: HelperEngine, run: RequestRun, lookups: Mapping[str, DohLookup],
                         page: HttpResult | None) -> HttpResult | None:
    """The URL over HTTP/3, where that was asked for and its own host says that it speaks it; else None."""
    site = order.site
    host, _, port = page.discovered_h3_endpoint.rpartition(":") if page else ("", "", "")
    if not (order.quic and site and host == site.host and find_spec("aioquic")):
        return None

    def fetch(deadline: float) -> HttpResult | None:
        from probe_operate.helper.page_fetch_h3 import fetch_page_h3

        return fetch_page_h3(site, port=int(port), addresses=list_addresses(site.host, lookups), headers=order.headers,
                             trust=order.trust, guard=engine.guard, deadline=deadline)

    job: MeasuringJob[HttpResult | None] = MeasuringJob(
        run=fetch, takes_s=HTTP_TIMEOUT_S,
        failure_of=lambda found: open_failure(found.x_failure) if found else "")
    return (await run.run_jobs({"page": job})).get("page")
