"""From the cells in a file to the log of events beside it, and to what is new in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from probe.store.files.atomic import append_lines, translate_os_errors
from probe_analysis.cells.file_names import CELLS_FILE, EVENTS_FILE
from probe_analysis.events.cell_columns import ParquetColumns
from probe_analysis.events.event import Event
from probe_analysis.events.findings import Findings
from probe_analysis.events.log_file import read_log
from probe_analysis.events.outage_curves import NO_CURVES, OutageCurves

if TYPE_CHECKING:
    from probe_analysis.counts.cells_origin import CellsOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedChanges:
    """What the log says since a time, and what the cells say now."""

    rows: tuple[Mapping[str, Any], ...]
    lines: tuple[str, ...]
    """What the rows tell of events, in words."""
    found: Mapping[str, Any]
    """`events`, `dismissed`, `flaky` and `prior`, see `probe_analysis.events.event_json.findings_to_json`."""


def find_events(out: Path, *, since: datetime | None, now: datetime,
                population: Callable[[], Path] | None = None, slowed: Callable[[], Sequence[Event]] = tuple,
                curves: OutageCurves = NO_CURVES) -> LoggedChanges:
    """Find the events in `out/cells.parquet`, add what changed to `out/events.jsonl`, and tell what it says since a
    time; since this call where none is given. `population` gives the table of verdicts of many probes once it is there,
    and `slowed` the events of slowed services; `curves`: the whole traffic as somebody outside counts it.
    Raises StoreError where a file cannot be read, or the log not written.
    """
    from probe_analysis.counts.cells_origin import read_origin
    from probe_analysis.events.event_json import findings_to_json, list_rows
    from probe_analysis.events.event_log import (
        CoveredTime,
        describe_row,
        is_event,
        list_changes,
        list_current,
        name_findings,
        update_log,
    )

    path = out / EVENTS_FILE
    old = read_log(path)
    with translate_os_errors(out / CELLS_FILE):
        origin = read_origin(out / CELLS_FILE)
        span = _read_span(out / CELLS_FILE)
        found = _examine(out, origin, population, curves) if span else Findings()
        found = replace(found, events=(*found.events, *slowed()))
    names, fresh = origin.names or {}, []
    if span:
        covered = CoveredTime(begin=span[0], end=span[1] + origin.step)
        rows = list_rows(found, names)
        fresh = update_log(old, rows, now, covered)
        found = rename_events(found, name_findings(list_current(old), rows))
    if fresh:
        with translate_os_errors(path):
            append_lines(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in fresh).encode())
    shown = tuple(list_changes([*old, *fresh], since)) if since else tuple(fresh)
    counted = "verdict" if origin.names is None else "test"
    return LoggedChanges(
        rows=shown, lines=tuple(describe_row(row, counted) for row in shown if is_event(row)),
        found=findings_to_json(found, names, targets=origin.targets, witnesses=origin.witnesses_told))


def rename_events(found: Findings, named: Sequence[Mapping[str, Any]]) -> Findings:
    """The events under the ids that the log has for them: `named` begins with the rows of events, in their order."""
    return replace(found, events=tuple(
        replace(event, event_id=row["event_id"], part_of=row["part_of"])
        for event, row in zip(found.events, named, strict=False)))


def _read_span(path: Path) -> tuple[datetime, datetime] | None:
    """The first and the last hour of the cells in a file; None where there are none."""
    span = pc.min_max(ParquetColumns(path)["cell_start"]).as_py()
    return (span["min"].astimezone(UTC), span["max"].astimezone(UTC)) if span["min"] else None


def _examine(out: Path, origin: CellsOrigin, population: Callable[[], Path] | None, curves: OutageCurves) -> Findings:
    """The findings in the cells of a folder."""
    from probe_analysis.events.event_detection import examine_cells
    from probe_analysis.events.kept_cells import read_kept_cells
    from probe_analysis.events.placed_stretches import read_placed_stretches
    from probe_analysis.events.series_reading import make_series

    cells = make_series(read_kept_cells(out, out / CELLS_FILE, origin.step), origin.step,
                        witnesses_told=origin.witnesses_told)
    pa.default_memory_pool().release_unused()  # what was read would stay beside what the search makes of it
    return examine_cells(cells, (lambda: read_placed_stretches(population())) if population else tuple, curves=curves)
