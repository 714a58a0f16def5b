"""Counts of times, sorted for questions: by network, name and quarter of a day. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from probe_analysis.times.time_count import HOURS_OF_QUARTER, Network, TimeCount, TimedStep
from probe_analysis.times.time_sketch import TimeSketch, merge_sketches

Quarters = Mapping[int, TimeSketch]
"""Quarter of a day since 1970 -> what was counted in it."""


@dataclass(slots=True, kw_only=True)
class TimedName:
    """One name on one network."""

    network: Network
    name: str
    service: str = ""
    prefixes: set[str] = field(default_factory=set)
    quarters: dict[TimedStep, dict[int, TimeSketch]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(TimeSketch)))
    slots: dict[tuple[int, int], TimeSketch] = field(default_factory=lambda: defaultdict(TimeSketch))
    """(quarter, probe's slot) -> handshakes."""
    versions: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Quarter -> versions of the program."""
    fresh: set[int] = field(default_factory=set)
    """Quarters that rest on names that nobody knew."""

    levels: dict[tuple[TimedStep, int], float | None] = field(default_factory=dict)
    """What `find_level` found."""
    others: dict[tuple[TimedStep, int], float | None] = field(default_factory=dict)
    """Medians of names at other addresses: what `slow_search` found."""

    def add(self, row: TimeCount) -> None:
        """Count a row."""
        quarter = row.hour // HOURS_OF_QUARTER
        self.service = self.service or row.service
        self.prefixes.add(row.prefix)
        self.versions[quarter].add(row.version)
        self.quarters[row.step][quarter].add(row.bin, row.n, censored=row.censored)
        if row.step == "handshake":
            self.slots[quarter, row.slot].add(row.bin, row.n, censored=row.censored)
        if row.fresh:
            self.fresh.add(quarter)

    def find_level(self, step: TimedStep, quarter: int) -> float | None:
        """The median of a quarter, as a bin; None where nothing was measured. Asked once all rows are counted."""
        if (step, quarter) not in self.levels:
            own = self.quarters[step].get(quarter)
            self.levels[step, quarter] = own.median if own and own.n else None
        return self.levels[step, quarter]

    def merge(self, step: TimedStep, within: Iterable[int]) -> TimeSketch:
        """All of a step in these quarters."""
        own = self.quarters[step]
        return merge_sketches(own[quarter] for quarter in within if quarter in own)

    def merge_rest(self, step: TimedStep, first: int, last: int) -> TimeSketch:
        """All of a step outside of these quarters, for both of which nothing is sure at their edges."""
        own = self.quarters[step]
        return merge_sketches(sketch for quarter, sketch in own.items() if not first - 1 <= quarter <= last + 1)


@dataclass(slots=True, kw_only=True)
class TimeTable:
    """Everything that was counted."""

    by_network: dict[Network, dict[str, TimedName]] = field(default_factory=lambda: defaultdict(dict))
    by_name: dict[str, list[TimedName]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: TimeCount) -> None:
        """Count a row."""
        names = self.by_network[row.network]
        if row.name not in names:
            names[row.name] = TimedName(network=row.network, name=row.name)
            self.by_name[row.name].append(names[row.name])
        names[row.name].add(row)

    def list_names(self) -> Iterator[TimedName]:
        """Each name on each network, in order."""
        for network in sorted(self.by_network):
            for name in sorted(self.by_network[network]):
                yield self.by_network[network][name]


def make_table(rows: Iterable[TimeCount]) -> TimeTable:
    """The rows, sorted."""
    table = TimeTable()
    for row in rows:
        table.add(row)
    return table

