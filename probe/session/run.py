"""A whole run, from the catalogue to the result that the store writes."""

from __future__ import annotations

import contextlib
import queue
import random
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from probe import __version__
from probe.catalogue.types import Catalogue
from probe.compare.ladder import LadderEvidence, ladder_words
from probe.measure.clock import Clock, stamp, start_clock
from probe.measure.dns_udp import Listener
from probe.measure.gateway import gateway_word
from probe.measure.ladder import LadderPlan, climb, wait_for_news
from probe.measure.pool import DaemonPool
from probe.measure.system_dns import network_resolvers
from probe.model import ControlAnswer, Endpoint, Observation, Run, RunResult
from probe.plan import Frame
from probe.rules import RULES_VERSION
from probe.rules.network import NETWORK_RULES, STOPS
from probe.rules.table import first
from probe.session.book import Book
from probe.session.gate import Gate
from probe.session.judging import judge_book
from probe.session.loop import Loop
from probe.session.rungs import ladder_controls, read_ladder
from probe.session.select import Selection, select
from probe.session.work import Workshop
from probe.settings import Settings
from probe.tables.resolvers import PUBLIC_RESOLVERS, ROOT_SERVERS
from probe.tables.versions import SCHEMA_VERSION
from probe.vantage import describe, families

LADDER_TIMEOUT_S = 6.0
FLOWS_PER_SITE = 6
"""Rough number of flows that a site takes, for the pace of a timed run."""
END_RESERVE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """How this run is to be made."""

    deadline_s: float
    fast: bool = False
    trigger: str = "manual"
    seed: int | None = None
    tier: int = 1
    inputs: frozenset[str] = frozenset()
    started_at: datetime | None = None
    lab: bool = False
    previous: Mapping[str, str] | None = None


def run_id_of(clock: Clock) -> str:
    """Sortable, unique, and free of anything about the machine."""
    return clock.started_at.strftime("%Y%m%dT%H%M%SZ") + "_" + secrets.token_hex(4)


def make_run(catalogue: Catalogue, settings: Settings, plan: RunPlan, *,
             progress: Callable[[int, int], None] | None = None) -> RunResult:
    """Measure, judge, and return everything; the network's failures are results, not exceptions."""
    seed = plan.seed if plan.seed is not None else secrets.randbits(32)
    rng = random.Random(seed)
    clock = start_clock(plan.started_at)
    run_id = run_id_of(clock)
    links = families()
    chosen = select(catalogue, tier=plan.tier, cc=settings.vantage.cc, consent_level=settings.run.consent_level,
                    families=links or (4,), seed=seed, skip_services=settings.run.skip_services, inputs=plan.inputs)
    book = Book(run_id)
    frame = _frame(settings, catalogue, links, rng)
    with _tools(chosen, settings, frame, book, plan, clock, rng, progress) as (loop, listener, pool):
        gateway = gateway_word() if links else "none"
        ladder = _climb(catalogue, settings, frame, book, loop, clock, listener, pool, gateway, plan)
        if first(NETWORK_RULES, ladder).block_type not in STOPS:
            loop.run(deadline_s=plan.deadline_s - END_RESERVE_S)
    ladder = _read(catalogue, settings, book.observations, links, gateway)
    return _result(catalogue, settings, plan, chosen, book, ladder, clock, seed, run_id, links)


def _frame(settings: Settings, catalogue: Catalogue, links: tuple[int, ...], rng: random.Random) -> Frame:
    public = rng.choice(PUBLIC_RESOLVERS)
    doh = tuple(o.name for o in PUBLIC_RESOLVERS if o.doh_host)
    return Frame(
        network_resolver=next(iter(network_resolvers()), ""), public_resolver=rng.choice(public.ipv4),
        dark_server=rng.choice(ROOT_SERVERS), doh=tuple(rng.sample(doh, min(2, len(doh)))),
        controls=tuple(h.id for h in settings.helper), families=links or (4,),
        innocent=rng.choice(catalogue.innocent_names),
    )


@contextlib.contextmanager
def _tools(chosen: Selection, settings: Settings, frame: Frame, book: Book, plan: RunPlan, clock: Clock,
           rng: random.Random, progress: Callable[[int, int], None] | None,
           ) -> Iterator[tuple[Loop, Listener, DaemonPool]]:
    flows = max(1, FLOWS_PER_SITE * len(chosen.sites))
    interval_s = 0.0 if plan.fast else min(1.0, 0.7 * plan.deadline_s / flows)
    endpoints = {e.input: e for site in chosen.sites for e in site.endpoints}
    shop = Workshop(clock=clock, endpoints=endpoints, ask=_asker(settings, clock),
                    query_types=("A", "AAAA") if 6 in frame.families else ("A",))
    pool = DaemonPool(64)
    with Listener() as listener:
        yield Loop(sites=chosen.sites, frame=frame, book=book, shop=shop, clock=clock, listener=listener, pool=pool,
                   gate=Gate(interval_s=interval_s, rng=rng), rng=rng, progress=progress), listener, pool


