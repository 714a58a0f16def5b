"""The two charts: a table of coloured cells for all services, a strip plot for one target.

Colour is never the only signal: cells carry letters, the strip plot's marks stand in lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from probe.report.buckets import Buckets, Cell, cells, make_buckets
from probe.report.markup import Html, join, tag
from probe.report.series import Change, VerdictRow
from probe.report.words import STATES, duration, moment, month, short_day

_LANES = {"blocked": 0, "ok": 2}
"""Outcome -> lane from the top; every other outcome is in lane 1."""
_LANE_PX = 26
_AXIS_PX = 20
_TICK_STEPS = tuple(timedelta(hours=hours) for hours in (1, 3, 6, 12, 24, 48, 96, 168, 336, 730, 2190, 8760))


def overview(times: Sequence[datetime], rows: Sequence[tuple[str, str, Sequence[tuple[datetime, str]]]]) -> Html:
    """A line per service and role, a column per step of time, and a legend; rows are (service, role, its states)."""
    buckets = make_buckets(times)
    made = [(service, role, cells(buckets, found)) for service, role, found in rows]
    body = [_overview_row(buckets, service, role, line) for service, role, line in made]
    table = tag("table", tag("thead", _header(buckets)), tag("tbody", body), class_="heat")
    states = {cell.state for _, _, line in made for cell in line}
    step = duration(buckets.width)
    return join(
        tag("p", f"A row is a service and what it is used for; a column is {step} (UTC).", class_="note"),
        tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="Overview"),
        _legend(states),
    )


def strip(series: Sequence[VerdictRow], found: Sequence[Change], begin: datetime, end: datetime, label: str) -> Html:
    """One target over time: each run a mark in its lane, each change a band between the two runs that bracket it."""
    span = max(end - begin, timedelta(hours=1))

    def at(time: datetime) -> float:
        return 1.5 + 97 * ((time - begin) / span)

    bands = [
        tag("rect", class_=f"band {change.kind}", x=f"{at(change.earliest):.2f}%", y="0",
            width=f"{max(at(change.latest) - at(change.earliest), 0.2):.2f}%", height=str(3 * _LANE_PX))
        for change in found
    ]
    width = 7 if len(series) <= 60 else 4 if len(series) <= 200 else 2
    marks = [_mark(row, at(row.time), width) for row in series]
    lines = [
        tag("line", class_="lane", x1="0", x2="100%", y1=str(y), y2=str(y))
        for y in range(_LANE_PX, 3 * _LANE_PX + 1, _LANE_PX)
    ]
    plot = tag("svg", bands, lines, marks, _ticks(begin, end, at), role="img", aria_label=label, class_="strip",
               width="100%", height=str(3 * _LANE_PX + _AXIS_PX))
    names = [tag("span", words) for words in ("blocked", "undecided", "ok")]
    return tag("div", tag("div", names, class_="lanes", aria_hidden="true"), plot, class_="plot")


def _legend(states: Iterable[str]) -> Html:
    """What each colour and letter means, for the states that occur."""
    items = [
        tag("li", tag("span", letter, class_=f"cell {state}", aria_hidden="true"), words)
        for state, (letter, words) in STATES.items() if state in set(states) | {"none"}
    ]
    return tag("ul", items, class_="legend")


def _overview_row(buckets: Buckets, service: str, role: str, line: Sequence[Cell]) -> Html:
    name = tag("th", tag("b", service.replace("_", " ")), f" {role}", scope="row")
    return tag("tr", name, [_heat_cell(buckets, index, cell) for index, cell in enumerate(line)])


def _heat_cell(buckets: Buckets, index: int, cell: Cell) -> Html:
    begin = buckets.begin(index)
    said = ", ".join(f"{state.replace('_', ' ')} {n}" for state, n in cell.counts) or "no run"
    title = f"{moment(begin)} to {moment(begin + buckets.width)}: {said}"
    share = f"--share:{cell.blocked_share:.0%}" if cell.state == "mixed" else None
    return tag("td", STATES.get(cell.state, ("?", ""))[0], class_=f"cell {cell.state}", title=title, style=share)


def _header(buckets: Buckets) -> list[Html]:
    """Two lines: days over hours, or months over days."""
    fine = buckets.width < timedelta(days=1)
    begins = [buckets.begin(index) for index in range(buckets.count)]
    group_words = short_day if fine else month
    groups = [(words, sum(1 for _ in found)) for words, found in groupby(begins, key=group_words)]
    room = 2 if fine else 4
    above = [tag("th", tag("span", words if n >= room else ""), colspan=n, class_="group") for words, n in groups]
    below = [tag("th", f"{begin:%H}" if fine else str(begin.day), class_="hour") for begin in begins]
    corner = tag("th", "UTC", rowspan=2, class_="corner")
    return [tag("tr", corner, above), tag("tr", below)]


def _mark(row: VerdictRow, x: float, width: int) -> Html:
    lane = _LANES.get(row.outcome, 1)
    letter, words = STATES.get(row.outcome, ("?", row.outcome))
    cause = f" ({row.block_type})" if row.block_type else ""
    title = tag("title", f"{moment(row.time)}: {words}{cause}")
    top = lane * _LANE_PX + 4
    height = _LANE_PX - 8
    if lane == 1:
        return tag("text", title, letter, class_=f"mark {row.outcome}", x=f"{x:.2f}%", y=str(top + height - 4))
    return tag("rect", title, class_=f"mark {row.outcome}", x=f"{x:.2f}%", y=str(top), width=str(width),
               height=str(height), transform=f"translate({-width / 2:g} 0)", rx="1")


def _ticks(begin: datetime, end: datetime, at: Callable[[datetime], float]) -> list[Html]:
    """At most six times named below the plot; a narrow screen leaves every other one out."""
    span = end - begin
    step = next(step for step in _TICK_STEPS if span / step <= 6 or step == _TICK_STEPS[-1])
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + -(-(begin - midnight) // step) * step
    y = 3 * _LANE_PX
    ticks = []
    for number in range(int((end - first) / step) + 1 if end >= first else 0):
        time = first + number * step
        words = f"{time:%H:%M}" if step < timedelta(days=1) else short_day(time)
        x = f"{at(time):.2f}%"
        extra = " extra" if number % 2 else ""
        ticks += [
            tag("line", class_=f"tick{extra}", x1=x, x2=x, y1=str(y), y2=str(y + 5)),
            tag("text", words, class_=f"tick{extra}", x=x, y=str(y + 17)),
        ]
    return ticks
