"""Time in columns: equal steps of UTC time, and what a row says in each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

MAX_COLUMNS = 48
_HOURS = (1, 2, 3, 6, 12, 24, 48, 7 * 24, 14 * 24, 28 * 24, 91 * 24, 364 * 24)

_FEW_DAYS = timedelta(days=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """Consecutive steps of equal width; the first begins at a round time."""

    start: datetime
    width: timedelta
    count: int

    def index(self, time: datetime) -> int:
        """The step that a time falls into."""
        return (time - self.start) // self.width

    def begin(self, index: int) -> datetime:
        """When a step begins."""
        return self.start + index * self.width


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What the runs of one step say of one row."""

    state: str
    """An outcome, `partial`, `mixed` (some runs ok and some blocked), or `none` where there was no run."""
    counts: tuple[tuple[str, int], ...]
    """(outcome, runs), the most frequent first."""
    blocked_share: float
    """Blocked of decided runs, those partly blocked included; 0 when none is decided."""

    @property
    def total(self) -> int:
        """Runs, whatever they say."""
        return sum(n for _, n in self.counts)

    def decided(self) -> int:
        """Runs that say ok, blocked or partly blocked: the denominator of every share."""
        return sum(n for state, n in self.counts if state in ("ok", "blocked", "partial"))

    def n(self, state: str) -> int:
        """Runs that say so."""
        return dict(self.counts).get(state, 0)


EMPTY = Cell(state="none", counts=(), blocked_share=0.0)


def make_buckets(times: Iterable[datetime], *, most: int = MAX_COLUMNS, least: timedelta = timedelta(0)) -> Buckets:
    """Steps that hold all times: about one run in each, at most `most` where a year is enough for one, none shorter
    than `least`."""
    stamps = sorted(set(times))
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    wanted = max(sorted(gaps)[len(gaps) // 2], (stamps[-1] - stamps[0]) / (most - 1)) if gaps else timedelta(0)
    wanted = max(wanted, least)
    width = next((step for hours in _HOURS if (step := timedelta(hours=hours)) >= wanted), timedelta(hours=_HOURS[-1]))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    start = epoch + (stamps[0] - epoch) // width * width
    return Buckets(start=start, width=width, count=(stamps[-1] - start) // width + 1)


def day_buckets(times: Iterable[datetime], *, most: int) -> Buckets:
    """Steps of a day, or of more where there were more than `most`; of hours where all is over in a few days."""
    stamps = sorted(times)
    if stamps[-1] - stamps[0] <= _FEW_DAYS:
        return make_buckets(stamps, most=min(most, MAX_COLUMNS))
    return make_buckets(stamps, most=most, least=timedelta(days=1))


def cells(buckets: Buckets, rows: Iterable[tuple[datetime, str]]) -> Sequence[Cell]:
    """One cell per step from (time, state) rows."""
    found: dict[int, Counter[str]] = {}
    for time, state in rows:
        found.setdefault(buckets.index(time), Counter())[state] += 1
    return [_cell(found[index]) if index in found else EMPTY for index in range(buckets.count)]


def _cell(counts: Counter[str]) -> Cell:
    blocked = counts["blocked"] + counts["partial"]
    decided = counts["ok"] + blocked
    return Cell(
        state=_state(counts),
        counts=tuple((state, n) for state, n in counts.most_common() if n),
        blocked_share=blocked / decided if decided else 0.0,
    )


def _state(counts: Mapping[str, int]) -> str:
    """Decided runs speak before others, undecided ones before those never attempted."""
    decided = {state for state in ("ok", "blocked", "partial") if counts.get(state)}
    if "ok" in decided and len(decided) > 1:
        return "mixed"
    if decided:
        return "partial" if decided == {"partial"} else decided.difference({"partial"}).pop()
    tried = [state for state, n in counts.items() if n and state != "not_attempted"]
    return max(tried, key=lambda state: counts[state], default="not_attempted")