def _asker(settings: Settings, clock: Clock) -> Callable[[str, Endpoint, tuple[str, ...]], ControlAnswer]:
    helpers = {h.id: h for h in settings.helper}

    def ask_one(control_id: str, endpoint: Endpoint, addresses: tuple[str, ...]) -> ControlAnswer:
        from probe.control.client import HelperConfig, ask

        h = helpers[control_id]
        config = HelperConfig(control_id=h.id, url=h.url, address=h.address, asn=h.asn, cc=h.cc)
        return ask(config, endpoint, addresses, timeout_s=20.0, clock=clock.now_s)

    return ask_one


def _climb(catalogue: Catalogue, settings: Settings, frame: Frame, book: Book, loop: Loop, clock: Clock,
           listener: Listener, pool: DaemonPool, gateway: str, plan: RunPlan) -> LadderEvidence:
    """Climb until the targets may be tried: two good controls and a word from the resolver, or all rungs tried."""
    links = families()
    if not links:
        return _read(catalogue, settings, (), links, gateway)
    early: queue.SimpleQueue[Observation] = queue.SimpleQueue()
    handed_over = False

    def emit(seen: Observation) -> None:
        if handed_over:
            loop.emit(seen)
        else:
            early.put(seen)

    climb(LadderPlan(
        network_resolver=frame.network_resolver, innocent_names=(frame.innocent, *catalogue.innocent_names),
        controls=ladder_controls(catalogue, settings.vantage.cc),
        operators=tuple(o for o in PUBLIC_RESOLVERS if o.name in frame.doh), has_ipv6=6 in links,
        timeout_s=LADDER_TIMEOUT_S,
    ), clock=clock, listener=listener, pool=pool, emit=emit)

    def enough(seen: Sequence[Observation]) -> bool:
        e = _read(catalogue, settings, seen, links, gateway)
        return (e.well and e.resolver == "ok" and e.tls_ok >= 1) or e.altered >= 3

    seen = wait_for_news(early, enough=enough, until_s=min(2.2 * LADDER_TIMEOUT_S, plan.deadline_s - 1), clock=clock)
    handed_over = True
    for observation in seen:
        book.add(observation)
    while not early.empty():
        book.add(early.get())
    return _read(catalogue, settings, book.observations, links, gateway)


def _read(catalogue: Catalogue, settings: Settings, seen: Sequence[Observation], links: tuple[int, ...],
          gateway: str) -> LadderEvidence:
    return read_ladder(catalogue, settings.vantage.cc, seen, has_ipv4=4 in links, has_ipv6=6 in links, gateway=gateway)


def _result(catalogue: Catalogue, settings: Settings, plan: RunPlan, chosen: Selection, book: Book,
            ladder: LadderEvidence, clock: Clock, seed: int, run_id: str, links: tuple[int, ...]) -> RunResult:
    verdicts, services = judge_book(catalogue, chosen, book, ladder, previous=plan.previous)
    network = first(NETWORK_RULES, ladder)
    seen = book.observations
    run = Run(
        run_id=run_id, measurement_start_time=stamp(clock.started_at), measurement_end_time=stamp(clock.utc()),
        trigger=plan.trigger, outcome=network.outcome, block_type=network.block_type, ladder=ladder_words(ladder),
        clock_offset_s=ladder.clock_offset_s, deadline_s=plan.deadline_s, runtime_s=round(clock.now_s(), 3),
        n_targets=len(verdicts), n_attempted=sum(v.outcome != "not_attempted" for v in verdicts),
        n_observations=len(seen), bytes_written=sum(o.bytes_written for o in seen),
        bytes_read=sum(o.bytes_read for o in seen), catalogue_path=catalogue.path,
        catalogue_version=catalogue.version, rules_version=RULES_VERSION, software_version=__version__,
        schema_version=SCHEMA_VERSION, seed=seed,
        vantage=describe(settings, lab=plan.lab, started_at=clock.started_at,
                         resolver_count=len(network_resolvers()), link=links),
    )
    return RunResult(run=run, observations=tuple(seen), controls=tuple(book.controls), verdicts=verdicts,
                     services=services)
