"""A control feed of what volunteers measured in many countries: read run by run, counted, signed and told of."""

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
from probe.operation.commands.exit_codes import EXIT_FAILED
from probe.operation.commands.feed_summary import FeedReport, print_report
from probe.operation.commands.feed_writing import (
    FeedDestination,
    explain_collapse,
    read_last_feed,
    refuse,
    send_feed,
    write_feed_files,
)
from probe.results.files.atomic import StoreError

if TYPE_CHECKING:
    from probe.catalogue.types import Catalogue
    from probe.control.feeds.crowd_members import Member
    from probe.control.feeds.crowd_votes import CrowdVotes
    from probe.control.feeds.feed_document import Feed

MOST_RUNS_EACH = 4
"""Of one volunteer in a window; the newest."""
TOO_FEW = "too few volunteers measured it"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdOrder(FeedDestination):
    """Whose measurements are to be published, and where."""

    catalogue: Catalogue
    collected: Path
    """A results folder, as `probe collect` makes it."""


@dataclass(slots=True, kw_only=True)
class _Read:
    """What became of the runs of a window."""

    runs: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Why -> runs that count for nothing."""


def publish_crowd_feed(order: CrowdOrder) -> int:
    """Count, compare, sign, write; the exit status. Raises StoreError where nothing can be read or written."""
    from probe.control.feeds.crowd_feed import CrowdFrame, find_window, make_crowd_feed
    from probe.control.feeds.crowd_members import MIN_DAYS
    from probe.control.feeds.crowd_votes import CrowdVotes
    from probe.control.feeds.feed_changes import list_feed_changes
    from probe.control.feeds.feed_document import FeedError
    from probe.control.feeds.feed_fit import fit_feed
    from probe.operation.commands.crowd_day import read_members

    now, started_s = datetime.now(UTC), time.monotonic()
    begun, ends = find_window(now)
    lab = read_marker().lab
    members = read_members(order.collected, day=now.date(), secret=order.key.seed, name=order.name, lab=lab)
    if not members:
        return refuse(order, f"nobody whose runs are in {order.collected} measured on {MIN_DAYS} days before today in "
                             "one network and under one name; names change with the month.", EXIT_FAILED)
    votes, read = CrowdVotes(members, begun=begun, ends=ends), _Read()
    for member, run in _runs_of_window(order, votes, read, lab=lab):
        _count(order, member, run, votes, read)
    before = read_last_feed(order)
    frame = CrowdFrame(name=order.name, catalogue=order.catalogue.version, software=__version__, day=now.date(),
                       made=now)
    try:
        made, bare = fit_feed(make_crowd_feed(votes, frame, before=before))
        if (why := explain_collapse(before, made)) and not order.force:
            return refuse(order, why, EXIT_FAILED)
        files = write_feed_files(order, made)
    except FeedError as error:
        return refuse(order, f"{error}.", EXIT_FAILED)
    print_report(FeedReport(
        made=made, bytes=len(files[-1][1]), runtime_s=time.monotonic() - started_s,
        changes=list_feed_changes(before, made), left_out=_list_left_out(order.catalogue, made), without_page=bare,
        file=order.file, key=order.key.public.name, runs=read.runs, runs_left_out=dict(read.left_out)),
        as_json=order.as_json)
    if order.upload:
        send_feed(order, files)
    return 0


def _runs_of_window(order: CrowdOrder, votes: CrowdVotes, read: _Read, *, lab: bool) -> Iterator[tuple[Member, Run]]:
    """The runs of the crowd's members that began in the window, the newest first."""
    from probe.control.feeds.crowd_members import find_member
    from probe.results.runs.run_reader import stored_runs
    from probe.results.schema import SCHEMA_VERSION

    members, found = frozenset(votes.members), defaultdict[object, list[tuple[float, str, Run]]](list)
    for run in stored_runs(order.collected, since=votes.begun.date()):
        try:
            since_s = (parse_time(run.measurement_start_time) - votes.begun).total_seconds()
        except ValueError:
            continue
        if run.vantage.lab is not lab or not 0 <= since_s < votes.length_s:
            continue
        member = find_member(run)
        if run.schema_version not in ("", SCHEMA_VERSION):
            read.left_out["another schema"] += 1
        elif member not in members:
            read.left_out["nobody established"] += 1
        else:
            found[member].append((since_s, run.run_id, run))
            found[member] = sorted(found[member], key=lambda one: one[:2], reverse=True)[:MOST_RUNS_EACH]
    newest = sorted((one for runs in found.values() for one in runs), key=lambda one: one[:2], reverse=True)
    for _, _, run in newest:
        member = find_member(run)
        assert member is not None
        yield member, run


def _count(order: CrowdOrder, member: Member, run: Run, votes: CrowdVotes, read: _Read) -> None:
    """One run as a feed of its own, which is counted and forgotten."""
    from probe.control.feeds.feed_document import FeedError
    from probe.control.feeds.feed_learning import FeedMaker, explain_unfit_run, make_feed
    from probe.results.runs.run_reader import whole

    try:
        result = whole(order.collected, run)
        if explain_unfit_run(result):
            read.left_out["nothing can be said of services there"] += 1
            return
        maker = FeedMaker(name="volunteer", asn=member.asn, cc=member.cc, software=__version__)
        votes.add(member, make_feed(result, order.catalogue, maker))
        read.runs += 1
    except (StoreError, FeedError, ValueError):  # whoever wrote it, the others' are read
        read.left_out["it cannot be read, or says nothing"] += 1


def _list_left_out(catalogue: Catalogue, made: Feed) -> dict[str, tuple[str, ...]]:
    told = {entry.input for entry in made.entries}
    lacking = tuple(sorted(e.input for e in catalogue.endpoints if e.status == "active" and e.input not in told))
    return {TOO_FEW: lacking} if lacking else {}
