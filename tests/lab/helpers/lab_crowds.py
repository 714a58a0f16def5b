"""A crowd of volunteers in a living scenario: runs at one open place and behind the censor, as those of many."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from crowds_made import COUNTRIES, as_made_by, run_of, store, store_history, volunteers
from lab_feeds import World, side_by_side, world
from probe.controls.feeds.feed_board import MAX_AHEAD_S
from probe.controls.feeds.feed_document import read_feed
from probe.core.runs import RunResult
from probe.core.stamps import parse_time
from probe.store.runs.run_reader import read_runs
from probe_lab.lab_types import DrawnScenario
from probe_operate.feeds.crowd_feed import SLOT, find_window
from probe_operate.feeds.crowd_members import Member

LEVEL = 2
RUNS = 3
"""At the place that censors nothing: each draws which of a name's addresses it looks at, as volunteers' do."""


def gather_crowd(here: World, *, forged: Sequence[Member] = (), behind: int = 4) -> Path:
    """The results of forty volunteers in ten countries, the first of which is the client's: `behind` of them see what
    it sees, the others what is seen from a vantage point. `forged` ones, as well known, say the contrary."""
    cc = here.drawn.world.cc
    members = volunteers(4, (cc, *[one for one in COUNTRIES if one != cc][:9]))
    collected = here.folder / "collected"
    shutil.rmtree(collected, ignore_errors=True)
    begun, ends = find_window(datetime.now(UTC))
    censored, openly = _only(here.folder / "results-before"), [_only(here.folder / f"results-{n}") for n in range(RUNS)]
    rng = random.Random(here.drawn.seed)
    for number, member in enumerate((*members, *forged)):
        hidden = member.cc == cc and int(member.probe_id.rpartition("-")[2]) < behind
        result = censored if hidden != (member in forged) else openly[number % RUNS]
        store_history(member, collected, until=begun, lab=True)
        start = ends - SLOT * rng.random()  # in the window also if the next half-hour begins meanwhile
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
    since = parse_time(_only(here.folder / "results-before").run.measurement_end_time)
    entries = tuple(msgspec.structs.replace(entry, at=0) for entry in feed.entries)
    begun = since + timedelta(seconds=MAX_AHEAD_S + 1)
    return here.again(made, f"{name}-later", begun=begun, made=begun + timedelta(hours=1), entries=entries)


def is_looked_at_whole(drawn: DrawnScenario) -> bool:
    """An outage is told of single addresses, and three runs leave some of many unseen, which those of forty would
    not: a service that is down has one of each family here."""
    names = {urlsplit(url).hostname or "" for url in drawn.aliases["t"]}
    plans = [plan for name, plan in drawn.world.hosts.items() if name in names]
    return drawn.kind == "censorship" or all(len(plan.ipv4) < 2 and len(plan.ipv6) < 2 for plan in plans)


@contextmanager
def crowd_world(scenario: str, **settings: Any) -> Iterator[World]:
    """A scenario in which the client, at consent level 2 and without privilege, and an open place have measured."""
    with world(scenario, fits=is_looked_at_whole, **settings) as here:
        point = here.drawn.world.vantages[0]
        config = here.folder / "open.toml"
        config.write_text(f'[run]\nconsent_level = {LEVEL}\n[vantage]\ncc = "{point.cc}"\nasn = {point.asn}\n')
        side_by_side(lambda: here.measure("before", consent_level=LEVEL), *(
            partial(here.run, here.folder / f"results-{n}", config, host=point.control_id) for n in range(RUNS)))
        yield here


def _only(results: Path) -> RunResult:
    (found,) = read_runs(results)
    return found
