"""The table `[world]` of a scenario file: distances, clocks, and where the censor sits."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from probe_lab.format.ranges import Range, bounds
from probe_lab.format.toml_table import Table
from probe_lab.hops import explain_misplaced

_WORLD_BOUNDS = {
    "rtt_ms": (1, 2000), "hops": (1, 30), "censor_hop": (1, 30), "loss": (0, 1), "clock_shift_s": (-3e9, 3e9),
    "helpers": (0, 6), "private_hops": (0, 30), "door_hops": (0, 5), "carrier_hop": (1, 30),
}


def read_world(table: Table) -> tuple[dict[str, Range], bool]:
    """The ranges, and whether the censor stands at the door."""
    ranges: dict[str, Range] = {}
    for key, (low, high) in _WORLD_BOUNDS.items():
        value = table.range(key)
        if value is not None:
            check_bounds(table, key, value, low=low, high=high)
            ranges[key] = value
    at_door = bool(table.flag("at_door"))
    table.close()
    _check_place(table, ranges, "censor_hop", at_door=at_door)
    _check_place(table, ranges, "carrier_hop", at_door=False)
    if at_door and max(_ends(ranges, "carrier_hop"), default=0) >= min(_ends(ranges, "censor_hop"), default=31):
        raise table.error("carrier_hop", "want a router nearer than the censor's, which is at the door")
    return ranges, at_door


def _check_place(table: Table, ranges: Mapping[str, Range], key: str, *, at_door: bool) -> None:
    """Raise ScenarioError where a draw could ask for a place in which the box cannot sit."""
    places, doors = _ends(ranges, key), _ends(ranges, "door_hops") or (None,)
    for hops, door_hops, place in product(_ends(ranges, "hops"), doors, places):
        problem = explain_misplaced(place, hops=hops, door_hops=door_hops, at_door=at_door)
        if problem:
            raise table.error(key, problem)


def _ends(ranges: Mapping[str, Range], key: str) -> tuple[int, ...]:
    ends = bounds(ranges[key]) if key in ranges else None
    return tuple(int(end) for end in ends) if ends else ()


def check_bounds(table: Table, key: str, value: Range, *, low: float, high: float) -> None:
    """Raise ScenarioError for what is no range of numbers between these."""
    ends = bounds(value)
    if ends is None:
        raise table.error(key, "want a number, {between = [low, high]} or {any = [...]} of numbers")
    if ends[0] < low or ends[1] > high:
        raise table.error(key, f"impossible range: {ends[0]:g} to {ends[1]:g} is not within {low:g} to {high:g}")
