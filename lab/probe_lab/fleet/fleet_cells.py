"""A fleet's verdicts counted into the cell table, without any row in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probe.core.progress import ignore_progress
from probe_lab.fleet.fleet_verdicts import BLOCKED, CONFIRMED, DOWN, INCONCLUSIVE, LOCAL, NETWORK, NO_ROW, OK, Fleet
from probe_lab.fleet.fleet_world import BLOCK_TYPES, DAY

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
"""First hour of every fleet."""
_COUNTED = {"ok": OK, "blocked": BLOCKED, "down": DOWN, "inconclusive": INCONCLUSIVE, "network": NETWORK,
            "local": LOCAL, "confirmed": CONFIRMED}


def cell_table(fleet: Fleet, tell: Callable[[int, int], None] = ignore_progress) -> pd.DataFrame:
    """One row for each network, service and hour in which anything was measured; `lab` is true, none of it is real."""
    world = fleet.world
    shape = (world.size.networks, len(world.services), world.hours)
    counts = {name: np.zeros(shape, dtype=np.int16) for name in _COUNTED}
    types = np.zeros(shape, dtype=np.uint8)
    witnesses = np.zeros((world.size.networks, world.hours), dtype=np.int16)
    populated = np.unique(world.home)
    starts = np.searchsorted(world.home, populated)
    for day in fleet.days():
        hours = slice(day.number * DAY, (day.number + 1) * DAY)
        for name, outcome in _COUNTED.items():
            summed = np.add.reduceat(day.outcomes == outcome, starts, axis=0, dtype=np.int16)
            counts[name][populated, :, hours] = summed.transpose(0, 2, 1)
        counts["blocked"][:, :, hours] += counts["confirmed"][:, :, hours]
        types[:, :, hours] = day.types.transpose(0, 2, 1)
        seen = (day.outcomes != NO_ROW).any(axis=2)
        witnesses[populated, hours] = np.add.reduceat(seen, starts, axis=0, dtype=np.int16)
        tell(day.number + 1, world.size.days)
    return _frame(fleet, counts, types, witnesses)


def list_hours(table: pd.DataFrame) -> np.ndarray:
    """The hour of the fleet in which each cell begins."""
    since: np.ndarray = table["cell_start"].dt.tz_localize(None).to_numpy() - np.datetime64(BEGIN.replace(tzinfo=None))
    return since // np.timedelta64(1, "h")


def _frame(fleet: Fleet, counts: dict[str, NDArray[np.int16]], types: NDArray[np.uint8],
           witnesses: NDArray[np.int16]) -> pd.DataFrame:
    world = fleet.world
    total = np.sum([count for name, count in counts.items() if name != "confirmed"], axis=0)
    network, service, hour = np.nonzero(total)
    places = sorted(set(world.countries))
    country = np.array([places.index(cc) for cc in world.countries], dtype=np.int16)
    role = np.array([name == "controls" for name in world.services], dtype=np.int8)
    values = {name: array[network, service, hour] for name, array in counts.items()}
    blocked_type = np.where(values["blocked"] > 0, types[network, service, hour], 0)
    return pd.DataFrame({
        "lab": np.ones(len(hour), dtype=np.bool_),
        "probe_cc": pd.Categorical.from_codes(country[network], places),
        "probe_asn": np.array(world.asns, dtype=np.int64)[network],
        "level": pd.Categorical.from_codes(np.zeros(len(hour), dtype=np.int8), ["role"]),
        "service": pd.Categorical.from_codes(service.astype(np.int16), list(world.services)),
        "role": pd.Categorical.from_codes(role[service], ["chat", "control"]),
        "target_id": pd.Categorical.from_codes(np.zeros(len(hour), dtype=np.int8), [""]),
        "cell_start": pd.to_datetime(np.datetime64(BEGIN.replace(tzinfo=None), "s") + hour.astype("timedelta64[h]"),
                                     utc=True),
        "n": values["ok"] + values["blocked"] + values["down"], **values,
        "witnesses": witnesses[network, hour],
        "block_type": pd.Categorical.from_codes(blocked_type.astype(np.int8), list(BLOCK_TYPES)),
    })
