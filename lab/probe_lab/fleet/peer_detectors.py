"""Other people's detectors on the same counts: each gives the stretches of one series in which it holds it blocked."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import CellSeries

Stretch: TypeAlias = tuple[int, int]
"""First and last cell, as numbers of cells."""
Floats = NDArray[np.float64]

_MEAN_BLOCKED, _DELAY_CELLS, _HALF_LIFE_CELLS = 0.7, 15, 48
_BASELINE_DAYS, _SIGMAS = 28, 3.0
_LEAST_STEP = 0.15
_DAY = 24


def find_by_cusum(series: CellSeries) -> list[Stretch]:
    """A two-sided CUSUM of hourly shares with a state, as OONI describes its own: means 0 and 0.7, an alarm after an
    expected delay of fifteen cells (its range is 10 to 20), and a sum that is halved in two days without a measurement.
    """
    share, times = series.blocked / series.decided, series.times
    drift = _MEAN_BLOCKED / 2
    limit = _DELAY_CELLS * drift
    found: list[Stretch] = []
    total, since, begun = 0.0, int(times[0]), -1
    for at, value in enumerate(share.tolist()):
        gap = int(times[at] - times[at - 1]) - 1 if at else 0
        step = value - drift if begun < 0 else drift - value
        total = max(0.0, total * 0.5 ** (gap / _HALF_LIFE_CELLS) + step)
        if total == 0:
            since = int(times[min(at + 1, len(times) - 1)])
        elif total > limit:
            if begun >= 0:
                found.append((begun, since - 1))
            begun, total = (since, 0.0) if begun < 0 else (-1, 0.0)
    return [*found, *([(begun, int(times[-1]))] if begun >= 0 else [])]


def find_by_control_chart(series: CellSeries) -> list[Stretch]:
    """A p-chart of days (Shewhart): beyond three standard deviations of the four weeks before that were within them."""
    days, at = np.unique(series.times // _DAY, return_inverse=True)
    blocked, decided = (np.bincount(at, weights=counts).astype(np.float64)
                        for counts in (series.blocked, series.decided))
    within: list[int] = []
    beyond: list[int] = []
    for day in range(len(days)):
        past = within[-_BASELINE_DAYS:]
        if len(past) < _BASELINE_DAYS // 2:
            within.append(day)
            continue
        mean = blocked[past].sum() / decided[past].sum()
        limit = mean + _SIGMAS * math.sqrt(max(mean * (1 - mean), 1e-4) / decided[day])
        (beyond if blocked[day] / decided[day] > limit else within).append(day)
    return _join([(int(days[day]) * _DAY, int(days[day]) * _DAY + _DAY - 1) for day in beyond])


def find_by_ruptures(series: CellSeries) -> list[Stretch]:
    """PELT of the package `ruptures` on hourly shares (linear kernel, penalty of BIC), and its segments above the
    longest by 15 %."""
    import ruptures

    share = np.asarray(series.blocked / series.decided, dtype=np.float64)
    variance = float(np.var(np.diff(share)) / 2)
    if len(share) < 8 or not variance:
        return []
    model = ruptures.KernelCPD(kernel="linear", min_size=2).fit(share[:, None])
    stops = model.predict(pen=2 * variance * math.log(len(share)))
    edges = list(zip([0, *stops[:-1]], stops, strict=True))
    means = [float(share[first:stop].mean()) for first, stop in edges]
    base = means[int(np.argmax([stop - first for first, stop in edges]))]
    return _join([(int(series.times[first]), int(series.times[stop - 1]))
                  for mean, (first, stop) in zip(means, edges, strict=True) if mean >= base + _LEAST_STEP])


def _join(stretches: list[Stretch]) -> list[Stretch]:
    made: list[Stretch] = []
    for first, last in stretches:
        if made and first <= made[-1][1] + 1:
            made[-1] = (made[-1][0], last)
        else:
            made.append((first, last))
    return made


def list_peers() -> Mapping[str, Callable[[CellSeries], list[Stretch]]]:
    """The detectors that can run here, by name."""
    peers = {"CUSUM, as OONI describes it": find_by_cusum, "control chart of days": find_by_control_chart}
    if importlib.util.find_spec("ruptures"):
        peers["PELT of ruptures"] = find_by_ruptures
    return peers
