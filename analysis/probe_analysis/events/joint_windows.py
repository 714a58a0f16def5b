"""Windows of several networks, roles and targets that are one event, and when that began and ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from probe_analysis.events.cell_series import POOLED, CellTable
from probe_analysis.events.crosscheck import DEVICE, FRESH, MOMENT, WindowChecks
from probe_analysis.events.segments import Floats, find_boundary
from probe_analysis.events.window import EventWindow

_NEAR = timedelta(hours=3)
_NEAR_SHARE = 0.05
_WITHIN = 0.8
_AROUND = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedWindow:
    """A window, what was asked of it, and whether it is sure by itself (not only the newest cells)."""

    window: EventWindow
    checks: WindowChecks
    needed: float
    """The score that was asked of it."""
    sure: bool

    @property
    def stands(self) -> bool:
        """Nothing explains it that no second network could rule out."""
        return self.checks.explained_by in ("", DEVICE, MOMENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCluster:
    """Windows of one service in one country that agree."""

    members: tuple[JudgedWindow, ...]
    """The surest first."""

    @property
    def lead(self) -> JudgedWindow:
        return self.members[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Begin and end as numbers of cells, with their intervals; see
    `probe_analysis.events.series_windows.EventWindow`."""

    onset_from: int | None
    onset: int
    onset_until: int
    end_from: int
    end: int
    end_until: int | None


def cluster_windows(judged: Sequence[JudgedWindow], cells: CellTable) -> list[WindowCluster]:
    """Windows put together: the surest of a service and country gathers all that agree with it, then the next.

    What rests on fresh names is never put to what does not: it would lend it their networks and hours.
    """
    groups: dict[tuple[bool, str, str, bool], list[JudgedWindow]] = {}
    for each in judged:
        series = each.window.series
        key = (series.place.lab, series.place.cc, series.service, FRESH in each.checks.doubts)
        groups.setdefault(key, []).append(each)
    made = []
    for key in sorted(groups):
        left = sorted(groups[key], key=_rank)
        while left:
            lead = left[0]
            mine = [each for each in left if each is lead or agree(lead.window, each.window, cells)]
            left = [each for each in left if not any(each is other for other in mine)]
            made.append(WindowCluster(members=tuple(mine)))
    return made


def _rank(judged: JudgedWindow) -> tuple[bool, float, int, str, str]:
    series = judged.window.series
    return (not judged.sure, -judged.window.score, series.place.asn, series.role, series.target_id)


def agree(lead: EventWindow, other: EventWindow, cells: CellTable) -> bool:
    """Whether they begin together, or one lies within the other."""
    if lead.onset > other.end or other.onset > lead.end:
        return False
    length, its = (window.end - window.onset + 1 for window in (lead, other))
    near = max(cells.cells_in(_NEAR), _NEAR_SHARE * min(length, its))
    starts = [window.onset if window.onset_from is None else window.onset_from for window in (lead, other)]
    if starts[0] - near <= other.onset_until and starts[1] - near <= lead.onset_until:
        return True
    common = min(lead.end, other.end) - max(lead.onset, other.onset) + 1
    return common >= _WITHIN * min(length, its)


def find_bounds(cluster: WindowCluster, cells: CellTable) -> Bounds:
    """When the event began and ended: the likeliest cells for all agreeing networks together."""
    lead = cluster.lead.window
    if lead.daily:  # what lies between its hours would speak against it
        return Bounds(onset_from=lead.onset_from, onset=lead.onset, onset_until=lead.onset_until,
                      end_from=lead.end_from, end=lead.end, end_until=lead.end_until)
    windows = [judged.window for judged in cluster.members if judged.window.series.place.asn != POOLED] or [lead]
    first = _common([window for window in windows if _starts_with(window, lead, cells)] or [lead], end=False)
    last = _common([window for window in windows if _ends_with(window, lead, cells)] or [lead], end=True)
    onset, onset_from, onset_until = first
    end, end_until, end_from = last
    end_from, end_until = -end_from, (None if end_until is None else -end_until)
    return Bounds(onset_from=onset_from, onset=onset, onset_until=onset_until or onset, end_from=end_from,
                  end=max(-end, onset), end_until=end_until)


def _starts_with(window: EventWindow, lead: EventWindow, cells: CellTable) -> bool:
    return window.onset_from is not None and abs(window.onset - lead.onset) <= _reach(window, lead, cells)


def _ends_with(window: EventWindow, lead: EventWindow, cells: CellTable) -> bool:
    return window.end_until is not None and abs(window.end - lead.end) <= _reach(window, lead, cells)


def _reach(window: EventWindow, lead: EventWindow, cells: CellTable) -> float:
    length = min(window.end - window.onset, lead.end - lead.onset) + 1
    return max(2 * cells.cells_in(_NEAR), 2 * _NEAR_SHARE * length)


def _common(windows: Sequence[EventWindow], *, end: bool) -> tuple[int, int | None, int]:
    """(likeliest first cell, last cell before, first cell surely inside); for ends with time running backwards."""
    times, gains = [], []
    for window in windows:
        time, gain = _gains(window, end)
        times.append(time)
        gains.append(gain)
    grid, at = np.unique(np.concatenate(times), return_inverse=True)
    total = np.asarray(np.bincount(at, weights=np.concatenate(gains), minlength=len(grid)), dtype=np.float64)
    suffix = np.cumsum(total[::-1])[::-1]
    best = int(len(grid) - 1 - suffix[::-1].argmax())
    early, late = find_boundary(total, best, len(grid), reach=len(grid))
    late = min(late, len(grid) - 1)
    return int(grid[best]), int(grid[early - 1]) if early > 0 else None, int(grid[late])


def _gains(window: EventWindow, end: bool) -> tuple[np.ndarray, Floats]:
    """Times near the boundary, negative and reversed for an end, and what each cell says for being inside."""
    series = window.series
    at = window.last if end else window.first
    reach = max(_AROUND, 2)
    low, high = max(0, at - reach), min(len(series.times), at + reach + 1)
    low, high = (max(low, window.first), high) if end else (low, min(high, window.last + 1))
    rate = min(max(window.rate, 1e-3), 1 - 1e-3)
    k, n = series.blocked[low:high], series.decided[low:high]
    gain = k * math.log(rate / window.base) + (n - k) * math.log((1 - rate) / (1 - window.base))
    times = series.times[low:high]
    return (-times[::-1], gain[::-1]) if end else (times, gain)
