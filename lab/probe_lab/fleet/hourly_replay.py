"""What would have been reported hour by hour: detection on what was known at the end of each hour, and the log of it.

An event that later hours withdraw was an alarm all the same, so alarms are counted when they are reported, whatever
becomes of them. Each hour is judged by what was true until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.event_json import list_rows
from probe_analysis.events.event_log import NEW, WITHDRAWN, CoveredTime, LogRow, is_event, update_log
from probe_analysis.events.series_reading import read_cells
from probe_lab.fleet.event_matching import hour, match_events
from probe_lab.fleet.fleet_cells import list_hours
from probe_lab.fleet.fleet_truth import FleetBlock
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import DAY

TWO = 2
"""Witnesses that a block must have in its first measured hour for its delay to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyBlock:
    """A block that lets nothing pass, and how long after its first measured hour began it was reported."""

    seed: int
    service: str
    country: str
    delay_h: int | None
    """None: not while anybody looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyScore:
    """Hours that were lived through one after another."""

    country_weeks: float
    reported: int
    """Events that were new in an hour."""
    false_alarms: int
    """Those of them that reported nothing true."""
    withdrawn: int
    """Events that a later hour took back."""
    withdrawn_true: int
    """Those of them that reported something true when they were new."""
    blocks: tuple[HourlyBlock, ...]

    @property
    def false_a_country_week(self) -> float:
        """False alarms of one country in a week."""
        return self.false_alarms / self.country_weeks if self.country_weeks else 0.0

    @property
    def never_reported(self) -> int:
        """Blocks that were not reported while anybody looked."""
        return sum(block.delay_h is None for block in self.blocks)

    @property
    def delay_h(self) -> float | None:
        """Median, in hours; infinite where most blocks were not reported, None where there were none."""
        delays = [np.inf if block.delay_h is None else block.delay_h for block in self.blocks]
        return float(np.median(delays)) if delays else None


def replay_hours(fleet: Fleet, table: pd.DataFrame, days: int) -> HourlyScore:
    """Replays the last `days` of a fleet; what the log says of the time before is known when they begin."""
    hours = fleet.world.hours
    first = max(1, hours - days * DAY)
    when = list_hours(table)
    log: list[LogRow] = []
    born: dict[str, bool] = {}
    seen_at: dict[int, int] = {}
    withdrawn: list[str] = []
    for stop in range(first, hours + 1):
        found, fresh = _live(table[when < stop], log, stop)
        log += fresh
        matched = match_events(fleet, found)
        if stop > first:
            false = {id(event) for event in matched.false}
            born |= {event.event_id: id(event) not in false for event in _new_events(found, fresh)}
            withdrawn += [str(row["event_id"]) for row in fresh if row["change"] == WITHDRAWN and is_event(row)]
        for place, hit in enumerate(matched.hits):
            if hit.events:
                seen_at.setdefault(place, stop)
    return HourlyScore(
        country_weeks=len(set(fleet.world.countries)) * (hours - first) / (7 * DAY), reported=len(born),
        false_alarms=sum(not true for true in born.values()), withdrawn=len(withdrawn),
        withdrawn_true=sum(born.get(event_id, False) for event_id in withdrawn),
        blocks=tuple(_score_block(fleet, place, block, seen, seen_at.get(place))
                     for place, block in enumerate(fleet.truth.blocks)
                     if (seen := _first_seen(fleet, block)) is not None and first < seen),
    )


def _live(known: pd.DataFrame, log: Sequence[LogRow], stop: int) -> tuple[tuple[Event, ...], list[LogRow]]:
    """The events of an hour's end, and the rows that the log gets."""
    if known.empty:
        return (), []
    found = examine_cells(read_cells(known))
    covered = CoveredTime(begin=known["cell_start"].min().to_pydatetime(), end=hour(stop))
    return found.events, update_log(log, list_rows(found, {}), hour(stop), covered)


def _new_events(found: Sequence[Event], fresh: Iterable[LogRow]) -> list[Event]:
    names = {row["event_id"] for row in fresh if row["change"] == NEW and is_event(row)}
    return [event for event in found if event.event_id in names]


def _first_seen(fleet: Fleet, block: FleetBlock) -> int | None:
    """The first measured hour of a block that lets nothing pass; None where fewer than two measured in it."""
    if block.strength < 1 or block.daily or block.pattern != "whole":
        return None
    people = np.isin(fleet.world.home, block.networks)
    present = fleet.world.present[people, block.begin:block.stop].sum(axis=0)
    measured = np.flatnonzero(present)
    return block.begin + int(measured[0]) if measured.size and present[measured[0]] >= TWO else None


def _score_block(fleet: Fleet, place: int, block: FleetBlock, seen: int, reported_at: int | None) -> HourlyBlock:
    return HourlyBlock(seed=fleet.world.seed, service=fleet.world.services[block.service], country=block.country,
                       delay_h=None if reported_at is None else reported_at - seen)


def add_up(scores: Iterable[HourlyScore]) -> HourlyScore:
    """Several fleets as one."""
    parts = list(scores)
    return HourlyScore(
        country_weeks=sum(part.country_weeks for part in parts), reported=sum(part.reported for part in parts),
        false_alarms=sum(part.false_alarms for part in parts), withdrawn=sum(part.withdrawn for part in parts),
        withdrawn_true=sum(part.withdrawn_true for part in parts),
        blocks=tuple(block for part in parts for block in part.blocks))
