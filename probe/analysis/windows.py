"""Windows of one series: when its blocked rate stands above its base, how surely, and whether it always does so.

Error control. A window must be exp(score) times likelier under a rate of its own than under the base. With `threshold`
= log(series of the network x cells of a year / budget) the expected number of false windows a network and year is about
the budget, over all services together (a union bound over cells; the bound of Chernoff for each). Failures are not
independent: the score is divided by the series' own variance inflation. What is steadily flaky, in bursts, is told by
how often it happens.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from probe.analysis.segments import (
    LEAST_STRENGTH,
    Ints,
    Span,
    base_rate,
    boundary,
    dispersion,
    divergence,
    raised_spans,
    segment,
    shrunk,
    strength_of,
)
from probe.analysis.series import Cells, Series

FALSE_WINDOWS_A_YEAR = 0.5
"""Budget of each network, before any cross-check."""
FALSE_SUSPICIONS_A_DAY = 1.0
"""Budget of what is said with haste, about the newest cells alone; what time does not bear out is withdrawn."""
STANDING_RATE = 0.8
"""A series that is blocked at this rate from its first cell on is blocked, not flaky."""
_FLAKY_WINDOWS, _FLAKY_EVERY = 8, timedelta(days=14)
"""A series with so many windows, and one in less than this time, fails by itself."""
_DIP_SHARE, _DIP_MOST = 0.25, timedelta(hours=24)
_NEWEST, _NEWEST_STRENGTH = 6, 0.5
_SET_ASIDE = 3
"""So many windows of a series may be real ones when its dispersion is estimated."""
_DAY = timedelta(days=1)
_DAILY_LEAST, _DAILY_HOURS, _DAILY_PAUSE = 3, 2.0, timedelta(days=3)
_DAILY_LONGEST = timedelta(hours=18)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A time in which one series stands above its base. Times are numbers of cells, see `Cells.time`."""

    series: Series
    first: int
    last: int
    """Index of the first and last cell."""
    onset: int
    onset_from: int | None
    """Last cell before which the window did not begin, None: it began before anything was measured."""
    onset_until: int
    end: int
    end_from: int
    end_until: int | None
    """First cell by which it had ended, None: nothing was measured since."""
    blocked: int
    decided: int
    base: float
    score: float
    """Log-likelihood ratio (nats) over the base, after variance inflation; of confirmed verdicts if that says more."""
    inflation: float
    daily: tuple[int, int] | None = None
    """Hours of the day (UTC), first and last, of a block that comes back every day."""

    @property
    def rate(self) -> float:
        return self.blocked / self.decided

    @property
    def strength(self) -> float:
        return float(strength_of(self.rate, self.base))

    @property
    def cells(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What one series shows."""

    series: Series
    base: float
    inflation: float
    windows: tuple[Window, ...]
    """Sure ones."""
    weak: tuple[Window, ...]
    """Not sure by themselves; they count when many services or countries show them at once."""
    flaky: bool
    newest: Window | None
    """What the newest cells alone suggest, where `windows` do not already say it."""
    needed: float
    """Score that a window needs."""
    hasty: float
    """Score that the newest cells need."""


def threshold(cells: Cells, series: int, budget: float = FALSE_WINDOWS_A_YEAR) -> float:
    """Score that a window needs on a network with so many series, in nats."""
    return math.log(max(1, series) * cells.steps_per_year / budget)


def suspicion(cells: Cells, series: int) -> float:
    """Score that the newest cells need, in nats: haste has a budget of its own."""
    return math.log(max(1, series) * max(1.0, _DAY / cells.step) / FALSE_SUSPICIONS_A_DAY)


def find_windows(series: Series, cells: Cells, needed: float, hasty: float, *, flaky: bool = False) -> Found:
    """The windows of a series that score `needed` or more, and what its newest cells say that score `hasty`.

    `flaky` says that this series fails by itself again and again, even if it does not show it often enough.
    """
    if not series.blocked.any():
        return Found(series=series, base=shrunk(0, float(series.decided.sum())), inflation=1.0, windows=(), weak=(),
                     flaky=False, newest=None, needed=needed, hasty=hasty)
    starts = segment(series.blocked, series.decided, needed / 2)
    base = _base(series, starts)
    made = _made(series, cells, starts, base, 1.0)
    flaky = flaky or _is_flaky(series, cells, [window for window in made if window.score >= needed])
    inflation = _inflation(series, cells, made)
    if inflation > 1.5:
        starts = segment(series.blocked, series.decided, inflation * needed / 2)
        base = _base(series, starts)
        made = _made(series, cells, starts, base, inflation)
    else:
        made = [replace(window, score=window.score / inflation, inflation=inflation) for window in made]
    sure = [window for window in made if window.score >= needed]
    if flaky:
        made = [_against_bursts(window, cells) for window in made]
        sure = [window for window in made if window.score >= needed and window.strength >= LEAST_STRENGTH]
    weak = tuple(window for window in made if window not in sure)
    newest = None if flaky else _newest(series, cells, base, inflation, hasty)
    if newest and any(window.last == newest.last for window in sure):
        newest = None
    return Found(series=series, base=base, inflation=inflation, windows=tuple(sure), weak=weak, flaky=flaky,
                 newest=newest, needed=needed, hasty=hasty)


def _base(series: Series, starts: Ints) -> float:
    blocked = np.add.reduceat(series.blocked, starts).astype(np.float64)
    decided = np.add.reduceat(series.decided, starts).astype(np.float64)
    base = base_rate(blocked, decided)
    first = blocked[0] / decided[0]
    return shrunk(0, 0) if base >= STANDING_RATE * 0.9 and first >= STANDING_RATE else base


def _made(series: Series, cells: Cells, starts: Ints, base: float, inflation: float) -> list[Window]:
    """Windows from segments: neighbours joined over short dips, then those that come back each day."""
    spans = _joined(series, cells, raised_spans(series.blocked, series.decided, starts, base))
    return _daily(cells, [_window(series, span, base, inflation) for span in spans])


def _joined(series: Series, cells: Cells, spans: Sequence[Span]) -> list[Span]:
    """Two spans with a dip between them that is short beside both are one block."""
    most = cells.cells_in(_DIP_MOST)
    made: list[Span] = []
    for span in spans:
        if made:
            before = made[-1]
            dip = series.times[span.first] - series.times[before.last]
            shorter = min(_length(series, before), _length(series, span))
            if dip <= min(most, _DIP_SHARE * shorter + 1):
                inside = slice(before.first, span.last + 1)
                made[-1] = Span(first=before.first, last=span.last, blocked=int(series.blocked[inside].sum()),
                                decided=int(series.decided[inside].sum()))
                continue
        made.append(span)
    return made


def _length(series: Series, span: Span) -> int:
    return int(series.times[span.last] - series.times[span.first]) + 1


def _window(series: Series, span: Span, base: float, inflation: float) -> Window:
    rate = min(max(span.blocked / span.decided, 1e-3), 1 - 1e-3)
    k, n = series.blocked.astype(np.float64), series.decided.astype(np.float64)
    gain = (k * math.log(rate / base) + (n - k) * math.log((1 - rate) / (1 - base))) / inflation
    early, late = boundary(gain, span.first)
    back = gain[::-1]
    size = len(gain)
    end_late, end_early = boundary(back, size - 1 - span.last)
    end_early, end_late = size - 1 - end_early, size - 1 - end_late
    score = max(divergence(span.blocked, span.decided, base), _confirmed_score(series, span)) / inflation
    times = series.times
    return Window(
        series=series, first=span.first, last=span.last, onset=int(times[span.first]), end=int(times[span.last]),
        onset_from=int(times[early - 1]) if early > 0 else None,
        onset_until=int(times[min(max(late, span.first), span.last)]),
        end_from=int(times[max(min(end_early, span.last), span.first)]),
        end_until=int(times[end_late + 1]) if end_late + 1 < size else None,
        blocked=span.blocked, decided=span.decided, base=base, score=score, inflation=inflation,
    )


def _daily(cells: Cells, windows: Sequence[Window]) -> list[Window]:
    """Windows at the same hours of at least three days, at most three days apart, are one block by the clock."""
    day = _DAY / cells.step
    if day < 4:
        return list(windows)
    chains: list[list[Window]] = []
    for window in windows:
        chain = next((chain for chain in chains if _follows(cells, chain[-1], window, day)), None)
        if chain is None:
            chains.append([window])
        else:
            chain.append(window)
    made = [_chained(chain, day) if len(chain) >= _DAILY_LEAST else None for chain in chains]
    kept = [whole for whole in made if whole]
    kept += [window for chain, whole in zip(chains, made, strict=True) if not whole for window in chain]
    return sorted(kept, key=lambda window: (window.onset, window.end))


def _follows(cells: Cells, before: Window, window: Window, day: float) -> bool:
    short = all((each.end - each.onset + 1) * cells.step <= _DAILY_LONGEST for each in (before, window))
    apart = (window.onset - before.onset) % day
    near = min(apart, day - apart) * cells.step <= timedelta(hours=_DAILY_HOURS)
    return short and near and day / 2 < window.onset - before.onset <= _DAILY_PAUSE / cells.step


def _chained(chain: Sequence[Window], day: float) -> Window:
    head, tail = chain[0], chain[-1]
    begin = int(np.median([(window.onset - head.onset + day / 2) % day - day / 2 for window in chain])) + head.onset
    length = int(np.median([window.end - window.onset + 1 for window in chain]))
    scale = 24 / day
    hours = (int(begin % day * scale), int((begin + length - 1) % day * scale))
    return replace(
        head, last=tail.last, end=tail.end, end_from=tail.end_from, end_until=tail.end_until, daily=hours,
        blocked=sum(window.blocked for window in chain), decided=sum(window.decided for window in chain),
        score=sum(window.score for window in chain),
    )


def within_hours(times: Ints, hours: tuple[int, int], cells: Cells) -> NDArray[np.bool_]:
    """Which cells lie within hours of the day, both included, over midnight if need be."""
    day = _DAY / cells.step
    hour = np.floor(times % day * (24 / day)).astype(np.int64)
    first, last = hours
    return np.asarray((hour - first) % 24 <= (last - first) % 24, dtype=np.bool_)


def _inflation(series: Series, cells: Cells, windows: Sequence[Window]) -> float:
    """Dispersion beside the windows that may be real: the surest few, and none else."""
    without = np.zeros(len(series.times), dtype=np.bool_)
    for window in sorted(windows, key=lambda window: -window.score)[:_SET_ASIDE]:
        without[window.first:window.last + 1] = True
    if without.all():
        return 1.0
    return dispersion(series.times, series.blocked, series.decided, without, cells.cells_in(timedelta(hours=6)))


def _is_flaky(series: Series, cells: Cells, sure: Iterable[Window]) -> bool:
    count = sum(1 for _ in sure)
    days = len(np.unique(series.times // max(1, round(_DAY / cells.step))))
    return count >= _FLAKY_WINDOWS and count * _FLAKY_EVERY > timedelta(days=days)


def _against_bursts(window: Window, cells: Cells) -> Window:
    """The window held against all the rest of a flaky series, bursts and all: base and inflation are theirs."""
    series = window.series
    inside = np.zeros(len(series.times), dtype=np.bool_)
    inside[window.first:window.last + 1] = True
    blocked = int(series.blocked.sum()) - int(series.blocked[inside].sum())
    decided = int(series.decided.sum()) - int(series.decided[inside].sum())
    base = max(window.base, shrunk(blocked, decided))
    blocks = [cells.cells_in(timedelta(hours=hours)) for hours in (6, 24, 72)]
    inflation = max([window.inflation, *(dispersion(series.times, series.blocked, series.decided, inside, block)
                                         for block in blocks if not inside.all())])
    score = divergence(window.blocked, window.decided, base) / inflation if window.rate > base else 0.0
    return replace(window, base=base, inflation=inflation, score=score)


def _newest(series: Series, cells: Cells, base: float, inflation: float, needed: float) -> Window | None:
    """The last few cells as a window, where they are new and score enough by themselves."""
    size = len(series.times)
    if base >= STANDING_RATE or (cells.last - series.times[-1]) * cells.step > timedelta(hours=6):
        return None
    if not series.blocked[-1]:
        return None
    best: Window | None = None
    for first in range(size - 1, max(-1, size - _NEWEST - 1), -1):
        inside = slice(first, size)
        blocked, decided = int(series.blocked[inside].sum()), int(series.decided[inside].sum())
        if strength_of(blocked / decided, base) < _NEWEST_STRENGTH:
            continue
        window = _window(series, Span(first=first, last=size - 1, blocked=blocked, decided=decided), base, inflation)
        if window.score >= needed and (best is None or window.score > best.score):
            best = window
    return best


def _confirmed_score(series: Series, span: Span) -> float:
    """What confirmed verdicts alone say: these have a base of their own, mostly a lower one."""
    inside = int(series.confirmed[span.first:span.last + 1].sum())
    usual = shrunk(float(series.confirmed.sum()) - inside, float(series.decided.sum()) - span.decided)
    return divergence(inside, span.decided, usual) if inside / span.decided > usual else 0.0
