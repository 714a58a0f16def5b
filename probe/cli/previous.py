"""The run before this one: a block that it saw too, late enough after any residual blocking, is confirmed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from probe.geo.place import elsewhere
from probe.model import Run, Vantage, Verdict
from probe.store.atomic import StoreError
from probe.store.read import read_records, stored_runs

MAX_AGE_S = 26 * 3600.0


def previous_blocks(directory: Path, *, before: datetime, at_least_s: float, targets: Iterable[str],
                    here: Vantage) -> dict[str, str]:
    """Target -> block type, of those of `targets` that the latest run which spoke of them called blocked.

    Only runs that ended at least `at_least_s` before count, and none in another network than `here`: what a laptop met
    at home confirms nothing on a journey. Not every run takes every target.
    """
    found, missing = dict[str, str](), set(targets)
    for run in _runs(directory, before=before, at_least_s=at_least_s) if missing else ():
        if elsewhere(run.vantage, here):
            continue
        try:
            verdicts = [v for v in read_records(directory, run, Verdict) if v.target_id in missing]
        except StoreError:
            continue  # a damaged file: what was just measured must be written all the same
        found |= {v.target_id: v.block_type for v in verdicts if v.outcome == "blocked"}
        missing -= {v.target_id for v in verdicts}
        if not missing:
            break
    return found


def _runs(directory: Path, *, before: datetime, at_least_s: float) -> list[Run]:
    """Those that ended within these times, the latest first; none where there are no results yet, or damaged ones."""
    try:
        runs = list(stored_runs(directory, since=(before - timedelta(seconds=MAX_AGE_S, days=1)).date()))
    except StoreError:
        return []
    ages: list[tuple[float, Run]] = []
    for run in runs:
        try:
            age_s = (before - datetime.fromisoformat(run.measurement_end_time)).total_seconds()
        except ValueError:
            continue
        if at_least_s <= age_s <= MAX_AGE_S:
            ages.append((age_s, run))
    return [run for _, run in sorted(ages, key=lambda pair: pair[0])]
