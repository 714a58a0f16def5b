"""When runs are due, and how long one may take so that it ends before its successor starts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

EVERY_MIN = (15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440)
"""Intervals in minutes that divide an hour or a day, so that cron and calendars can say them."""
REST_S = 120
"""Between the latest end of a run and the earliest start of the next: writing, and a slow machine's start."""
STOP_GRACE_S = 90
"""After its deadline a run judges and writes; what takes longer than this is stuck, and its schedule ends it."""
_MAX_JITTER_S = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """Every `every_min` minutes, counted from the day's `minute`-th on, and up to `jitter_s` later."""

    every_min: int
    minute: int
    """Within the interval, below 60; drawn at the installation, so that not all volunteers start together."""

    @property
    def every_s(self) -> int:
        return self.every_min * 60

    @property
    def jitter_s(self) -> int:
        """A sixth of the interval, ten minutes at most."""
        return min(_MAX_JITTER_S, self.every_s // 6)

    def deadline_s(self, wanted_s: float) -> float:
        """The run's deadline: the one that is wanted, or less where the next run would start before it."""
        return min(wanted_s, float(self.every_s - self.jitter_s - REST_S))

    def next_slot(self, now: datetime) -> datetime:
        """The next time after `now` at which a run is due, without jitter, by the clock and the zone of `now`."""
        start = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(minutes=self.minute)
        passed = (now - start) // timedelta(seconds=self.every_s)
        return start + timedelta(seconds=self.every_s) * (passed + 1)


def make_rhythm(every_min: int, minute: int) -> Rhythm:
    """The rhythm, with the minute brought into the interval. Raises ValueError for an interval nobody can say."""
    if every_min not in EVERY_MIN:
        raise ValueError(f"every {every_min} minutes cannot be said: choose one of {', '.join(map(str, EVERY_MIN))}")
    return Rhythm(every_min=every_min, minute=minute % min(60, every_min))
