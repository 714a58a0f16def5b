"""The cell table as series: one per network and role (or target) of a service, in order of time.

A cell that nobody measured is not there: a gap stays a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.hello_tracks import HelloTrack
from probe_analysis.events.segments import Ints

CONTROL = "control"
"""Role of targets that belong to no service and tell what the network does to innocent traffic."""
HOUR = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPlace:
    """Where was measured: a network, or with `asn` -1 all networks of a country together."""

    lab: bool
    cc: str
    asn: int


POOLED = -1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellSeries:
    """The measured cells of one role or target of a service on one network."""

    place: CellPlace
    service: str
    role: str
    target_id: str
    """Empty: all targets of the role."""
    times: Ints
    """Numbers of the cells since 1970, strictly rising."""
    blocked: Ints
    decided: Ints
    """Verdicts `ok` or `blocked`, at least one in each cell. Verdicts `down` say nothing of a block: not counted."""
    witnesses: Ints
    confirmed: Ints
    """Blocked verdicts with which another time slot of their run agreed."""
    types: NDArray[np.int32]
    """Number of each cell's most frequent block type in `CellTable.block_types`."""
    versions: NDArray[np.int32]
    """Number of the version that most verdicts of the cell were made with; -1 where the table does not say."""
    fresh: NDArray[np.bool_] | None = None
    """Cells in which none but fresh names speak; None where there are no such."""
    settled: NDArray[np.bool_] | None = None
    """Cells in which established names speak; None where there are no such."""
    hellos: tuple[HelloTrack, ...] = ()
    """Shapes of the volunteers' own ClientHellos; of a pooled series for each network. Empty: none is known."""
    witnesses_told: bool = True
    """The witnesses were counted; otherwise nobody knows how many there were, and each verdict may be of another."""


def speaks_for_others(series: CellSeries) -> bool:
    """Whether established names, or names of which nobody knows the age, ever measured there: others are compared with
    no series that fresh names made alone."""
    return series.settled is not None or series.fresh is None or not series.fresh.all()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NetworkVolume:
    """How a network as a whole fared, cell by cell, over all services."""

    place: CellPlace
    times: Ints
    cut: Ints
    """Services of which most verdicts in the cell are `network`."""
    measured: Ints
    """Services with any verdict in the cell."""
    witnesses: Ints
    fresh: NDArray[np.bool_] | None = None
    """Cells in which none but fresh names speak; None where there are no such."""
    settled: NDArray[np.bool_] | None = None
    """Cells in which names speak that were known before; None where there are no such."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellTable:
    """The whole table."""

    step: timedelta
    series: tuple[CellSeries, ...]
    volumes: tuple[NetworkVolume, ...]
    block_types: tuple[str, ...]
    failing: Mapping[int, CellSeries]
    """Place in `series` -> the same with what failed as `blocked`, suspected or not, where that is more."""
    version_names: tuple[str, ...]
    first: int
    last: int
    """First and last cell in which anything was measured."""

    @property
    def steps_per_year(self) -> float:
        return timedelta(days=365.25) / self.step

    def time(self, cell: int) -> datetime:
        """When a cell begins."""
        return _EPOCH + cell * self.step

    def cells_in(self, span: timedelta) -> int:
        """How many cells a time spans, at least one."""
        return max(1, round(span / self.step))
