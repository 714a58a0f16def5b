"""Names whose handshakes a network slows: pure, from times by quarters of days.

A quarter is slow if the name's median lies far above each of four: other names of the network at other addresses in
these hours, the same name on other networks, its own in better times, and the TCP connect time of the same hours. A
slow path, line or device slows more than one name's handshake, and a slow service is slow everywhere. What is slow for
several quarters is held against the same four by rank tests. Whether the name or the address is struck is what other
names of the same prefix say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from probe_analysis.times.time_count import TimedStep
from probe_analysis.times.time_series import TimedName, TimeTable
from probe_analysis.times.time_sketch import (
    FACTOR_2,
    TimeSketch,
    find_chance,
    find_seconds,
    median_of,
    merge_sketches,
    quantile_of,
)

SlowKind = Literal["slowed.name", "slowed.address", "slowed"]
"""Other names of its prefix are fast; they are as slow; nobody measured any."""
LEAST_S = 0.2
"""So much longer than each reference: no route on earth adds as much to a handshake of one round trip."""
CONNECTS_S = 0.35
"""The same of what already connecting takes, which a longer route slows as well: past a detour of two oceans."""
LEAST_CONNECTS = 3
"""Times the connect time: a handshake has two round trips at most, and some work."""
LEAST_NAMES, LEAST_OTHERS = 3, 6
LEAST_OWN = 2
"""Of a quarter."""
LEAST_QUARTERS, LEAST_TIMES = 3, 8
"""Of a stretch; a crowded evening has two quarters at most."""
LEAST_SHARE = 2 / 3
"""Of the quarters of a stretch are slow."""
MOST_GAP = 4
"""Quarters without any measurement that do not part a stretch: a day."""
MOST_LATE = 2 / 3
"""Share that is given up: what hardly ever ends is a failure, which verdicts tell."""
BY_CHANCE = 1e-4
MOST_NAMES = 64
"""Others of a network that are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowReferences:
    """Medians in seconds that a slow stretch was held against, and of how many; None: nobody measured it."""

    others_s: float
    others_names: int
    beside_s: float | None
    """The fastest other name of the prefix."""
    beside_names: int
    elsewhere_s: float | None
    """On other networks of the country."""
    elsewhere_networks: int
    abroad_s: float | None
    before_s: float | None
    """Its own at other times."""
    connect_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowName:
    """A name that is slow on one network for some time."""

    own: TimedName
    step: TimedStep
    kind: SlowKind
    first: int
    """Quarters of days since 1970."""
    last: int
    before: int | None
    """The last quarter before with its usual times; None: there was none."""
    after: int | None
    """The first quarter after; None: it goes on as far as is measured."""
    median_s: float
    n: int
    slow: int
    """Of them so slow as none of the references is at its median."""
    witnesses: int
    """Probes whose median is slow, as far as slots tell them apart."""
    references: SlowReferences
    chance: float
    """The largest of the rank tests'."""


def find_slow_names(table: TimeTable) -> list[SlowName]:
    """Every slow stretch, by network, name and first quarter."""
    found = [stretch for own in table.list_names() for stretch in _search(table, own)]
    return [one for one in found if not _is_one_device(one, found)]


def _search(table: TimeTable, own: TimedName) -> Iterator[SlowName]:
    shakes = list(_list_stretches(table, own, "handshake"))
    connects = [stretch for stretch in _list_stretches(table, own, "connect")
                if not any(one[0] <= stretch[-1] and stretch[0] <= one[-1] for one in shakes)]
    judged = [*(_judge(table, own, "handshake", stretch) for stretch in shakes),
              *(_judge(table, own, "connect", stretch) for stretch in connects)]
    yield from filter(None, judged)


def _list_stretches(table: TimeTable, own: TimedName, step: TimedStep) -> Iterator[Sequence[int]]:
    """Slow quarters that follow each other, but for single ones between."""
    usual = _find_usual(own, step)
    if usual is None:
        return
    stretch: list[int] = []
    fast = 0
    for quarter in sorted(own.quarters[step]):
        if own.quarters[step][quarter].n < LEAST_OWN:
            continue
        slow = _is_slow(table, own, step, quarter, usual)
        if stretch and (quarter - stretch[-1] > MOST_GAP + 1 or (not slow and fast)):
            yield stretch
            stretch = []
        if slow:
            stretch.append(quarter)
        fast = 0 if slow else fast + 1
    if stretch:
        yield stretch


def _find_usual(own: TimedName, step: TimedStep) -> float | None:
    """What its better quarters take; -1 stands for the whole time."""
    if (step, -1) not in own.levels:
        levels = [level for quarter in own.quarters[step] if (level := own.find_level(step, quarter)) is not None]
        own.levels[step, -1] = quantile_of(levels, 0.1) if levels else None
    return own.levels[step, -1]


