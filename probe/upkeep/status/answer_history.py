"""What earlier runs of this network said of roles that are blocked now, and the answer of a stored run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from probe.config.geo.vantage_place import is_elsewhere
from probe.core.runs import OUR_ENGINE, Run
from probe.core.stamps import parse_time
from probe.core.tables.roles import Role
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_records, stored_runs
from probe.upkeep.status.run_answer import RunAnswer, answer_run
from probe.upkeep.status.service_answer import CatalogueFacts, RoleHistory

LOOK_BACK = timedelta(days=30)
MAX_RUNS: Final = 200
"""Earlier runs whose rows are read: eight days of hourly ones."""
RoleKey = tuple[str, Role]


def read_answer(results: Path, run: Run, facts: CatalogueFacts) -> RunAnswer:
    """The answer of a stored run. Raises StoreError where its rows cannot be read."""
    verdicts, services = read_said(results, run)
    return answer_run(run, verdicts, services, facts, read_histories(results, run, services))


def read_said(results: Path, run: Run) -> tuple[tuple[Verdict, ...], tuple[ServiceVerdict, ...]]:
    """Everything that a stored run says. Raises StoreError where it cannot be read."""
    return read_records(results, run, Verdict), read_records(results, run, ServiceVerdict)


def read_histories(results: Path, run: Run, services: Iterable[ServiceVerdict]) -> Mapping[RoleKey, RoleHistory]:
    """Since when each role of which something is blocked is so. Earlier runs that did not try it, or could not decide,
    are passed over; a damaged or empty folder tells nothing."""
    blocked = {(row.service, row.role) for row in services if row.k}
    if not blocked:
        return {}
    earlier = _list_earlier(results, run)
    looked_at = earlier[:MAX_RUNS]
    rows = ((one.measurement_start_time, _read_rows(results, one)) for one in looked_at)
    return trace_blocks(blocked, run.measurement_start_time, rows, cut=len(earlier) > len(looked_at))


def trace_blocks(blocked: Iterable[RoleKey], start: str, earlier: Iterable[tuple[str, Iterable[ServiceVerdict]]], *,
                 cut: bool) -> dict[RoleKey, RoleHistory]:
    """The history of each role. `earlier`: start and rows of each run before, the latest first; `cut`: there were more.
    Pure; reads no further than it must."""
    open_ones = {key: RoleHistory(since=start, at_least=cut) for key in blocked}
    done: dict[RoleKey, RoleHistory] = {}
    for began, rows in earlier:
        for row in rows:
            seen = open_ones.get((row.service, row.role))
            if seen is None:
                continue
            if row.k:
                open_ones[row.service, row.role] = RoleHistory(since=began, runs=seen.runs + 1, at_least=cut)
            elif row.outcome == "ok":
                done[row.service, row.role] = RoleHistory(since=seen.since, runs=seen.runs, last_well=began)
                del open_ones[row.service, row.role]
        if not open_ones:
            break
    return open_ones | done


def _list_earlier(results: Path, run: Run) -> list[Run]:
    """Runs of ours in the same network before this one, the latest first."""
    try:
        since = (parse_time(run.measurement_start_time) - LOOK_BACK).date()
        found = [one for one in stored_runs(results, since=since) if one.engine == OUR_ENGINE
                 and one.measurement_start_time < run.measurement_start_time
                 and not is_elsewhere(one.vantage, run.vantage)]
    except (StoreError, ValueError, OverflowError):
        return []
    return sorted(found, key=lambda one: one.measurement_start_time, reverse=True)


def _read_rows(results: Path, run: Run) -> tuple[ServiceVerdict, ...]:
    try:
        return read_records(results, run, ServiceVerdict)
    except StoreError:
        return ()
