"""The detector beside others on one fleet: who finds how many of its blocks, and who calls what one that is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from probe.core.progress import ignore_progress
from probe_analysis.events.cell_series import CONTROL, CellSeries, CellTable
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.findings import Findings
from probe_analysis.events.series_reading import read_cells
from probe_lab.fleet.event_matching import hour
from probe_lab.fleet.fleet_cells import cell_table
from probe_lab.fleet.fleet_score import LONG_H, MEASURED_H
from probe_lab.fleet.fleet_truth import FleetBlock, draw_truth
from probe_lab.fleet.fleet_verdicts import Fleet
from probe_lab.fleet.fleet_world import FleetSize, draw_world
from probe_lab.fleet.peer_detectors import Stretch, list_peers

OURS = "this detector"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerScore:
    """What one detector makes of the series of some fleets, each series by itself."""

    name: str
    blocks: int
    """Blocks of `LONG_H` hours or longer, measured in `MEASURED_H`."""
    found: int
    stretches: int
    false: int
    """Stretches that tell of no block."""
    series_years: float

    @property
    def false_a_series_year(self) -> float:
        return self.false / self.series_years


def score_peers(seeds: Sequence[int], size: FleetSize,
                tell: Callable[[int, int], None] = ignore_progress) -> list[PeerScore]:
    """Every detector on the fleets of these seeds, ours first."""
    totals: dict[str, PeerScore] = {}
    for place, seed in enumerate(seeds, start=1):
        world = draw_world(seed, size)
        fleet = Fleet(world, draw_truth(world))
        cells = read_cells(cell_table(fleet))
        series = [each for each in cells.series if each.role != CONTROL and len(each.times)]
        found = {OURS: _ours(series, examine_cells(cells), cells)}
        found |= {name: [find(each) for each in series] for name, find in list_peers().items()}
        for name, stretches in found.items():
            score = _score(name, fleet, series, stretches)
            totals[name] = _add(totals[name], score) if name in totals else score
        tell(place, len(seeds))
    return list(totals.values())


def peer_text(scores: Iterable[PeerScore]) -> str:
    """One line for each detector."""
    return "\n".join(
        f"{score.name}: found {score.found} of {score.blocks} blocks of {LONG_H} h or longer; "
        f"{score.false} of {score.stretches} stretches tell of none, {score.false_a_series_year:.3f} a series-year"
        for score in scores)


def _ours(series: Sequence[CellSeries], found: Findings, cells: CellTable) -> list[list[Stretch]]:
    """Our events as stretches of each series that they name."""
    stretches: dict[tuple[str, int, str], list[Stretch]] = {}
    begin = cells.time(0)
    for event in found.events:
        for reach in event.networks:
            stretch = ((reach.onset - begin) // cells.step, (reach.end_from - begin) // cells.step - 1)
            stretches.setdefault((event.place, reach.asn, event.service), []).append(stretch)
    return [stretches.get((each.place.cc, each.place.asn, each.service), []) for each in series]


def _score(name: str, fleet: Fleet, series: Sequence[CellSeries], stretches: Sequence[Sequence[Stretch]]) -> PeerScore:
    first = round(hour(0).timestamp()) // 3600
    world, right, found = fleet.world, 0, set()
    for each, its in zip(series, stretches, strict=True):
        network = world.asns.index(each.place.asn)
        blocks = [(number, block) for number, block in enumerate(fleet.truth.blocks)
                  if network in block.networks and world.services[block.service] == each.service]
        for begin, last in its:
            hit = [number for number, block in blocks if _tells(begin - first, last - first + 1, block)]
            found |= set(hit)
            right += bool(hit)
    long = {number for number, block in enumerate(fleet.truth.blocks)
            if block.stop - block.begin >= LONG_H and _measured(fleet, block) >= MEASURED_H}
    every = sum(len(its) for its in stretches)
    return PeerScore(name=name, blocks=len(long), found=len(found & long), stretches=every, false=every - right,
                     series_years=len(series) * world.size.days / 365.25)


def _tells(begin: int, stop: int, block: FleetBlock) -> bool:
    common = min(stop, block.stop) - max(begin, block.begin)
    return common >= 0.5 * min(stop - begin, block.stop - block.begin)


def _measured(fleet: Fleet, block: FleetBlock) -> int:
    people = [volunteer for network in block.networks for volunteer in fleet.world.members(network)]
    return int(fleet.world.present[people, block.begin:block.stop].any(axis=0).sum())


def _add(one: PeerScore, other: PeerScore) -> PeerScore:
    return replace(one, blocks=one.blocks + other.blocks, found=one.found + other.found,
                   stretches=one.stretches + other.stretches, false=one.false + other.false,
                   series_years=one.series_years + other.series_years)
