"""Blocks that keep hours of the day: windows that follow each other, folded onto one day."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

import numpy as np

from probe_analysis.events.cell_series import CellSeries, CellTable
from probe_analysis.events.hours_of_blocks import find_best_hours
from probe_analysis.events.segments import (
    LEAST_STRENGTH,
    Floats,
    Ints,
    count_days,
    estimate_strength,
    find_boundary,
    log_likelihood_ratio,
)
from probe_analysis.events.window import DayHours, EdgeTimes, EventWindow, WindowEdges, hours_of_day, is_within_any

_DAY = timedelta(days=1)
_PAUSE, _SPAN, _DAYS = timedelta(days=7), timedelta(days=2.5), 3
_OUTSIDE = 0.3
"""Most strength outside the hours, as a share of that inside."""
_SURE = 0.999


def merge_daily_windows(cells: CellTable, windows: Sequence[EventWindow]) -> list[EventWindow]:
    """Windows, with those that follow each other and keep to hours of the day made one.

    Windows at most a week apart are folded onto one day: the hours that divide it best must hold nearly all of the
    strength. That finds partial blocks too, whose daily windows begin anywhere within the hours.
    """
    if _DAY / cells.step < 4:
        return list(windows)
    runs: list[list[EventWindow]] = []
    for window in windows:
        if runs and (window.onset - runs[-1][-1].end) * cells.step <= _PAUSE:
            runs[-1].append(window)
        else:
            runs.append([window])
    return [window for run in runs for window in _fold(cells, run)]


def _fold(cells: CellTable, run: Sequence[EventWindow]) -> list[EventWindow]:
    """A run of windows, with the days on which they keep hours as one; what lies before and after is asked again."""
    whole = _daily(cells, run) if run else None
    if whole is None:
        return list(run)
    before = [window for window in run if window.end < whole.onset]
    after = [window for window in run if window.onset > whole.end]
    return [*_fold(cells, before), whole, *_fold(cells, after)]


def _daily(cells: CellTable, run: Sequence[EventWindow]) -> EventWindow | None:
    """The days of a run that keep hours, None where none do."""
    head, span = run[0], (run[0].first, run[-1].last)
    hours = _keep_hours(cells, head, span)
    if hours is None:
        return None
    # Some days of a run may be of something else: what is left of it may keep other hours, and more strictly.
    span = _trim(head, span, hours)
    hours = _keep_hours(cells, head, span)
    if hours is None:
        return None
    first, last = _trim(head, span, hours)
    series = head.series
    inside = is_within_any(series.times, hours, head.day)
    part = np.flatnonzero(inside[first:last + 1]) + first
    k, n = int(series.blocked[part].sum()), int(series.decided[part].sum())
    has_onset, has_end = _ends(head, np.flatnonzero(inside), (first, last), k / n, hours[0][0])
    met = [window for window in run if window.onset <= series.times[last] and series.times[first] <= window.end]
    return replace(
        head, first=first, last=last, onset=int(series.times[first]), end=int(series.times[last]),
        edges=WindowEdges(partial(_find_edges, series, (first, last), met[0], met[-1])), daily=hours, blocked=k,
        decided=n, score=log_likelihood_ratio(k, n, head.base) / head.inflation, has_onset=has_onset, has_end=has_end,
    )


def _find_edges(series: CellSeries, span: tuple[int, int], head: EventWindow, tail: EventWindow) -> EdgeTimes:
    """Those of the days between two cells: the windows that they begin and end with say how surely."""
    first, last = span
    begin, end = int(series.times[first]), int(series.times[last])
    return EdgeTimes(
        onset_from=int(series.times[first - 1]) if first else None,
        onset_until=max(begin, min(head.onset_until, end)), end_from=min(tail.end_from, end),
        end_until=int(series.times[last + 1]) if last + 1 < len(series.times) else None,
    )


def _keep_hours(cells: CellTable, head: EventWindow, span: tuple[int, int]) -> tuple[DayHours, ...] | None:
    """The hours that hold nearly all of the strength between two cells, on several days; None where none do."""
    if span[1] < span[0] or int(head.series.times[span[1]] - head.series.times[span[0]] + 1) * cells.step < _SPAN:
        return None
    extent = slice(span[0], span[1] + 1)
    times, blocked, decided = (part[extent] for part in (head.series.times, head.series.blocked, head.series.decided))
    hours = find_best_hours(hours_of_day(times, head.day), blocked, decided)
    if hours is None:
        return None
    inside = is_within_any(times, hours, head.day)
    days = count_days(times[inside & (blocked > 0)], round(_DAY / cells.step))
    within, without = (float(blocked[part].sum() / max(1, decided[part].sum())) for part in (inside, ~inside))
    strong, weak = (float(estimate_strength(rate, head.base)) for rate in (within, without))
    return None if days < _DAYS or strong < LEAST_STRENGTH or weak > _OUTSIDE * strong else hours


def _trim(head: EventWindow, span: tuple[int, int], hours: Sequence[DayHours]) -> tuple[int, int]:
    """First and last cell of the days that are likelier to be of the block than not, as a whole."""
    series = head.series
    part = np.flatnonzero(is_within_any(series.times[span[0]:span[1] + 1], hours, head.day)) + span[0]
    k, n = series.blocked[part], series.decided[part]
    total = np.concatenate(([0.0], np.cumsum(_gain(k, n, float(k.sum() / n.sum()), head.base))))
    low = np.minimum.accumulate(total)
    stop = int(np.argmax(total - low))
    start = int(np.argmin(total[:stop])) if stop else 0
    return int(part[start]), int(part[max(stop - 1, start)])


def _gain(k: Ints, n: Ints, rate: float, base: float) -> Floats:
    """What each cell says (nats) for the rate rather than the base."""
    rate = min(max(rate, 1 - _SURE), _SURE)
    return np.asarray(k * math.log(rate / base) + (n - k) * math.log((1 - rate) / (1 - base)), dtype=np.float64)


def _ends(head: EventWindow, inside: Ints, span: tuple[int, int], rate: float, hour: int) -> tuple[bool, bool]:
    """Whether it was surely otherwise on a day before and on a day since, at the same hours of the day.

    Within a day it need not be: what a network is like changes by the hour.
    """
    gain = _gain(head.series.blocked[inside], head.series.decided[inside], rate, head.base) / head.inflation
    day = (head.series.times[inside] - hour * head.day // 24) // head.day
    first, last = (int(inside.searchsorted(at)) for at in span)
    size = len(gain)
    early, _ = find_boundary(gain, first, last, reach=size)
    late, _ = find_boundary(gain[::-1], size - 1 - last, size - 1 - first, reach=size)
    return early > 0 and bool(day[0] < day[first]), late > 0 and bool(day[-1] > day[last])
