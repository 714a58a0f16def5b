"""Events held against the truth of a fleet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from probe_analysis.events.event import Event
from probe_lab.fleet.fleet_truth import FleetBlock
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import BEGIN

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockMatch:
    """A block, and the events that tell of it."""

    block: FleetBlock
    measured: int
    """Hours of the block with a run on one of its networks."""
    events: tuple[Event, ...]
    onset_error_h: float | None
    end_error_h: float | None

    @property
    def hours(self) -> int:
        return self.block.stop - self.block.begin


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetMatches:
    """All blocks of a fleet, and the events that tell of nothing true."""

    hits: tuple[BlockMatch, ...]
    false: tuple[Event, ...]
    shutdowns: int
    shutdowns_found: int
    events: int


def match_events(fleet: Fleet, events: Sequence[Event]) -> FleetMatches:
    """An event tells of a block of its service and country that shares most of the shorter one's time."""
    matched: set[int] = set()
    hits = []
    for block in fleet.truth.blocks:
        mine = [event for event in events if _tells(event, fleet, block)]
        matched |= {id(event) for event in mine}
        hits.append(_match_block(fleet, block, mine))
    cuts = [trouble for trouble in fleet.truth.troubles if trouble.kind == "shutdown"]
    found = 0
    for cut in cuts:
        country = fleet.world.countries[cut.networks[0]]
        mine = [event for event in events if event.kind == "network" and event.place == country
                and _common(event, cut.begin, cut.stop) > timedelta(0)]
        matched |= {id(event) for event in mine}
        found += bool(mine)
    matched |= {id(event) for event in events if _tells_of_trouble(event, fleet)}
    matched |= _find_joint(events, matched)
    return FleetMatches(hits=tuple(hits), false=tuple(event for event in events if id(event) not in matched),
                        shutdowns=len(cuts), shutdowns_found=found, events=len(events))


def _tells_of_trouble(event: Event, fleet: Fleet) -> bool:
    """Whether a suspected event of kind `network` tells of trouble that its networks had."""
    asns = {reach.asn for reach in event.networks}  # liars may have networks of their own
    networks = {number for number, asn in enumerate(fleet.world.asns) if asn in asns}
    return event.kind == "network" and event.status == "suspected" and any(
        networks & set(trouble.networks) and _common(event, trouble.begin, trouble.stop) > timedelta(0)
        for trouble in fleet.truth.troubles)


def _find_joint(events: Sequence[Event], matched: set[int]) -> set[int]:
    """Events of several services of which each part tells of a block."""
    return {id(event) for event in events if event.kind == "services"
            and all(id(part) in matched for part in events if part.part_of == event.event_id)}


def hour(number: int) -> datetime:
    """When an hour of the fleet begins."""
    return BEGIN + number * _HOUR


def _tells(event: Event, fleet: Fleet, block: FleetBlock) -> bool:
    if (event.kind, event.place, event.service) != ("service", block.country, fleet.world.services[block.service]):
        return False
    if not {reach.asn for reach in event.networks} & {fleet.world.asns[network] for network in block.networks}:
        return False
    shorter = min(event.end_from - event.onset, hour(block.stop) - hour(block.begin))
    return _common(event, block.begin, block.stop) >= 0.5 * shorter


def _common(event: Event, begin: int, stop: int) -> timedelta:
    return min(event.end_from, hour(stop)) - max(event.onset, hour(begin))


def _match_block(fleet: Fleet, block: FleetBlock, events: Sequence[Event]) -> BlockMatch:
    people = np.isin(fleet.world.home, block.networks)
    measured = int(fleet.world.present[people, block.begin:block.stop].any(axis=0).sum())
    first = min(events, key=lambda event: event.onset, default=None)
    last = max(events, key=lambda event: event.end_from, default=None)
    return BlockMatch(
        block=block, measured=measured, events=tuple(events),
        onset_error_h=abs((first.onset - hour(block.first_hour)) / _HOUR) if first else None,
        end_error_h=abs((last.end_from - hour(block.stop)) / _HOUR) if last else None,
    )
