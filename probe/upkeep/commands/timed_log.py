"""What a timed run writes into the schedule's log; a log that cannot be written stops no run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from probe.store.files.atomic import StoreError
from probe.upkeep.schedules.missing_runs import ScheduleTerm, find_gaps, list_terms
from probe.upkeep.schedules.schedule_log import ScheduleEvent, append_event, get_month_ago, get_now, read_events


@dataclass(frozen=True, slots=True)
class TimedLog:
    """The log of one results folder. `keeps`: whether this run belongs to a schedule at all."""

    folder: Path
    keeps: bool

    @contextlib.contextmanager
    def run(self) -> Iterator[Callable[[str], None]]:
        """Around a run that holds the lock: it began, and it ended where the given function is called."""
        begun = get_now()
        self._missed(begun)
        self._write(ScheduleEvent(at=begun, kind="started"))
        yield lambda run_id: self._write(ScheduleEvent(at=get_now(), kind="ended", run_id=run_id))

    def note_overlap(self) -> None:
        """Another run was still going on: a gap, no error."""
        self._write(ScheduleEvent(at=get_now(), kind="overlap"))

    def note_skipped(self, why: str) -> None:
        """The run was not made, for a reason that `probe.upkeep.schedules.missing_runs.GAP_REASONS` has."""
        moment = get_now()
        self._missed(moment)
        self._write(ScheduleEvent(at=moment, kind="skipped", why=why))

    def term(self, moment: datetime) -> ScheduleTerm | None:
        """The schedule that is at work; None where the log knows none, and for a run that belongs to none."""
        if not self.keeps:
            return None
        events = [event for event in read_events(self.folder, since=get_month_ago(moment)) if event.at <= moment]
        return next((term for term in list_terms(events) if term.end is None), None)

    def note_refused(self, why: str) -> None:
        """Nobody agreed."""
        self._write(ScheduleEvent(at=get_now(), kind="refused", why=why))

    def note_paused(self, why: str) -> None:
        """The signed list asks for it: a gap, no error."""
        self._write(ScheduleEvent(at=get_now(), kind="paused", why=why))

    def note_failed(self, why: str) -> None:
        """The run could not be made or written."""
        self._write(ScheduleEvent(at=get_now(), kind="failed", why=why))

    def _missed(self, begun: datetime) -> None:
        """Write down which runs between the last time that this was done and now nothing started: the one line that
        nobody else could write. What was refused, failed or broken off in between shows by itself."""
        if not self.keeps:
            return
        since = get_month_ago(begun)
        events = [event for event in read_events(self.folder, since=since) if event.at <= begun]
        last = max((event.at for event in events if event.kind in ("started", "skipped")), default=since)
        this = ScheduleEvent(at=begun, kind="started")
        for gap in find_gaps([*events, this], since=last + timedelta(seconds=1), until=begun, running=True):
            if gap.why == "not_started":
                self._write(ScheduleEvent(at=begun, kind="gap", first=gap.first, n=gap.n, why=gap.why))

    def _write(self, event: ScheduleEvent) -> None:
        if not self.keeps:
            return
        try:
            append_event(self.folder, event)
        except StoreError as error:
            click.echo(f"The schedule's log was not written: {error}", err=True)
