"""A whole run, from the catalogue to the result that the store writes.

The ladder's first packets leave before the planner and the judge are imported: on a small machine that is the larger
part of the start, and the answers are waited for anyway.
"""

from __future__ import annotations

import queue
import random
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from probe import __version__
from probe.catalogue.types import Catalogue
from probe.config.consent.consent_check import may_send
from probe.config.consent.country_profiles import profile_of
from probe.config.consent.public_controls import list_public_controls
from probe.config.geo.geo_table import NO_COUNTRY
from probe.config.geo.whereabouts import Whereabouts, choose_table
from probe.config.settings import Settings
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer, KeptPacket, Observation
from probe.core.own_hellos import name_own_hello
from probe.core.progress import Progress, ignore_progress
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time, make_id
from probe.core.tables.resolvers import PUBLIC_RESOLVERS
from probe.core.tables.run_words import NETWORK_TYPES, Gateway, Tunnel
from probe.core.tables.shapes import ProgramShape
from probe.core.tables.systems import LINUX
from probe.core.tables.untested_words import ASKED_LATELY, ELSEWHERE
from probe.core.tables.versions import SCHEMA_VERSION
from probe.core.tables.words import Empty, read_word
from probe.instruments.clock import Clock, start_clock
from probe.instruments.device.gateway import probe_gateway
from probe.instruments.device.network_watch import NetworkWatch
from probe.instruments.device.own_addresses import list_own_addresses
from probe.instruments.device.tunnels import detect_tunnel
from probe.instruments.device.vantage import describe_vantage, list_families
from probe.instruments.ladder import LadderPlan, climb_ladder, wait_for_rungs
from probe.instruments.names.dns_udp import DnsListener
from probe.instruments.names.own_address import OwnAddress, ask_own_address
from probe.instruments.names.resolver_lines import ResolverLines
from probe.instruments.names.system_dns import read_network_resolvers
from probe.instruments.packets.capture import PacketCapture, open_capture
from probe.instruments.streams.sockets import raise_socket_limit
from probe.instruments.worker_pool import DaemonPool
from probe.session.chat_choice import CHAT_LEVEL, is_chat, withhold_chats
from probe.session.context_making import (
    MANY_ADDRESSES,
    adapt_context,
    choose_https_compared,
    choose_interval_s,
    choose_reachable_address,
    make_plan_context,
)
from probe.session.controls import FeedBoard, HelperAsker, no_helper
from probe.session.ladder_controls import (
    NETWORK_CHANGED,
    choose_known_places,
    choose_ladder_controls,
    gather_ladder,
)
from probe.session.planning.control_plan import HELPER_TIMEOUT_S
from probe.session.planning.plan_context import PlanContext
from probe.session.planning.restraint import find_waits
from probe.session.planning.rotation import choose_share
from probe.session.run_keeping import KEEP_NOTHING, BookKeeping, RunKeeper
from probe.session.run_plan import RunPlan
from probe.session.selection import Selection, find_lacking_modules, select_sites

if TYPE_CHECKING:
    from probe.judge.network.ladder_evidence import LadderEvidence
    from probe.judge.verdicts.earlier_places import EarlierPlaces
    from probe.session.observation_log import ObservationLog
    from probe.session.step_executor import AskHelper

WORKERS = 128
"""Visits at once: a few for each of 64 sites, so that none waits for another's round trips."""
LADDER_TIMEOUT_S = 6.0
FLOWS_PER_SITE = 6
"""Rough number of flows that a site takes, for the pace of a timed run."""
END_RESERVE_S = 0.5


FailedBefore = Callable[[Vantage], Mapping[str, datetime]]
"""What a run in this network asks of the runs before it: endpoint -> when it was found to fail."""

PlacesBefore = Callable[[Vantage], "EarlierPlaces"]
"""Likewise: endpoint -> the place that was found for it in the last 24 hours."""

TargetsBefore = Callable[[Vantage], Collection[str]]
"""Likewise: the targets that were in trouble at times, or that were asked as programs do."""

PunishedBefore = Callable[[Vantage], Mapping[str, datetime]]
"""Likewise: target -> until when its address may be punished for its name."""

ChatsBefore = Callable[[Vantage], bool]
"""Likewise: whether a run of the last hour asked chat servers."""


