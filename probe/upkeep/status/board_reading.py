"""The rows of the last day's runs, for the board."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from probe.catalogue.packaged import load_services, load_titles
from probe.config.geo.vantage_place import is_elsewhere
from probe.core.runs import OUR_ENGINE
from probe.core.stamps import parse_time
from probe.core.verdicts import ServiceVerdict
from probe.store.files.atomic import StoreError
from probe.store.runs.run_reader import read_records, stored_runs
from probe.upkeep.status.answer_history import MAX_RUNS
from probe.upkeep.status.status_board import HOURS, BoardRow, make_board


def read_board(results: Path, *, now: datetime, lab: bool) -> tuple[BoardRow, ...]:
    """The board as of `now`, of the network of the last run before, in the laboratory or outside it, without what its
    makers closed; an empty one where nothing is stored. What is damaged is left out."""
    closed = {name for name, service in load_services().items() if service.status == "dead"}
    board = make_board(list(_read_rows(results, now, lab)), load_titles(), now=now)
    return tuple(row for row in board if row.service not in closed)


def _read_rows(results: Path, now: datetime, lab: bool) -> Iterator[tuple[str, tuple[ServiceVerdict, ...]]]:
    since = now - timedelta(hours=HOURS)
    try:
        runs = [run for run in stored_runs(results, since=since.date())
                if run.engine == OUR_ENGINE and run.vantage.lab == lab]
    except StoreError:
        return
    recent = sorted((run for run in runs if _is_between(run.measurement_start_time, since, now)),
                    key=lambda run: run.measurement_start_time)
    here = [run for run in recent if run is recent[-1] or not is_elsewhere(run.vantage, recent[-1].vantage)]
    for run in here[-MAX_RUNS:]:
        try:
            yield run.measurement_start_time, read_records(results, run, ServiceVerdict)
        except StoreError:
            continue


def _is_between(stamp: str, since: datetime, until: datetime) -> bool:
    try:
        return since <= parse_time(stamp) <= until
    except ValueError:
        return False
