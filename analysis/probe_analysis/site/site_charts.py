"""Days of a place in three forms: within its page, as SVG alone, and as CSV. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from probe.core.stamps import format_time
from probe.store.files.text_cells import encode
from probe.store.schema import Column, Kind
from probe_analysis.counting.cell_view import COUNTED
from probe_analysis.pages.figures import draw_strips
from probe_analysis.pages.heat import Heat, make_long_heat
from probe_analysis.pages.language import ENGLISH
from probe_analysis.pages.strip_rows import StripRow
from probe_analysis.pages.time_buckets import TimeBuckets
from probe_analysis.site.day_lines import DayLine, make_day_row
from probe_analysis.site.site_values import EventSeries, SiteData
from probe_analysis.tables.plain_csv import make_plain_csv

STRIP_DAYS = 182
_DAY = timedelta(days=1)
_TEXT = Column(name="", kind=Kind.TEXT, nullable=False, unit="", meaning="")


def make_place_heat(data: SiteData, lines: Mapping[str, DayLine], names: Mapping[str, str]) -> Heat:
    """The last `STRIP_DAYS` days of each line as a table of the page; those that failed most stand first."""
    return make_long_heat(_choose_days(data)[1], _make_rows(data, lines), names, ENGLISH)


def draw_place(data: SiteData, title: str, lines: Mapping[str, DayLine], names: Mapping[str, str]) -> bytes:
    """The same as an SVG file."""
    return draw_strips(_choose_days(data)[1], _make_rows(data, lines), title, names, ENGLISH).encode()


def write_place_csv(data: SiteData, lines: Mapping[str, DayLine], names: Mapping[str, str]) -> bytes:
    """Its numbers: a row for each line and day on which something was counted."""
    first, steps = _choose_days(data)
    return make_plain_csv(("what", "day", *COUNTED), (
        (write_cell(names[key]), f"{steps.begin(at):%Y-%m-%d}", *counts) for key in _make_rows(data, lines)
        for at, counts in enumerate(lines[key].lay_out(first, steps.count).tolist()) if any(counts)))


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


def write_series_csv(series: EventSeries) -> bytes:
    """The numbers of an event's chart."""
    return make_plain_csv(("from", "to", *COUNTED), (
        (format_time(series.steps.begin(at)), format_time(series.steps.begin(at + 1)), *map(cell.n, COUNTED))
        for at, cell in enumerate(series.line) if cell.counts))


def write_cell(text: str) -> str:
    """A text of others as a CSV file may hold it: no formula, no hidden characters."""
    return encode(text, _TEXT)
