"""The order of a run in docs/design.md: a diagram and a table, drawn from the tables that the run itself reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grid import grid
from probe.session.planning.order_rows import StepRow
from probe.session.planning.run_order import ROUNDS, STEPS, TURNS

_HEADS = {"address": "  at each of its addresses, over TCP", "datagrams": "  at each of its addresses, in datagrams"}
_WIDTH = 38


def diagram() -> str:
    """The rounds, and below them the rows of steps: a row stands further in than the row that it waits for."""
    lines = ["rounds, one after the other", *_align((f"  {round_.name}", round_.does) for round_ in ROUNDS),
             "", "each site, in every round", *_align(_draw_steps()),
             "", "of those that wait, the next to start", *_align((f"  {name}", does) for name, does in TURNS.items())]
    return "\n".join(["```", *lines, "```"])


def _draw_steps() -> Iterator[tuple[str, str]]:
    depths: dict[str, int] = {}
    place = "site"
    for row in STEPS:
        if row.place != place and row.place in _HEADS:
            yield _HEADS[row.place], ""
        place = row.place
        depths[row.name] = depths[row.follows] + 1 if row.follows else 1 if place == "site" else 2
        since = f" (since the round `{row.since}`)" if row.since else ""
        yield f"{'  ' * depths[row.name]}{row.name}", f"{row.does}{since}"


def _align(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{name:<{_WIDTH}}{does}".rstrip() for name, does in pairs]


def costs() -> str:
    """What each row needs, and what it may take at most."""
    return grid(("step", "needs", "where", "connections", "bytes", "seconds"), [
        (f"`{row.name}`", _list_needs(row), row.cost.where, row.cost.connections, row.cost.size, row.cost.seconds)
        for row in STEPS])


def _list_needs(row: StepRow) -> str:
    return "; ".join(need.words for need in row.needs)
