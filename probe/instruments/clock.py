"""One clock for a run: monotonic seconds since its start, and the time of that start in UTC."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """`started_at` may be shifted (time-lapse); durations never are: they come from the monotonic clock."""

    started_at: datetime
    zero: float

    def now_s(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.zero

    def utc(self) -> datetime:
        """Now, in the run's own time."""
        return self.started_at + timedelta(seconds=self.now_s())


def start_clock(started_at: datetime | None = None) -> Clock:
    """Start the run's clock now; `started_at` replaces the machine's idea of the date."""
    return Clock(started_at=started_at or datetime.now(UTC), zero=time.monotonic())
