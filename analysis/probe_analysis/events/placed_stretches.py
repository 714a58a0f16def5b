"""Where and when a population's verdict accuses a network: what makes an event of failures more than unplaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from probe.store.files.atomic import translate_os_errors
from probe_analysis.events.cell_series import CellPlace, CellTable
from probe_analysis.events.window import EventWindow

_COLUMNS = ["lab", "probe_cc", "probe_asn", "service", "onset", "last"]
_HOUR = timedelta(hours=1)
_SHARE = 0.5
"""Of a window's time that a stretch must cover."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedStretch:
    """A time in which a network blocks a service by many probes' word. Times are UTC."""

    place: CellPlace
    service: str
    onset: datetime
    end: datetime
    """When its last hour is over."""


def read_placed_stretches(path: Path) -> list[PlacedStretch]:
    """The stretches in `population.parquet` whose verdict is `blocked`. Raises StoreError where it cannot be read."""
    with translate_os_errors(path):
        rows = pq.read_table(path, columns=_COLUMNS, filters=[("outcome", "=", "blocked")], partitioning=None)
    return [PlacedStretch(place=CellPlace(lab=row["lab"], cc=row["probe_cc"], asn=row["probe_asn"]),
                          service=row["service"], onset=row["onset"], end=row["last"] + _HOUR)
            for row in rows.to_pylist()]


def is_placed(window: EventWindow, stretches: Iterable[PlacedStretch], cells: CellTable) -> bool:
    """Whether one of them covers most of a window of the same network and service."""
    begin, end = cells.time(window.onset), cells.time(window.end) + cells.step
    series = window.series
    return any(min(end, stretch.end) - max(begin, stretch.onset) >= _SHARE * (end - begin) for stretch in stretches
               if (stretch.place, stretch.service) == (series.place, series.service))
