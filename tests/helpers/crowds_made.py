"""Volunteers in many countries, and what their runs say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from feeds_made import entry, feed
from probe.controls.feeds.feed_document import Feed, FeedEntry, read_feed, write_feed
from probe.core.runs import Run, RunResult, Vantage
from probe.core.stamps import format_time
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe.store.files.csv_files import write_csv
from probe.store.layout import csv_path
from probe.store.row_codec import rows_of
from probe.store.schema import TABLES
from probe_operate.feeds.crowd_feed import CrowdHead, find_window, make_crowd_feed
from probe_operate.feeds.crowd_members import Member
from probe_operate.feeds.crowd_votes import CrowdVotes

NOW = datetime(2026, 11, 25, 12, 7, tzinfo=UTC)
COUNTRIES = ("AT", "BR", "CA", "DE", "ES", "FI", "GR", "IN", "JP", "KE")
Says = Callable[[Member], FeedEntry | Sequence[FeedEntry] | None]


def volunteers(each: int = 4, countries: Sequence[str] = COUNTRIES, *, name: str = "v") -> tuple[Member, ...]:
    """So many in each country, each in a network of its own."""
    return tuple(Member(probe_id=f"{name}-{cc}-{n}", cc=cc, asn=64_500 + 10 * number + n)
                 for number, cc in enumerate(countries) for n in range(each))


def crowd(says: Says, members: Iterable[Member] = volunteers(), *, now: datetime = NOW, name: str = "crowd",
          at_s: Mapping[str, float] | None = None, before: Feed | None = None) -> Feed:
    """The feed of volunteers who say this, half an hour after the window's beginning, or when `at_s` says."""
    here = tuple(sorted(members))
    begun, ends = find_window(now)
    votes = CrowdVotes(here, begun=begun, ends=ends)
    for member in here:
        if (told := says(member)) is not None:
            each = [told] if isinstance(told, FeedEntry) else told
            since = timedelta(seconds=(at_s or {}).get(member.probe_id, 1800.0) - 60)
            votes.add(member, feed(*each, name="volunteer", asn=member.asn, cc=member.cc,
                                   made=begun + since + timedelta(minutes=10)))
    made = make_crowd_feed(votes, CrowdHead(name=name, catalogue="v", software="1", day=now.date(), made=now),
                           before=before)
    assert read_feed(write_feed(made)) == made
    return made


def well(_: Member) -> FeedEntry:
    """It works for everybody."""
    return entry()


def history(member: Member, *, days: Iterable[int] = range(1, ESTABLISHED_DAYS + 1), until: datetime = NOW,
            lab: bool = False) -> list[Run]:
    """A run of this volunteer on each of so many days before."""
    return [run_of(member, until - timedelta(days=back), lab=lab) for back in days]


def run_of(member: Member, start: datetime, *, lab: bool = False) -> Run:
    """A run that began then."""
    return Run(run_id=f"{start:%Y%m%dT%H%M%SZ}_{member.probe_id}", measurement_start_time=format_time(start),
               runtime_s=60.0, catalogue_version="v", schema_version="1", ladder=("ipv6:ok",),
               vantage=Vantage(probe_id=member.probe_id, probe_cc=member.cc, probe_asn=member.asn, families=(4, 6),
                               consent_level=3, lab=lab))


def as_made_by(result: RunResult, run: Run) -> RunResult:
    """The same findings as another run's."""
    return RunResult(
        run=run, controls=(), services=result.services, verdicts=result.verdicts,
        observations=tuple(replace(seen, run_id=run.run_id, observation_id=f"{run.run_id}.{seen.sequence}")
                           for seen in result.observations))


def store(result: RunResult, directory: Path) -> None:
    """Write a run as `write_run` does, without waiting for the disk: there are hundreds."""
    for name, table in TABLES.items():
        path = csv_path(directory, name, result.run)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_csv(file, table, rows_of(result, table))


def store_history(member: Member, directory: Path, *, until: datetime, lab: bool = False) -> None:
    """The runs by which a volunteer is known; nothing is in them."""
    for run in history(member, until=until, lab=lab):
        store(RunResult(run=run, observations=(), controls=(), verdicts=(), services=()), directory)
