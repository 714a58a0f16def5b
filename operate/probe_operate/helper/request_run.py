"""The jobs of one request: each has its whole time from when it begins, and what was not begun, or was measured while
this machine was short of something, is no result. A helper that is busy says so, and never that a site fails."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar

from probe.core.tables.failures import Failure, is_timeout
from probe_operate.helper.rate_limiter import SilenceBudget
from probe_operate.helper.scheduling_delay import SchedulingDelay

QUEUE_S = 5.0
"""A job that has no thread after so long is not begun."""
JOBS_AT_ONCE = 16
"""Threads that one request may hold: one that names silent addresses leaves the others to other requests."""
GRACE_S = 1.0
"""A job ends by its own deadline; one that is later than this is waited for no longer."""

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R", covariant=True)


class MeasuringPool(Protocol):
    """Threads that take the networks' jobs in turn (`probe_operate.helper.helper_workers`)."""

    def submit(self, job: Callable[[], R], *, network: str = "") -> Future[R]:
        """Queue a job for a client's network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuringJob(Generic[V]):
    """What a thread is to do."""

    run: Callable[[float], V]
    """Takes the deadline (monotonic seconds)."""
    takes_s: float
    """Its time, counted from when it begins; less than that is never given."""
    failure_of: Callable[[V], Failure]
    """What the result says has failed; empty: nothing."""
    about_speed: bool = False
    """Whether the result says how fast something was, whatever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRun:
    """One request under way."""

    pool: MeasuringPool
    deadline: float
    """When the answer has to be ready (monotonic seconds)."""
    network: str = ""
    """The client's; empty: nobody's, whom no share limits."""
    silence: SilenceBudget
    delay: SchedulingDelay
    max_delay_s: float
    """No failure is believed that was found while this process was kept from running for longer."""
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(JOBS_AT_ONCE))

    async def run_jobs(self, jobs: Mapping[K, MeasuringJob[V]]) -> dict[K, V]:
        """Run them side by side. A job without a result was not begun in time, or its result cannot be believed."""
        found = await asyncio.gather(*(self._in_turn(job) for job in jobs.values()))
        return {key: results[0] for key, results in zip(jobs, found, strict=True) if results}

    async def _in_turn(self, job: MeasuringJob[V]) -> tuple[V, ...]:
        latest = self.deadline - job.takes_s
        try:
            if self.turn.locked():
                async with asyncio.timeout_at(latest):  # the loop's clock is the monotonic one
                    await self.turn.acquire()
            else:
                await self.turn.acquire()
        except TimeoutError:
            return ()
        try:
            return () if self.silence.is_spent(self.network) else await self._wait_for(job, latest)
        finally:
            self.turn.release()

    async def _wait_for(self, job: MeasuringJob[V], latest: float) -> tuple[V, ...]:
        loop = asyncio.get_running_loop()
        try:
            future = self.pool.submit(partial(self._measure, job), network=self.network)
        except RuntimeError:  # no thread can be made
            return ()
        patience = loop.call_at(min(loop.time() + QUEUE_S, latest), future.cancel)
        waiting = asyncio.wrap_future(future)
        try:
            done, _ = await asyncio.wait({waiting}, timeout=self.deadline + GRACE_S - loop.time())
            return waiting.result() if done and not waiting.cancelled() else ()
        finally:
            patience.cancel()
            waiting.cancel()

    def _measure(self, job: MeasuringJob[V]) -> tuple[V, ...]:
        """In a thread: the result, or nothing."""
        begin_s, delayed_s = time.monotonic(), self.delay.total_s()
        if begin_s + job.takes_s > self.deadline:
            return ()
        result = job.run(begin_s + job.takes_s)
        failure = job.failure_of(result)
        if is_timeout(failure):
            self.silence.spend(self.network, time.monotonic() - begin_s)
        doubtful = (failure or job.about_speed) and self.delay.total_s() - delayed_s > self.max_delay_s
        return () if doubtful else (result,)
