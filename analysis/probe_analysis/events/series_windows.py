"""Windows of one series: when its blocked rate stands above its base, how surely, and whether it always does so.

Error control. A window must be exp(score) times likelier under a rate of its own than under the base. With
`window_threshold` = h + log h, h = log(series of the network x cells of a year / budget), the expected number of false
windows a network and year is about the budget, over all services together: the bound of Chernoff for each window, a
union bound over the cells in which it may begin and about h lengths that differ enough to be chances of their own.
Failures are not independent: the score is divided by the series' own variance inflation. What is flaky, in bursts, is
recognised by how often it happens (`probe_analysis.events.flaky_habits`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.cell_series import CellSeries, CellTable
from probe_analysis.events.clumped_verdicts import NO_CLUMPING, Clumping, discount_window, estimate_clumpings
from probe_analysis.events.daily_windows import merge_daily_windows
from probe_analysis.events.partition import segment_series
from probe_analysis.events.segments import (
    LEAST_STRENGTH,
    REACH,
    Floats,
    Ints,
    SegmentSpan,
    SegmentSums,
    estimate_base_rate,
    estimate_dispersion,
    estimate_strength,
    find_boundary,
    find_raised_spans,
    log_likelihood_ratio,
    shrink_rate,
    sum_segments,
)
from probe_analysis.events.window import NO_BURST, BurstJudgement, EdgeTimes, EventWindow, WindowEdges

FALSE_WINDOWS_A_YEAR = 0.5
"""Budget of each network, before any cross-check."""
FALSE_SUSPICIONS_A_DAY = 0.1
"""Budget of what is said with haste, about the newest cells alone; what time does not bear out is withdrawn."""
STANDING_RATE = 0.8
"""A series that is blocked at this rate from its first cell on is blocked, not flaky."""
UNSTEADY, _UNSTEADY_TIMES = 0.05, 1.5
"""What fails by itself more often than that has causes whose failures come together: it needs a higher score, and its
newest cells are no reason for suspicion."""
_DIP_SHARE, _DIP_MOST = 0.25, timedelta(hours=24)
_NEWEST, _NEWEST_STRENGTH = 6, 0.5
_SEGMENT_AGAIN = 1.5
_FAINT, _FAINT_STRENGTH = 0.04, 0.3
"""What is stopped for some hours a day stands little above the base on the whole; in its hours it must be strong."""
_SET_ASIDE = 3
"""So many windows of a series that fails by itself may be real ones whatever their length."""
_DAY = timedelta(days=1)


class WindowHabit(Protocol):
    """How often a series fails by itself."""

    @property
    def flaky(self) -> bool:
        """Whether it does so again and again."""

    @property
    def beyond(self) -> int:
        """How often, beyond the usual other service of its network."""

    @property
    def longest(self) -> float:
        """Cells that its bursts hardly ever last; 0 where it is not flaky."""

    def judge(self, window: EventWindow) -> BurstJudgement:
        """Whether the other times at which it failed explain a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steady:
    flaky: bool = False
    beyond: int = 0
    longest: float = 0.0

    def judge(self, window: EventWindow) -> BurstJudgement:
        return NO_BURST


