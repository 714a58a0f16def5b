"""What fails by itself again and again: recognised by how often, beside the other services of its network.

A block is long or rare; a service that fails in bursts is known by the many bursts that are too short or too weak to be
a window by themselves. So they are counted at a score that noise alone reaches about once in a series, and what the
other services of the network usually show there, its congestion and its broken lines, is taken off.

No window is among the bursts that explain it away. Whether a series is flaky, and how long its bursts last, is asked
again without the window's own time, in its country, so that a block that is interrupted excuses nothing of itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

import numpy as np

from probe_analysis.events.cell_series import CellPlace, CellSeries, CellTable, speaks_for_others
from probe_analysis.events.segments import Ints, count_days, log_likelihood_ratio
from probe_analysis.events.series_windows import find_raised_windows, segment_many
from probe_analysis.events.window import BurstJudgement, EventWindow

Burst: TypeAlias = tuple[int, int]
"""First and last cell of a time in which a series failed."""

_MANY, _EVERY = 8, timedelta(days=21)
"""A series that failed so many times, and once in less than this time, fails by itself."""
_PARTS = 32
"""A habit is spread over the time: in so many parts of it, each of `_EVERY` at most, `_MANY` have bursts."""
_OFTEN, _OFTEN_EACH, _OFTEN_A_YEAR = 3, 2, 4.0
"""No censor blocks a service so often in so many networks: more times than that in a series, and a year of each."""
_DAY, _BY_CHANCE_DAILY = timedelta(days=1), timedelta(days=7)
_BURST_TIMES = 3.0
_BY_CHANCE = 0.05
"""How many of all bursts of exponential length are expected to last longer than what is explained by them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FailureHabit:
    """How often one series fails."""

    series: CellSeries
    bursts: tuple[Burst, ...]
    beyond: int
    """Times beyond those of the usual other service of its network."""
    flaky: bool
    """It fails by itself again and again, or its service does."""
    service: ServiceHabits
    at: int
    """Its place among the series of the service."""

    @property
    def lengths(self) -> tuple[int, ...]:
        """Cells of each burst."""
        return tuple(last - first + 1 for first, last in self.bursts)

    @property
    def longest(self) -> float:
        """Cells that bursts of this service hardly ever last; 0 where it is not flaky."""
        return self.service.longest(self.at) if self.flaky else 0.0

    def judge(self, window: EventWindow) -> BurstJudgement:
        """Whether the other bursts explain a window. By the clock they come on some days in a row by chance, not for a
        week."""
        if not self.flaky:
            return BurstJudgement(flaky=False, bursts=self.beyond, longest=0.0, explained=False)
        own = (window.onset, window.end)
        judgement = self._judge_time(own, self.service.cells.cells_in(_BY_CHANCE_DAILY) if window.daily else 0)
        return judgement if judgement.explained or window.daily else self._judge_bursts(window, own) or judgement

    def _judge_time(self, own: Burst, least: int) -> BurstJudgement:
        """Whether the bursts beside a time explain one that is as long, or shorter than `least` cells."""
        flaky, longest, beyond = self.service.without(self.at, own)
        return BurstJudgement(flaky=flaky, bursts=beyond, longest=longest,
                              explained=flaky and own[1] - own[0] + 1 < max(longest, least))

    def _judge_bursts(self, window: EventWindow, own: Burst) -> BurstJudgement | None:
        """The judgement of a window that is several bursts and nothing else; None where it is more than that.

        Left out as a whole it would take several bursts from the habit, and none of them alone is a block. So each is
        judged by itself, and so many may begin so near each other by chance at the rate of the time beside the window.
        This is what a block with pauses fails: its parts lie nearer each other than the bursts beside it.
        """
        parts = [burst for burst in self.bursts if _meet(burst, own)]
        if len(parts) < 2:
            return None
        each = [self._judge_time(part, 0) for part in parts]
        if not all(judgement.explained for judgement in each) or not _is_quiet_between(window, parts):
            return None
        beside, usual = self.service.expect(self.at, own)
        # A scan statistic, by a union bound over the bursts that may be the first of so many.
        if (beside + len(parts)) * _poisson_tail(usual, len(parts) - 1) < _BY_CHANCE:
            return None
        return min(each, key=lambda judgement: judgement.longest)


