"""Whose word counts in the cells of a day: names that were there before, where there are any.

Names are numbers here, so that years of thousands of probes fit: a row for each name and network of a day. The standing
of a day follows from the days before it and from the collector's record alone, so nothing that comes later changes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import blake2b
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probe.core.tables.name_ages import ESTABLISHED_DAYS, HISTORY_DAYS, MOST_OF_PREFIX
from probe.store.archive.vouched_names import VouchedNames

DayNames: TypeAlias = NDArray[np.uint64]
"""Rows of two numbers, sorted, each once: of the name, and of its country and network."""

NO_NAMES: DayNames = np.zeros((0, 2), dtype=np.uint64)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_ASN_MASK = np.uint64((1 << 32) - 1)
_WAIT = timedelta(days=ESTABLISHED_DAYS)
_FAR = np.int64(1 << 40)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayStanding:
    """Who counts on one day."""

    unknown: bool
    """Nobody could be established yet: everybody counts."""
    vouched: bool
    """The collector's record says who is. Else runs say it of themselves, by times that may be made up."""
    established: NDArray[np.uint64]
    """Names in their networks, as `pair_numbers` of them, sorted."""

    def who_counts(self, probe_ids: Iterable[str], countries: Iterable[str], asns: Iterable[int]) -> list[bool]:
        """Of each name in its network whether it is established."""
        rows = pd.DataFrame({"name": list(probe_ids), "cc": list(countries), "asn": list(asns)})
        if rows.empty:
            return []
        pairs = pair_numbers(_rows(rows))
        return list((rows["name"] != "").to_numpy() & np.isin(pairs, self.established))

    @property
    def digest(self) -> str:
        """The same where the same names count."""
        return blake2b(bytes([self.unknown, self.vouched]) + self.established.tobytes(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VouchedNumbers:
    """The collector's record as numbers."""

    speaks_of: Callable[[date], bool]
    """Whether it can tell of a day who was known."""
    known: DayNames
    """Names and numbers of networks, 0 for every one; sorted as pairs are."""
    since: NDArray[np.int64]
    """Of each, as a day's ordinal."""
    prefix: NDArray[np.int64]
    """Of each, a number for its prefix; -1 where it is not known."""
    elsewhere: NDArray[np.uint64]
    """Names in their networks, as pairs, a row for each stay elsewhere."""
    stays: NDArray[np.int64]
    """Of each of these its first day, and the first day after it."""


def number_names(probe_ids: Iterable[str], countries: Iterable[str], asns: Iterable[int]) -> DayNames:
    """The rows of one day; a run without a name has none."""
    rows = pd.DataFrame({"name": list(probe_ids), "cc": list(countries), "asn": list(asns)}).drop_duplicates()
    rows = rows[rows["name"] != ""]
    return NO_NAMES if rows.empty else np.unique(_rows(rows), axis=0)


def _rows(rows: pd.DataFrame) -> DayNames:
    place = [number_network(cc, int(asn)) for cc, asn in zip(rows["cc"], rows["asn"], strict=True)]
    return np.column_stack([_hash(rows["name"]), np.array(place, dtype=np.uint64)])


def number_network(cc: str, asn: int) -> int:
    """Two capital letters and a number of 32 bits as one."""
    return ord(cc[0]) << 40 | ord(cc[1]) << 32 | asn


def pair_numbers(names: DayNames) -> NDArray[np.uint64]:
    """One number for each name in its network."""
    with np.errstate(over="ignore"):
        return np.asarray(names[:, 0] * _MIX ^ names[:, 1], dtype=np.uint64)


def number_vouched(vouched: VouchedNames | None) -> VouchedNumbers | None:
    """The record as numbers; None where there is none."""
    if vouched is None:
        return None
    records = vouched.names
    keys = list(records)
    names = _number_keys(keys)
    away = [(key, span) for key, spans in vouched.elsewhere.items() for span in spans]
    prefixes = {word: number for number, word in enumerate(sorted({one.prefix for one in records.values()} - {""}))}
    order = np.argsort(pair_numbers(names), kind="stable")
    return VouchedNumbers(
        speaks_of=vouched.speaks_of, known=names[order],
        since=np.array([records[key].since.toordinal() for key in keys], dtype=np.int64)[order],
        prefix=np.array([prefixes.get(records[key].prefix, -1) for key in keys], dtype=np.int64)[order],
        elsewhere=pair_numbers(_number_keys([key for key, _ in away])),
        stays=np.array([(span.begin.toordinal(), (span.end or date.max).toordinal()) for _, span in away],
                       dtype=np.int64).reshape(-1, 2))


def _number_keys(keys: Sequence[tuple[str, int]]) -> DayNames:
    """Names and numbers of networks, in the order given."""
    if not keys:
        return NO_NAMES
    return np.column_stack([_hash(pd.Series([name for name, _ in keys])),
                            np.array([asn for _, asn in keys], dtype=np.uint64)])


def judge_days(days: Sequence[str], names_of: Callable[[str], DayNames],
               vouched: VouchedNumbers | None = None) -> dict[str, DayStanding]:
    """Who counts on each day (YYYY-MM-DD, rising). Names of a day are asked for once."""
    every = [names_of(day) for day in days]
    pairs, at = np.unique(np.concatenate([NO_NAMES[:, 0], *map(pair_numbers, every)]), return_inverse=True)
    seen = np.zeros(len(pairs), dtype=np.int64)
    made: dict[str, DayStanding] = {}
    first = next((_date(day) for day, names in zip(days, every, strict=True) if len(names)), date.max)
    settled = min(first, date.max - _WAIT) + _WAIT
    for day, names, places, now in _walk(days, every, at, seen):
        if vouched is not None and vouched.speaks_of(now):
            made[day] = DayStanding(unknown=False, vouched=True, established=find_vouched(names, now, vouched))
        else:
            known = pairs[places[seen[places] >= ESTABLISHED_DAYS]]
            made[day] = DayStanding(unknown=now < settled, vouched=False, established=np.sort(known))
    return made


def _walk(days: Sequence[str], every: Sequence[DayNames], at: NDArray[np.int64],
          seen: NDArray[np.int64]) -> Iterator[tuple[str, DayNames, NDArray[np.int64], date]]:
    """Each day with its names and their places, while `seen` counts the days on which they were there before it."""
    past: deque[tuple[date, NDArray[np.int64]]] = deque()
    start = 0
    for day, names in zip(days, every, strict=True):
        places, start, now = at[start:start + len(names)], start + len(names), _date(day)
        while past and past[0][0] < now - timedelta(days=HISTORY_DAYS):
            seen[past.popleft()[1]] -= 1
        yield day, names, places, now
        seen[places] += 1
        past.append((now, places))


def _date(day: str) -> date:
    return date.fromisoformat(day)


def find_vouched(names: DayNames, day: date, vouched: VouchedNumbers) -> NDArray[np.uint64]:
    """Those whom the collector has known for long enough, and who are not elsewhere, the oldest few of each prefix."""
    if not len(vouched.known):
        return NO_NAMES[:, 0]
    own, since, prefix = pair_numbers(names), np.full(len(names), _FAR), np.full(len(names), -1, dtype=np.int64)
    known = pair_numbers(vouched.known)
    for networks in (np.zeros(len(names), dtype=np.uint64), names[:, 1] & _ASN_MASK):  # what is told of one goes before
        wanted = pair_numbers(np.column_stack([names[:, 0], networks]))
        places = np.minimum(np.searchsorted(known, wanted), max(0, len(known) - 1))
        hit = known[places] == wanted
        since[hit], prefix[hit] = vouched.since[places[hit]], vouched.prefix[places[hit]]
    since[np.isin(wanted, _find_elsewhere(day, vouched))] = _FAR
    old = np.flatnonzero(since <= day.toordinal() - ESTABLISHED_DAYS)
    rank = old[np.lexsort((own[old], since[old], prefix[old], names[old, 1]))]
    group = np.column_stack([names[rank, 1].astype(np.int64), prefix[rank]])
    begins = np.flatnonzero(np.concatenate(([True], (group[1:] != group[:-1]).any(axis=1)))) if len(rank) else rank
    place = np.arange(len(rank)) - np.repeat(begins, np.diff(np.append(begins, len(rank))))
    return np.sort(own[rank[(place < MOST_OF_PREFIX) | (prefix[rank] < 0)]])


def _find_elsewhere(day: date, vouched: VouchedNumbers) -> NDArray[np.uint64]:
    begin, end = vouched.stays[:, 0], vouched.stays[:, 1]
    return vouched.elsewhere[(begin <= day.toordinal()) & (day.toordinal() < end)]


def _hash(texts: pd.Series) -> NDArray[np.uint64]:
    return np.asarray(pd.util.hash_array(texts.to_numpy(dtype=object), categorize=False), dtype=np.uint64)
