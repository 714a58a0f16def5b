"""A bounded pool of daemon threads: a stuck measurement must not hold up the end of the program."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonPool(Executor):
    """Runs calls on at most `limit` threads, started when first needed. The standard pool joins at exit."""

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._threads = 0
        self._spare = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue `fn`; a future cancelled before its turn is never run."""
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # handed to whoever waits for the future
                future.set_exception(error)
            else:
                future.set_result(result)

        with self._lock:
            if self._spare <= 0 and self._threads < self._limit:
                self._threads += 1
                threading.Thread(target=self._work, name="helper-worker", daemon=True).start()
            else:
                self._spare -= 1
        self._jobs.put(job)
        return future

    def _work(self) -> None:
        while True:
            self._jobs.get()()
            with self._lock:
                self._spare += 1
