"""What made-up names do to events on made-up fleets: by nobody's leave, and by names that were there before.

The same fleet is looked at honest, with ages untold and told, and then under each attack. What is published of each
event (`forgers_needed`) is held against how many names there really were.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from probe.core.progress import Progress, ignore_progress
from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.series_reading import read_cells
from probe_lab.fleet.event_matching import FleetMatches, hour, match_events
from probe_lab.fleet.fleet_cells import cell_table
from probe_lab.fleet.fleet_score import LONG_H, MEASURED_H
from probe_lab.fleet.fleet_standing import FleetAges
from probe_lab.fleet.fleet_truth import draw_truth
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import FleetSize, draw_world
from probe_lab.fleet.forged_verdicts import (
    ForgedAim,
    ForgedVerdicts,
    MadeUpBlock,
    draw_made_up,
    hide_abroad,
    hide_beside,
    make_blocks_up,
)

AGES: tuple[FleetAges, ...] = ("untold", "names", "record")
AIMS: tuple[ForgedAim, ...] = ("make", "hide_beside", "hide_abroad")
ESTABLISHED = (1, 2, 3, 5)
"""Colluding names that were there before."""


@dataclass(slots=True, kw_only=True)
class HonestFigures:
    """How well events are told where nobody lies."""

    blocks: int = 0
    """Of six hours or longer, measured in three."""
    found: int = 0
    events: int = 0
    true_events: int = 0
    confirmed: int = 0
    """Of the true events."""


@dataclass(slots=True, kw_only=True)
class AttackFigures:
    """What an attack came to."""

    tried: int = 0
    """Blocks that were made up, or real ones of six hours or longer that honest probes alone report."""
    succeeded: int = 0
    """Made-up blocks that an event reports; real ones that none reports any more; `told` in JSON."""
    confirmed: int = 0
    """Made-up blocks that are reported as confirmed."""
    cost_too_high: int = 0
    """Made-up blocks reported with more names needed than there were; hidden ones, with more than hid them."""


@dataclass(slots=True, kw_only=True)
class SybilScore:
    """Several fleets together."""

    sybils: int
    """Names that nobody knows, in each network that is lied about."""
    seeds: list[int] = field(default_factory=list)
    honest: dict[FleetAges, HonestFigures] = field(default_factory=lambda: {ages: HonestFigures() for ages in AGES})
    fresh: dict[ForgedAim, AttackFigures] = field(default_factory=lambda: {aim: AttackFigures() for aim in AIMS})
    established: dict[int, dict[ForgedAim, AttackFigures]] = field(
        default_factory=lambda: {names: {aim: AttackFigures() for aim in AIMS} for names in ESTABLISHED})
    to_make: list[int] = field(default_factory=list)
    """Established names that would have made each true, confirmed event."""
    to_hide: list[int] = field(default_factory=list)


def score_sybils(seeds: Sequence[int], size: FleetSize, sybils: int, tell: Progress = ignore_progress) -> SybilScore:
    """Scores fleets under attack; `sybils` fresh names speak in each network that is lied about."""
    score = SybilScore(sybils=sybils, seeds=list(seeds))
    steps = len(AGES) + len(AIMS) * (1 + len(ESTABLISHED))
    for place, seed in enumerate(seeds):
        world = draw_world(seed, size)
        fleet = Fleet(world, draw_truth(world))
        for number, _ in enumerate(_score_fleet(fleet, score), start=1):
            tell(place * steps + number, len(seeds) * steps)
    return score


def _score_fleet(fleet: Fleet, score: SybilScore) -> Iterable[None]:
    """One step for each time that events are looked for."""
    honest: list[Event] = []
    for ages in AGES:
        honest = _look(fleet, ages)
        _add_honest(match_events(fleet, honest), score.honest[ages])
        yield
    matched = match_events(fleet, honest)
    wrong = {id(event) for event in matched.false}
    for event in honest:
        if event.forgers and event.status == "confirmed" and id(event) not in wrong:
            score.to_make.append(event.forgers.to_make.established)
            score.to_hide.append(event.forgers.to_hide.established)
    made_up = draw_made_up(fleet)
    for aim in AIMS:
        _attack(fleet, matched, made_up, aim, score.sybils, score.fresh[aim], established=False)
        yield
        for names in ESTABLISHED:
            _attack(fleet, matched, made_up, aim, names, score.established[names][aim], established=True)
            yield


def _look(fleet: Fleet, ages: FleetAges, forged: Sequence[ForgedVerdicts] = ()) -> list[Event]:
    return list(examine_cells(read_cells(cell_table(fleet, ages=ages, forged=forged))).events)


def _add_honest(matched: FleetMatches, figures: HonestFigures) -> None:
    long = [hit for hit in matched.hits if hit.hours >= LONG_H and hit.measured >= MEASURED_H]
    figures.blocks += len(long)
    figures.found += sum(bool(hit.events) for hit in long)
    figures.events += matched.events
    figures.true_events += matched.events - len(matched.false)
    true = {id(event): event for hit in matched.hits for event in hit.events}
    figures.confirmed += sum(event.status == "confirmed" for event in true.values())


def _attack(fleet: Fleet, honest: FleetMatches, made_up: Sequence[MadeUpBlock], aim: ForgedAim, names: int,
            figures: AttackFigures, *, established: bool) -> None:
    blocks = fleet.truth.blocks
    if aim == "make":
        lies = make_blocks_up(made_up, names, established=established)
    elif aim == "hide_beside":
        lies = hide_beside(blocks, names, established=established)
    else:
        lies = hide_abroad(fleet, names, established=established)
    found = _look(fleet, "record", tuple(lies))
    if aim == "make":
        for one in made_up:
            _add_made_up(fleet, one, found, names, figures)
        return
    liars = names if aim == "hide_beside" else 2 * names
    for before, after in zip(honest.hits, match_events(fleet, found).hits, strict=True):
        if not before.events or before.hours < LONG_H:
            continue
        figures.tried += 1
        hidden = not after.events
        figures.succeeded += hidden
        cost = max((event.forgers.to_hide.established for event in before.events if event.forgers), default=0)
        spent = liars * (len(before.block.networks) if aim == "hide_beside" else 1)
        figures.cost_too_high += hidden and cost > spent


def _add_made_up(fleet: Fleet, one: MadeUpBlock, found: Sequence[Event], names: int, figures: AttackFigures) -> None:
    world = fleet.world
    mine = [event for event in found if (event.kind, event.place) == ("service", one.country)
            and event.service == world.services[one.service] and event.onset < hour(one.stop)
            and hour(one.begin) < event.end_from]
    figures.tried += 1
    figures.succeeded += bool(mine)
    figures.confirmed += any(event.status == "confirmed" for event in mine)
    figures.cost_too_high += any(event.forgers is not None and event.forgers.to_make.established > names
                                 for event in mine)


def find_spread(costs: Sequence[int]) -> tuple[float, float, float] | None:
    """The tenth, the middle and the ninetieth of a hundred."""
    if not costs:
        return None
    low, middle, high = np.percentile(costs, (10, 50, 90))
    return float(low), float(middle), float(high)
