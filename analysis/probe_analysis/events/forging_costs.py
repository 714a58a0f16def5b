"""What an event would cost to forge, or to hide: the fewest colluding names that could have done it.

A name says one thing in an hour. So whoever made the blocked verdicts of a window up had as many names as must be taken
out of every hour until what is left is no window. Whoever hides one needs names beside the honest ones in its networks,
which find the service well, or everything else failing; or names in other countries, which find the service failing
there. These are lower bounds: no fewer names do it, in these ways, within the event's own time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from probe_analysis.events.cell_series import POOLED
from probe_analysis.events.crosscheck import (
    COUNTRY_SHARE,
    FRESH,
    LEAST_COUNTRIES,
    WITNESSES_AT_ONCE,
    WORLD,
)
from probe_analysis.events.devices import compare_devices
from probe_analysis.events.failing_alike import least_strength_alike
from probe_analysis.events.joint_windows import JudgedWindow
from probe_analysis.events.segments import LEAST_STRENGTH, estimate_strength, log_likelihood_ratio
from probe_analysis.events.series_windows import SeriesFinding
from probe_analysis.events.verdict_sums import count_verdicts
from probe_analysis.events.window import EventWindow

_MOST = 10_000
"""More names than that are not told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesNeeded:
    """How many colluding names would have done it."""

    established: int
    """Names that measured in the network some days before, or that the collector knows."""
    fresh: int | None
    """Names that nobody knew; None: no number of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgersNeeded:
    """What it would have cost to make an event up, and to keep it from being reported."""

    to_make: NamesNeeded
    to_hide: NamesNeeded


def find_forgers_needed(members: Sequence[JudgedWindow], alike: Iterable[SeriesFinding]) -> ForgersNeeded | None:
    """The costs of an event of these windows; `alike` is the service everywhere. None where nobody counted probes."""
    if not all(judged.window.series.witnesses_told for judged in members):
        return None
    networks: dict[int, list[JudgedWindow]] = {}
    for judged in members:
        networks.setdefault(judged.window.series.place.asn, []).append(judged)
    if len(networks) > 1:
        networks.pop(POOLED, None)
    make = sum(max(count_makers(judged.window, judged.needed) for judged in mine) for mine in networks.values())
    near = sum(max(_count_beside(judged) for judged in mine) for mine in networks.values())
    hide = min(near, _count_elsewhere(members[0], alike))
    only_established = all(FRESH in judged.checks.ruled_out for judged in members)
    return ForgersNeeded(to_make=NamesNeeded(established=make, fresh=None if only_established else make),
                         to_hide=NamesNeeded(established=hide, fresh=None if only_established else hide))


def count_makers(window: EventWindow, needed: float) -> int:
    """The fewest names whose blocked verdicts, taken out of each cell, leave no window of the score that is needed."""
    inside = window.covered(window.series.times)
    blocked, decided = window.series.blocked[inside], window.series.decided[inside]

    def is_gone(names: int) -> bool:
        out = np.minimum(blocked, names)
        k, n = int((blocked - out).sum()), int((decided - out).sum())
        return not _is_window(k, n, window, needed)

    return _find_least(is_gone)


def _count_beside(judged: JudgedWindow) -> int:
    """The fewest names in the network that hide a window from there."""
    window = judged.window

    def is_hidden(names: int) -> bool:
        cells = int(window.covered(np.arange(window.onset, window.end + 1)).sum())
        return not _is_window(window.blocked, window.decided + names * cells, window, judged.needed) \
            or compare_devices(_with_witnesses(window, names)).nats <= 0

    return _find_least(is_hidden, most=_names_alike(window, window.decided / window.cells))


def _with_witnesses(window: EventWindow, names: int) -> EventWindow:
    """The window with so many names more in each cell, who find the service well."""
    series = window.series
    return replace(window, series=replace(series, decided=series.decided + names,
                                          witnesses=series.witnesses + names))


def _count_elsewhere(judged: JudgedWindow, alike: Iterable[SeriesFinding]) -> int:
    """The fewest names in other countries, also in such where nobody measures, that make it look like the service; or
    in one, where established names make it begin in both at once."""
    window, numbers = judged.window, judged.checks.answers[WORLD].numbers  # `turned` countries, and others that are new
    costs = sorted(_names_alike(window, measured) for measured in _list_countries(window, alike))
    compared, failed = int(numbers.get("compared", 0)), int(numbers.get("alike", 0))
    every = [max(WITNESSES_AT_ONCE, cost) for cost in (costs or [1])[:1]]
    for turned in range(len(costs) + 1):
        known = failed + turned
        share = math.ceil((COUNTRY_SHARE * compared - known) / (1 - COUNTRY_SHARE) - 1e-9)
        every.append(sum(costs[:turned]) + max(0, LEAST_COUNTRIES - known, share))
    return max(1, min(every))


def _list_countries(window: EventWindow, alike: Iterable[SeriesFinding]) -> list[float]:
    """Verdicts an hour of the window of each other country that measures the same."""
    series, sums = window.series, dict[str, int]()
    for each in alike:
        same = (each.series.role, each.series.target_id) == (series.role, series.target_id)
        if same and each.series.place.cc != series.place.cc:
            decided = count_verdicts(each.series, window, fresh=False)[1]
            sums[each.series.place.cc] = sums.get(each.series.place.cc, 0) + decided
    return [decided / window.cells for decided in sums.values() if decided]


def _names_alike(window: EventWindow, measured: float) -> int:
    """Names that make others fail like the window, beside so many honest verdicts an hour."""
    share = least_strength_alike(window)
    return max(1, math.ceil(share * measured / (1 - share) - 1e-9))


def _is_window(blocked: int, decided: int, window: EventWindow, needed: float) -> bool:
    if not blocked or blocked / decided <= window.base:
        return False
    strong = float(estimate_strength(blocked / decided, window.base)) >= LEAST_STRENGTH
    return strong and log_likelihood_ratio(blocked, decided, window.base) / window.inflation >= needed


def _find_least(is_done: Callable[[int], bool], most: int = _MOST) -> int:
    """The least number of names that do it, of 1 and more; more names do it as well, and `most` surely do."""
    high = 1
    while high < most and not is_done(high):
        high *= 2
    low, high = high // 2, min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_done(middle) else (middle, high)
    return high
