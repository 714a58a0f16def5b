"""What is known of the runs of this machine; gathered without sending anything."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from probe.catalogue.types import CatalogueError
from probe.config.geo.geo_status import GeoStatus as GeoStanding
from probe.config.geo.geo_status import check_geo_status as geo_standing
from probe.config.settings import Settings
from probe.controls.feeds.feed_document import FeedError
from probe.core.runs import Run
from probe.core.verdicts import Verdict
from probe.store.files.atomic import StoreError, free_bytes
from probe.store.files.csv_files import read_csv
from probe.store.row_codec import run_from
from probe.store.runs.run_files import run_files
from probe.store.runs.run_reader import read_records
from probe.store.schema import TABLES
from probe.upkeep.schedules.missing_runs import Gap, ScheduleTerm, find_gaps, list_terms
from probe.upkeep.schedules.schedule_log import ScheduleEvent, get_month_ago, read_events
from probe.upkeep.status.answer_history import read_answer
from probe.upkeep.status.run_answer import RunAnswer
from probe.upkeep.status.service_answer import gather_catalogue_facts
from probe.upkeep.status.upload_facts import UploadFacts
from probe.upkeep.status.upload_facts import gather_upload_facts as gather_uploads
from probe.upkeep.updates.catalogue_choice import ListState, choose_catalogue, read_list_state
from probe.upkeep.updates.feed_updates import FeedState, read_feed_states
from probe.upkeep.updates.kept_list import read_looks
from probe.upkeep.updates.list_document import ListError
from probe.upkeep.updates.signed_file import LookState

NO_LISTS, NO_LOOKS, NO_GEO = ListState(), LookState(), GeoStanding(text="")
MAX_SILENT = 48
"""Runs without a word of services behind which an older one is still looked for."""
MAX_FILES = 1_000_000
"""Of a results folder that are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFacts:
    """One machine's runs of the last 30 days."""

    now: datetime
    settings: Settings
    results: Path
    not_agreed: str
    """Why runs are refused; empty when they are not."""
    at_work: tuple[str, ...]
    """Schedules that are really set up: cron, systemd-user, systemd-system."""
    term: ScheduleTerm | None
    """The schedule that the log knows."""
    events: tuple[ScheduleEvent, ...]
    gaps: tuple[Gap, ...]
    running_since: str | None
    """None: no run goes on; empty: one does, since when is unknown."""
    runs: tuple[Run, ...]
    unreadable: tuple[str, ...]
    """Why some runs cannot be read."""
    blocked: tuple[Verdict, ...]
    """Of the last run."""
    disk_bytes: int
    free_bytes: int
    errors: str
    """What the last run by cron had to say."""
    uploads: UploadFacts | None = None
    """None where no place is named."""
    lists: ListState = NO_LISTS
    looks: LookState = NO_LOOKS
    geo: GeoStanding = NO_GEO
    feeds: tuple[FeedState, ...] = ()
    feed_trouble: str = ""
    """Why the feeds of the configuration cannot be used at all."""
    answer: RunAnswer | None = None
    """Of the last run; None where there is none, or its rows cannot be read."""
    said_last: RunAnswer | None = None
    """Of the last run that says something of services, where the last one of all does not."""


def gather_status_facts(settings: Settings, results: Path, *, now: datetime, not_agreed: str, at_work: tuple[str, ...],
                        running_since: str | None, errors: str) -> StatusFacts:
    """Read the folder; what cannot be read is reported, never raised."""
    since, (feeds, feed_trouble) = get_month_ago(now), _feeds(settings)
    events = read_events(results, since=since)
    past = [event for event in events if event.at <= now]
    known = [term for term in list_terms(past) if term.end is None]
    runs, unreadable = _runs(results, since)
    blocked: tuple[Verdict, ...] = ()
    answer, said_last = _read_answers(settings, results, runs, now)
    if runs:
        with contextlib.suppress(StoreError):
            blocked = tuple(v for v in read_records(results, runs[-1], Verdict) if v.outcome == "blocked")
    return StatusFacts(
        now=now, settings=settings, results=results, not_agreed=not_agreed, at_work=at_work,
        term=known[-1] if known else None, events=tuple(events),
        gaps=find_gaps(past, since=since, until=now, running=running_since is not None), running_since=running_since,
        runs=tuple(runs), unreadable=tuple(unreadable), blocked=blocked, disk_bytes=sum(_sizes(results)),
        free_bytes=_free(results), errors=errors, uploads=gather_uploads(settings, results, now=now),
        lists=_lists(settings, now), looks=read_looks(), geo=geo_standing(settings, today=now.date()), feeds=feeds,
        feed_trouble=feed_trouble, answer=answer, said_last=said_last,
    )


def _read_answers(settings: Settings, results: Path, runs: Sequence[Run],
                  now: datetime) -> tuple[RunAnswer | None, RunAnswer | None]:
    """Of the last run, and of the last one that says something where that one does not."""
    answer = said_last = None
    with contextlib.suppress(StoreError, CatalogueError, ListError):
        facts = gather_catalogue_facts(choose_catalogue(settings, None, now=now).catalogue)
        for run in reversed(runs[-MAX_SILENT:]):
            found = read_answer(results, run, facts)
            answer = answer or found
            if not found.says_nothing:
                said_last = found
                break
    return answer, said_last if said_last is not answer else None


def _feeds(settings: Settings) -> tuple[tuple[FeedState, ...], str]:
    try:
        return read_feed_states(settings), ""
    except FeedError as error:
        return (), str(error)


def _lists(settings: Settings, now: datetime) -> ListState:
    try:
        return read_list_state(settings, now=now)
    except ListError as error:
        return ListState(wanted=True, trouble=str(error))


def _runs(results: Path, since: datetime) -> tuple[list[Run], list[str]]:
    """(runs that began since, by time, those that cannot be read)."""
    first_day = f"date={since:%Y-%m-%d}"
    runs: dict[str, Run] = {}
    wrong = []
    for path in run_files(results):
        if path.parent.name < first_day:
            continue
        try:
            runs.update((run.run_id, run) for run in _runs_in(path))
        except (StoreError, ValueError) as error:
            wrong.append(str(error))
    return sorted(runs.values(), key=lambda run: run.measurement_start_time), wrong


def _runs_in(path: Path) -> list[Run]:
    """The rows of a runs file; the other tables are not opened. Raises StoreError or ValueError."""
    runs = [run_from(row) for row in read_csv(path, TABLES["runs"])]
    if not runs:
        raise StoreError(f"{path}: there is no run in it")
    return runs


def _sizes(folder: Path) -> Iterator[int]:
    left = MAX_FILES
    for place, _, names in os.walk(folder):
        for name in names:
            left -= 1
            if left < 0:
                return
            with contextlib.suppress(OSError):
                yield os.lstat(os.path.join(place, name)).st_size


def _free(folder: Path) -> int:
    """Bytes that are free where the folder is or will be."""
    for place in (folder, *folder.parents):
        with contextlib.suppress(OSError):
            return free_bytes(place)
    return 0