STEADY: WindowHabit = _Steady()
"""Of what never fails by itself."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesFinding:
    """What one series shows."""

    series: CellSeries
    base: float
    inflation: float
    windows: tuple[EventWindow, ...]
    """Sure ones."""
    weak: tuple[EventWindow, ...]
    """Not sure by themselves; they tell when a series began to fail that others are compared with."""
    habitual: tuple[tuple[EventWindow, BurstJudgement], ...]
    """Sure ones that are no more than what the series does all the time."""
    habit: WindowHabit
    newest: EventWindow | None
    """What the newest cells alone suggest, where less is needed; `windows` may say it as well."""
    needed: float
    """Score that a window needs."""
    hasty: float
    """Score that the newest cells need."""

    @property
    def flaky(self) -> bool:
        """Whether it fails by itself again and again."""
        return self.habit.flaky


def window_threshold(cells: CellTable, series: int, budget: float = FALSE_WINDOWS_A_YEAR) -> float:
    """Score that a window needs on a network with so many series, in nats."""
    once = max(1.0, math.log(max(1, series) * cells.steps_per_year / budget))
    return once + math.log(once)


def suspicion_threshold(cells: CellTable, series: int) -> float:
    """Score that the newest cells need, in nats: haste has a budget of its own."""
    return math.log(max(1, series) * max(1.0, _DAY / cells.step) / FALSE_SUSPICIONS_A_DAY)


def segment_many(series: Sequence[CellSeries], needed: Sequence[float]) -> list[Ints]:
    """The segments of each series, where a window of its own must be worth as much as `needed` says, in nats."""
    return segment_series([(each.blocked, each.decided) for each in series], [score / 2 for score in needed])


@dataclass(slots=True, kw_only=True)
class _Look:
    """A series with what was found in it so far."""

    series: CellSeries
    base: float
    made: list[EventWindow]
    inflation: float
    needed: float
    hasty: float
    habit: WindowHabit
    clumping: Clumping = NO_CLUMPING


def find_windows(series: Sequence[CellSeries], cells: CellTable, *, needed: Sequence[float], hasty: Sequence[float],
                 habits: Sequence[WindowHabit]) -> list[SeriesFinding]:
    """The windows of each series that score `needed` or more, and what its newest cells say that score `hasty`."""
    looks = [_look(*each, cells=cells)
             for each in zip(series, segment_many(series, needed), needed, hasty, habits, strict=True)]
    _discount_clumps(looks)
    varied = [look for look in looks if look.inflation > _SEGMENT_AGAIN]
    again = segment_many([look.series for look in varied], [look.inflation * look.needed for look in varied])
    for look, starts in zip(varied, again, strict=True):
        look.made = _again(look, starts, cells)
    return [_examine_series(look, cells) for look in looks]


def _look(series: CellSeries, starts: Ints, needed: float, hasty: float, habit: WindowHabit, *,
          cells: CellTable) -> _Look:
    if not series.blocked.any():
        return _Look(series=series, base=shrink_rate(0, float(series.decided.sum())), made=[], inflation=1.0,
                     needed=needed, hasty=hasty, habit=habit)
    sums = sum_segments(series.blocked, series.decided, starts)
    base = _base(sums)
    made = _make_windows(series, cells, sums, base, 1.0)
    made, inflation = _inflate(series, cells, made, habit)
    return _Look(series=series, base=base, made=made, inflation=inflation, needed=needed, hasty=hasty, habit=habit)


def _discount_clumps(looks: Sequence[_Look]) -> None:
    """Discounts windows by how much the verdicts of one cell fail together, where nobody counted devices."""
    uncounted = [look for look in looks if not look.series.witnesses_told]
    clumpings = estimate_clumpings([(look.series, look.base, look.made) for look in uncounted])
    for look, clumping in zip(uncounted, clumpings, strict=True):
        look.clumping = clumping
        look.made = [discount_window(window, clumping) for window in look.made]


def _examine_series(look: _Look, cells: CellTable) -> SeriesFinding:
    unsteady = look.base > UNSTEADY
    sure: list[EventWindow] = []
    habitual: list[tuple[EventWindow, BurstJudgement]] = []
    weak: list[EventWindow] = []
    judged = [(window, look.habit.judge(window)) for window in look.made]
    blocks = [window for window, judgement in judged if judgement.flaky and not judgement.explained]
    for window, judgement in judged:
        if judgement.flaky and not judgement.explained:
            window = discount_window(_against_bursts(window, [window, *blocks], cells), look.clumping)
        needed = look.needed * (_UNSTEADY_TIMES if unsteady or judgement.flaky else 1)
        if window.score < needed or (window.strength < LEAST_STRENGTH and judgement.flaky):
            weak.append(window)
        elif judgement.explained or _is_always_so(window):
            habitual.append((window, judgement))
        else:
            sure.append(window)
    flaky = look.habit.flaky
    newest = None if unsteady or flaky else _newest(look, cells)
    return SeriesFinding(series=look.series, base=look.base, inflation=look.inflation, windows=tuple(sure),
                         weak=tuple(weak), habitual=tuple(habitual), habit=look.habit, newest=newest,
                         needed=look.needed * (_UNSTEADY_TIMES if unsteady or flaky else 1), hasty=look.hasty)


def _is_always_so(window: EventWindow) -> bool:
    """What neither began nor ended while anybody measured, and lets something pass, is how the service is there."""
    return not window.has_onset and not window.has_end and window.strength < STANDING_RATE


def find_raised_windows(series: CellSeries, cells: CellTable, starts: Ints) -> list[EventWindow]:
    """All that stands above the base, sure or not, of a series that was `segment_many` into these segments."""
    if not series.blocked.any():
        return []
    sums = sum_segments(series.blocked, series.decided, starts)
    return _make_windows(series, cells, sums, _base(sums), 1.0)


def _again(look: _Look, starts: Ints, cells: CellTable) -> list[EventWindow]:
    """Windows of a series that varies more than chance, by a penalty that says so; those by the clock stay."""
    series, daily = look.series, [window for window in look.made if window.daily]
    sums = sum_segments(series.blocked, series.decided, starts)
    again = [window for window in _make_windows(series, cells, sums, _base(sums), look.inflation)
             if not any(window.meets(other) for other in daily)]
    again = [discount_window(window, look.clumping) for window in again]
    return sorted([*daily, *again], key=lambda window: (window.onset, window.end))


def _base(sums: SegmentSums) -> float:
    blocked, decided = sums.blocked.astype(np.float64), sums.decided.astype(np.float64)
    base = estimate_base_rate(blocked, decided)
    first = blocked[0] / decided[0]
    return shrink_rate(0, 0) if base >= STANDING_RATE * 0.9 and first >= STANDING_RATE else base


def _make_windows(series: CellSeries, cells: CellTable, sums: SegmentSums, base: float,
                  inflation: float) -> list[EventWindow]:
    """Windows from segments: neighbours joined over short dips, then those that come back each day."""
    if estimate_strength(float((sums.blocked / sums.decided).max()), base) < min(_FAINT, LEAST_STRENGTH):
        return []
    spans = _join_spans(series, cells, find_raised_spans(sums, base))
    faint_spans = find_raised_spans(sums, base, _FAINT)
    making = _Making(series=series, base=base, inflation=inflation, day=cells.cells_in(_DAY))
    made = {span: making.make_window(span) for span in dict.fromkeys((*spans, *faint_spans))}
    windows = merge_daily_windows(cells, [made[span] for span in spans])
    faint = merge_daily_windows(cells, [made[span] for span in faint_spans]) if faint_spans != spans else windows
    daily = [window for window in faint if window.daily and window.strength >= _FAINT_STRENGTH
             and not any(other.daily and window.meets(other) for other in windows)]
    kept = [window for window in windows if not any(window.meets(other) for other in daily)]
    return sorted([*kept, *daily], key=lambda window: (window.onset, window.end))


def _join_spans(series: CellSeries, cells: CellTable, spans: Sequence[SegmentSpan]) -> list[SegmentSpan]:
    """Two spans with a dip between them that is short beside both are one block."""
    most = cells.cells_in(_DIP_MOST)
    made: list[SegmentSpan] = []
    for span in spans:
        if made:
            before = made[-1]
            dip = series.times[span.first] - series.times[before.last]
            shorter = min(_length(series, before), _length(series, span))
            if dip <= min(most, _DIP_SHARE * shorter + 1):
                inside = slice(before.first, span.last + 1)
                made[-1] = SegmentSpan(first=before.first, last=span.last, blocked=int(series.blocked[inside].sum()),
                                       decided=int(series.decided[inside].sum()))
                continue
        made.append(span)
    return made


def _length(series: CellSeries, span: SegmentSpan) -> int:
    return int(series.times[span.last] - series.times[span.first]) + 1


class _Making:
    """Makes the windows of one series."""

    def __init__(self, *, series: CellSeries, base: float, inflation: float, day: int) -> None:
        self._series, self._base, self._inflation, self._day = series, base, inflation, day
        self._confirmed, self._decided = int(series.confirmed.sum()), int(series.decided.sum())

    def make_window(self, span: SegmentSpan) -> EventWindow:
        """The window of a span."""
        times = self._series.times
        score = max(log_likelihood_ratio(span.blocked, span.decided, self._base), self._confirmed_score(span))
        return EventWindow(
            series=self._series, first=span.first, last=span.last, onset=int(times[span.first]),
            end=int(times[span.last]), edges=WindowEdges(partial(self._find_edges, span)), blocked=span.blocked,
            decided=span.decided, base=self._base, score=score / self._inflation, inflation=self._inflation,
            day=self._day,
        )

    def _find_edges(self, span: SegmentSpan) -> EdgeTimes:
        """Looks at the cells near its ends alone, however long the series is."""
        times, size = self._series.times, len(self._series.times)
        begin, stop = max(0, span.first - REACH), min(size, span.last + 1 + REACH)
        early, late = find_boundary(self._gain(span, slice(begin, min(span.first + REACH, span.last))),
                                    span.first - begin, span.last - begin)
        back = self._gain(span, slice(max(0, span.last - REACH), stop))[::-1]
        end_late, end_early = find_boundary(back, stop - 1 - span.last, stop - 1 - span.first)
        early, late, end_early, end_late = begin + early, begin + late, stop - 1 - end_early, stop - 1 - end_late
        return EdgeTimes(
            onset_from=int(times[early - 1]) if early > 0 else None,
            onset_until=int(times[min(max(late, span.first), span.last)]),
            end_from=int(times[max(min(end_early, span.last), span.first)]),
            end_until=int(times[end_late + 1]) if end_late + 1 < size else None,
        )

    def _gain(self, span: SegmentSpan, part: slice) -> Floats:
        """What each of these cells says (nats) for being of the span."""
        base, rate = self._base, min(max(span.blocked / span.decided, 1e-3), 1 - 1e-3)
        k, n = self._series.blocked[part].astype(np.float64), self._series.decided[part].astype(np.float64)
        gain = (k * math.log(rate / base) + (n - k) * math.log((1 - rate) / (1 - base))) / self._inflation
        return np.asarray(gain, dtype=np.float64)

    def _confirmed_score(self, span: SegmentSpan) -> float:
        """What confirmed verdicts alone say: these have a base of their own, mostly a lower one."""
        if not self._confirmed:
            return 0.0
        inside = int(self._series.confirmed[span.first:span.last + 1].sum())
        usual = shrink_rate(self._confirmed - inside, self._decided - span.decided)
        return log_likelihood_ratio(inside, span.decided, usual) if inside / span.decided > usual else 0.0


def _inflate(series: CellSeries, cells: CellTable, windows: Sequence[EventWindow],
             habit: WindowHabit) -> tuple[list[EventWindow], float]:
    """Windows with their scores divided by the dispersion of the series beside them, and this dispersion.

    What may be a block is set aside for all of them, or several blocks would explain each other away: every window of
    what does not fail by itself, and of what does those that its bursts do not explain, or the surest few.
    """
    apart = sorted(windows, key=lambda window: -window.score)[:_SET_ASIDE]
    apart += [window for window in windows if not habit.flaky or not habit.judge(window).explained]
    aside = np.zeros(len(series.times), dtype=np.bool_)
    for window in apart:
        aside[window.first:window.last + 1] = True
    common = _dispersion(series, cells, aside)
    return [replace(window, score=window.score / common, inflation=common) for window in windows], common


def _dispersion(series: CellSeries, cells: CellTable, without: NDArray[np.bool_]) -> float:
    if without.all():
        return 1.0
    return estimate_dispersion(series.times, series.blocked, series.decided, without,
                               cells.cells_in(timedelta(hours=6)))


def _against_bursts(window: EventWindow, aside: Sequence[EventWindow], cells: CellTable) -> EventWindow:
    """The window held against all the rest of a flaky series, bursts and all: base and inflation are theirs.

    `aside`: what may be a block, itself among them, is none of the rest.
    """
    series = window.series
    inside = np.zeros(len(series.times), dtype=np.bool_)
    for other in aside:
        inside[other.first:other.last + 1] = True
    blocked = int(series.blocked.sum()) - int(series.blocked[inside].sum())
    decided = int(series.decided.sum()) - int(series.decided[inside].sum())
    base = max(window.base, shrink_rate(blocked, decided))
    blocks = [cells.cells_in(timedelta(hours=hours)) for hours in (6, 24, 72)]
    inflation = max([1.0, *(estimate_dispersion(series.times, series.blocked, series.decided, inside, block)
                            for block in blocks if not inside.all())])
    score = log_likelihood_ratio(window.blocked, window.decided, base) / inflation if window.rate > base else 0.0
    return replace(window, base=base, inflation=inflation, score=score)


def _newest(look: _Look, cells: CellTable) -> EventWindow | None:
    """The last few cells as a window, where they are new and score enough by themselves."""
    series, base = look.series, look.base
    size = len(series.times)
    if base >= STANDING_RATE or (cells.last - series.times[-1]) * cells.step > timedelta(hours=6):
        return None
    if not series.blocked[-1]:
        return None
    making = _Making(series=series, base=base, inflation=look.inflation, day=cells.cells_in(_DAY))
    best: EventWindow | None = None
    for first in range(size - 1, max(-1, size - _NEWEST - 1), -1):
        inside = slice(first, size)
        blocked, decided = int(series.blocked[inside].sum()), int(series.decided[inside].sum())
        if estimate_strength(blocked / decided, base) < _NEWEST_STRENGTH:
            continue
        span = SegmentSpan(first=first, last=size - 1, blocked=blocked, decided=decided)
        window = discount_window(making.make_window(span), look.clumping)
        if window.score >= look.hasty and (best is None or window.score > best.score):
            best = window
    return best
