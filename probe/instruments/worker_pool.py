"""Worker threads that never hold up the exit: daemons, made as needed, up to a limit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class DaemonPool:
    """Runs tasks on at most `limit` daemon threads. A task that hangs costs a thread, not the program's end."""

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0

    def submit(self, task: Callable[[], None]) -> None:
        """Run `task` soon; it must not raise (an exception in it is a bug and ends its thread loudly)."""
        self._tasks.put(task)
        with self._lock:
            if self._idle >= self._tasks.qsize() or self._threads >= self._limit:
                return
            self._threads += 1
        try:
            threading.Thread(target=self._work, daemon=True, name=f"worker-{self._threads}").start()
        except RuntimeError:  # the system has no more: those that there are do the work
            with self._lock:
                self._threads -= 1
                if not self._threads:
                    raise

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            task = self._tasks.get()
            with self._lock:
                self._idle -= 1
            task()
