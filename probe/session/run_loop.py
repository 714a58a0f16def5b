"""The run's one thread: takes due steps, starts those that may start, books what comes back, until all is known.

Theory of operation
-------------------
The parts:

- The planner (`probe.session.planning.next_steps`) is pure. It is given a site and what is known of it, and returns
  every step that is due, those already taken among them.
- The log (`ObservationLog`) numbers observations and finds those of a site. It is the only memory of the run.
- The pacer (`Pacer`) says when a step may start: how far apart flows are, how many handshakes an address takes.
- Workers (`DaemonPool`) carry a step out. Everything that blocks is done there.
- The listener (`DnsListener`) has one thread of its own that sends questions over UDP and hears every reply.
- `RunLoop` is the thread that called `run`. It owns all of the state above and needs no lock.

One turn: start every waiting step whose time has come; wait for an event, at most until the next step may start; write
down what the event brought; plan each site that it concerns once more. A step that is new goes into the queue; a step
that is known gains an owner and nothing else. The loop ends when nothing waits and nothing runs, when the deadline is
reached, or when `halted` says so. That is one round. What each round looks for, and which waiting step goes first, is
in the tables of `probe.session.planning.run_order`.

What must never be broken:

- Steps are values. Two sites that need the same step share it, so a step must hold all that tells it from another,
  and nothing that changes while it waits.
- Workers touch neither log nor state. They put an event into the queue, also when they fail.
- Planning is done again from what is known, never from what was planned before. So a lost or late event costs a step,
  not the run.
- Every number is bounded: questions to controls, searches for a hop, threads, and the run itself by its deadline.
- Nothing here judges. What a failure means is for `probe.judge` to say.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import queue
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Any

from probe.catalogue.sites import Site
from probe.core.observations import ControlAnswer, Observation
from probe.core.progress import Progress, ignore_progress
from probe.core.tables.purposes import Purpose
from probe.core.tables.resolvers import HTTPS, Channel, ResolverRole
from probe.instruments.clock import Clock
from probe.instruments.names.dns_udp import DnsListener, DnsQuestion
from probe.instruments.names.lookups import list_replies, observe_question
from probe.instruments.steps import AskControl, LocateHop, Lookup, Step, Visit
from probe.instruments.visits.visit import list_unasked_pages
from probe.instruments.worker_pool import DaemonPool
from probe.session.name_quota import NameQuota
from probe.session.observation_log import ObservationLog
from probe.session.pacer import Pacer, must_wait_for
from probe.session.planning.control_plan import MAX_ASKS, plan_probation
from probe.session.planning.locate_plan import MAX_SEARCHES, list_search_keys
from probe.session.planning.next_steps import plan_next_steps
from probe.session.planning.order_rows import Round
from probe.session.planning.plan_context import PlanContext, SiteHistory
from probe.session.planning.queue_turns import HTTPS_CHANNELS, name_turn, spoils_address
from probe.session.planning.restraint import restrain_context
from probe.session.planning.round_looks import RunView
from probe.session.planning.run_order import ROUNDS, TURNS
from probe.session.step_executor import StepExecutor, StepResult, execute_step

UDP_TIMEOUT_S = 5.0
_UDP_CHANNELS: dict[Channel, ResolverRole] = {
    "network": "network", "public": "public", "dark": "dark", "alive": "network",
    "again": "network", "zone": "network", "https": "network", "https_dark": "dark",
}
"""Channel of a lookup over UDP -> whom the observation names as its resolver."""
SYSTEM_LOOKUPS = 64
"""Lookups by the system at once: each is two questions to the network's resolver, which may have room for 150."""
LULL_S = 30.0
"""Longer than planned connections lie apart: what waits so long waits for a later time slot."""
WORTH_S = 1.0
"""So long a step is waited for that may be left out."""
LOOK_UP_S = 5.0
"""How long at most nothing is looked at while nothing happens."""
GIVE_UP_AFTER = 4
"""A control that failed this often without one answer is not asked again in the run."""
_PLAIN_UDP: tuple[Channel, ...] = ("network", "public")
_TURNS = tuple(TURNS)
_WITHOUT_RESOLVER: tuple[Channel, ...] = ("dark", "https_dark")