def find_habits(cells: CellTable) -> list[FailureHabit]:
    """One for each series in which anything was decided, in their order."""
    series = [each for each in cells.series if len(each.times)]
    once = [max(1.0, math.log(len(each.times))) for each in series]
    bursts = [_bursts(each, cells, starts, least)
              for each, starts, least in zip(series, segment_many(series, once), once, strict=True)]
    usual = _usual(series, [len(own_bursts) for own_bursts in bursts])
    parts: dict[tuple[bool, str], list[int]] = {}
    for at, each in enumerate(series):
        parts.setdefault((each.place.lab, each.service), []).append(at)
    made: list[FailureHabit | None] = [None] * len(series)
    for places in parts.values():
        service = ServiceHabits(cells=cells, series=tuple(series[at] for at in places),
                                bursts=tuple(bursts[at] for at in places), usual=tuple(usual[at] for at in places),
                                heard=tuple(speaks_for_others(series[at]) for at in places),
                                days=tuple(count_days(series[at].times, cells.cells_in(_DAY)) for at in places))
        flaky = service.list_flaky(None)
        for own, at in enumerate(places):
            made[at] = FailureHabit(series=series[at], bursts=bursts[at], beyond=service.count(own, None).beyond,
                                    flaky=own in flaky, service=service, at=own)
    return [habit for habit in made if habit is not None]


def _bursts(series: CellSeries, cells: CellTable, starts: Ints, least: float) -> tuple[Burst, ...]:
    """Times in which a series failed; two are one where the pause between them is no longer than either."""
    made: list[Burst] = []
    before: EventWindow | None = None
    for window in find_raised_windows(series, cells, starts):
        if window.score < least:
            continue
        if before and window.onset - before.end - 1 <= min(before.end - before.onset, window.end - window.onset) + 1:
            made[-1] = (made[-1][0], window.end)
        else:
            made.append((window.onset, window.end))
        before = window
    return tuple(made)


