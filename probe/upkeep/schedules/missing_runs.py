"""Which runs are missing, and why: derived from the log, never filled in. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from probe.upkeep.schedules.rhythm import Rhythm, make_rhythm
from probe.upkeep.schedules.schedule_log import ScheduleEvent

GAP_REASONS: dict[str, str] = {
    "overlap": "the run before was still going on",
    "refused": "nobody had agreed to what the configuration asks for",
    "battery": "the device ran on its battery",
    "metered": "the line was metered",
    "late": "it began too late to end before the next one",
    "failed": "the run failed",
    "paused": "the signed list of targets asks for a pause in this country",
    "broken_off": "the run was broken off: killed, or the machine lost its power",
    "not_started": "nothing started it: the machine was off or asleep, or its schedule was not at work",
}
ATTEMPTS = ("started", "overlap", "refused", "failed", "skipped", "paused")
"""Events with which the schedule's place for a run is taken."""
_GRACE_S = 60
MAX_SLOTS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Scheduled runs in a row that are missing for one reason."""

    first: datetime
    """When the first of them was due."""
    last: datetime
    n: int
    why: str
    """A key of `GAP_REASONS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTerm:
    """A schedule that was at work for a time."""

    begin: datetime
    """When its first run was due."""
    end: datetime | None
    """None: it still is."""
    rhythm: Rhythm
    by: str

    def next_due(self, now: datetime) -> datetime:
        """When the run after `now` is due, without what it may be late by chance. Cron goes by the machine's zone."""
        if self.by == "cron":
            return self.rhythm.next_slot(now.astimezone())
        every = timedelta(seconds=self.rhythm.every_s)
        return self.begin + every * ((now - self.begin) // every + 1)


def list_terms(events: Iterable[ScheduleEvent]) -> Iterator[ScheduleTerm]:
    """The schedules one after the other; a new installation ends the one before."""
    at_work: ScheduleTerm | None = None
    for event in events:
        if event.kind not in ("installed", "uninstalled"):
            continue
        if at_work:
            yield replace(at_work, end=event.at)
        at_work = _term(event) if event.kind == "installed" else None
    if at_work:
        yield at_work


def find_gaps(events: Sequence[ScheduleEvent], *, since: datetime, until: datetime,
              running: bool = False) -> tuple[Gap, ...]:
    """What is missing of the runs that were due from `since` on and whose time is past at `until`.

    A run belongs to the time it was due before: a late one fills its own place and no earlier one. `running`: a run
    goes on right now, so the last that began is not broken off.
    """
    found: list[Gap] = []
    for term in list_terms(events):
        end = min(until, term.end or until)
        for due, why in _missing(term, events, max(since, term.begin), end, running=running):
            last = found[-1] if found else None
            follows = last and last.why == why and due - last.last == timedelta(seconds=term.rhythm.every_s)
            if last and follows:
                found[-1] = replace(last, last=due, n=last.n + 1)
            else:
                found.append(Gap(first=due, last=due, n=1, why=why))
    return tuple(found)


def _missing(term: ScheduleTerm, events: Sequence[ScheduleEvent], since: datetime, until: datetime, *,
             running: bool) -> Iterator[tuple[datetime, str]]:
    every = timedelta(seconds=term.rhythm.every_s)
    late = timedelta(seconds=term.rhythm.jitter_s + _GRACE_S)
    slots: dict[int, list[ScheduleEvent]] = {}
    for event in events:
        if event.kind in ATTEMPTS and event.at >= term.begin:
            slots.setdefault((event.at - term.begin) // every, []).append(event)
    ends = _ends(events, running=running)
    first = -((term.begin - since) // every)  # the first that was due at or after `since`
    for number in range(first, first + MAX_SLOTS):
        due = term.begin + number * every
        if due + late > until:
            return
        if why := _why([e for e in slots.get(number, ()) if e.at <= until], ends):
            yield due, why


def _ends(events: Sequence[ScheduleEvent], *, running: bool) -> dict[datetime, str]:
    """How each run that began went on: until the next one began, it ended, failed, or was broken off."""
    found: dict[datetime, str] = {}
    begun: datetime | None = None
    for event in events:
        if event.kind == "started":
            begun = event.at
            found[begun] = "broken_off"
        elif begun and event.kind in ("ended", "failed"):
            found[begun] = "" if event.kind == "ended" else "failed"
            begun = None
    if begun and running:
        found[begun] = ""
    return found


def _why(seen: Sequence[ScheduleEvent], ends: dict[datetime, str]) -> str:
    """Why the slot has no run; empty when it has one."""
    words = [ends[e.at] if e.kind == "started" else _word(e) for e in seen]
    return "" if "" in words else words[-1] if words else "not_started"


def _word(event: ScheduleEvent) -> str:
    """A skipped run tells why; a word that nobody knows, from another version, is told as a failure."""
    return event.kind if event.kind != "skipped" else event.why if event.why in GAP_REASONS else "failed"


def _term(event: ScheduleEvent) -> ScheduleTerm | None:
    try:
        beat = make_rhythm(event.every_min, event.minute)
    except ValueError:
        return None
    return ScheduleTerm(begin=event.first or event.at, end=None, rhythm=beat, by=event.by)
