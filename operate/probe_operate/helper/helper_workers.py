"""The measuring threads: daemons, made as needed up to a limit, that take the networks' jobs in turn.

Whoever orders much waits behind himself, not others behind him: the next free thread goes to the network that has
waited longest since its last job, and no network has more than its share of the threads.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class _Queued:
    """A job that waits for a thread."""

    run: Callable[[], None]
    future: Future[object]


class FuturePool:
    """Runs jobs on at most `limit` daemon threads, of which one network holds `per_network`. The standard pool would
    join at exit whatever hangs."""

    def __init__(self, limit: int = 64, *, per_network: int = 64) -> None:
        self._limit, self._per_network = limit, per_network
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[_Queued]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self._threads = self._idle = self._queued = 0

    def submit(self, job: Callable[[], T], *, network: str = "") -> Future[T]:
        """Queue `job` for a client's network (empty: of nobody, whom no share limits); a future that is cancelled
        before its turn is never run. Raises RuntimeError when not even one thread can be made."""
        future: Future[T] = Future()

        def run() -> None:
            try:
                result = job()
            except BaseException as error:  # handed to whoever waits for the future
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._changed:
            self._waiting.setdefault(network, deque()).append(_Queued(run=run, future=future))  # type: ignore[arg-type]
            self._queued += 1
            more = self._idle < self._queued and self._threads < self._limit and not self._has_its_share(network)
            self._threads += more
            self._changed.notify()
        if more:
            self._start(future)
        return future

    def _start(self, future: Future[T]) -> None:
        try:
            threading.Thread(target=self._work, daemon=True, name="measures").start()
        except RuntimeError:  # the system has no more: those that there are do the work
            with self._changed:
                self._threads -= 1
                if self._threads:
                    return
            future.cancel()
            raise

    def _has_its_share(self, network: str) -> bool:
        return bool(network) and self._running.get(network, 0) >= self._per_network

    def _work(self) -> None:
        while True:
            with self._changed:
                while (found := self._take()) is None:
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
            network, queued = found
            try:
                queued.run()
            finally:
                with self._changed:
                    self._running[network] -= 1
                    if not self._running[network]:
                        del self._running[network]

    def _take(self) -> tuple[str, _Queued] | None:
        """The next job of the network whose turn it is, marked as running; None when none may run now."""
        for network in list(self._waiting):
            queue = self._waiting[network]
            while queue and queue[0].future.cancelled():
                queue.popleft()
                self._queued -= 1
            if not queue:
                del self._waiting[network]
                continue
            if self._has_its_share(network):
                continue
            queued = queue.popleft()
            self._queued -= 1
            if not queued.future.set_running_or_notify_cancel():
                continue
            if queue:
                self._waiting.move_to_end(network)
            else:
                del self._waiting[network]
            self._running[network] += 1
            return network, queued
        return None
