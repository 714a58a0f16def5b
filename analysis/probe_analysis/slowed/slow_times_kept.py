"""From the times that are kept of days to events of slowed services, and to what was examined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from probe_analysis.population.hour_files import explain_errors
from probe_analysis.slowed.slowed_rows import MOST_DAYS
from probe_analysis.times.examined_times import ExaminedTimes, read_examined
from probe_analysis.times.slow_events import find_slow_events
from probe_analysis.times.time_files import open_times, read_times
from probe_analysis.times.time_series import make_table

if TYPE_CHECKING:
    from probe_analysis.events.event import Event
    from probe_analysis.population.opened_hours import OpenedHours


def list_slow_events(opened: OpenedHours, *, lab: bool) -> Sequence[Event]:
    """The events in the latest days that are kept. Raises StoreError."""
    if not _open(opened):
        return ()
    with explain_errors():
        return find_slow_events(make_table(read_times(opened.connection)), lab=lab)


def list_examined(opened: OpenedHours) -> Sequence[ExaminedTimes]:
    """Of which services' times what was counted in these days. Raises StoreError."""
    if not _open(opened):
        return ()
    with explain_errors():
        return tuple(read_examined(opened.connection))


def _open(opened: OpenedHours) -> bool:
    kept = opened.kept
    paths = [kept.path(day, "times") for day in sorted(kept.days)[-MOST_DAYS:]]
    if paths:
        with explain_errors():
            open_times(opened.connection, paths)
    return bool(paths)
