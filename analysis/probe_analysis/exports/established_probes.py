"""How many probes a network has that the collector knew before: new names may be one person's. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from datetime import date, timedelta

from probe.core.tables.name_ages import ESTABLISHED_DAYS, HISTORY_DAYS, MOST_OF_PREFIX
from probe.store.archive.vouched_names import VouchedNames

_WAIT = timedelta(days=ESTABLISHED_DAYS)


def count_established(days: Mapping[date, Set[str]], until: date, asn: int, vouched: VouchedNames | None) -> int:
    """Established probes among those that measured in a network in the 30 days up to `until`.

    `days` says who measured there on each day. A name lasts a month, so names of two months may be one probe: the month
    with more counts. None is where the collector's record says nothing of the day: times of runs can be made up.
    """
    if vouched is None or not vouched.speaks_of(until):
        return 0
    months: defaultdict[tuple[int, int], set[str]] = defaultdict(set)
    for back in range(HISTORY_DAYS):
        day = until - timedelta(days=back)
        months[day.year, day.month] |= days.get(day, frozenset())
    return max(_count_vouched(names, until, asn, vouched) for names in months.values())


def _count_vouched(names: Set[str], until: date, asn: int, vouched: VouchedNames) -> int:
    """Those whom the collector has known for long enough, two of each prefix at most."""
    known = [entry for name in names if (entry := vouched.find(name, asn, until)) and entry.since <= until - _WAIT]
    prefixes = Counter(entry.prefix for entry in known)
    return sum(count if not prefix else min(count, MOST_OF_PREFIX) for prefix, count in prefixes.items())