def _nothing(_: Vantage) -> Mapping[str, Any]:
    return {}


def _never(_: Vantage) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _RunSetting:
    """What stays the same through one run."""

    catalogue: Catalogue
    settings: Settings
    plan: RunPlan
    context: PlanContext
    clock: Clock
    links: tuple[int, ...]
    gateway: Gateway
    tunnel: Tunnel
    watch: NetworkWatch
    lines: ResolverLines
    whereabouts: Whereabouts
    seed: int
    rng: random.Random
    ask_helper: HelperAsker = no_helper
    board: FeedBoard | None = None
    failed_before: FailedBefore = _nothing
    places_before: PlacesBefore = _nothing
    watched_before: TargetsBefore = _nothing
    asked_before: TargetsBefore = _nothing
    punished_before: PunishedBefore = _nothing
    chats_before: ChatsBefore = _never
    keeper: RunKeeper = KEEP_NOTHING

    def ladder(self, seen: Sequence[Observation]) -> LadderEvidence:
        return gather_ladder(self.catalogue, self.settings.vantage.cc, seen, has_ipv4=4 in self.links,
                             has_ipv6=6 in self.links, gateway=self.gateway, tunnel=self.tunnel,
                             changed=self.watch.has_changed, lab=self.plan.lab)


def make_run(catalogue: Catalogue, settings: Settings, plan: RunPlan, *, progress: Progress = ignore_progress,
             ask_helper: HelperAsker = no_helper, board: FeedBoard | None = None,
             failed_before: FailedBefore = _nothing, places_before: PlacesBefore = _nothing,
             watched_before: TargetsBefore = _nothing, asked_before: TargetsBefore = _nothing,
             punished_before: PunishedBefore = _nothing, chats_before: ChatsBefore = _never,
             keeper: RunKeeper = KEEP_NOTHING) -> RunResult:
    """Measure, judge, and return everything; the network's failures are results, not exceptions. On the `board` stand
    signed control feeds, whose word that something works convicts only what failed before that as well."""
    raise_socket_limit()
    seed = plan.seed if plan.seed is not None else secrets.randbits(32)
    rng = random.Random(seed)
    clock, links, resolvers = start_clock(plan.started_at), list_families(), read_network_resolvers()
    share = choose_share(catalogue, plan.turn) if plan.turn and not plan.inputs else None
    context = replace(make_plan_context(settings, catalogue, families=links, network_resolver=next(iter(resolvers), ""),
                                        rng=rng, together=plan.fast),
                      ours=list_own_addresses(resolvers), share=share, transfers=plan.transfers,
                      feeds=board.ids if board else ())
    if plan.everywhere:
        context = replace(context, addresses_per_family=MANY_ADDRESSES, everywhere=True)
    events: queue.SimpleQueue[Any] = queue.SimpleQueue()
    pool = DaemonPool(WORKERS)
    capture = open_capture(clock)
    with DnsListener() as listener, ResolverLines() as lines, NetworkWatch() as watch:
        run = _RunSetting(catalogue=catalogue, settings=settings, plan=plan, context=context, clock=clock, links=links,
                          gateway=probe_gateway() if links else "none", tunnel=_tunnel(settings), watch=watch,
                          lines=lines, seed=seed, rng=rng,
                          whereabouts=Whereabouts(choose_table(settings.geo, lab=plan.lab)),
                          ask_helper=ask_helper, board=board,
                          failed_before=failed_before, places_before=places_before, watched_before=watched_before,
                          asked_before=asked_before, punished_before=punished_before, chats_before=chats_before,
                          keeper=keeper)
        chats = None if may_send(settings, "chat_words", lab=plan.lab) else frozenset[str]()
        asked = ask_own_address(listener) if links and chats is None and _asks_for_address(run) else None
        if links:
            climb_ladder(_ladder_plan(run), clock=clock, listener=listener, pool=pool, emit=events.put)
        chosen = select_sites(catalogue, tier=plan.tier, cc=settings.vantage.cc, families=links or (4,), seed=seed,
                              consent_level=settings.run.consent_level, skip_services=settings.run.skip_services,
                              inputs=plan.inputs, lacking=find_lacking_modules(), due=share.inputs if share else None,
                              in_proportion=not plan.everywhere, chats=chats)
        log, chosen = _measure(run, chosen, asked, events, listener, pool, progress, capture,
                               resolver_count=len(resolvers))
        keeper.end_measuring()
        watch.finish()
        for addresses in (context.ours, list_own_addresses(resolvers)):  # as the run began, and now
            run.whereabouts.learn_own(addresses)
        from probe.judge.common.nearness import map_near_addresses
        from probe.session.packet_attribution import attribute_packets

        words = map_near_addresses(log.observations, context.ours)
        packets = attribute_packets(capture, log, clock, until_s=plan.deadline_s, hidden=words)
        log = log.conceal(words)
    return _make_result(run, chosen, log, resolver_count=len(resolvers), privileged=capture is not None,
                        packets=packets)


