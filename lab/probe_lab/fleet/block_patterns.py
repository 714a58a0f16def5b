"""How a block acts over its time: without a break, in pieces, on weekdays, in two windows a day, growing, by half."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from probe_lab.fleet.fleet_world import DAY

Pattern = Literal["whole", "pieces", "weekdays", "two_windows", "growing", "half_boxes"]
HARD: tuple[Pattern, ...] = get_args(Pattern)[1:]
LEAST_H = {"pieces": 24, "weekdays": 8 * DAY, "two_windows": 5 * DAY, "growing": 48, "half_boxes": 12}
"""Hours from which on a block can be seen to follow the pattern."""
_PIECE_H, _PAUSE_H = (6, 48), (3, 30)
_WINDOWS = ((4, 8), (10, 14))
"""First hour of each daily window, and the first in which it is over."""


def shares_of_time(pattern: Pattern, begin: int, stop: int, seed: int) -> NDArray[np.float64]:
    """Of each hour of a block the share of its strength at which it acts, 0 to 1; it acts in its first hour."""
    hours = np.arange(begin, stop)
    if pattern == "pieces":
        return _pieces(len(hours), np.random.default_rng([seed, 8]))
    if pattern == "weekdays":  # days of the week are counted from the first day of the fleet
        return np.asarray(hours // DAY % 7 < 5, dtype=np.float64)
    if pattern == "two_windows":
        of_day = hours % DAY
        (one, until), (other, last) = _WINDOWS
        acts = ((of_day >= one) & (of_day < until)) | ((of_day >= other) & (of_day < last))
        return np.asarray(acts, dtype=np.float64)
    if pattern == "growing":
        return np.asarray(np.minimum(1.0, 0.2 + 1.6 * np.arange(len(hours)) / len(hours)))
    return np.ones(len(hours))


def _pieces(hours: int, rng: np.random.Generator) -> NDArray[np.float64]:
    made = np.zeros(hours)
    at = 0
    while at < hours:
        length = int(rng.integers(*_PIECE_H))
        made[at:at + length] = 1
        at += length + int(rng.integers(*_PAUSE_H))
    return made


def is_behind_box(volunteers: NDArray[np.int64], day: int, seed: int) -> NDArray[np.bool_]:
    """Whether a volunteer's traffic takes a box that has been told to block: half of them have, drawn each day."""
    rng = np.random.default_rng([seed, 9, day])
    return np.asarray(rng.random(int(volunteers.max(initial=0)) + 1) < 0.5, dtype=np.bool_)[volunteers]