def _is_slow(table: TimeTable, own: TimedName, step: TimedStep, quarter: int, usual: float) -> bool:
    level = own.find_level(step, quarter)
    least_s = LEAST_S if step == "handshake" else CONNECTS_S
    if level is None or find_seconds(level) < least_s or not _is_above(level, usual, least_s):
        return False
    connect = own.find_level("connect", quarter)
    if step == "handshake" and (connect is None or find_seconds(level) < LEAST_CONNECTS * find_seconds(connect)
                                + LEAST_S):
        return False
    others = _find_others(table, own, step, quarter)
    if others is None or not _is_above(level, others, least_s):
        return False
    elsewhere = _find_elsewhere_s(table, own, step, quarter)
    return elsewhere is not None and _is_more(find_seconds(level) - find_seconds(others), elsewhere, least_s)


def _is_above(level: float, reference: float, least_s: float) -> bool:
    """Twice as long, and so many seconds longer."""
    return level - reference >= FACTOR_2 and find_seconds(level) - find_seconds(reference) >= least_s


def _is_more(own_s: float, elsewhere_s: float, least_s: float) -> bool:
    """The same of what a name takes beyond others: what is held back is added to a slow line's times as to a fast
    one's, so seconds are compared."""
    return own_s >= 2 * elsewhere_s and own_s - elsewhere_s >= least_s


def _find_elsewhere_s(table: TimeTable, own: TimedName, step: TimedStep, quarter: int) -> float | None:
    """What the name takes beyond others on the better of the country's other networks in these hours; None where nobody
    measured it there: what is slow for a whole country may be the service's own doing."""
    beyond = [seconds for one in table.by_name[own.name] if one.network[0] == own.network[0] and one is not own
              and (seconds := _find_beyond_s(table, one, step, quarter)) is not None]
    return max(0.0, quantile_of(beyond, 0.25)) if beyond else None


def _find_beyond_s(table: TimeTable, own: TimedName, step: TimedStep, quarter: int) -> float | None:
    """Seconds beyond the median of other names in a quarter, or in those next to it; None where too few tell."""
    for near in (quarter, quarter - 1, quarter + 1):
        level, others = own.find_level(step, near), _find_others(table, own, step, near)
        if level is not None and others is not None:
            return find_seconds(level) - find_seconds(others)
    return None


def _list_others(table: TimeTable, own: TimedName) -> list[TimedName]:
    """Other names of the network, at other addresses."""
    return [one for one in table.by_network[own.network].values()
            if one is not own and one.prefixes.isdisjoint(own.prefixes)][:MOST_NAMES]


def _find_others(table: TimeTable, own: TimedName, step: TimedStep, quarter: int) -> float | None:
    """The median of their levels in a quarter; None where they are too few."""
    key = step, quarter
    if key not in own.others:
        levels = [level for one in _list_others(table, own) if (level := one.find_level(step, quarter)) is not None]
        own.others[key] = median_of(levels) if len(levels) >= LEAST_NAMES else None
    return own.others[key]


def _judge(table: TimeTable, own: TimedName, step: TimedStep, slow: Sequence[int]) -> SlowName | None:
    """What rank tests say of a stretch; None where it is too short, or may be chance, a failure or a new version."""
    first, last = slow[0], slow[-1]
    judged = [quarter for quarter in own.quarters[step] if first <= quarter <= last]
    times = own.merge(step, judged)
    if (len(slow) < LEAST_QUARTERS or len(slow) < LEAST_SHARE * len(judged) or times.n < LEAST_TIMES
            or times.late_share > MOST_LATE or _is_of_version(table, own, step, slow)):
        return None
    others = [(one, one.merge(step, judged)) for one in _list_others(table, own)]
    usual = median_of([sketch.median for _, sketch in others if sketch.n])
    spared = list(_list_spared(table, own, step, judged, find_seconds(times.median) - find_seconds(usual)))
    rest = own.merge_rest(step, first, last)
    pooled = merge_sketches(sketch for _, sketch in others)
    faster = merge_sketches(sketch for sketch in spared if sketch.median < times.median)  # some have a slow line
    tests = [find_chance(times, pooled), *(find_chance(times, one) for one in (faster, rest) if one.n >= LEAST_TIMES)]
    if not spared or max(tests) > BY_CHANCE:
        return None
    abroad = merge_sketches(one.merge(step, judged) for one in table.by_name[own.name]
                            if one.network[0] != own.network[0])
    beside = _list_beside(table, own, step, judged)
    levels = [sketch.median for sketch in beside]
    connects = own.merge("connect", judged)
    bound = (times.median + usual) / 2
    witnesses = _count_witnesses(own, judged, bound)
    if not witnesses:
        return None
    return SlowName(
        own=own, step=step, kind=_find_kind(times.median, usual, levels, step), first=first, last=last,
        before=_find_fast(table, own, step, range(first - 1, first - 1 - MOST_GAP * 7, -1)),
        after=_find_fast(table, own, step, range(last + 1, last + 1 + MOST_GAP * 7)),
        median_s=find_seconds(times.median), n=times.n, witnesses=witnesses, chance=max(tests),
        slow=sum(n for counts in (times.ended, times.censored) for number, n in counts.items() if number > bound),
        references=SlowReferences(
            others_s=find_seconds(usual), others_names=sum(sketch.n > 0 for _, sketch in others),
            beside_s=find_seconds(min(levels)) if levels else None, beside_names=len(levels),
            elsewhere_s=_find_median_s(merge_sketches(spared)), elsewhere_networks=len(spared),
            abroad_s=_find_median_s(abroad), before_s=_find_median_s(rest), connect_s=_find_median_s(connects)))


