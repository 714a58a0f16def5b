"""What volunteers measured in many countries as a control feed: read run by run, and counted."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from probe import __version__
from probe.catalogue.laboratory_marker import read_marker
from probe.core.runs import Run
from probe.core.stamps import parse_time
from probe.store.files.atomic import StoreError
from probe_operate.feeds.feed_publishing import LearnedFeed, PublishOrder, UnfitError

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe.controls.feeds.feed_document import Feed
    from probe_operate.feeds.crowd_members import Member
    from probe_operate.feeds.crowd_votes import CrowdVotes

MOST_RUNS_EACH = 4
"""Of one volunteer in a window; the newest."""
TOO_FEW = "too few volunteers measured it"


@dataclass(slots=True, kw_only=True)
class _Read:
    """What became of the runs of a window."""

    runs: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Why -> runs that count for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdLearner:
    """Learns a feed from the runs of many volunteers."""

    collected: Path
    """A results folder, as `probe collect` makes it."""

    def __call__(self, order: PublishOrder, before: Feed | None) -> LearnedFeed:
        """Count them. Raises UnfitError or FeedError where too few measured, StoreError where nothing can be read."""
        from probe.core.tables.name_ages import ESTABLISHED_DAYS
        from probe_operate.feeds.crowd_day import read_members
        from probe_operate.feeds.crowd_feed import CrowdHead, find_window, make_crowd_feed
        from probe_operate.feeds.crowd_votes import CrowdVotes

        now, started_s, lab = datetime.now(UTC), time.monotonic(), read_marker().lab
        begun, ends = find_window(now)
        members = read_members(self.collected, day=now.date(), secret=order.key.seed, name=order.name, lab=lab)
        if not members:
            raise UnfitError(f"Nobody whose runs are in {self.collected} measured on {ESTABLISHED_DAYS} days before "
                             "today in one network and under one name; names change with the month.")
        votes, read = CrowdVotes(members, begun=begun, ends=ends), _Read()
        for member, run in _list_runs_of_window(self.collected, votes, read, lab=lab):
            _count(self.collected, order.catalogue, member, run, votes, read)
        head = CrowdHead(name=order.name, catalogue=order.catalogue.version, software=__version__, day=now.date(),
                         made=now)
        made = make_crowd_feed(votes, head, before=before)
        return LearnedFeed(made=made, left_out=_list_left_out(order.catalogue, made),
                           runtime_s=time.monotonic() - started_s, runs=read.runs, runs_left_out=dict(read.left_out))


def _list_runs_of_window(collected: Path, votes: CrowdVotes, read: _Read, *, lab: bool) -> Iterator[tuple[Member, Run]]:
    """The runs of the crowd's members that began in the window, the newest first."""
    from probe.store.runs.run_reader import stored_runs
    from probe.store.schema import SCHEMA_VERSION
    from probe_operate.feeds.crowd_members import find_member

    members = frozenset(votes.members)
    found: defaultdict[Member, list[tuple[float, str, Run]]] = defaultdict(list)
    for run in stored_runs(collected, since=votes.begun.date()):
        try:
            since_s = (parse_time(run.measurement_start_time) - votes.begun).total_seconds()
        except ValueError:
            continue
        if run.vantage.lab is not lab or not 0 <= since_s < votes.length_s:
            continue
        member = find_member(run)
        version = run.schema_version or SCHEMA_VERSION
        if not version.isdecimal() or int(version[:9]) > int(SCHEMA_VERSION):
            read.left_out["another schema"] += 1
        elif member is None or member not in members:
            read.left_out["nobody established"] += 1
        else:
            found[member].append((since_s, run.run_id, run))
            found[member] = sorted(found[member], key=lambda one: one[:2], reverse=True)[:MOST_RUNS_EACH]
    kept = [(since_s, run_id, member, run) for member, runs in found.items() for since_s, run_id, run in runs]
    for _, _, member, run in sorted(kept, key=lambda one: one[:2], reverse=True):
        yield member, run


def _count(collected: Path, catalogue: Catalogue, member: Member, run: Run, votes: CrowdVotes, read: _Read) -> None:
    """One run as a feed of its own, which is counted and forgotten."""
    from probe.controls.feeds.feed_document import FeedError
    from probe.store.runs.run_reader import whole
    from probe_operate.feeds.feed_learning import FeedMaker, explain_unfit_run, make_feed

    try:
        result = whole(collected, run)
        if explain_unfit_run(result):
            read.left_out["nothing can be said of services there"] += 1
            return
        maker = FeedMaker(name="volunteer", asn=member.asn, cc=member.cc, software=__version__)
        votes.add(member, make_feed(result, catalogue, maker))
        read.runs += 1
    except (StoreError, FeedError, ValueError):  # whoever wrote it, the others' are read
        read.left_out["it cannot be read, or says nothing"] += 1


def _list_left_out(catalogue: Catalogue, made: Feed) -> dict[str, tuple[str, ...]]:
    included = {entry.input for entry in made.entries}
    lacking = tuple(sorted(e.input for e in catalogue.endpoints if e.status == "active" and e.input not in included))
    return {TOO_FEW: lacking} if lacking else {}
