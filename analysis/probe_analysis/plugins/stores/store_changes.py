"""From checks over time to changes: three that agree, over more than six hours, or nothing has changed. Pure.

Checks that decide nothing neither agree nor disagree. One that sees the old state again begins the count anew. Where
nobody ever saw an application, it was not removed. Each vantage country is a series of its own, since a store may
answer by where the asker is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from probe.core.stamps import parse_time
from probe_analysis.batches.store_checks import BatchInfo, StoreChange, StoreCheck
from probe_analysis.tables.store_states import ABSENT, BLOCKED, IN, LISTED, REASONS, REMOVED

MIN_CHECKS = 3
MIN_SPAN = timedelta(hours=6)
DECIDED = (IN, ABSENT)
Key = tuple[bool, str, str, str, str]
"""Laboratory or not, vantage country, store, storefront, application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesState:
    """How a series stands after its last check."""

    state: str = ""
    """The settled one; empty before any check decided."""
    pending: int = 0
    """Checks since that agree on another state, and are not enough yet."""
    removed: bool = False
    """The settled state is absent, and was once present."""


def make_series_key(check: StoreCheck) -> Key:
    """Which series a check belongs to."""
    return check.lab, check.probe_cc, check.store, check.storefront, check.app


def follow_series(history: Iterable[StoreCheck]) -> tuple[dict[Key, SeriesState], tuple[StoreChange, ...]]:
    """How each series stands, and all changes that settled, by time; checks may come in any order, and twice.

    Raises ValueError for a check without a proper time.
    """
    series: defaultdict[Key, dict[str, tuple[datetime, StoreCheck]]] = defaultdict(dict)
    for check in history:
        series[make_series_key(check)].setdefault(check.batch_id, (_time(check), check))
    standings, changes = {}, list[StoreChange]()
    for key, checks in series.items():
        ordered = sorted(checks.values(), key=lambda pair: (pair[0], pair[1].batch_id))
        standings[key], found = _follow_one(ordered)
        changes += found
    return standings, tuple(sorted(changes, key=lambda change: (change.settled_time, change.store, change.storefront,
                                                                change.app)))


def _follow_one(checks: Sequence[tuple[datetime, StoreCheck]]) -> tuple[SeriesState, list[StoreChange]]:
    standing, before, agreeing = SeriesState(), None, list[tuple[datetime, StoreCheck]]()
    changes = []
    for time, check in checks:
        if check.state not in DECIDED:
            continue
        if check.state == standing.state or not standing.state:
            standing, before, agreeing = replace(standing, state=check.state, pending=0), check, []
            continue
        agreeing.append((time, check))
        standing = replace(standing, pending=len(agreeing))
        if before is not None and len(agreeing) >= MIN_CHECKS and time - agreeing[0][0] > MIN_SPAN:
            changes.append(_change(before, agreeing[0][1], check, len(agreeing)))
            standing, before, agreeing = SeriesState(state=check.state, removed=check.state == ABSENT), check, []
    return standing, changes


def _change(before: StoreCheck, first: StoreCheck, last: StoreCheck, checks: int) -> StoreChange:
    info = {field.name: getattr(last, field.name) for field in fields(BatchInfo)}
    return StoreChange(
        **info, store=last.store, storefront=last.storefront, service=last.service, app=last.app,
        change=REMOVED if last.state == ABSENT else LISTED, before_time=before.check_time, after_time=first.check_time,
        settled_time=last.check_time, checks=checks,
    )


def judge_store_role(check: StoreCheck, standing: SeriesState, *, block_type: str = "") -> tuple[str, str]:
    """(outcome, block type) of the service's store role, as `standing` is with this check in it; `block_type`: what a
    run found of the store."""
    if check.state == IN:
        return "ok", ""
    if check.state == BLOCKED:
        return "blocked", block_type
    if check.state != ABSENT:
        return "inconclusive", REASONS[check.reason][1]
    if standing.removed and not standing.pending:
        return "down", "server.delisted"
    return "inconclusive", "inconclusive.unconfirmed" if standing.state == IN else "inconclusive.unexplained"


def _time(check: StoreCheck) -> datetime:
    return parse_time(check.check_time)