@dataclass(frozen=True, slots=True)
class _Done:
    step: Step
    result: StepResult


@dataclass(frozen=True, slots=True)
class _Heard:
    step: Lookup
    question: DnsQuestion


@dataclass(slots=True)
class _State:
    owners: dict[Step, set[int]] = field(default_factory=lambda: defaultdict(set))
    waiting: list[tuple[int, int, Step]] = field(default_factory=list)
    running: set[Step] = field(default_factory=set)
    planned: set[int] = field(default_factory=set)
    """Sites that were planned once at least."""
    pending_questions: dict[Lookup, int] = field(default_factory=dict)
    question_rows: dict[int, tuple[DnsQuestion, int]] = field(default_factory=dict)
    """By identity of the question, which is kept alive here so that its identity stays its own."""
    asks: int = 0
    searches: int = 0
    searched: set[tuple[str, str]] = field(default_factory=set)
    """For what the hop was looked for (`list_search_keys`)."""
    tried_controls: set[str] = field(default_factory=set)
    """Controls that were asked about places of which the answer is known."""
    silent_controls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    early: set[str] = field(default_factory=set)
    """Rounds that a step which has just failed opens before their turn."""


class RunLoop:
    """Drives sites to their end. `events` may also bring observations that no step asked for (late rungs of the
    ladder). Once `halted` says so nothing more is started. `progress` is called with (sites that need nothing more,
    all sites); `asked_before` tells the targets that runs of the last day asked as programs do."""

    def __init__(self, *, sites: Sequence[Site], context: PlanContext, log: ObservationLog, executor: StepExecutor,
                 clock: Clock, listener: DnsListener, pool: DaemonPool, gate: Pacer, rng: random.Random,
                 events: queue.SimpleQueue[Any], halted: Callable[[], bool] = lambda: False,
                 progress: Progress = ignore_progress, asked_before: Callable[[], Collection[str]] = tuple) -> None:
        self._sites, self._frame, self._book, self._shop = list(sites), context, log, executor
        self._clock, self._listener, self._pool, self._gate, self._rng = clock, listener, pool, gate, rng
        self._events, self._halted, self._system = events, halted, DaemonPool(SYSTEM_LOOKUPS)
        self._state, self._quota = _State(), NameQuota()
        self._order = itertools.count()
        self._progress, self._asked_before = progress, asked_before

    def run(self, *, deadline_s: float) -> None:
        """Work until nothing is due or the run's clock reaches `deadline_s`."""
        for round_ in ROUNDS:
            self._open(round_)
            self._drive(deadline_s, lull_s=inf if round_.waits_for_slots else LULL_S)

    def _drive(self, deadline_s: float, *, lull_s: float = inf) -> None:
        """Until nothing waits, or what waits does so for `lull_s` and nothing runs."""
        while self._may_go_on(deadline_s):
            next_s = self._start_ready(deadline_s)
            idle = not self._state.waiting or next_s > self._clock.now_s() + lull_s
            if not self._state.running and idle:
                break
            self._take_events(min(deadline_s, next_s, self._clock.now_s() + LOOK_UP_S) - self._clock.now_s())

    def _may_go_on(self, deadline_s: float) -> bool:
        busy = bool(self._state.running or self._state.waiting)
        return busy and self._clock.now_s() < deadline_s and not self._halted()

    def _open(self, round_: Round) -> None:
        """Look for what a round is for, and plan every site where that makes more due."""
        if not round_.needs(self._frame):
            return
        context = round_.look(RunView(
            context=self._frame, observations=self._book.observations, now_s=self._clock.now_s(),
            list_sites=partial(self._list_known, self._sites), asked_before=self._asked_before,
            draw_sites=lambda: self._list_known(self._rng.sample(self._sites, len(self._sites)))))
        if context == self._frame and self._state.planned:
            return
        self._frame, indices = context, list(range(len(self._sites)))
        if round_.by_lot:
            self._rng.shuffle(indices)
        for index in indices:
            self._plan(index)

    def _list_known(self, sites: Sequence[Site]) -> list[tuple[Site, SiteHistory]]:
        return [(site, self._book.history_of(site)) for site in sites]

    def _plan(self, index: int) -> None:
        site, has_answer = self._sites[index], False
        self._state.planned.add(index)
        for step in plan_next_steps(site, self._book.history_of(site), restrain_context(site, self._frame)):
            fresh = step not in self._state.owners
            self._state.owners[step].add(index)
            if fresh and isinstance(step, AskControl) and step.control_id in self._frame.feeds:
                has_answer = True  # it is at hand: neither a flow nor a wait
                for answer in execute_step(step, self._shop)[1]:
                    self._book.add_control(answer)
            elif fresh and self._quota.admits(step):
                self._enqueue(step)
        if has_answer:
            self._plan(index)
        if self._progress is not ignore_progress:  # else nobody needs to know who is busy
            busy = {i for step in self._state.running for i in self._state.owners[step]}
            busy |= {i for _, _, step in self._state.waiting for i in self._state.owners[step]}
            busy |= set(range(len(self._sites))) - self._state.planned
            self._progress(len(self._sites) - len(busy), len(self._sites))

    def _enqueue(self, step: Step) -> None:
        if isinstance(step, AskControl):
            if self._state.asks >= MAX_ASKS or self._state.silent_controls[step.control_id] >= GIVE_UP_AFTER:
                self._book.add_control(ControlAnswer(control_id=step.control_id, input=step.input, state="failed",
                                                     reason="the control gave no answer before"))
                return
            self._state.asks += 1
            if step.control_id not in self._state.tried_controls:
                self._try_control(step.control_id)
        if isinstance(step, LocateHop):
            keys = list_search_keys(step)
            if self._state.searches >= MAX_SEARCHES or keys & self._state.searched:
                return
            self._state.searches += 1
            self._state.searched |= keys
        heapq.heappush(self._state.waiting, (_TURNS.index(name_turn(step)), next(self._order), step))

    def _try_control(self, control_id: str) -> None:
        """Whether its word counts: ask it about places of which the answer is known, once in a run."""
        self._state.tried_controls.add(control_id)
        for step in plan_probation(control_id, self._book.observations, self._frame):
            if step not in self._state.owners:
                self._state.owners[step] = set()
                self._enqueue(step)

    def _start_ready(self, deadline_s: float) -> float:
        """Start every waiting step whose time has come; returns when the next one may."""
        kept: list[tuple[int, int, Step]] = []
        now_s, soonest = self._clock.now_s(), deadline_s
        while self._state.waiting:
            entry = heapq.heappop(self._state.waiting)
            ready_s = None if self._must_wait(entry[2], kept) else self._gate.ready_at_s(entry[2], now_s)
            if ready_s is not None and ready_s + self._frame.timeout_s > deadline_s:
                continue  # its time will not come in this run, which need not wait for it
            if ready_s is not None and ready_s > now_s + WORTH_S and isinstance(entry[2], Visit) and (
                    entry[2].may_be_left_out):
                continue
            if ready_s is not None and ready_s <= now_s:
                self._start(entry[2], now_s)
                continue
            kept.append(entry)
            soonest = min(soonest, ready_s if ready_s is not None else deadline_s)
        self._state.waiting = kept
        heapq.heapify(self._state.waiting)
        return soonest

    def _must_wait(self, step: Step, kept: Sequence[tuple[int, int, Step]]) -> bool:
        """What may spoil an address for others comes last there; `kept` holds what goes before it and cannot start."""
        if not spoils_address(step):
            return False
        now_s, others = self._clock.now_s(), (*self._state.running, *(other for _, _, other in kept))
        return any(must_wait_for(other, step, now_s) for other in others)

    def _start(self, step: Step, now_s: float) -> None:
        self._gate.start(step, now_s)
        self._state.running.add(step)
        if isinstance(step, Lookup) and step.channel in _UDP_CHANNELS:
            self._ask_udp(step)
        else:
            pool = self._system if isinstance(step, Lookup) and step.channel == "system" else self._pool
            pool.submit(lambda: self._carry_out(step))

    def _carry_out(self, step: Step) -> None:
        """On a worker. An exception is a bug and ends the worker loudly; the run goes on without what the step saw."""
        result: StepResult = ([], [])
        try:
            result = execute_step(step, self._shop)
        finally:
            self._events.put(_Done(step, result))

    def _ask_udp(self, step: Lookup) -> None:
        kinds = self._shop.query_types if step.channel in _PLAIN_UDP else self._shop.query_types[:1]
        kinds = ("SOA",) if step.channel == "zone" else (HTTPS,) if step.channel in HTTPS_CHANNELS else kinds
        self._state.pending_questions[step] = len(kinds)
        for kind in kinds:
            self._listener.ask(DnsQuestion(
                name=step.name, query_type=kind, server=step.server, timeout_s=UDP_TIMEOUT_S,
                recursion=step.channel not in _WITHOUT_RESOLVER, on_first=lambda q: self._events.put(_Heard(step, q)),
                on_late=lambda q: self._events.put(_Heard(step, q)),
            ))

    def _take_events(self, timeout_s: float) -> None:
        """Wait for an event, book it and all that came beside it, and plan each site that they concern once."""
        concerned = set[int]()
        with contextlib.suppress(queue.Empty):
            event = self._events.get(timeout=max(0.0, min(timeout_s, 3600.0)))
            while True:
                concerned |= self._take(event)
                event = self._events.get_nowait()
        for index in sorted(concerned):
            self._plan(index)
        early, self._state.early = self._state.early, set()
        for round_ in ROUNDS:
            if self._frame.together and round_.name in early:
                self._open(round_)

    def _take(self, event: Any) -> Set[int]:
        """The sites for which the event may make something due."""
        if isinstance(event, Observation):
            self._book.add(event)
            return frozenset()
        return self._hear(event) if isinstance(event, _Heard) else self._finish(event)

    def _hear(self, event: _Heard) -> Set[int]:
        question, step = event.question, event.step
        known = self._state.question_rows.get(id(question))
        if known is not None:
            self._book.amend(known[1], list_replies(question), question.bytes_read)
        else:
            seen = observe_question(question, resolver=_UDP_CHANNELS[step.channel], clock=self._clock,
                                    attempt=step.attempt, purpose=self._purpose(step))
            row = self._book.add(replace(seen, input=step.about))
            if self._shop.capture is not None:
                self._shop.capture.claim_question(question.server, question.our_port, seen.t0_s)
            self._state.question_rows[id(question)] = (question, row)
            self._state.pending_questions[step] -= 1
        if self._state.pending_questions[step]:
            return frozenset()
        self._state.running.discard(step)
        return self._state.owners[step]

    def _purpose(self, step: Lookup) -> Purpose:
        if step.channel in HTTPS_CHANNELS:
            return "https"
        if step.channel in _PLAIN_UDP:
            return "target"
        if step.channel == "zone":
            return "zone"
        if step.channel == "again":
            return "again" if step.about else "yardstick"
        return "innocent" if step.name == self._frame.innocent else "dark"

    def _finish(self, event: _Done) -> Set[int]:
        step, (observations, answers) = event.step, event.result
        self._gate.end(step, self._clock.now_s())
        self._state.running.discard(step)
        for seen in observations:
            self._book.add(seen)
        for answer in answers:
            self._book.add_control(answer)
            silent = self._state.silent_controls
            silent[answer.control_id] = silent[answer.control_id] + 1 if answer.state == "failed" else -10**6
        done = [o for o in observations if o.operation != "transfer"]  # what was read on of a page decides nothing here
        if isinstance(step, Visit) and done and not done[-1].failure and (
                left := list_unasked_pages(step, observations)):
            more = replace(step, pages=left)
            self._state.owners[more] |= self._state.owners[step]
            self._enqueue(more)
        if done and done[-1].failure:
            self._state.early |= {round_.name for round_ in ROUNDS if round_.opens_early(step)}
        return self._state.owners[step]
