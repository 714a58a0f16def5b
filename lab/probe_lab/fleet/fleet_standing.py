"""Whose word counts in a made-up fleet each day: the rules of `probe_analysis.cells.name_standing`, for volunteers."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe_lab.fleet.fleet_world import BEGIN, DAY, FleetWorld

FleetAges = Literal["untold", "names", "record"]
"""How ages are known: not at all, by names that change with the month, or by the collector's record."""


def list_active(world: FleetWorld) -> NDArray[np.bool_]:
    """Volunteer x day: a run is made."""
    hours: NDArray[np.bool_] = world.present.reshape(len(world.home), world.size.days, DAY)
    return np.asarray(np.any(hours, axis=2), dtype=np.bool_)


def list_established(world: FleetWorld, ages: FleetAges) -> NDArray[np.bool_]:
    """Volunteer x day: the name was there before, or the collector knows it."""
    active = list_active(world)
    if ages == "record":
        since = np.where(active.any(axis=1), active.argmax(axis=1), world.size.days)
        return np.asarray(np.arange(world.size.days)[None, :] - since[:, None] >= ESTABLISHED_DAYS,
                          dtype=np.bool_)
    before: NDArray[np.int64] = np.cumsum(active, axis=1, dtype=np.int64) - active
    months = np.array([(BEGIN + timedelta(days=day)).replace(day=1).toordinal() for day in range(world.size.days)])
    first = np.searchsorted(months, months)  # day on which each day's month begins
    return np.asarray(before - before[:, first] >= ESTABLISHED_DAYS, dtype=np.bool_)
