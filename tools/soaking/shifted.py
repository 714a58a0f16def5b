"""The machine's wall clock as the storage, the lock, the log and the limits read it, set to any time.

Nothing else is shifted: durations come from the monotonic clock. Files that a killed run left get the shifted time as
theirs, since the kernel stamped them with the real one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from types import ModuleType, SimpleNamespace
from typing import Self
from unittest.mock import patch

from probe.core.json_decoders import get_decoder
from probe.instruments.clock import Clock, start_clock
from probe.store.archive import retention
from probe.store.files import atomic
from probe.upkeep.commands import results_bounds, run_lock
from probe.upkeep.schedules import schedule_log

_READ_DATETIME: tuple[ModuleType, ...] = (retention, results_bounds, run_lock, schedule_log)


class Moment:
    """What the clock says now; it stands still until somebody sets it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def start_clock(self, at: datetime | None) -> Clock:
        """The clock of a run that begins now."""
        return start_clock(at or self.now)

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        self.now += step


@contextmanager
def shifted(moment: Moment) -> Iterator[None]:
    """Let every module that reads the wall clock for files read this one."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return moment.now.astimezone(tz or UTC)  # type: ignore[return-value]

    # looks its types up once, by name: before the name means something else
    get_decoder(schedule_log.ScheduleEvent)
    clock = SimpleNamespace(time=lambda: moment.now.timestamp(), monotonic=time.monotonic)
    with ExitStack() as stack:
        for module in _READ_DATETIME:
            stack.enter_context(patch.object(module, "datetime", Shifted))
        stack.enter_context(patch.object(atomic, "time", clock))
        yield
