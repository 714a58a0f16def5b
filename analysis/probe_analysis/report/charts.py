"""The charts: a table of states for all services, and the runs of one target in lanes.

Colour is never the only signal: cells carry letters, marks stand in lanes, shapes differ in height.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from probe.upkeep.page.markup import Html, join_html, make_tag
from probe_analysis.report.language import ENGLISH, ReportLanguage
from probe_analysis.report.strip_rows import StripRow, count_decided, make_strip_row
from probe_analysis.report.strips import (
    AXIS,
    FEW,
    describe_step,
    draw_legend_shape,
    draw_share_chart,
    draw_states,
    draw_ticks,
)
from probe_analysis.report.target_sentences import LETTERS, format_counts
from probe_analysis.report.time_buckets import BucketCell, TimeBuckets, make_bucket_cells, make_day_buckets
from probe_analysis.report.verdict_series import BlockChange, VerdictRow

_LANES = {"blocked": 0, "ok": 2}
"""Outcome -> lane from the top; every other outcome is in lane 1."""
_LANE_PX = 26
MAX_MARKS = 200
"""A target with more runs than this is drawn by day."""

Rows = Sequence[tuple[datetime, str]]
"""(time, state) of each run."""


def draw_overview(times: Sequence[datetime], rows: Mapping[str, Rows], names: Mapping[str, str],
                  say: ReportLanguage = ENGLISH, *, most: int = 400, letters: bool = True) -> Html:
    """A line per service, a column per step of time, and a legend; `rows`: service -> its state in each run.

    `letters`: there is room for a cell with a letter and numbers of its own, where steps are few.
    """
    buckets = make_day_buckets(times, most=most)
    made = {service: make_bucket_cells(buckets, found) for service, found in rows.items()}
    return draw_heat(buckets, made, names, say, letters=letters)


def draw_heat(buckets: TimeBuckets, made: Mapping[str, Sequence[BucketCell]], names: Mapping[str, str],
              say: ReportLanguage, *, letters: bool) -> Html:
    """The same from what was counted already; `made`: service -> a cell for each step."""
    if not (letters and buckets.count <= FEW):
        return draw_long_heat(buckets, {key: make_strip_row(line) for key, line in made.items()}, names, say)
    states = {cell.state for line in made.values() for cell in line}
    return _lay_out(*_letters(buckets, made, names, say), states, say, short=True)


def draw_long_heat(buckets: TimeBuckets, rows: Mapping[str, StripRow], names: Mapping[str, str],
                   say: ReportLanguage) -> Html:
    """The same where steps are too many for letters: a strip of shapes for each line."""
    states = {state for row in rows.values() for state in row.states}
    return _lay_out(*_strips(buckets, rows, names, say), states, say, short=False)


def _lay_out(head: Html, body: Html, note: str, states: Iterable[str], say: ReportLanguage, *, short: bool) -> Html:
    caption = make_tag("caption", say("chart.all_services"), class_="unseen")
    table = make_tag("table", caption, make_tag("thead", head), make_tag("tbody", body),
                     class_="heat" if short else "heat long")
    return join_html(
        make_tag("p", note, class_="note"),
        make_tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=say("page.overview")),
        legend(states, say, shapes=not short),
    )


def draw_target_strip(series: Sequence[VerdictRow], found: Sequence[BlockChange], begin: datetime, end: datetime,
                      label: str, say: ReportLanguage = ENGLISH) -> Html:
    """One target over time: each run a mark in its lane, each change a band between the two runs that bracket it.

    With many runs it is drawn by day instead; both stand over their n.
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
    return make_tag("figure", plot, make_tag("figcaption", words, class_="note"))


def legend(states: Iterable[str], say: ReportLanguage, *, shapes: bool) -> Html:
    """What each colour and letter, or shape, means, for the states that occur."""
    items = [
        make_tag("li", draw_legend_shape(state) if shapes
                 else make_tag("span", make_tag("span", letter), class_=f"cell {state}", aria_hidden="true"),
                 say(f"state.{state}"))
        for state, letter in LETTERS.items() if state in set(states) | {"none"}
    ]
    return make_tag("ul", items, class_="legend", aria_label=say("chart.legend"))


def _letters(buckets: TimeBuckets, made: Mapping[str, Sequence[BucketCell]], names: Mapping[str, str],
             say: ReportLanguage) -> tuple[Html, Html, str]:
    """A cell with a letter for each step."""
    body = [make_tag("tr", make_tag("th", names[service], scope="row"),
                     make_tag("td", str(count_decided(line)), class_="n"),
                     [_heat_cell(buckets, index, cell, say) for index, cell in enumerate(line)], data_service=service)
            for service, line in made.items()]
    return join_html(_header(buckets, say)), join_html(body), say("chart.overview_note",
                                                                  step=say.duration(buckets.width))


def _strips(buckets: TimeBuckets, rows: Mapping[str, StripRow], names: Mapping[str, str],
            say: ReportLanguage) -> tuple[Html, Html, str]:
    first, last = buckets.start, buckets.begin(buckets.count)
    axis = make_tag("svg", draw_ticks(first, last, lambda time: 100 * ((time - first) / (last - first)), 0, say),
                    class_="strip", width="100%", height=AXIS, aria_hidden="true")
    head = make_tag("tr", make_tag("th", say("page.service"), scope="col"),
                    make_tag("th", "n", class_="n", scope="col"),
                    make_tag("th", make_tag("span", say("chart.state"), class_="unseen"), axis, scope="col",
                             class_="wide"))
    body = [make_tag("tr", make_tag("th", names[service], scope="row"),
                     make_tag("td", str(row.decided), class_="n"),
                     make_tag("td", draw_states(row.states, f"{names[service]}: {format_counts(row.outcomes, say)}")),
                     data_service=service)
            for service, row in rows.items()]
    note = say("chart.strip_note", first=say.day(first), last=say.day(last), step=say.duration(buckets.width))
    return head, join_html(body), note


def _heat_cell(buckets: TimeBuckets, index: int, cell: BucketCell, say: ReportLanguage) -> Html:
    share = f"--share:{cell.blocked_share:.0%}" if cell.state == "mixed" else None
    return make_tag("td", make_tag("span", LETTERS.get(cell.state, "?")) if cell.state in ("mixed", "partial")
                    else LETTERS.get(cell.state, "?"),
                    class_=f"cell {cell.state}", title=describe_step(buckets, index, cell, say), style=share)


def _header(buckets: TimeBuckets, say: ReportLanguage) -> list[Html]:
    """Two lines: days over hours, or months over days."""
    fine = buckets.width < timedelta(days=1)
    begins = [buckets.begin(index) for index in range(buckets.count)]
    group_words = say.short_day if fine else say.month
    groups = [(words, sum(1 for _ in found)) for words, found in groupby(begins, key=group_words)]
    room = 2 if fine else 4
    above = [make_tag("th", make_tag("span", words if n >= room else ""), colspan=n, class_="group") for words,
             n in groups]
    below = [make_tag("th", f"{begin:%H}" if fine else str(begin.day), class_="hour", scope="col",
                      aria_label=say.moment(begin)) for begin in begins]
    corner = make_tag("th", "UTC", rowspan=2, class_="corner"), make_tag("th", "n", rowspan=2, class_="corner n",
                                                                         scope="col")
    return [make_tag("tr", corner, above), make_tag("tr", below)]


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
