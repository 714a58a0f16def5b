"""A fleet's verdicts counted into the cell table, without any row in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probe.core.progress import ignore_progress
from probe.core.tables.name_ages import ESTABLISHED_DAYS
from probe_lab.fleet.fleet_standing import FleetAges, list_established
from probe_lab.fleet.fleet_verdicts import BLOCKED, CONFIRMED, DOWN, INCONCLUSIVE, LOCAL, NETWORK, NO_ROW, OK, Fleet
from probe_lab.fleet.fleet_world import BEGIN, BLOCK_TYPES, DAY
from probe_lab.fleet.forged_verdicts import ELSEWHERE, ForgedVerdicts

_FORGED_TYPE = BLOCK_TYPES.index("tls.drop.sni")
_COUNTED = {"ok": OK, "blocked": BLOCKED, "down": DOWN, "inconclusive": INCONCLUSIVE, "network": NETWORK,
            "local": LOCAL, "confirmed": CONFIRMED}


def cell_table(fleet: Fleet, tell: Callable[[int, int], None] = ignore_progress, *, ages: FleetAges = "untold",
               forged: Sequence[ForgedVerdicts] = ()) -> pd.DataFrame:
    """One row for each network, service and hour in which anything was measured; `lab` is true, none of it is real.

    `ages`: how it is known whose name was there before, which the column `standing` tells then. `forged` is counted
    beside what the volunteers say.
    """
    world = fleet.world
    shape = (world.size.networks + len(ELSEWHERE) * bool(forged), len(world.services), world.hours)
    old = None if ages == "untold" else list_established(world, ages)
    settled = np.zeros((shape[0], world.size.days), dtype=np.bool_)
    counts = {name: np.zeros(shape, dtype=np.int16) for name in _COUNTED}
    types = np.zeros(shape, dtype=np.uint8)
    witnesses = np.zeros((shape[0], world.hours), dtype=np.int16)
    populated = np.unique(world.home)
    starts = np.searchsorted(world.home, populated)
    for day in fleet.days():
        hours = slice(day.number * DAY, (day.number + 1) * DAY)
        if old is not None:
            seen = (day.outcomes != NO_ROW).any(axis=(1, 2)) & old[:, day.number]
            settled[np.unique(world.home[seen]), day.number] = True
            day.outcomes[settled[world.home, day.number] & ~old[:, day.number]] = NO_ROW
        for name, outcome in _COUNTED.items():
            summed = np.add.reduceat(day.outcomes == outcome, starts, axis=0, dtype=np.int16)
            counts[name][populated, :, hours] = summed.transpose(0, 2, 1)
        counts["blocked"][:, :, hours] += counts["confirmed"][:, :, hours]
        types[:world.size.networks, :, hours] = day.types.transpose(0, 2, 1)
        heard = (day.outcomes != NO_ROW).any(axis=2)
        witnesses[populated, hours] = np.add.reduceat(heard, starts, axis=0, dtype=np.int16)
        tell(day.number + 1, world.size.days)
    for lie in forged:
        _add_lie(lie, counts, types, witnesses, settled)
    table = _frame(fleet, counts, types, witnesses)
    return table if old is None else table.assign(standing=_standing(fleet, table, settled, ages))


def _add_lie(lie: ForgedVerdicts, counts: dict[str, NDArray[np.int16]], types: NDArray[np.uint8],
             witnesses: NDArray[np.int16], settled: NDArray[np.bool_]) -> None:
    """Counts made-up verdicts where those who say them are heard."""
    hours = np.arange(lie.begin, lie.stop)
    if lie.established:
        settled[lie.network, np.unique(hours // DAY)] = True
    else:
        hours = hours[~settled[lie.network, hours // DAY]]
    counts[lie.says][lie.network, lie.service, hours] += lie.names
    witnesses[lie.network, hours] += lie.names
    if lie.says == "blocked":
        types[lie.network, lie.service, hours] = _FORGED_TYPE


def _standing(fleet: Fleet, table: pd.DataFrame, settled: NDArray[np.bool_], ages: FleetAges) -> NDArray[np.str_]:
    asns = np.array([*fleet.world.asns, *(asn for _, asn in ELSEWHERE)])
    network = np.searchsorted(asns, table["probe_asn"].to_numpy())
    days = list_hours(table) // DAY
    known = "established" if ages == "record" else "unknown"  # no record vouches for names: times can be made up
    return np.where(days < ESTABLISHED_DAYS, "unknown", np.where(settled[network, days], known, "fresh"))


def list_hours(table: pd.DataFrame) -> np.ndarray:
    """The hour of the fleet in which each cell begins."""
    since: np.ndarray = table["cell_start"].dt.tz_localize(None).to_numpy() - np.datetime64(BEGIN.replace(tzinfo=None))
    return since // np.timedelta64(1, "h")


def _frame(fleet: Fleet, counts: dict[str, NDArray[np.int16]], types: NDArray[np.uint8],
           witnesses: NDArray[np.int16]) -> pd.DataFrame:
    world = fleet.world
    total = np.sum([count for name, count in counts.items() if name != "confirmed"], axis=0)
    network, service, hour = np.nonzero(total)
    countries = (*world.countries, *(cc for cc, _ in ELSEWHERE))
    asns = (*world.asns, *(asn for _, asn in ELSEWHERE))
    places = sorted(set(countries))
    country = np.array([places.index(cc) for cc in countries], dtype=np.int16)
    role = np.array([name == "controls" for name in world.services], dtype=np.int8)
    values = {name: array[network, service, hour] for name, array in counts.items()}
    blocked_type = np.where(values["blocked"] > 0, types[network, service, hour], 0)
    return pd.DataFrame({
        "lab": np.ones(len(hour), dtype=np.bool_),
        "probe_cc": pd.Categorical.from_codes(country[network], places),
        "probe_asn": np.array(asns, dtype=np.int64)[network],
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
