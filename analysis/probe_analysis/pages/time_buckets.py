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

ANSWERED = ("ok", "blocked", "partial")
"""What decides of one volunteer's runs."""
COUNTED_DECIDED = (*ANSWERED, "down")
"""What decides in counts of many volunteers: the `n` of a cell table."""
MIN_DECIDED = 5
"""With fewer decided runs of many volunteers a share is not told."""
MIXED_FROM, MOST_FROM = 0.1, 0.5
"""So large a share of the decided is no noise any more, and so large a one is most of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBuckets:
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
class BucketCell:
    """What the runs of one step say of one row."""

    state: str
    """An outcome, `partial`, `mixed` (some runs ok and some blocked), `few` (of many volunteers too few decided runs),
    or `none` where there was no run."""
    counts: tuple[tuple[str, int], ...]
    """(outcome, runs), the most frequent first."""
    blocked_share: float
    """Blocked of decided runs, those partly blocked included; 0 when none is decided."""
    deciding: tuple[str, ...] = ANSWERED
    """The outcomes that count as decided; in an order, since pages are known by what is written of their values."""

    @property
    def total(self) -> int:
        """Runs, whatever they say."""
        return sum(n for _, n in self.counts)

    def decided(self) -> int:
        """Runs with a deciding outcome: the denominator of every share."""
        return sum(n for state, n in self.counts if state in self.deciding)

    def n(self, state: str) -> int:
        """Runs that say so."""
        return dict(self.counts).get(state, 0)


EMPTY = BucketCell(state="none", counts=(), blocked_share=0.0)
EMPTY_OF_MANY = BucketCell(state="none", counts=(), blocked_share=0.0, deciding=COUNTED_DECIDED)


def make_buckets(times: Iterable[datetime], *, most: int = MAX_COLUMNS, least: timedelta = timedelta(0)) -> TimeBuckets:
    """Steps that hold all times: about one run in each, at most `most` where a year is enough for one, none shorter
    than `least`."""
    stamps = sorted(set(times))
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    wanted = max(sorted(gaps)[len(gaps) // 2], (stamps[-1] - stamps[0]) / (most - 1)) if gaps else timedelta(0)
    return _round_steps(stamps[0], stamps[-1], max(wanted, least))


def make_day_buckets(times: Iterable[datetime], *, most: int) -> TimeBuckets:
    """Steps of a day, or of more where there were more than `most`; of hours where all is over in a few days."""
    stamps = sorted(times)
    if stamps[-1] - stamps[0] <= _FEW_DAYS:
        return make_buckets(stamps, most=min(most, MAX_COLUMNS))
    return make_buckets(stamps, most=most, least=timedelta(days=1))


def make_span_buckets(first: datetime, last: datetime, *, most: int) -> TimeBuckets:
    """Steps of a day from one hour to another, or of more where there were more than `most`; of hours where all is over
    in a few days."""
    fine = last - first <= _FEW_DAYS
    most = min(most, MAX_COLUMNS) if fine else most
    return _round_steps(first, last, max(timedelta(hours=1 if fine else 24), (last - first) / max(1, most - 1)))


def make_bucket_cells(buckets: TimeBuckets, rows: Iterable[tuple[datetime, str]]) -> Sequence[BucketCell]:
    """One cell per step from (time, state) rows."""
    found: dict[int, Counter[str]] = {}
    for time, state in rows:
        found.setdefault(buckets.index(time), Counter())[state] += 1
    return [_cell(found[index]) if index in found else EMPTY for index in range(buckets.count)]


def make_fleet_cell(counts: Mapping[str, int]) -> BucketCell:
    """What the runs of many volunteers say in one step: there a lone contrary run is no news, and few are no share."""
    found = tuple(sorted(((state, n) for state, n in counts.items() if n), key=lambda pair: -pair[1]))
    decided = sum(n for state, n in found if state in COUNTED_DECIDED)
    share = counts.get("blocked", 0) / decided if decided else 0.0
    return BucketCell(state=_state_of_many(counts, decided, share) if found else "none", counts=found,
                      blocked_share=share, deciding=COUNTED_DECIDED)


def _state_of_many(counts: Mapping[str, int], decided: int, share: float) -> str:
    """Decided runs speak, unless the whole network was cut for most, or next to nothing was decided."""
    if decided >= MIN_DECIDED and share >= MIXED_FROM:
        return "blocked" if share >= MOST_FROM else "mixed"
    others = {state: n for state, n in counts.items() if state not in COUNTED_DECIDED}
    most = max(others, key=lambda state: others[state], default="")
    if counts.get("network", 0) > decided:
        return "network"
    if decided < MIN_DECIDED:
        return most if most and others[most] > decided else "few"
    return "down" if counts.get("down", 0) >= decided * MOST_FROM else "ok"


def _round_steps(first: datetime, last: datetime, wanted: timedelta) -> TimeBuckets:
    width = next((step for hours in _HOURS if (step := timedelta(hours=hours)) >= wanted), timedelta(hours=_HOURS[-1]))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    start = epoch + (first - epoch) // width * width
    return TimeBuckets(start=start, width=width, count=(last - start) // width + 1)


def _cell(counts: Counter[str]) -> BucketCell:
    blocked = counts["blocked"] + counts["partial"]
    decided = counts["ok"] + blocked
    return BucketCell(
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
