"""States over time as shapes: the height tells the state as well as the colour, and a page of years stays small.

Shapes stand in a picture of their own, one unit of width a step, stretched to the width of the chart; so a year is
one path for each state. Where steps are few each has a title with its numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from probe.upkeep.page.markup import Html, make_tag
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.strip_rows import format_counts
from probe_analysis.pages.time_buckets import BucketCell, TimeBuckets

T = TypeVar("T")

STRIP = 16
"""Height of a strip of states, in pixels."""
_BARS = 30
"""Height of the bars of shares above it."""
_SHAPES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "ok": ((12, 4),), "blocked": ((0, 16),), "mixed": ((5, 11),), "partial": ((2, 5), (10, 6)), "down": ((2, 8),),
    "few": ((6, 1), (9, 1)), "network": ((0, 3), (5, 3)), "local": ((4, 4),), "inconclusive": ((7, 2),),
    "not_attempted": ((15, 1),),
}
"""State -> (top, height) of its bars within a strip."""
FEW = 62
"""So many steps have titles of their own, and letters in a table."""
_TICK_STEPS = tuple(timedelta(hours=hours) for hours in (1, 3, 6, 12, 24, 48, 96, 168, 336, 730, 2190, 8760))
_LONG = timedelta(days=300)
"""A day alone may be one of two years."""
AXIS = 20


def describe_step(buckets: TimeBuckets, index: int, cell: BucketCell, say: ReportLanguage) -> str:
    """One step in words: when, and how many runs said what."""
    begin = buckets.begin(index)
    return say("chart.cell", begin=say.moment(begin), end=say.moment(begin + buckets.width),
               said=format_counts(cell.counts, say) or say("chart.no_run"))


def draw_states(states: Sequence[str], label: str) -> Html:
    """The states of one row, one for each step, as wide as its place."""
    return make_tag("svg", _states(states, 0), role="img", aria_label=label, class_="steps", width="100%",
                    height=STRIP, viewBox=f"0 0 {len(states)} {STRIP}", preserveAspectRatio="none")


def draw_share_chart(buckets: TimeBuckets, line: Sequence[BucketCell], say: ReportLanguage, label: str, *,
                     titled: bool = True) -> Html:
    """Blocked of decided runs as bars over the states of the same steps, and an axis of time."""
    height = _BARS + 2 + STRIP
    blocked = [(_share(cell, "blocked"), 0.0) for cell in line]
    partly = [(_share(cell, "partial"), below) for cell, (below, _) in zip(line, blocked, strict=True)]
    shapes = make_tag(
        "svg", _bars(blocked, "blocked"), _bars(partly, "partial"), _states([cell.state for cell in line], _BARS + 2),
        draw_step_titles(buckets, line, height, say) if titled else "", width="100%", height=height,
        viewBox=f"0 0 {buckets.count} {height}", preserveAspectRatio="none", class_="steps",
    )
    base = make_tag("line", class_="lane", x1="0", x2="100%", y1=_BARS + 1, y2=_BARS + 1)
    top = make_tag("line", class_="lane", x1="0", x2="100%", y1="0.5", y2="0.5")
    begin, end = buckets.start, buckets.begin(buckets.count)
    axis = draw_ticks(begin, end, lambda time: 100 * ((time - begin) / (end - begin)), height, say)
    return make_tag("svg", top, shapes, base, axis, role="img", aria_label=label, class_="strip share", width="100%",
                    height=height + AXIS)


def draw_ticks(begin: datetime, end: datetime, at: Callable[[datetime], float], y: float,
               say: ReportLanguage) -> list[Html]:
    """At most six times below a chart; a narrow screen leaves every other one out. `at`: per cent of the width."""
    span = end - begin
    step = next(step for step in _TICK_STEPS if span / step <= 6 or step == _TICK_STEPS[-1])
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + -(-(begin - midnight) // step) * step
    found = []
    for number in range(int((end - first) / step) + 1 if end >= first else 0):
        time = first + number * step
        fine = f"{time:%H:%M}" if step < timedelta(days=1) else say.short_day(time)
        words = say.month(time) if span > _LONG else fine
        place = at(time)
        x = f"{place:.2f}%"
        extra = " extra" if number % 2 else ""
        extra += " first" if place < 3 else " last" if place > 97 else ""
        found += [
            make_tag("line", class_=f"tick{extra}", x1=x, x2=x, y1=y, y2=y + 5),
            make_tag("text", words, class_=f"tick{extra}", x=x, y=y + 17),
        ]
    return found


def draw_legend_shape(state: str) -> Html:
    """The shape of one state, for a legend."""
    return make_tag("svg", _states([state], 0), width=STRIP, height=STRIP,
                    viewBox=f"0 0 1 {STRIP}", preserveAspectRatio="none", class_="steps", aria_hidden="true")


def _share(cell: BucketCell, state: str) -> float:
    return cell.n(state) / n if (n := cell.decided()) and cell.state != "few" else 0.0


def _bars(shares: Iterable[tuple[float, float]], state: str) -> list[Html]:
    """One path of bars, each (share, share below it)."""
    pieces = []
    for (share, below), first, width in _alike(list(shares)):
        if share:
            top = _BARS * (1 - share - below)
            pieces.append(f"M{first} {top:.3g}h{width}v{_BARS * share:.3g}h-{width}z")
    return [make_tag("path", class_=f"bar {state}", d="".join(pieces))] if pieces else []


def _states(states: Sequence[str], y: float) -> list[Html]:
    """One path for each state that occurs."""
    pieces: dict[str, list[str]] = {}
    for state, first, width in _alike(states):
        for top, height in _SHAPES.get(state, ()):
            pieces.setdefault(state, []).append(f"M{first} {y + top:g}h{width}v{height:g}h-{width}z")
    return [make_tag("path", class_=f"state {state}", d="".join(found)) for state, found in pieces.items()]


def _alike(values: Sequence[T]) -> Iterable[tuple[T, int, int]]:
    """Neighbours that are equal, as (value, first step, steps)."""
    first = 0
    for index in range(1, len(values) + 1):
        if index == len(values) or values[index] != values[first]:
            yield values[first], first, index - first
            first = index


def draw_step_titles(buckets: TimeBuckets, line: Sequence[BucketCell], height: float, say: ReportLanguage, *,
                     most: int = FEW) -> list[Html]:
    """What each step says, for who points at it; nothing where there are more than `most`."""
    return [] if len(line) > most else [
        make_tag("rect", make_tag("title", describe_step(buckets, index, cell, say)), class_="hit", x=index, y="0",
                 width="1", height=height) for index, cell in enumerate(line)]
