"""Whether a window began with a change of the volunteers' own ClientHellos, and which shapes it strikes.

A new TLS library sends other hellos, and a box or a server may treat these otherwise. So a series that changes in the
hour in which the hellos changed may tell of the volunteers, not of the network. Those whose hello is as before decide:
where they are struck alike, it is not the hello.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from probe_analysis.events.check_answers import Answer, Numbers
from probe_analysis.events.hello_tracks import HelloTrack, ShapeCount
from probe_analysis.events.segments import estimate_strength, log_likelihood_ratio
from probe_analysis.events.window import EventWindow

LEAST_CELLS_BEFORE = 6
"""Measured cells before the onset in which a shape must have passed to be none that came with it."""
_DAYS_BEFORE = 28
_ALIKE_SHARE = 0.5
"""Shapes are struck alike where one has so much of the other's strength."""
_SPARED_SHARE = 0.2
"""At most such a share of the strongest rate fails of a shape that is spared."""
_LEAST_SCORE = 3.0
_APART_SCORE = 6.0
"""Nats by which two rates must be likelier than one, of shapes in the same cells."""
_TOLD_SHARE = 0.5
"""Of a window's failures that must be of runs that tell their hello."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloFindings:
    """What came of the question about one window."""

    answer: Answer = "open"
    """`doubt`: it may have begun with a change of hellos; `out`: shapes from before are struck alike, or none is new;
    `open`: too few runs say which they sent."""
    numbers: Numbers = field(default_factory=dict)
    new: tuple[str, ...] = ()
    """Shapes that fail and had not passed before the onset."""
    struck: tuple[str, ...] = ()
    """Shapes that fail where others pass, in the same cells; empty where all fare alike. Likewise the next."""
    spared: tuple[str, ...] = ()


NO_HELLOS = HelloFindings()
"""Nothing is known of hellos, or nobody asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tally:
    hit: int = 0
    of: int = 0

    def plus(self, other: _Tally) -> _Tally:
        return _Tally(hit=self.hit + other.hit, of=self.of + other.of)

    def times(self, number: int) -> _Tally:
        return _Tally(hit=self.hit * number, of=self.of * number)

    @property
    def rate(self) -> float:
        return self.hit / self.of if self.of else 0.0


