"""The chart of a slowed service: medians of the name, of names beside it at the same prefix, and of all others, by
quarters of days, on a scale of octaves. It is drawn in per cent of the width, so that words keep their size. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from math import log2
from operator import attrgetter

from probe.upkeep.page.markup import Html, make_tag
from probe_analysis.events.slow_times import SlowPoint, SlowTimes
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.strips import AXIS, draw_ticks

_TOP, _HIGH = 24.0, 160.0
_BASE = _TOP + _HIGH
HEIGHT = int(_BASE) + AXIS + 4
_LEAST_S, _OCTAVES = 1 / 64, 10
"""The scale goes from 16 ms to 16 s."""
_LINES: tuple[tuple[str, str, Callable[[SlowPoint], float]], ...] = (
    ("others", "other names", attrgetter("others_s")), ("beside", "names of its prefix", attrgetter("beside_s")),
    ("own", "the name", attrgetter("own_s")))
"""Class, word, and which median, the last drawn above the others."""
_QUARTER = timedelta(hours=6)


def draw_slow_chart(times: SlowTimes, label: str) -> Html | None:
    """The picture; None where there is no series."""
    points = times.series
    if not points:
        return None
    begin, end = _time(points[0].hour), _time(points[-1].hour) + _QUARTER

    def at(moment: datetime) -> float:
        return 100 * min(1.0, max(0.0, (moment - begin) / (end - begin)))

    return make_tag(
        "svg", list(_draw_grid()), [list(_draw_dots(points, name, read, at)) for name, _, read in _LINES],
        list(_draw_legend()), draw_ticks(begin, end, at, _BASE, ENGLISH),
        role="img", aria_label=label, class_="strip slow-chart", width="100%", height=HEIGHT)


def _draw_dots(points: Sequence[SlowPoint], name: str, read: Callable[[SlowPoint], float],
               at: Callable[[datetime], float]) -> Iterator[Html]:
    for point in points:
        if seconds := read(point):
            moment = _time(point.hour)
            left, right = at(moment), at(moment + _QUARTER)
            y = f"{_find_y(seconds):.1f}"
            yield make_tag("line", class_=f"median {name}", x1=f"{left:.2f}%", x2=f"{right:.2f}%", y1=y, y2=y)


def _draw_grid() -> Iterator[Html]:
    for seconds, word in ((0.0625, "0.06 s"), (0.25, "0.25 s"), (1.0, "1 s"), (4.0, "4 s")):
        y = _find_y(seconds)
        yield make_tag("line", class_="lane", x1="0", x2="100%", y1=y, y2=y)
        yield make_tag("text", word, x="4", y=y - 3, class_="first scale-word")


def _draw_legend() -> Iterator[Html]:
    for number, (name, word, _) in enumerate(reversed(_LINES)):
        x = 6 + 30 * number
        yield make_tag("line", class_=f"median {name}", x1=f"{x}%", x2=f"{x + 3}%", y1="10", y2="10")
        yield make_tag("text", word, x=f"{x + 4}%", y="14", class_="first scale-word")


def _find_y(seconds: float) -> float:
    share = log2(max(_LEAST_S, seconds) / _LEAST_S) / _OCTAVES
    return round(_BASE - _HIGH * min(1.0, share), 1)


def _time(hour: int) -> datetime:
    return datetime.fromtimestamp(min(hour, 2_000_000) * 3600, UTC)
