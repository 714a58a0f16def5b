"""A crowd of volunteers in a living scenario: runs at one open place and behind the censor, as those of many."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crowds_made import COUNTRIES, as_made_by, run_of, store, store_history, volunteers
from lab_feeds import World, world
from probe.control.feeds.crowd_feed import find_window
from probe.control.feeds.crowd_members import Member
from probe.control.feeds.feed_board import MAX_AHEAD_S
from probe.control.feeds.feed_document import Feed, read_feed
from probe.core.runs import RunResult
from probe.core.stamps import parse_time
from probe.results.runs.run_reader import read_runs
from probe_lab.scoring.expect import Judgement, judge
from probe_lab.scoring.trial import read_rows
from probe_lab.truth import read_log

LEVEL = 2
OPEN = "open"
"""Results of the run at the place that censors nothing."""


def gather_crowd(here: World, *, forged: Sequence[Member] = (), behind: int = 4) -> Path:
    """The results of forty volunteers in ten countries, the first of which is the client's: `behind` of them see what
    it sees, the others what is seen from a vantage point. `forged` ones, as well known, say the contrary."""
    cc = here.drawn.world.cc
    members = volunteers(4, (cc, *[one for one in COUNTRIES if one != cc][:9]))
    collected = here.folder / "collected"
    shutil.rmtree(collected, ignore_errors=True)
    begun, ends = find_window(datetime.now(UTC))
    openly, censored = _only(here.folder / f"results-{OPEN}"), _only(here.folder / "results-before")
    rng = random.Random(here.drawn.seed)
    for member in (*members, *forged):
        hidden = member.cc == cc and int(member.probe_id.rpartition("-")[2]) < behind
        result = censored if hidden != (member in forged) else openly
        store_history(member, collected, until=begun, lab=True)
        start = begun + (ends - begun) * rng.random()
        store(as_made_by(result, run_of(member, start, lab=True)), collected)
    return collected


def publish_crowd(here: World, name: str = "crowd") -> Path:
    """The feed of what was gathered, as if it were made so much later that it follows the client's first run."""
    status, out, errors = here.call(
        "feed", "--from", str(here.folder / "collected"), "--json", "--key", str(here.folder / "key"), "--name", name,
        "-o", str(here.folder / "feeds"), "--catalogue", str(here.catalogue))
    assert status == 0, (out, errors)
    made = here.folder / "feeds" / f"{name}.json"
    feed = read_feed(made.read_bytes())
    return here.again(made, f"{name}-later", **_later(feed, _only(here.folder / "results-before")))


def judge_client(here: World, case: str) -> Judgement:
    """What its run with the feed said, held against what the laboratory did."""
    results = here.folder / f"results-{case}"
    last = max(row["run_id"] for row in read_rows(results, "runs"))
    here.laboratory.settle()
    rows, runs, services = ([row for row in read_rows(results, table) if row["run_id"] == last]
                            for table in ("verdicts", "runs", "services"))
    return judge(here.drawn, rows, runs[0], read_log(here.laboratory.log_path), level="socket", helpers=True,
                 services=services)


@contextmanager
def crowd_world(scenario: str) -> Iterator[World]:
    """A scenario in which the client, at consent level 2 and without privilege, and an open place have measured."""
    with world(scenario) as here:
        point = here.drawn.world.vantages[0]
        config = here.folder / f"{OPEN}.toml"
        config.write_text(f'[run]\nconsent_level = {LEVEL}\n[vantage]\ncc = "{point.cc}"\nasn = {point.asn}\n')
        here.run(here.folder / f"results-{OPEN}", config, host=point.control_id)
        here.measure("before", consent_level=LEVEL)
        yield here


def _only(results: Path) -> RunResult:
    (found,) = read_runs(results)
    return found


def _later(feed: Feed, before: RunResult) -> dict[str, object]:
    first = feed.begun + timedelta(seconds=min(entry.at for entry in feed.entries))
    by = parse_time(before.run.measurement_end_time) + timedelta(seconds=MAX_AHEAD_S + 1) - first
    return {"begun": feed.begun + by, "made": feed.made + by}
