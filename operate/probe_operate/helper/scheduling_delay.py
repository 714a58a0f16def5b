"""How long this process is kept from running: by other programs, by its own threads, by a flood of requests.

A server that answers at once is "silent" to a process that gets no turn to read the answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TICK_S = 0.1


class SchedulingDelay:
    """Counts while somebody watches: how much later than asked for a timer of the event loop rings, summed up. Read
    from any thread."""

    def __init__(self) -> None:
        self._total_s, self._due_s = 0.0, float("inf")
        self._watchers = 0
        self._timer: asyncio.Task[None] | None = None

    def total_s(self) -> float:
        """All delay so far, what is due now included."""
        return self._total_s + max(0.0, time.monotonic() - self._due_s)

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Count until the end of the block; within one event loop."""
        self._watchers += 1
        if self._timer is None:
            self._timer = asyncio.create_task(self._count())
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._timer.cancel()
                self._timer, self._due_s = None, float("inf")

    async def _count(self) -> None:
        while True:
            self._due_s = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self._total_s += max(0.0, time.monotonic() - self._due_s)
