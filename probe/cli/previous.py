"""The run before this one: a block that it saw too, late enough after any residual blocking, is confirmed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from probe.model import Run, Verdict
from probe.store.atomic import StoreError
from probe.store.read import read_records, stored_runs

MAX_AGE_S = 26 * 3600.0


def previous_blocks(directory: Path, *, before: datetime, at_least_s: float) -> dict[str, str]:
    """Target -> block type of the latest run that ended at least `at_least_s` before; empty when there is none."""
    best: tuple[float, Run] | None = None
    try:
        runs = list(stored_runs(directory, since=(before - timedelta(seconds=MAX_AGE_S, days=1)).date()))
    except StoreError:
        return {}  # no results yet, or damaged ones: what was just measured must be written all the same
    for run in runs:
        try:
            age_s = (before - datetime.fromisoformat(run.measurement_end_time)).total_seconds()
        except ValueError:
            continue
        if at_least_s <= age_s <= MAX_AGE_S and (best is None or age_s < best[0]):
            best = (age_s, run)
    if best is None:
        return {}
    try:
        verdicts = read_records(directory, best[1], Verdict)
    except StoreError:
        return {}
    return {v.target_id: v.block_type for v in verdicts if v.outcome == "blocked"}