def _count_parts(series: CellSeries, bursts: Sequence[Burst], most: int) -> int:
    """Parts of the measured time, of so many cells at most, in which a burst begins."""
    begin = int(series.times[0])
    length = max(1, min(most, -(-(int(series.times[-1]) - begin + 1) // _PARTS)))
    return len({(first - begin) // length for first, _ in bursts})


def _poisson_tail(mean: float, least: int) -> float:
    """Probability of at least so many where so many are expected."""
    return 1.0 - math.exp(-mean) * math.fsum(mean ** count / math.factorial(count) for count in range(least))


def _is_quiet_between(window: EventWindow, parts: Sequence[Burst]) -> bool:
    """Whether what a window holds beside these bursts is no more than noise reaches about once in a series."""
    series = window.series
    between = window.covered(series.times)
    for first, last in parts:
        between &= (series.times < first) | (series.times > last)
    blocked, decided = int(series.blocked[between].sum()), int(series.decided[between].sum())
    if not decided or blocked <= window.base * decided:
        return True
    return log_likelihood_ratio(blocked, decided, window.base) < max(1.0, math.log(len(series.times)))


def _meet(one: Burst, other: Burst) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """How often something failed, and how often the usual other service of the network did."""

    times: int
    usual: int
    parts: int
    """Parts of the time in which it failed; see `_PARTS`."""
    days: int
    """On which it was measured."""

    @property
    def beyond(self) -> int:
        return self.times - self.usual

    def is_no_chance(self, series: int) -> bool:
        """So many are seen in none of so many series that fail as often as the usual one (Poisson, Chernoff)."""
        usual = max(1, self.usual)
        return self.times > usual and self.times * math.log(self.times / usual) - self.times + usual >= math.log(series)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServiceHabits:
    """How often a service fails in each of its series; `own`, where given, is left out in the country of the series."""

    cells: CellTable
    series: tuple[CellSeries, ...]
    bursts: tuple[tuple[Burst, ...], ...]
    usual: tuple[int, ...]
    days: tuple[int, ...]
    """On which each was measured."""
    heard: tuple[bool, ...] = ()
    """Which series tell of others as well, see `speaks_for_others`."""
    known: dict[tuple[int, Burst], tuple[bool, float, int]] = field(default_factory=dict)
    """What was asked already."""
    whole: list[_Count] = field(default_factory=list)
    """The count of each series with nothing left out, once it was asked."""
    lengths: dict[int, list[int]] = field(default_factory=dict)
    """Cells of each burst of a series, once they were asked."""

    def without(self, at: int, own: Burst) -> tuple[bool, float, int]:
        """Whether a series fails by itself beside a time, cells that its bursts hardly ever last, and how often beyond
        the usual."""
        if (at, own) not in self.known:
            flaky = self.list_flaky(own, self.series[at].place.cc)
            self.known[at, own] = (at in flaky, self._longest(flaky, at, own) if at in flaky else 0.0,
                                   self.count(at, own).beyond)
        return self.known[at, own]

    def count(self, at: int, own: Burst | None) -> _Count:
        """How often a series failed."""
        bursts = self._list_beside(at, at, own)
        if own is not None and self.whole and len(bursts) == len(self.bursts[at]):
            return self.whole[at]
        parts = _count_parts(self.series[at], bursts, self.cells.cells_in(_EVERY))
        return _Count(times=len(bursts), usual=self.usual[at], parts=parts, days=self.days[at])

    def longest(self, at: int) -> float:
        """Cells that bursts of the series, or of its service where this is flaky as a whole, hardly ever last."""
        return self._longest(self.list_flaky(None), at, None)

    def _longest(self, flaky: frozenset[int], at: int, own: Burst | None) -> float:
        """Told from their median, which a few blocks among them do not move, as if lengths were exponential.
        """
        lengths: list[int] = []
        for other in self._telling(flaky, at):
            bursts = self._list_beside(other, at, own)
            lengths += self._lengths(other) if bursts is self.bursts[other] else (b - a + 1 for a, b in bursts)
        if not lengths:
            return 0.0
        mean = float(np.median(lengths)) / math.log(2)
        return max(_BURST_TIMES, math.log(len(lengths) / _BY_CHANCE)) * mean

    def _lengths(self, at: int) -> Sequence[int]:
        """Cells of each burst of a series."""
        if at not in self.lengths:
            self.lengths[at] = [last - first + 1 for first, last in self.bursts[at]]
        return self.lengths[at]

    def expect(self, at: int, own: Burst) -> tuple[int, float]:
        """How many bursts the flaky series have beside a time, and how many of them so long a time has on average."""
        flaky = self._telling(self.list_flaky(None), at)
        beside = sum(len(self._list_beside(other, at, own)) for other in flaky)
        length = own[1] - own[0] + 1
        cells = sum(int(self.series[other].times[-1] - self.series[other].times[0]) + 1 for other in flaky)
        return beside, beside * length / max(1, cells - length)

    def _telling(self, flaky: frozenset[int], at: int) -> frozenset[int]:
        """The flaky series by which one is judged: itself, and those that tell of others."""
        return frozenset(other for other in flaky if other == at or self.heard[other]) or frozenset({at})

    def _list_beside(self, other: int, at: int, own: Burst | None) -> Sequence[Burst]:
        """Bursts of a series; in the country of this one those alone that do not meet a time, where one is given."""
        if own is None or self.series[other].place.cc != self.series[at].place.cc:
            return self.bursts[other]
        first, last = own
        return [burst for burst in self.bursts[other] if burst[0] > last or first > burst[1]]

    def list_flaky(self, own: Burst | None, cc: str = "") -> frozenset[int]:
        """The series that fail by themselves: all of them where the service does."""
        if not self.whole:
            self.whole.extend(self.count(at, None) for at in range(len(self.series)))
        counts = self.whole if own is None else [
            self.count(at, own) if series.place.cc == cc else self.whole[at] for at, series in enumerate(self.series)]
        alone = [at for at, count in enumerate(counts) if self._fails_by_itself(count)]
        return frozenset(range(len(self.series)) if self._fails_everywhere(counts, alone) else alone)

    def _fails_by_itself(self, count: _Count) -> bool:
        """At least `_MANY` bursts beyond the usual, in as many parts of the time, more than one in `_EVERY`, and more
        than chance explains."""
        often = (min(count.beyond, count.parts) >= _MANY
                 and count.beyond * _EVERY > timedelta(days=count.days))
        return often and count.is_no_chance(len(self.cells.series))

    def _fails_everywhere(self, counts: Sequence[_Count], alone: Sequence[int]) -> bool:
        """Whether a service is flaky wherever it is measured.

        It is if it has flaky series in two countries. Less is enough if each of two countries has a series with
        `_OFTEN` bursts beyond the usual, and all series together have `_OFTEN_EACH` of them a series, `_OFTEN_A_YEAR`
        a year of each, and more than chance explains.
        """
        parts = [at for at in range(len(self.series)) if self.heard[at]]
        if len({self.series[at].place.cc for at in alone if self.heard[at]}) > 1:
            return True
        if len({self.series[at].place.cc for at in parts if at in alone
                or min(counts[at].beyond, counts[at].parts) >= _OFTEN}) < 2:
            return False
        cells = sum(int(self.series[at].times[-1] - self.series[at].times[0]) + 1 for at in parts)
        whole = _Count(times=sum(counts[at].times for at in parts), usual=sum(self.usual[at] for at in parts),
                       parts=sum(counts[at].parts for at in parts), days=sum(self.days[at] for at in parts))
        least = max(_OFTEN_A_YEAR * cells / self.cells.steps_per_year, _OFTEN_EACH * len(parts))
        often = min(whole.beyond, whole.parts) >= least
        return often and whole.is_no_chance(len(self.cells.series))


def _usual(series: Sequence[CellSeries], counts: Sequence[int]) -> list[int]:
    """The median of the network's other services for each series; 0 where there are none."""
    places: dict[CellPlace, list[int]] = {}
    for at, each in enumerate(series):
        places.setdefault(each.place, []).append(at)
    known: dict[tuple[CellPlace, str], int] = {}
    for each in series:
        if (each.place, each.service) not in known:
            others = sorted(counts[other] for other in places[each.place] if series[other].service != each.service)
            known[each.place, each.service] = others[(len(others) - 1) // 2] if others else 0
    return [known[each.place, each.service] for each in series]
