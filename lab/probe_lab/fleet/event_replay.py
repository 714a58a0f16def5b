"""How soon a block is seen: detection again on what was known one, two, three measurements after it began."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.series_reading import read_cells
from probe_lab.fleet.fleet_cells import list_hours
from probe_lab.fleet.fleet_truth import FleetBlock
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import DAY

MOST_CELLS = 3
_PAST_H = 60 * DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionDelay:
    """Of a block that lets nothing pass: measured cells until it was suspected and confirmed; None: not in three."""

    seed: int
    service: str
    hours: int
    suspected: int | None
    confirmed: int | None


def measure_delays(fleet: Fleet, table: pd.DataFrame, most: int) -> list[DetectionDelay]:
    """The first blocks of full strength, long enough to be measured three times, at most so many."""
    full = [block for block in fleet.truth.blocks
            if block.strength == 1 and not block.daily and block.stop - block.begin >= 2 * MOST_CELLS]
    hours = list_hours(table) if full[:most] else np.zeros(0)
    return [_delay(fleet, table, hours, block) for block in full[:most]]


def _delay(fleet: Fleet, table: pd.DataFrame, hours: np.ndarray, block: FleetBlock) -> DetectionDelay:
    """The block's service everywhere, and everything of its country, as of each of the first cells measured in it."""
    service = fleet.world.services[block.service]
    about = (table["service"] == service) | (table["probe_cc"] == block.country)
    near = about.to_numpy() & (hours < block.stop) & (hours >= block.begin - _PAST_H)
    part, when = table[near], hours[near]
    asns = [fleet.world.asns[network] for network in block.networks]
    its = (part["service"] == service).to_numpy() & part["probe_asn"].isin(asns).to_numpy() & (when >= block.begin)
    stops = np.unique(when[its])[:MOST_CELLS]
    suspected = confirmed = None
    for count, stop in enumerate(stops, start=1):
        known = examine_cells(read_cells(part[when <= stop])).events
        status = {event.status for event in known
                  if (event.service, event.place) == (service, block.country) and event.ongoing}
        suspected = count if suspected is None and status else suspected
        confirmed = count if confirmed is None and "confirmed" in status else confirmed
    return DetectionDelay(seed=fleet.world.seed, service=service, hours=block.stop - block.begin, suspected=suspected,
                          confirmed=confirmed)