def _list_spared(table: TimeTable, own: TimedName, step: TimedStep, quarters: Sequence[int],
                 beyond_s: float) -> Iterator[TimeSketch]:
    """The name's times on the country's other networks where they are far less beyond others' than `beyond_s`."""
    for one in table.by_name[own.name]:
        if one.network[0] == own.network[0] and one is not own:
            sketch = one.merge(step, quarters)
            there = [seconds for quarter in quarters
                     if (seconds := _find_beyond_s(table, one, step, quarter)) is not None]
            if sketch.n and there and _is_more(beyond_s, max(0.0, median_of(there)), LEAST_S):
                yield sketch


def _find_median_s(sketch: TimeSketch) -> float | None:
    return find_seconds(sketch.median) if sketch.n else None


def _find_fast(table: TimeTable, own: TimedName, step: TimedStep, quarters: range) -> int | None:
    """The first of these with enough measurements: a stretch ends where it is fast again, or nobody measures."""
    return next((quarter for quarter in quarters if quarter in own.quarters[step]
                 and own.quarters[step][quarter].n), None)


def _list_beside(table: TimeTable, own: TimedName, step: TimedStep, quarters: Sequence[int]) -> list[TimeSketch]:
    """Other names of its prefixes on the network in the same quarters, as far as they were measured enough."""
    beside = (one.merge(step, quarters) for one in table.by_network[own.network].values()
              if one is not own and not one.prefixes.isdisjoint(own.prefixes))
    return [sketch for sketch in beside if sketch.n >= LEAST_OTHERS - LEAST_OWN]


def _find_kind(level: float, usual: float, beside: Sequence[float], step: TimedStep) -> SlowKind:
    if step == "connect":
        return "slowed.address"  # a connection has no name yet
    if not beside:
        return "slowed"
    nearer = (level + usual) / 2
    return "slowed.name" if min(beside) < nearer else "slowed.address"


def _is_of_version(table: TimeTable, own: TimedName, step: TimedStep, slow: Sequence[int]) -> bool:
    """Whether a version of the program that nobody used elsewhere, or before, may be the cause."""
    well = {version for version in set().union(*own.versions.values())
            if sum(version in own.versions[quarter] for quarter in own.versions if quarter < slow[0]) >= LEAST_QUARTERS}
    for one in table.by_name[own.name]:
        if one.network != own.network:
            well.update(*(one.versions.get(quarter, ()) for quarter in slow
                          if (there := _find_beyond_s(table, one, step, quarter)) is not None
                          and (here := _find_beyond_s(table, own, step, quarter)) is not None
                          and _is_more(here, max(0.0, there), LEAST_S)))
    return 2 * sum(own.versions[quarter].isdisjoint(well) for quarter in slow) >= len(slow)


def _count_witnesses(own: TimedName, quarters: Sequence[int], bound: float) -> int:
    """Probes of which most times are slow; 0 where most probes that measured enough are spared."""
    wanted = set(quarters)
    by_slot: dict[int, list[TimeSketch]] = {}
    for (quarter, slot), sketch in own.slots.items():
        if quarter in wanted:
            by_slot.setdefault(slot, []).append(sketch)
    merged = [whole for sketches in by_slot.values() if (whole := merge_sketches(sketches)).n >= LEAST_OWN]
    slow = sum(sketch.median > bound for sketch in merged)
    return slow if 3 * slow >= 2 * len(merged) else 0


def _is_one_device(one: SlowName, found: Sequence[SlowName]) -> bool:
    """One probe saw one name slow for less than two days, on one network: a bad day of its own looks the same."""
    if one.witnesses > 1 or one.last - one.first >= 6:
        return False
    return not any(other is not one and other.first <= one.last and one.first <= other.last
                   and (other.own.network == one.own.network or other.own.name == one.own.name) for other in found)
