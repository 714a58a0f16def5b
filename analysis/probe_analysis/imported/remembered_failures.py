"""What failed before in a network is remembered for a day: one measurement an hour repeats over the hours.

A volunteer's program measures a target once an hour, or once a day. Our rules speak of a block only where several fresh
attempts fail alike, so a target that fails is judged together with its last measurements in the same network, as long
as every one of them failed. A single one that went well forgets them all. What is remembered is taken into the run as
rows with a time before its beginning, so that a stored run is judged again by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from probe.core.observations import ControlAnswer, Observation

KEPT_FOR = timedelta(hours=24)
WANTED = 4
"""So many measurements that fail alike are a repetition (`probe.judge.path.path_context.is_repeated`)."""
MAX_ROWS = 50_000
"""Of all that is remembered; the targets that failed longest ago are forgotten first."""
MAX_ROWS_OF_ONE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A target, seen from one network."""

    cc: str
    asn: int
    target_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedMeasurement:
    """One measurement of a target that failed."""

    start: datetime
    rows: tuple[Observation, ...]
    """Of the target and of its names; their times are seconds since `start`."""
    controls: tuple[ControlAnswer, ...]


@dataclass(slots=True)
class RememberedFailures:
    """The last failing measurements of each target in each network. Bounded in rows."""

    known: OrderedDict[Place, tuple[FailedMeasurement, ...]] = field(default_factory=OrderedDict)
    rows: int = 0

    def recall(self, place: Place, before: datetime, count: int) -> tuple[FailedMeasurement, ...]:
        """At most `count` of the measurements of the day before a time, in order."""
        found = [m for m in self.known.get(place, ()) if before - KEPT_FOR <= m.start < before]
        return tuple(found[-count:]) if count > 0 else ()

    def remember(self, place: Place, failed: Sequence[FailedMeasurement]) -> None:
        """Add measurements that failed; the last `WANTED` are kept."""
        held = sorted((*self.forget(place), *(m for m in failed if len(m.rows) <= MAX_ROWS_OF_ONE)),
                      key=lambda m: m.start)[-WANTED:]
        if held:
            self.known[place] = tuple(held)
            self.rows += _count_rows(held)
        while self.rows > MAX_ROWS:
            _, oldest = self.known.popitem(last=False)
            self.rows -= _count_rows(oldest)

    def forget(self, place: Place) -> tuple[FailedMeasurement, ...]:
        """Forget a target, and give what was known of it."""
        held = self.known.pop(place, ())
        self.rows -= _count_rows(held)
        return held


def _count_rows(held: Sequence[FailedMeasurement]) -> int:
    return sum(len(m.rows) for m in held)
