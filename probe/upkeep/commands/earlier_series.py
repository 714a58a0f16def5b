"""What many runs in this network say together of targets that are in trouble at times, and which of them to watch."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path

from probe.core.runs import RunResult, Vantage
from probe.core.stamps import parse_time
from probe.judge.verdicts.share_series import (
    MOST_RUNS,
    RunShare,
    ShareSeries,
    choose_watched,
    judge_series,
    pool_shares,
    read_run_share,
)
from probe.upkeep.commands.earlier_runs import read_earlier_runs

MOST_READ = 240
SERIES_AGE_S = 14 * 24 * 3600.0
WATCH_RUNS = 8
"""So many of the latest say which targets to watch."""
OF_SERVICE = "all of {}"
"""What the series of a service's targets together is called."""


def read_series(directory: Path, result: RunResult) -> dict[str, ShareSeries]:
    """Target -> what this run and those before it in its network say together, of each target of a service some
    connection to which was in trouble in this one; and `OF_SERVICE` -> what they say of all its targets."""
    services = {v.service for v in result.verdicts if read_run_share(v).troubled}
    shares: dict[str, list[RunShare]] = defaultdict(list)
    pooled: dict[str, list[RunShare]] = defaultdict(list)
    begun = parse_time(result.run.measurement_start_time)
    earlier = read_earlier_runs(directory, before=begun, most_age_s=SERIES_AGE_S,
                                here=result.run.vantage) if services else ()
    for said in (result.verdicts, *(said for *_, said in itertools.islice(earlier, MOST_READ))):
        of_run: dict[str, list[RunShare]] = defaultdict(list)
        for v in said:
            share = read_run_share(v)
            if v.service in services and share.made:
                of_run[v.service].append(share)
                shares[v.target_id].append(share)
        for service, together in of_run.items():
            pooled[service].append(pool_shares(together))
        if pooled and all(len(runs) >= MOST_RUNS for runs in (*shares.values(), *pooled.values())):
            break
    alone = {v.target_id for v in result.verdicts if read_run_share(v).troubled}
    several = Counter(v.service for v in result.verdicts if v.target_id in shares)
    return {name: judge_series(runs[:MOST_RUNS]) for name, runs in (
        *((target, runs) for target, runs in shares.items() if target in alone),
        *((OF_SERVICE.format(service), runs) for service, runs in pooled.items() if several[service] > 1))}


def read_watched(directory: Path, *, before: datetime, here: Vantage) -> frozenset[str]:
    """The targets that the next run is to watch: of those that worked in one of the latest runs at least."""
    shares: dict[str, list[RunShare]] = defaultdict(list)
    worked: set[str] = set()
    for *_, said in itertools.islice(read_earlier_runs(directory, before=before, here=here), WATCH_RUNS):
        for v in said:
            shares[v.target_id].append(read_run_share(v))
            worked |= {v.target_id} if v.outcome == "ok" else set()
    return choose_watched({target: runs for target, runs in shares.items() if target in worked})
