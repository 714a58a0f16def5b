"""How well event detection does on made-up fleets, where the truth is known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from probe.core.progress import ignore_progress
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.series_reading import read_cells
from probe_lab.fleet.event_matching import BlockMatch, FleetMatches, hour, match_events
from probe_lab.fleet.event_replay import DetectionDelay, measure_delays
from probe_lab.fleet.fleet_cells import cell_table
from probe_lab.fleet.fleet_truth import CHRONIC, draw_truth
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import FleetSize, draw_world
from probe_lab.fleet.hourly_replay import HourlyScore, add_up, replay_hours

LONG_H = 6
"""Blocks of so many hours or longer are those whose recall is promised."""
MEASURED_H = 3
"""A block counts where runs were made in so many of its hours, or in all: what nobody measures nobody can find."""
WITNESSES, UPTIMES = (1, 2, 5, 10), (0.3, 0.6, 0.95)
_GRID = FleetSize(networks=9, services=12, days=60, even=True)
_GRID_BLOCKS = (30, 41)


@dataclass(frozen=True, slots=True, kw_only=True)
class FalseEvent:
    """An event that tells of nothing true, and what was going on instead."""

    seed: int
    kind: str
    place: str
    service: str
    onset: str
    status: str
    during: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """A block of which no event tells."""

    seed: int
    service: str
    country: str
    networks: int
    begin: str
    hours: int
    strength: float
    measured_hours: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetScore:
    """One seed, or several together."""

    seeds: tuple[int, ...]
    blocks: int
    blocks_long: int
    found: int
    found_long: int
    events: int
    true_events: int
    further_events: int
    """Events beyond the first of a block."""
    unmeasured: int
    """Blocks beside these, of which hardly anything was measured; see `MEASURED_H`."""
    shutdowns: int
    shutdowns_found: int
    chronic: int
    """Services that fail at times from first to last, all the time or in bursts."""
    chronic_told: int
    """Those of which an event tells all the same."""
    onset_errors_h: tuple[float, ...]
    end_errors_h: tuple[float, ...]
    false: tuple[FalseEvent, ...]
    misses: tuple[Miss, ...]
    network_years: float
    delays: tuple[DetectionDelay, ...]
    wall_s: float
    hourly: HourlyScore | None = None
    """What was told hour by hour, where that was asked for."""

    @property
    def recall(self) -> float | None:
        """Found of blocks of `LONG_H` hours or longer."""
        return self.found_long / self.blocks_long if self.blocks_long else None

    @property
    def precision(self) -> float | None:
        """Share of the events that tell of something true."""
        return self.true_events / self.events if self.events else None

    @property
    def onset_error_h(self) -> float | None:
        """Median, in hours."""
        return float(np.median(self.onset_errors_h)) if self.onset_errors_h else None

    @property
    def false_a_network_year(self) -> float:
        return len(self.false) / self.network_years


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """Recall with so many witnesses in each network, each measuring for such a share of the time."""

    witnesses: int
    uptime: float
    blocks: int
    found: int
    false: int


def score_fleet(seed: int, size: FleetSize, *, replays: int = 5, hourly_days: int = 0,
                tell: Callable[[int, int], None] = ignore_progress) -> FleetScore:
    """Draws a fleet, detects events in its cells, and holds them against the truth.

    The last `hourly_days` are lived through hour by hour as well.
    """
    begin = time.monotonic()
    world = draw_world(seed, size)
    fleet = Fleet(world, draw_truth(world))
    table = cell_table(fleet, tell)
    matched = match_events(fleet, examine_cells(read_cells(table)).events)
    hourly = replay_hours(fleet, table, hourly_days) if hourly_days else None
    return _score(fleet, matched, measure_delays(fleet, table, replays), hourly, time.monotonic() - begin)


def _score(fleet: Fleet, matched: FleetMatches, seen: Sequence[DetectionDelay], hourly: HourlyScore | None,
           wall_s: float) -> FleetScore:
    world = fleet.world
    chronic = {world.services[service] for trouble in fleet.truth.troubles if trouble.kind in CHRONIC
               for service in trouble.services}
    met = [hit for hit in matched.hits if hit.measured >= min(MEASURED_H, hit.hours)]
    long = [hit for hit in met if hit.hours >= LONG_H]
    return FleetScore(
        seeds=(world.seed,), blocks=len(met), blocks_long=len(long), found=sum(bool(hit.events) for hit in met),
        found_long=sum(bool(hit.events) for hit in long), events=matched.events,
        true_events=matched.events - len(matched.false),
        further_events=sum(max(0, len(hit.events) - 1) for hit in met),
        unmeasured=len(matched.hits) - len(met), shutdowns=matched.shutdowns, shutdowns_found=matched.shutdowns_found,
        chronic=len(chronic), chronic_told=len(chronic & {event.service for event in matched.false}),
        onset_errors_h=tuple(hit.onset_error_h for hit in met if hit.onset_error_h is not None),
        end_errors_h=tuple(hit.end_error_h for hit in met if hit.end_error_h is not None),
        false=tuple(_false(fleet, event) for event in matched.false),
        misses=tuple(_miss(fleet, hit) for hit in met if not hit.events),
        network_years=world.size.networks * world.size.days / 365.25, delays=tuple(seen), wall_s=wall_s,
        hourly=hourly,
    )


def _false(fleet: Fleet, event: Event) -> FalseEvent:
    """With the troubles that were going on there, so that a person sees what deceived the detector."""
    networks = {fleet.world.asns.index(reach.asn) for reach in event.networks}
    during = {
        trouble.kind for trouble in fleet.truth.troubles
        if hour(trouble.begin) < event.end_from and event.onset < hour(trouble.stop)
        and networks & set(trouble.networks)
        and (not event.service or fleet.world.services.index(event.service) in trouble.services)
    }
    return FalseEvent(seed=fleet.world.seed, kind=event.kind, place=event.place, service=event.service,
                      onset=event.onset.isoformat(), status=event.status, during=tuple(sorted(during)))


def _miss(fleet: Fleet, hit: BlockMatch) -> Miss:
    block = hit.block
    return Miss(seed=fleet.world.seed, service=fleet.world.services[block.service], country=block.country,
                networks=len(block.networks), begin=hour(block.begin).isoformat(), hours=hit.hours,
                strength=round(block.strength, 2), measured_hours=hit.measured)


def together(scores: Iterable[FleetScore]) -> FleetScore:
    """Several seeds as one."""
    parts = list(scores)

    def total(name: str) -> int:
        return sum(getattr(part, name) for part in parts)

    return FleetScore(
        seeds=tuple(seed for part in parts for seed in part.seeds), blocks=total("blocks"),
        blocks_long=total("blocks_long"), found=total("found"), found_long=total("found_long"), events=total("events"),
        true_events=total("true_events"), further_events=total("further_events"),
        unmeasured=total("unmeasured"), shutdowns=total("shutdowns"),
        shutdowns_found=total("shutdowns_found"), chronic=total("chronic"), chronic_told=total("chronic_told"),
        onset_errors_h=tuple(error for part in parts for error in part.onset_errors_h),
        end_errors_h=tuple(error for part in parts for error in part.end_errors_h),
        false=tuple(event for part in parts for event in part.false),
        misses=tuple(miss for part in parts for miss in part.misses),
        network_years=sum(part.network_years for part in parts),
        delays=tuple(delay for part in parts for delay in part.delays), wall_s=sum(part.wall_s for part in parts),
        hourly=add_up(hourly) if (hourly := [part.hourly for part in parts if part.hourly]) else None,
    )


def score_grid(seed: int, tell: Callable[[int, int], None] = ignore_progress) -> list[GridCell]:
    """Recall by number of witnesses in each network and by their uptime: one for each network is the normal case."""
    made = []
    for place, (witnesses, uptime) in enumerate((w, u) for w in WITNESSES for u in UPTIMES):
        size = FleetSize(volunteers=witnesses * _GRID.networks, networks=_GRID.networks, services=_GRID.services,
                         days=_GRID.days, even=True, uptime=uptime)
        world = draw_world(seed, size)
        fleet = Fleet(world, draw_truth(world, _GRID_BLOCKS, troubles=False))
        matched = match_events(fleet, examine_cells(read_cells(cell_table(fleet))).events)
        long = [hit for hit in matched.hits if hit.hours >= LONG_H]
        made.append(GridCell(witnesses=witnesses, uptime=uptime, blocks=len(long), false=len(matched.false),
                             found=sum(bool(hit.events) for hit in long)))
        tell(place + 1, len(WITNESSES) * len(UPTIMES))
    return made
