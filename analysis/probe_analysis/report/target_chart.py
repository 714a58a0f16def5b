"""The runs of one target in lanes, with the intervals in which something changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from probe.upkeep.page.markup import Html, make_tag
from probe_analysis.events.verdict_series import BlockChange, VerdictRow
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.strip_rows import LETTERS, format_counts
from probe_analysis.pages.strips import AXIS, draw_share_chart, draw_ticks
from probe_analysis.pages.time_buckets import make_bucket_cells, make_day_buckets

_LANES = {"blocked": 0, "ok": 2}
"""Outcome -> lane from the top; every other outcome is in lane 1."""
_LANE_PX = 26
MAX_MARKS = 200
"""A target with more runs than this is drawn by day."""


def draw_target_chart(series: Sequence[VerdictRow], found: Sequence[BlockChange], begin: datetime, end: datetime,
                      label: str, say: ReportLanguage) -> tuple[Html, str]:
    """One target over time: each run a mark in its lane, each change a band between the two runs that bracket it.

    With many runs it is drawn by day instead. The second value says how many runs it shows.
    """
    rows = [(row.time, row.outcome) for row in series]
    counts = Counter(row.outcome for row in series)
    n = counts["ok"] + counts["blocked"]
    words = say("chart.target", n=n, total=len(series), counts=format_counts(counts.most_common(), say))
    if len(series) > MAX_MARKS:
        buckets = make_day_buckets([begin, end, *(time for time, _ in rows)], most=400)
        plot = draw_share_chart(buckets, make_bucket_cells(buckets, rows), say, label)
        words = f"{words} {say('chart.target_days', step=say.duration(buckets.width))}"
    else:
        plot = _marks(series, found, begin, end, label, say)
    return plot, words


def _marks(series: Sequence[VerdictRow], found: Sequence[BlockChange], begin: datetime, end: datetime, label: str,
           say: ReportLanguage) -> Html:
    span = max(end - begin, timedelta(hours=1))

    def at(time: datetime) -> float:
        return 1.5 + 97 * ((time - begin) / span)

    bands = [
        make_tag("rect", class_=f"band {change.kind}", x=f"{at(change.earliest):.2f}%", y="0",
                 width=f"{max(at(change.latest) - at(change.earliest), 0.2):.2f}%", height=str(3 * _LANE_PX))
        for change in found
    ]
    width = 7 if len(series) <= 60 else 4
    marks = [_mark(row, at(row.time), width, say) for row in series]
    lines = [
        make_tag("line", class_="lane", x1="0", x2="100%", y1=str(y), y2=str(y))
        for y in range(_LANE_PX, 3 * _LANE_PX + 1, _LANE_PX)
    ]
    plot = make_tag("svg", bands, lines, marks, draw_ticks(begin, end, at, 3 * _LANE_PX, say), role="img",
                    aria_label=label, class_="strip", width="100%", height=str(3 * _LANE_PX + AXIS))
    names = [make_tag("span", words) for words in (say("outcome.blocked"), say("chart.undecided"), say("outcome.ok"))]
    return make_tag("div", make_tag("div", names, class_="lanes", aria_hidden="true"), plot, class_="plot")


def _mark(row: VerdictRow, x: float, width: int, say: ReportLanguage) -> Html:
    lane = _LANES.get(row.outcome, 1)
    cause = f" ({row.block_type})" if row.block_type else ""
    title = make_tag("title", f"{say.moment(row.time)}: {say.name_word('outcome', row.outcome)}{cause}")
    top = lane * _LANE_PX + 4
    height = _LANE_PX - 8
    if lane == 1:
        return make_tag("text", title, LETTERS.get(row.outcome, "?"), class_=f"mark {row.outcome}", x=f"{x:.2f}%",
                        y=str(top + height - 4))
    return make_tag("rect", title, class_=f"mark {row.outcome}", x=f"{x:.2f}%", y=str(top), width=str(width),
                    height=str(height), transform=f"translate({-width / 2:g} 0)", rx="1")
