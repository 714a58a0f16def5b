"""The measuring threads behind the standard interface of futures, for callers that wait for a result."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from probe.measurement.worker_pool import DaemonPool

P = ParamSpec("P")
T = TypeVar("T")


class FuturePool(Executor):
    """Runs calls on at most `limit` daemon threads. The standard pool would join at exit whatever hangs."""

    def __init__(self, limit: int = 64) -> None:
        self._pool = DaemonPool(limit)

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

        self._pool.submit(job)
        return future