def _tunnel(settings: Settings) -> Tunnel:
    """The word of a tunnel that carries us, unless the person says that the tunnel is the vantage."""
    return "" if read_word(settings.vantage.network_type, NETWORK_TYPES) == "vpn" else detect_tunnel()


def _add_system_word(rungs: tuple[str, ...]) -> tuple[str, ...]:
    """The ladder's words with the one that only Linux can know."""
    return rungs if LINUX else tuple("tunnel:unknown" if word == "tunnel:none" else word for word in rungs)


def _ladder_plan(run: _RunSetting) -> LadderPlan:
    return LadderPlan(
        network_resolver=run.context.network_resolver, has_ipv4=4 in run.links, has_ipv6=6 in run.links,
        lines=run.lines, timeout_s=LADDER_TIMEOUT_S,
        innocent_names=(run.context.innocent, *run.catalogue.innocent_names),
        controls=choose_ladder_controls(run.catalogue, run.settings.vantage.cc),
        operators=tuple(o for o in PUBLIC_RESOLVERS if o.name in run.context.doh),
        dot_operators=tuple(o for n in run.context.dot for o in PUBLIC_RESOLVERS if o.name == n),
    )


def _measure(run: _RunSetting, chosen: Selection, asked: OwnAddress | None, events: queue.SimpleQueue[Any],
             listener: DnsListener, pool: DaemonPool, progress: Progress, capture: PacketCapture | None, *,
             resolver_count: int) -> tuple[ObservationLog, Selection]:
    """Wait for the ladder's first good news, then measure; stop where the network carries nobody. The selection is
    returned without the chats that this place does not allow."""
    from probe.judge.common.rule import decide
    from probe.judge.network.network_rules import NETWORK_TABLE, ends_run
    from probe.session.observation_log import ObservationLog
    from probe.session.pacer import Pacer
    from probe.session.planning.stay_plan import choose_stays
    from probe.session.run_loop import RunLoop
    from probe.session.step_executor import StepExecutor

    log = ObservationLog(make_id(run.clock.started_at))
    for seen in _wait(run, events):
        log.add(seen)
    ladder = run.ladder(log.observations)
    if ends_run(decide(NETWORK_TABLE, ladder).rule):
        return log, chosen
    chosen = _withhold_chats(run, chosen, asked)
    known = choose_known_places(run.catalogue, run.settings.vantage.cc)
    context = replace(adapt_context(run.context, ladder), known_good=known.good, known_absent=known.absent,
                      stays=frozenset() if run.plan.fast else choose_stays(
                          endpoint for site in chosen.sites for endpoint in site.endpoints),
                      https_compared=choose_https_compared(chosen.sites, seed=run.seed),
                      watched=frozenset(run.watched_before(_here(run))),
                      punished=find_waits(run.punished_before(_here(run)), begun=run.clock.started_at,
                                          deadline_s=run.plan.deadline_s))
    flows = max(1, FLOWS_PER_SITE * len(chosen.sites))
    way = partial(choose_reachable_address, context=context)
    executor = StepExecutor(
        clock=run.clock, endpoints=_list_endpoints(run.catalogue, chosen, (*known.good, *known.absent)),
        ask=_make_asker(run, way, log), query_types=("A", "AAAA") if 6 in context.families else ("A",),
        lines=run.lines, way_to=way, capture=capture, report_address=run.whereabouts.learn,
    )
    gate = Pacer(interval_s=choose_interval_s(run.plan, pace_s=run.settings.run.pace_s, flows=flows), rng=run.rng)
    kept = BookKeeping(log, run.keeper, ours=run.context.ours, make_row=lambda: _make_row(
        run, log, ladder, resolver_count=resolver_count, privileged=capture is not None))

    def look_up() -> bool:
        """Between two turns."""
        kept.keep_new()
        return run.watch.has_changed

    loop = RunLoop(sites=chosen.sites, context=context, log=log, executor=executor, clock=run.clock, listener=listener,
                   pool=pool, gate=gate, rng=run.rng, events=events, progress=progress,
                   asked_before=lambda: run.asked_before(_here(run)), halted=look_up)
    loop.run(deadline_s=run.plan.deadline_s - END_RESERVE_S)
    return log, chosen


