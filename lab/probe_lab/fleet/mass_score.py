"""How well the detector names the services that a country blocks at once, and how often it names innocent ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from probe_analysis.events.event import Event
from probe_analysis.events.event_detection import examine_cells
from probe_analysis.events.findings import Findings
from probe_analysis.events.series_reading import read_cells
from probe_lab.fleet.mass_world import BEGIN, HERE, Innocent, MassSize, MassTrial, draw_blocks, draw_innocent

STRENGTHS, NETWORKS, SERVICES = (0.3, 0.6, 0.9), (1, 3, 6), (6, 8, 12, 20)
NAMED = 0.95
"""Least precision, and least recall, of the services that an event names."""
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MassVerdict:
    """What was found of one trial."""

    named: bool
    """One event names the services that are blocked, and hardly another."""
    status: str
    """Of that event; empty: there is none."""
    false: tuple[str, ...]
    """Kind and status of events of services that nobody blocks."""
    vanished: int
    """Windows that were dismissed as the network's though no event covers them."""


def judge_trial(trial: MassTrial, *, witnessed: bool = True) -> MassVerdict:
    """Detects events, and holds them against the truth."""
    cells = read_cells(trial.table, witnesses_told=witnessed)
    found = examine_cells(cells, hosting=lambda service, cc: trial.hosting[service])
    mine = [event for event in found.events if _meets(event, trial)]
    naming = [event for event in mine if event.place == HERE and _names(event, trial.blocked)] if trial.blocked else []
    return MassVerdict(named=bool(naming), status=naming[0].status if naming else "",
                       false=tuple(f"{event.kind} {event.status}" for event in found.events
                                   if event.place == HERE and event.kind in ("service", "services")
                                   and not _named(event) & trial.blocked),
                       vanished=count_vanished(found))


def _named(event: Event) -> frozenset[str]:
    return frozenset(event.services_blocked or (event.service,)) - {""}


def _names(event: Event, blocked: frozenset[str]) -> bool:
    named = _named(event)
    hit = len(named & blocked)
    return event.kind in ("service", "services") and hit >= NAMED * len(named) and hit >= NAMED * len(blocked)


def _meets(event: Event, trial: MassTrial) -> bool:
    begin, stop = BEGIN + trial.begin * _HOUR, BEGIN + trial.stop * _HOUR
    return min(event.end_from, stop) - max(event.onset, begin) >= 0.5 * (stop - begin)


def count_vanished(found: Findings) -> int:
    """Windows that only the network explains, and that no event covers."""
    return sum(
        not any(event.place == window.place.cc and event.lab == window.place.lab and event.onset < window.end
                and window.onset < (event.end_until or event.end_from)
                and (event.kind == "network" or window.service in (event.service, *event.services_blocked))
                for event in found.events)
        for window in found.dismissed if window.explained_by == "network" and not window.explained_too)


@dataclass(frozen=True, slots=True, kw_only=True)
class MassCell:
    """Trials that differ only in their seed."""

    size: MassSize
    struck: int
    strength: float
    trials: tuple[MassVerdict, ...]


def score_blocks(seeds: Sequence[int], *, services: Sequence[int] = SERVICES, networks: Sequence[int] = NETWORKS,
                 strengths: Sequence[float] = STRENGTHS, every: int = 1, witnessed: bool = True,
                 tell: Callable[[MassCell], None] = lambda cell: None) -> list[MassCell]:
    """All of K of N, or every so many."""
    made = []
    for of in services:
        for count in networks:
            size = MassSize(services=of, networks=count, witnessed=witnessed)
            for strength in strengths:
                for struck in range(1, of + 1, every):
                    made.append(MassCell(size=size, struck=struck, strength=strength, trials=tuple(
                        judge_trial(draw_blocks(seed, size, struck, strength), witnessed=witnessed)
                        for seed in seeds)))
                    tell(made[-1])
    return made


def score_innocent(word: Innocent, seeds: Iterable[int], *, witnessed: bool = True) -> list[MassVerdict]:
    """Trials of something innocent, over all sizes in turn."""
    made = []
    for seed in seeds:
        size = MassSize(services=SERVICES[seed % len(SERVICES)], networks=NETWORKS[seed // 4 % len(NETWORKS)],
                        witnessed=witnessed)
        made.append(judge_trial(draw_innocent(seed, size, word), witnessed=witnessed))
    return made


def share_named(cells: Iterable[MassCell]) -> float | None:
    """Share of the trials in which the services are named; None where there are none."""
    trials = [trial.named for cell in cells for trial in cell.trials]
    return sum(trials) / len(trials) if trials else None

