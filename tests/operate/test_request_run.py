"""The jobs of a request: the time of each begins with it, and what a busy helper did not see is no result."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

import pytest

from control_world import HERE
from probe.controls.reaching.fetch_site import parse_site
from probe.controls.reaching.public_addresses import has_route
from probe.core.tables.failures import TIMEOUT, Failure
from probe.instruments.worker_pool import DaemonPool
from probe_operate.helper import request_run
from probe_operate.helper.helper_workers import FuturePool
from probe_operate.helper.rate_limiter import SilenceBudget
from probe_operate.helper.request_run import MeasuringJob, MeasuringPool, RequestRun
from probe_operate.helper.scheduling_delay import SchedulingDelay
from probe_operate.reaching import reach, reach_udp
from probe_operate.reaching.doh import DohLookup
from probe_operate.reaching.page_fetch import fetch_page
from probe_operate.reaching.reach import reach_endpoint
from probe_operate.reaching.reach_plan import ReachPlan
from probe_operate.reaching.target_guard import TargetGuard


class FixedDelay(SchedulingDelay):
    """A process that loses so much time in each job."""

    def __init__(self, lost_s: float) -> None:
        super().__init__()
        self._looks, self._lost_s = 0, lost_s

    def total_s(self) -> float:
        """More each time that somebody looks."""
        self._looks += 1
        return self._looks * self._lost_s


def make_run(pool: MeasuringPool, *, within_s: float = 20.0, delay: SchedulingDelay | None = None,
             silence: SilenceBudget | None = None, network: str = "") -> RequestRun:
    return RequestRun(pool=pool, deadline=time.monotonic() + within_s, network=network, max_delay_s=0.5,
                      delay=delay or SchedulingDelay(), silence=silence or SilenceBudget(clock=time.monotonic))


def make_job(told: Failure = "", *, takes_s: float = 5.0, about_speed: bool = False,
             then: Callable[[float], None] = lambda _: None) -> MeasuringJob[Failure]:
    def run(deadline: float) -> Failure:
        then(deadline)
        return told

    return MeasuringJob(run=run, takes_s=takes_s, failure_of=lambda result: result, about_speed=about_speed)


def results(run: RequestRun, **jobs: MeasuringJob[Failure]) -> dict[str, Failure]:
    return asyncio.run(run.run_jobs(jobs))


def test_a_job_that_waited_has_its_whole_time() -> None:
    pool, gate, left = FuturePool(1), threading.Event(), list[float]()
    pool.submit(lambda: gate.wait(10))

    async def ask() -> dict[str, Failure]:
        job = make_job(then=lambda deadline: left.append(deadline - time.monotonic()))
        waiting = asyncio.ensure_future(make_run(pool).run_jobs({"it": job}))
        await asyncio.sleep(0)
        await asyncio.to_thread(threading.Event().wait, 0.3)
        gate.set()
        return await waiting

    assert asyncio.run(ask()) == {"it": ""}
    assert left[0] > 4.8


def test_what_cannot_have_its_whole_time_is_not_begun() -> None:
    begun: list[float] = []
    assert results(make_run(FuturePool(1), within_s=4.0), late=make_job(takes_s=5.0, then=begun.append)) == {}
    assert begun == []


def test_what_finds_no_thread_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_run, "QUEUE_S", 0.05)
    pool, gate, begun = FuturePool(1), threading.Event(), list[float]()
    busy = pool.submit(lambda: gate.wait(10))
    assert results(make_run(pool), it=make_job(then=begun.append)) == {}
    gate.set()
    busy.result(10)
    pool.submit(lambda: None).result(10)
    assert begun == [], "nobody waits for it any more"


@pytest.mark.parametrize(("lost_s", "told", "about_speed", "believed"), [
    (0.1, TIMEOUT, False, True), (0.6, TIMEOUT, False, False), (0.6, "connection_reset", False, False),
    (0.6, "", False, True), (0.6, "", True, False), (0.1, "", True, True),
])
def test_a_process_that_had_no_turn_believes_no_failure(lost_s: float, told: Failure, about_speed: bool,
                                                        believed: bool) -> None:
    run = make_run(FuturePool(1), delay=FixedDelay(lost_s))
    assert results(run, it=make_job(told, about_speed=about_speed)) == ({"it": told} if believed else {})


def test_a_blocked_event_loop_shows() -> None:
    async def block() -> float:
        delay = SchedulingDelay()
        async with delay.watched():
            await asyncio.sleep(0)
            threading.Event().wait(0.5)
            return delay.total_s()

    assert asyncio.run(block()) > 0.2


def test_silence_is_paid_for_by_the_network_that_asked_for_it() -> None:
    now = [0.0]
    silence = SilenceBudget(clock=lambda: now[0], burst_s=10.0, per_s=1.0)

    def ask(network: str) -> dict[str, Failure]:
        return results(make_run(FuturePool(1), silence=silence, network=network), it=make_job())

    silence.spend("127.0.1.0/24", 12.0)
    assert (ask("127.0.1.0/24"), ask("127.0.2.0/24"), ask("")) == ({}, {"it": ""}, {"it": ""})
    now[0] = 3.0
    assert ask("127.0.1.0/24") == {"it": ""}


# ---- threads

def test_networks_take_turns_and_none_has_more_than_its_share() -> None:
    pool, gate, begun, lock = FuturePool(4, per_network=2), threading.Event(), list[str](), threading.Lock()

    def job(name: str) -> Callable[[], None]:
        def work() -> None:
            with lock:
                begun.append(name)
            gate.wait(10)

        return work

    many: list[Future[None]] = [pool.submit(job("many"), network="many") for _ in range(6)]
    honest = pool.submit(lambda: "served", network="honest")
    assert honest.result(10) == "served", "two threads are not the first one's"
    assert begun == ["many", "many"]
    gate.set()
    wait(many, 10)
    assert len(begun) == 6


def test_the_next_thread_goes_to_who_waited_longest() -> None:
    pool, gate, order = FuturePool(1), threading.Event(), list[str]()
    pool.submit(lambda: gate.wait(10), network="a")
    waiting = [pool.submit(lambda name=name: order.append(name), network=name)  # type: ignore[misc]
               for name in ("a", "a", "a", "b", "c")]
    gate.set()
    wait(waiting, 10)
    assert order == ["a", "b", "c", "a", "a"]


def test_without_a_thread_nothing_is_measured_and_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    pool, second = FuturePool(4), DaemonPool(4)
    first, done = threading.Event(), threading.Event()
    second.submit(first.set)
    assert first.wait(10)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert pool_result(pool) == {}
        for task in (lambda: None, lambda: None, done.set):
            second.submit(task)
    assert done.wait(10), "the threads that there are do the work"
    assert pool_result(pool) == {"it": ""}


def pool_result(pool: FuturePool) -> dict[str, Failure]:
    """One job on it."""
    async def ask() -> dict[str, Failure]:
        return await make_run(pool).run_jobs({"it": make_job()})

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(ask())
    finally:
        loop.close()


# ---- what this machine lacks

@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL])
def test_a_shortage_of_ours_is_no_failure_of_a_site(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, "short")

    monkeypatch.setattr(reach, "open_socket", fail)
    monkeypatch.setattr(reach_udp, "UdpFlow", fail)
    guard = TargetGuard(exempt=frozenset({(HERE, 9), (HERE, 443)}))
    until = time.monotonic() + 5
    for plan in (ReachPlan(address=HERE, port=9), ReachPlan(address=HERE, port=9, proto="stun")):
        found = reach_endpoint(plan, guard=guard, timeout_s=5, deadline=until)
        assert (found.reason, found.failure) == ("busy", "")
    page = fetch_page(parse_site(f"http://{HERE}:9/"), headers={}, trust="web_pki", deadline=until, guard=guard,
                      resolve=lambda _: DohLookup())
    assert (page.x_refused, page.x_failure) == ("busy", "")


def test_a_machine_without_sockets_does_not_call_an_address_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("probe.controls.reaching.public_addresses.find_source_address", lambda _: "")
    assert not has_route(HERE)
    monkeypatch.setattr("probe.controls.reaching.public_addresses.is_out_of_sockets", lambda _: True)
    assert has_route(HERE)


# ---- names

@pytest.mark.parametrize(("known", "word", "refused"), [
    (DohLookup(reason="resolver_silent"), "dns_lookup_error", "resolver_silent"),
    (DohLookup(reason="busy"), "unknown_error", "busy"), (DohLookup(), "unknown_error", "no_resolver"),
    (DohLookup(failure="dns_no_answer"), "dns_lookup_error", ""),
])
def test_a_redirect_to_a_name_that_leads_nowhere(known: DohLookup, word: str, refused: str) -> None:
    page = fetch_page(parse_site("http://gone.example.org/"), headers={}, trust="web_pki",
                      deadline=time.monotonic() + 5, guard=TargetGuard(), resolve=lambda _: known)
    assert (page.failure, page.x_refused, page.status_code) == (word, refused, -1)