def _asks_for_address(run: _RunSetting) -> bool:
    """Whether the country is to be learnt from others: this device has no public address that tells it."""
    run.whereabouts.learn_own(run.context.ours)
    return run.settings.run.consent_level < CHAT_LEVEL and run.whereabouts.has_table and (
        run.whereabouts.find_table_place().cc == NO_COUNTRY)


def _withhold_chats(run: _RunSetting, chosen: Selection, asked: OwnAddress | None) -> Selection:
    """What is left of the chats that level 1 asks: all, where this line lies in the country that was agreed for, and no
    run of the last hour asked them. The laboratory, which no table knows, lies where its settings say."""
    level = run.settings.run.consent_level
    if not any(is_chat(e) for site in chosen.sites for e in site.endpoints) or level >= CHAT_LEVEL:
        return chosen
    if asked:
        asked(run.whereabouts.learn)
    here, agreed = _here(run), run.settings.vantage.cc.upper()
    known = here.geo_cc == agreed != NO_COUNTRY or (run.plan.lab and not run.whereabouts.has_table)
    if not known or profile_of(agreed).chat == "never":
        return withhold_chats(chosen, consent_level=level, why=ELSEWHERE)
    return withhold_chats(chosen, consent_level=level, why=ASKED_LATELY) if run.chats_before(here) else chosen


def _list_endpoints(catalogue: Catalogue, chosen: Selection, known: Collection[str]) -> dict[str, Endpoint]:
    """Input -> endpoint: the run's own, and those by which helpers are tried."""
    return {e.input: e for e in catalogue.endpoints if e.input in known} | {
        e.input: e for site in chosen.sites for e in site.endpoints}


def _wait(run: _RunSetting, events: queue.SimpleQueue[Any]) -> list[Observation]:
    """The rungs so far: until two controls, the resolver and TLS are known to work, or the time is up."""
    if not run.links:
        return []

    def enough(seen: Sequence[Observation]) -> bool:
        e = run.ladder(seen)
        return (e.well and e.resolver == "ok" and e.tls_ok >= 1) or e.altered >= 3

    until_s = min(2.2 * LADDER_TIMEOUT_S, run.plan.deadline_s - 1)
    return wait_for_rungs(events, enough=enough, until_s=until_s, clock=run.clock)


def _make_asker(run: _RunSetting, way: Callable[[str], str], log: ObservationLog) -> AskHelper:
    """How controls are asked. The age of a feed is told by the clock as the ladder has put it right. Earlier runs are
    looked at when a feed is first consulted: where nothing fails, never."""
    helpers, clock = {h.id: h for h in (*run.settings.helper, *list_public_controls(run.settings))}, run.clock
    board, ids = run.board, run.board.ids if run.board else ()
    offset_s: float | None = None
    failed = cache(lambda: run.failed_before(_here(run)))

    def ask_one(control_id: str, endpoint: Endpoint, addresses: tuple[str, ...], volume: str = "",
                shape: ProgramShape | Empty = "") -> ControlAnswer:
        nonlocal offset_s
        if board and control_id in ids:
            if offset_s is None:  # the servers that tell it may answer later than others
                offset_s = run.ladder(log.observations).clock_offset_s
            right = clock.utc() + timedelta(seconds=offset_s or 0.0)
            return board.consult(control_id, endpoint, now=right, t_s=clock.now_s(),
                                 failed=failed().get(endpoint.input))
        helper = helpers[control_id]
        return run.ask_helper(helper, endpoint, addresses, address=way(helper.address), timeout_s=HELPER_TIMEOUT_S,
                              clock=clock.now_s, volume=volume, shape=shape)

    return ask_one


