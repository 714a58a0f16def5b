"""The charts: a table of states for all services, and the runs of one target in lanes.

Colour is never the only signal: cells carry letters, marks stand in lanes, shapes differ in height.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from probe.research.report.language import ENGLISH, Tongue
from probe.research.report.markup import Html, join, tag
from probe.research.report.strips import AXIS, FEW, legend_shape, said, share_chart, strip_of, ticks
from probe.research.report.target_sentences import LETTERS, counted
from probe.research.report.time_buckets import Buckets, Cell, cells, day_buckets
from probe.research.report.verdict_series import Change, VerdictRow

_LANES = {"blocked": 0, "ok": 2}
"""Outcome -> lane from the top; every other outcome is in lane 1."""
_LANE_PX = 26
MAX_MARKS = 200
"""A target with more runs than this is drawn by day."""

Rows = Sequence[tuple[datetime, str]]
"""(time, state) of each run."""


def summed(line: Sequence[Cell]) -> Sequence[tuple[str, int]]:
    """(outcome, runs) over all steps, the most frequent first."""
    found: Counter[str] = Counter()
    for cell in line:
        found.update(dict(cell.counts))
    return found.most_common()


def decided(line: Sequence[Cell]) -> int:
    """Decided runs over all steps: the n of a chart."""
    return sum(cell.decided() for cell in line)


def overview(times: Sequence[datetime], rows: Mapping[str, Rows], names: Mapping[str, str], say: Tongue = ENGLISH, *,
             most: int = 400, letters: bool = True) -> Html:
    """A line per service, a column per step of time, and a legend; `rows`: service -> its state in each run.

    `letters`: there is room for a cell with a letter and numbers of its own, where steps are few.
    """
    buckets = day_buckets(times, most=most)
    made = {service: cells(buckets, found) for service, found in rows.items()}
    return heat(buckets, made, names, say, letters=letters)


def heat(buckets: Buckets, made: Mapping[str, Sequence[Cell]], names: Mapping[str, str], say: Tongue, *,
         letters: bool) -> Html:
    """The same from what was counted already; `made`: service -> a cell for each step."""
    states = {cell.state for line in made.values() for cell in line}
    short = letters and buckets.count <= FEW
    head, body, note = (_letters if short else _strips)(buckets, made, names, say)
    caption = tag("caption", say("chart.all_services"), class_="unseen")
    table = tag("table", caption, tag("thead", head), tag("tbody", body), class_="heat" if short else "heat long")
    return join(
        tag("p", note, class_="note"),
        tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=say("page.overview")),
        legend(states, say, shapes=not short),
    )


def strip(series: Sequence[VerdictRow], found: Sequence[Change], begin: datetime, end: datetime, label: str,
          say: Tongue = ENGLISH) -> Html:
    """One target over time: each run a mark in its lane, each change a band between the two runs that bracket it.

    With many runs it is drawn by day instead; both stand over their n.
    """
    rows = [(row.time, row.outcome) for row in series]
    counts = Counter(row.outcome for row in series)
    n = counts["ok"] + counts["blocked"]
    words = say("chart.target", n=n, total=len(series), counts=counted(counts.most_common(), say))
    if len(series) > MAX_MARKS:
        buckets = day_buckets([begin, end, *(time for time, _ in rows)], most=400)
        plot = share_chart(buckets, cells(buckets, rows), say, label)
        words = f"{words} {say('chart.target_days', step=say.duration(buckets.width))}"
    else:
        plot = _marks(series, found, begin, end, label, say)
    return tag("figure", plot, tag("figcaption", words, class_="note"))


def legend(states: Iterable[str], say: Tongue, *, shapes: bool) -> Html:
    """What each colour and letter, or shape, means, for the states that occur."""
    items = [
        tag("li", legend_shape(state) if shapes
            else tag("span", tag("span", letter), class_=f"cell {state}", aria_hidden="true"), say(f"state.{state}"))
        for state, letter in LETTERS.items() if state in set(states) | {"none"}
    ]
    return tag("ul", items, class_="legend", aria_label=say("chart.legend"))


def _letters(buckets: Buckets, made: Mapping[str, Sequence[Cell]], names: Mapping[str, str],
             say: Tongue) -> tuple[Html, Html, str]:
    """A cell with a letter for each step."""
    body = [tag("tr", tag("th", names[service], scope="row"), tag("td", str(decided(line)), class_="n"),
                [_heat_cell(buckets, index, cell, say) for index, cell in enumerate(line)], data_service=service)
            for service, line in made.items()]
    return join(_header(buckets, say)), join(body), say("chart.overview_note", step=say.duration(buckets.width))


def _strips(buckets: Buckets, made: Mapping[str, Sequence[Cell]], names: Mapping[str, str],
            say: Tongue) -> tuple[Html, Html, str]:
    """A strip of shapes for all steps together, which are too many for letters."""
    first, last = buckets.start, buckets.begin(buckets.count)
    axis = tag("svg", ticks(first, last, lambda time: 100 * ((time - first) / (last - first)), 0, say),
               class_="strip", width="100%", height=AXIS, aria_hidden="true")
    head = tag("tr", tag("th", say("page.service"), scope="col"), tag("th", "n", class_="n", scope="col"),
               tag("th", axis, scope="col", class_="wide", aria_label=say("chart.state")))
    body = [tag("tr", tag("th", names[service], scope="row"), tag("td", str(decided(line)), class_="n"),
                tag("td", strip_of(buckets, line, say, f"{names[service]}: {counted(summed(line), say)}",
                                   titled=False)), data_service=service)
            for service, line in made.items()]
    note = say("chart.strip_note", first=say.day(first), last=say.day(last), step=say.duration(buckets.width))
    return head, join(body), note


def _heat_cell(buckets: Buckets, index: int, cell: Cell, say: Tongue) -> Html:
    share = f"--share:{cell.blocked_share:.0%}" if cell.state == "mixed" else None
    return tag("td", tag("span", LETTERS.get(cell.state, "?")) if cell.state in ("mixed", "partial")
               else LETTERS.get(cell.state, "?"),
               class_=f"cell {cell.state}", title=said(buckets, index, cell, say), style=share)


def _header(buckets: Buckets, say: Tongue) -> list[Html]:
    """Two lines: days over hours, or months over days."""
    fine = buckets.width < timedelta(days=1)
    begins = [buckets.begin(index) for index in range(buckets.count)]
    group_words = say.short_day if fine else say.month
    groups = [(words, sum(1 for _ in found)) for words, found in groupby(begins, key=group_words)]
    room = 2 if fine else 4
    above = [tag("th", tag("span", words if n >= room else ""), colspan=n, class_="group") for words, n in groups]
    below = [tag("th", f"{begin:%H}" if fine else str(begin.day), class_="hour", scope="col",
                 aria_label=say.moment(begin)) for begin in begins]
    corner = tag("th", "UTC", rowspan=2, class_="corner"), tag("th", "n", rowspan=2, class_="corner n", scope="col")
    return [tag("tr", corner, above), tag("tr", below)]


def _marks(series: Sequence[VerdictRow], found: Sequence[Change], begin: datetime, end: datetime, label: str,
           say: Tongue) -> Html:
    span = max(end - begin, timedelta(hours=1))

    def at(time: datetime) -> float:
        return 1.5 + 97 * ((time - begin) / span)

    bands = [
        tag("rect", class_=f"band {change.kind}", x=f"{at(change.earliest):.2f}%", y="0",
            width=f"{max(at(change.latest) - at(change.earliest), 0.2):.2f}%", height=str(3 * _LANE_PX))
        for change in found
    ]
    width = 7 if len(series) <= 60 else 4
    marks = [_mark(row, at(row.time), width, say) for row in series]
    lines = [
        tag("line", class_="lane", x1="0", x2="100%", y1=str(y), y2=str(y))
        for y in range(_LANE_PX, 3 * _LANE_PX + 1, _LANE_PX)
    ]
    plot = tag("svg", bands, lines, marks, ticks(begin, end, at, 3 * _LANE_PX, say), role="img", aria_label=label,
               class_="strip", width="100%", height=str(3 * _LANE_PX + AXIS))
    names = [tag("span", words) for words in (say("outcome.blocked"), say("chart.undecided"), say("outcome.ok"))]
    return tag("div", tag("div", names, class_="lanes", aria_hidden="true"), plot, class_="plot")


def _mark(row: VerdictRow, x: float, width: int, say: Tongue) -> Html:
    lane = _LANES.get(row.outcome, 1)
    cause = f" ({row.block_type})" if row.block_type else ""
    title = tag("title", f"{say.moment(row.time)}: {say.known('outcome', row.outcome)}{cause}")
    top = lane * _LANE_PX + 4
    height = _LANE_PX - 8
    if lane == 1:
        return tag("text", title, LETTERS.get(row.outcome, "?"), class_=f"mark {row.outcome}", x=f"{x:.2f}%",
                   y=str(top + height - 4))
    return tag("rect", title, class_=f"mark {row.outcome}", x=f"{x:.2f}%", y=str(top), width=str(width),
               height=str(height), transform=f"translate({-width / 2:g} 0)", rx="1")
