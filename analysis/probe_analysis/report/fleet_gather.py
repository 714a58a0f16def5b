"""Reads a table of cells into what the page of a fleet shows: counted steps of each network, service and role."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probe_analysis.events.verdict_series import ReportNetwork
from probe_analysis.findings.logged_findings import LoggedEvent
from probe_analysis.pages.time_buckets import (
    EMPTY_OF_MANY,
    BucketCell,
    TimeBuckets,
    make_fleet_cell,
    make_span_buckets,
)
from probe_analysis.report.part_view import MAX_PARTS
from probe_analysis.report.service_section import BLOCKED, PageRoom, share_room
from probe_analysis.tables.day_numbers import find_moment

if TYPE_CHECKING:
    from probe_analysis.counting.cell_steps import CauseCells, CellSteps, NetworkCells, RoleCells, StepCells

_SERIES, _STEPS = 720, 60_000
"""Time series on one page, shared out among its networks, and all their steps together."""

Line = Sequence[BucketCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPart:
    """What the cells of one network say."""

    network: ReportNetwork
    cells: NetworkCells
    """Its sums."""
    whole: Mapping[str, Line]
    """Service -> its steps over all roles; those that were blocked most stand first."""
    roles: Mapping[str, Mapping[str, Line]]
    """Service -> role -> its steps, in the same order."""
    causes: Mapping[str, Sequence[CauseCells]]
    """Service -> kinds of blocking, the most frequent first."""
    events: Sequence[LoggedEvent]
    """Events that name the network."""
    left_out: int
    """Time series without room."""

    def blocked(self, service: str) -> bool:
        """Whether some step of a role was blocked beyond noise, or an event speaks of the service here."""
        return any(event.finding.service == service for event in self.events) or any(
            cell.state in BLOCKED for line in self.roles.get(service, {}).values() for cell in line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """The networks that a page shows, all over the same steps of time."""

    parts: Sequence[FleetPart]
    left_out: int
    """Networks without room."""
    steps: TimeBuckets
    room: PageRoom


def gather_fleet(cells: Path, events: Sequence[LoggedEvent] = ()) -> Fleet:
    """Counts the steps of the networks that matter most. Raises StoreError, saying what to do.

    First come networks with most events, then those with most blocked runs, then those measured most.
    """
    from probe_analysis.counting.cell_steps import open_cell_steps

    with open_cell_steps(cells) as table:
        networks = table.networks()
        by_network = {network: [event for event in events if _names(event, network)] for network in networks}
        networks = tuple(sorted(networks, key=lambda network: (
            network.lab, -len(by_network[network]), -network.blocked, -network.measured)))
        chosen = networks[:MAX_PARTS]
        return _count_cells(table, chosen, [by_network[network] for network in chosen], len(networks) - len(chosen))


def _count_cells(table: CellSteps, chosen: Sequence[NetworkCells], by_network: Sequence[Sequence[LoggedEvent]],
                 left_out: int) -> Fleet:
    roles = table.choose(chosen)
    series = [_with_room([row for row in roles if row.network == number], by_network[number], _SERIES // len(chosen))
              for number in range(len(chosen))]
    room = share_room(networks=len(chosen), roles=sum(map(len, series)),
                      services=sum(len({row.service for row in rows}) for rows in series))
    first, last = min(network.first for network in chosen), max(network.last for network in chosen)
    most = min(room.steps, _STEPS // max(1, sum(map(len, series))))
    steps = make_span_buckets(find_moment(first), find_moment(last), most=most)
    shown = {(row.network, row.service, row.role) for rows in series for row in rows}
    services = {(network, service) for network, service, _ in shown}
    lines = _lines(table.steps("role", steps.start, steps.width), steps,
                   lambda step: (step.network, step.service, step.role) in shown)
    whole = _lines(table.steps("service", steps.start, steps.width), steps,
                   lambda step: (step.network, step.service) in services)
    causes = table.causes()
    parts = tuple(
        _part(network, number, by_network[number], lines, whole, causes, sum(row.network == number for row in roles))
        for number, network in enumerate(chosen))
    return Fleet(parts=parts, left_out=left_out, steps=steps, room=room)


def _names(event: LoggedEvent, network: NetworkCells) -> bool:
    """Whether an event speaks of a network; one that names none speaks of all in its place."""
    return event.lab == network.lab and event.cc == network.probe_cc and (
        not event.finding.networks or network.probe_asn in {one.asn for one in event.finding.networks})


def _with_room(roles: Sequence[RoleCells], events: Sequence[LoggedEvent], most: int) -> Sequence[RoleCells]:
    """As many series as there is room for, whole services, those with events and those blocked most first."""
    blocked: dict[str, int] = {}
    for row in roles:
        blocked[row.service] = blocked.get(row.service, 0) + row.blocked
    named = {event.finding.service for event in events}
    ranked = sorted(roles, key=lambda row: (row.service not in named, -blocked[row.service], row.service, row.role))
    return ranked[:most]


def _lines(found: Iterable[StepCells], buckets: TimeBuckets,
           wanted: Callable[[StepCells], bool]) -> Mapping[tuple[int, str, str], Line]:
    """(network, service, role) -> a cell for each step; a step without cells stays a gap."""
    from probe_analysis.counting.cell_view import COUNTED

    made: dict[tuple[int, str, str], list[BucketCell]] = {}
    for step in found:
        if wanted(step):
            key = step.network, step.service, step.role
            line = made.setdefault(key, [EMPTY_OF_MANY] * buckets.count)
            line[step.step] = make_fleet_cell(dict(zip(COUNTED, step.counts, strict=True)))
    return made


def _part(network: NetworkCells, number: int, events: Sequence[LoggedEvent], lines: Mapping[tuple[int, str, str], Line],
          whole: Mapping[tuple[int, str, str], Line], causes: Sequence[CauseCells], series: int) -> FleetPart:
    roles: dict[str, dict[str, Line]] = {}
    for (place, service, role), line in lines.items():
        if place == number:
            roles.setdefault(service, {})[role] = line
    order = sorted(roles, key=lambda service: (-_blocked_steps(roles[service].values()), service))
    kinds: dict[str, list[CauseCells]] = {}
    for row in causes:
        if row.network == number:
            kinds.setdefault(row.service, []).append(row)
    return FleetPart(
        network=ReportNetwork(lab=network.lab, probe_cc=network.probe_cc, probe_asn=network.probe_asn), cells=network,
        whole={service: whole[number, service, ""] for service in order if (number, service, "") in whole},
        roles={service: roles[service] for service in order}, causes=kinds, events=events,
        left_out=series - sum(map(len, roles.values())),
    )


def _blocked_steps(lines: Iterable[Line]) -> int:
    return max(sum(cell.state in BLOCKED for cell in line) for line in lines)
