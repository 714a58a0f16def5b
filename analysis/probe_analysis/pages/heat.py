"""The table of states over time: a line for each service, a cell with a letter or a strip of shapes for its steps.

Colour is never the only signal: cells carry letters, shapes differ in height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

from probe.upkeep.page.markup import Html, make_tag
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.pages.strip_rows import LETTERS, StripRow, count_decided, format_counts, make_strip_rows
from probe_analysis.pages.strips import AXIS, FEW, describe_step, draw_legend_shape, draw_states, draw_ticks
from probe_analysis.pages.time_buckets import BucketCell, TimeBuckets


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatLine:
    """One line: `cells` of (state, letter, words, share that was blocked), or a picture."""

    service: str
    name: str
    n: int
    cells: Sequence[tuple[str, str, str, str]] = ()
    picture: Html | str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The table, its note and its legend."""

    note: str
    lines: Sequence[HeatLine]
    legend: Sequence[tuple[str, str, Html | str, str]]
    """(state, letter, shape, meaning) of each state that occurs."""
    groups: Sequence[tuple[str, int]] = ()
    """Days over hours, or months over days: (words, columns)."""
    steps: Sequence[tuple[str, str]] = ()
    """(what stands over a column, its time in words)."""
    axis: Html | str = ""
    """In the place of these two, over strips."""


def make_heat(buckets: TimeBuckets, made: Mapping[str, Sequence[BucketCell]], names: Mapping[str, str],
              say: ReportLanguage, *, letters: bool) -> Heat:
    """`made`: service -> a cell for each step; `letters`: there is room for cells where steps are few."""
    if not (letters and buckets.count <= FEW):
        return make_long_heat(buckets, make_strip_rows(made), names, say)
    fine = buckets.width < timedelta(days=1)
    begins = [buckets.begin(index) for index in range(buckets.count)]
    groups = [(words, sum(1 for _ in found)) for words, found in groupby(begins, say.short_day if fine else say.month)]
    room = 2 if fine else 4
    return Heat(
        note=say("chart.overview_note", step=say.duration(buckets.width)),
        lines=[HeatLine(service=service, name=names[service], n=count_decided(line), cells=[
            (cell.state, LETTERS.get(cell.state, "?"), describe_step(buckets, index, cell, say),
             f"{cell.blocked_share:.0%}") for index, cell in enumerate(line)]) for service, line in made.items()],
        legend=[(state, letter, "", say(f"state.{state}"))
                for state, letter in _list_states({cell.state for line in made.values() for cell in line})],
        groups=[(words if n >= room else "", n) for words, n in groups],
        steps=[(f"{begin:%H}" if fine else str(begin.day), say.moment(begin)) for begin in begins])


def make_long_heat(buckets: TimeBuckets, rows: Mapping[str, StripRow], names: Mapping[str, str],
                   say: ReportLanguage) -> Heat:
    """The same where steps are too many for letters: a strip of shapes for each line."""
    first, last = buckets.start, buckets.begin(buckets.count)
    ticks = draw_ticks(first, last, lambda time: 100 * ((time - first) / (last - first)), 0, say)
    return Heat(
        note=say("chart.strip_note", first=say.day(first), last=say.day(last), step=say.duration(buckets.width)),
        lines=[HeatLine(service=service, name=names[service], n=row.decided, picture=draw_states(
            row.states, f"{names[service]}: {format_counts(row.outcomes, say)}")) for service, row in rows.items()],
        legend=[(state, letter, draw_legend_shape(state), say(f"state.{state}"))
                for state, letter in _list_states({state for row in rows.values() for state in row.states})],
        axis=make_tag("svg", ticks, class_="strip", width="100%", height=AXIS, aria_hidden="true"))


def _list_states(states: set[str]) -> list[tuple[str, str]]:
    return [(state, letter) for state, letter in LETTERS.items() if state in states | {"none"}]
