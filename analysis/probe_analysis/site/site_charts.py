"""Strips of a page in three forms: within the page, as SVG alone, and as CSV. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from probe.core.stamps import format_time
from probe.store.files.text_cells import encode
from probe.store.schema import Column, Kind
from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.pages.figures import draw_strips
from probe_analysis.pages.heat import Heat, make_long_heat
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.strip_rows import StripRow
from probe_analysis.pages.time_buckets import BucketCell, TimeBuckets, make_fleet_cell
from probe_analysis.site.day_lines import DayLine
from probe_analysis.site.day_rows import make_day_row
from probe_analysis.site.site_values import EventSeries, SiteData

STRIP_DAYS = 182
_DAY = timedelta(days=1)
_TEXT = Column(name="", kind=Kind.TEXT, nullable=False, unit="", meaning="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """Lines of one chart, all over the same days."""

    title: str
    steps: TimeBuckets
    lines: Mapping[str, Sequence[BucketCell]]
    names: Mapping[str, str]


def make_strips(data: SiteData, title: str, lines: Mapping[str, DayLine], names: Mapping[str, str]) -> Strips:
    """The last `STRIP_DAYS` days of each line; those that failed most stand first."""
    first, steps = _choose_days(data)
    return Strips(title=title, steps=steps, names=names, lines={
        key: [make_fleet_cell(dict(zip(COUNTED, counts, strict=True)))
              for counts in lines[key].lay_out(first, steps.count).tolist()] for key in _make_rows(data, lines)})


def make_place_heat(data: SiteData, lines: Mapping[str, DayLine], names: Mapping[str, str]) -> Heat:
    """The same as a table of the page."""
    return make_long_heat(_choose_days(data)[1], _make_rows(data, lines), names, ENGLISH)


def _choose_days(data: SiteData) -> tuple[int, TimeBuckets]:
    """The number of the first day that is drawn, and all of them."""
    first = max(0, data.days - STRIP_DAYS)
    start = datetime.combine(data.first_day + first * _DAY, time(), UTC)
    return first, TimeBuckets(start=start, width=_DAY, count=max(1, data.days - first))


def _make_rows(data: SiteData, lines: Mapping[str, DayLine]) -> dict[str, StripRow]:
    first, steps = _choose_days(data)
    rows = {key: make_day_row(line.lay_out(first, steps.count)) for key, line in lines.items()}
    order = sorted(rows, key=lambda key: (-sum(rows[key].states.count(state) for state in ("blocked", "mixed")), key))
    return {key: rows[key] for key in order}


def draw_alone(strips: Strips) -> bytes:
    """The strips as an SVG file."""
    return draw_strips(strips.steps, strips.lines, strips.title, strips.names, ENGLISH).encode()


def write_strips_csv(strips: Strips) -> bytes:
    """The numbers of the chart: a row for each line and day on which something was counted."""
    return _csv(("what", "day", *COUNTED), (
        (write_cell(strips.names.get(key, key)), f"{strips.steps.begin(at):%Y-%m-%d}", *_counts(cell))
        for key, line in strips.lines.items() for at, cell in enumerate(line) if cell.counts))


def write_series_csv(series: EventSeries) -> bytes:
    """The numbers of an event's chart."""
    return _csv(("from", "to", *COUNTED), (
        (format_time(series.steps.begin(at)), format_time(series.steps.begin(at + 1)), *_counts(cell))
        for at, cell in enumerate(series.line) if cell.counts))


def _counts(cell: BucketCell) -> list[int]:
    return [cell.n(name) for name in COUNTED]


def _csv(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow(heads)
    out.writerows(rows)
    return text.getvalue().encode()


def write_cell(text: str) -> str:
    """A text of others as a CSV file may hold it: no formula, no hidden characters."""
    return encode(text, _TEXT)