def compare_hellos(window: EventWindow) -> HelloFindings:
    """Asks about the hellos of one window; see `HelloFindings`."""
    tracks = window.series.hellos
    if not tracks:
        return NO_HELLOS
    struck, spared = _part(_join(_add_up(track, window.covered(track.times), several=True) for track in tracks))
    sides = [_find_sides(track, window) for track in tracks]
    long_enough = [side for side in sides if side.before >= LEAST_CELLS_BEFORE]
    known, new = (_join(getattr(side, name) for side in long_enough) for name in ("known", "new"))
    old, fresh = _sum(known.values()), _sum(new.values())
    if not long_enough or not (old.hit or fresh.hit) or old.hit + fresh.hit < _TOLD_SHARE * window.blocked:
        return HelloFindings(struck=struck, spared=spared)
    numbers = {"failed_of_new_hellos": fresh.hit, "of_new_hellos": fresh.of, "failed_of_hellos_from_before": old.hit,
               "of_hellos_from_before": old.of, "cells_before": sum(side.before for side in long_enough)}
    answer: Answer = "out" if not fresh.hit or _is_alike(old, fresh, window) else "doubt"
    return HelloFindings(answer=answer, numbers=numbers, struck=struck, spared=spared,
                         new=tuple(sorted(shape for shape, one in new.items() if one.hit)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """Verdicts of one network in a window, by shape."""

    before: int
    """Measured cells before the onset that tell of shapes."""
    known: Mapping[str, _Tally]
    """Of shapes that had passed before the onset."""
    new: Mapping[str, _Tally]


def _find_sides(track: HelloTrack, window: EventWindow) -> _Sides:
    before, passed = _list_passed(track, window)
    tallies = _add_up(track, window.covered(track.times), several=False)
    known = {shape: one for shape, one in tallies.items() if passed[shape] >= LEAST_CELLS_BEFORE}
    return _Sides(before=before, known=known, new={shape: one for shape, one in tallies.items() if shape not in known})


def _is_alike(known: _Tally, new: _Tally, window: EventWindow) -> bool:
    """Whether those whose hello is as before are struck as the others are, and that is no chance."""
    if not known.of:
        return False
    strengths = [float(estimate_strength(one.rate, window.base)) for one in (known, new)]
    score = log_likelihood_ratio(known.hit, known.of, window.base) / window.inflation
    return strengths[0] >= _ALIKE_SHARE * strengths[1] and score >= _LEAST_SCORE


def _list_passed(track: HelloTrack, window: EventWindow) -> tuple[int, Counter[str]]:
    """How many cells before the onset tell of shapes, and in how many of these each shape passed."""
    earlier = (track.times < window.onset) & (track.times >= window.onset - _DAYS_BEFORE * window.day)
    before, passed = 0, Counter[str]()
    for sent, counts, times in _list_cells(track, earlier):
        before += times if sent else 0
        passed.update({shape: times for shape in sent if _passes(shape, counts, of_failures=track.of_failures)})
    return before, passed


def _passes(shape: str, counts: Mapping[str, ShapeCount], *, of_failures: bool) -> bool:
    """Whether a shape that was sent passed in a cell: nothing failed there, or most of its own verdicts are well."""
    count = counts.get(shape)
    if count is None:
        return not counts
    one = _count(count, of_failures=of_failures)
    return 2 * one.hit < one.of


def _list_cells(track: HelloTrack, inside: NDArray[np.bool_],
                ) -> Iterator[tuple[frozenset[str], Mapping[str, ShapeCount], int]]:
    """What these cells say of hellos, each once, and how many of them say so."""
    size = len(track.words.struck)
    pairs, times = np.unique(track.sent[inside].astype(np.int64) * size + track.struck[inside], return_counts=True)
    for pair, number in zip(pairs.tolist(), times.tolist(), strict=True):
        at, struck_at = divmod(pair, size)
        yield track.words.sent[at], track.words.struck[struck_at], number


def _add_up(track: HelloTrack, inside: NDArray[np.bool_], *, several: bool) -> dict[str, _Tally]:
    """Failures of each shape in these cells; `several`: only in those in which several shapes speak."""
    cells = ((counts, times) for _, counts, times in _list_cells(track, inside) if len(counts) > 1 or not several)
    made = _join({shape: _count(count, of_failures=track.of_failures).times(times) for shape, count in counts.items()}
                 for counts, times in cells)
    return {shape: one for shape, one in made.items() if one.of}


def _count(count: ShapeCount, *, of_failures: bool) -> _Tally:
    hit = max(count.failed, count.blocked) if of_failures else count.blocked
    return _Tally(hit=hit, of=hit + count.ok)


def _join(several: Iterable[Mapping[str, _Tally]]) -> dict[str, _Tally]:
    made: dict[str, _Tally] = {}
    for tallies in several:
        for shape, one in tallies.items():
            made[shape] = made.get(shape, _Tally()).plus(one)
    return made


def _sum(tallies: Iterable[_Tally]) -> _Tally:
    total = _Tally()
    for one in tallies:
        total = total.plus(one)
    return total


def _part(tallies: Mapping[str, _Tally]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Shapes that fail and shapes that pass in the same cells; none where one rate explains both as well."""
    most = max((one.rate for one in tallies.values()), default=0.0)
    struck = tuple(sorted(shape for shape, one in tallies.items() if one.rate >= _ALIKE_SHARE * most > 0))
    spared = tuple(sorted(shape for shape, one in tallies.items() if one.rate <= _SPARED_SHARE * most))
    hit, well = (_sum(tallies[shape] for shape in shapes) for shapes in (struck, spared))
    if not hit.of or not well.of:
        return (), ()
    both = hit.plus(well).rate
    apart = sum(log_likelihood_ratio(one.hit, one.of, both) for one in (hit, well))
    return (struck, spared) if apart >= _APART_SCORE else ((), ())
