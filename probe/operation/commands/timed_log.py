"""What a timed run writes into the schedule's log; a log that cannot be written stops no run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click

from probe.operation.schedules.missing_runs import Term, gaps, terms
from probe.operation.schedules.schedule_log import Event, append, month_ago, now, read
from probe.results.files.atomic import StoreError


@dataclass(frozen=True, slots=True)
class Diary:
    """The log of one results folder. `keeps`: whether this run belongs to a schedule at all."""

    folder: Path
    keeps: bool

    @contextlib.contextmanager
    def run(self) -> Iterator[Callable[[str], None]]:
        """Around a run that holds the lock: it began, and it ended where the given function is called."""
        begun = now()
        self._missed(begun)
        self._write(Event(at=begun, kind="started"))
        yield lambda run_id: self._write(Event(at=now(), kind="ended", run_id=run_id))

    def overlap(self) -> None:
        """Another run was still going on: a gap, no error."""
        self._write(Event(at=now(), kind="overlap"))

    def skipped(self, why: str) -> None:
        """The run was not made, for a reason that `probe.operation.schedules.missing_runs.WHY` has."""
        moment = now()
        self._missed(moment)
        self._write(Event(at=moment, kind="skipped", why=why))

    def term(self, moment: datetime) -> Term | None:
        """The schedule that is at work; None where the log knows none, and for a run that belongs to none."""
        if not self.keeps:
            return None
        events = [event for event in read(self.folder, since=month_ago(moment)) if event.at <= moment]
        return next((term for term in terms(events) if term.end is None), None)

    def refused(self, why: str) -> None:
        """Nobody agreed."""
        self._write(Event(at=now(), kind="refused", why=why))

    def paused(self, why: str) -> None:
        """The signed list asks for it: a gap, no error."""
        self._write(Event(at=now(), kind="paused", why=why))

    def failed(self, why: str) -> None:
        """The run could not be made or written."""
        self._write(Event(at=now(), kind="failed", why=why))

    def _missed(self, begun: datetime) -> None:
        """Write down which runs between the last time that this was done and now nothing started: the one line that
        nobody else could write. What was refused, failed or broken off in between shows by itself."""
        if not self.keeps:
            return
        since = month_ago(begun)
        events = [event for event in read(self.folder, since=since) if event.at <= begun]
        last = max((event.at for event in events if event.kind in ("started", "skipped")), default=since)
        this = Event(at=begun, kind="started")
        for gap in gaps([*events, this], since=last + timedelta(seconds=1), until=begun, running=True):
            if gap.why == "not_started":
                self._write(Event(at=begun, kind="gap", first=gap.first, n=gap.n, why=gap.why))

    def _write(self, event: Event) -> None:
        if not self.keeps:
            return
        try:
            append(self.folder, event)
        except StoreError as error:
            click.echo(f"The schedule's log was not written: {error}", err=True)