def _here(run: _RunSetting) -> Vantage:
    """Where we are, as far as it is known while the run goes on."""
    run.whereabouts.learn_own(run.context.ours)
    return Vantage(**asdict(run.whereabouts.place(run.settings.vantage, moved=run.watch.has_changed)),
                   lab=run.plan.lab)


def _make_result(run: _RunSetting, chosen: Selection, log: ObservationLog, *, resolver_count: int, privileged: bool,
                 packets: tuple[KeptPacket, ...]) -> RunResult:
    from probe.session.run_verdicts import judge_log

    ladder, cc = run.ladder(log.observations), run.settings.vantage.cc
    verdicts, services = judge_log(run.catalogue, chosen, log, ladder, cc=cc, lab=run.plan.lab)
    # Earlier runs are looked at only where it matters, and nothing is judged anew where they found no place.
    if any(v.suspected for v in verdicts) and (earlier := run.places_before(_here(run))):
        verdicts, services = judge_log(run.catalogue, chosen, log, ladder, cc=cc, lab=run.plan.lab, earlier=earlier)
    row = replace(_make_row(run, log, ladder, resolver_count=resolver_count, privileged=privileged),
                  n_targets=len(verdicts), n_attempted=sum(v.outcome != "not_attempted" for v in verdicts))
    return RunResult(run=row, observations=tuple(log.observations), controls=tuple(log.controls), verdicts=verdicts,
                     services=services, packets=packets)


def _make_row(run: _RunSetting, log: ObservationLog, ladder: LadderEvidence, *, resolver_count: int,
              privileged: bool) -> Run:
    """The run's row, as far as it is known from what was seen so far."""
    from probe.judge.common.control_probation import format_faults
    from probe.judge.common.rule import decide
    from probe.judge.dns.encrypted_dns import gather_encrypted_dns
    from probe.judge.dns.https_evidence import describe_https
    from probe.judge.network.ladder_evidence import format_ladder
    from probe.judge.network.network_rules import NETWORK_TABLE
    from probe.judge.rules_version import RULES_VERSION
    from probe.session.run_verdicts import find_faulty_helpers

    seen, clock = log.observations, run.clock
    network, encrypted = decide(NETWORK_TABLE, ladder), gather_encrypted_dns(
        seen, well=ladder.well and not ladder.clock_wrong)
    return Run(
        run_id=log.run_id, measurement_start_time=format_time(clock.started_at),
        measurement_end_time=format_time(clock.utc()),
        trigger=run.plan.trigger, outcome=network.rule.outcome, block_type=network.rule.block_type,
        rule_id=network.rule.id, basis=network.basis, suspected=next((r.block_type for r in network.suspected), ""),
        listed=ladder.allowlist.listed if ladder.allowlist.way else (),
        ladder=(*_add_system_word(format_ladder(ladder)), f"dot:{encrypted.dot}", f"doh:{encrypted.doh}",
                f"https:{describe_https(seen)}"),
        also=("dns.encrypted",) if encrypted.blocked else (),
        conditions=(*run.plan.conditions, *([NETWORK_CHANGED] if ladder.changed else [])), share=run.plan.share,
        controls_left_out=format_faults(find_faulty_helpers(run.catalogue, log, cc=run.settings.vantage.cc)),
        own_hello=name_own_hello(seen),
        clock_offset_s=ladder.clock_offset_s, deadline_s=run.plan.deadline_s, runtime_s=round(clock.now_s(), 3),
        n_observations=len(seen), bytes_written=sum(o.bytes_written for o in seen),
        bytes_read=sum(o.bytes_read for o in seen), catalogue_path=run.catalogue.source,
        catalogue_version=run.catalogue.version, rules_version=RULES_VERSION, software_version=__version__,
        schema_version=SCHEMA_VERSION, seed=run.seed,
        vantage=describe_vantage(run.settings, run.whereabouts.place(run.settings.vantage, moved=ladder.changed),
                                 lab=run.plan.lab, started_at=clock.started_at, resolver_count=resolver_count,
                                 nat64_prefix=ladder.nat64_prefix, tunnel=run.tunnel, link=run.links,
                                 packets=privileged),
    )
