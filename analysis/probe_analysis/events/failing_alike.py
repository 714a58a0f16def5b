"""Which neighbours of a window failed in its hours as well, and which surely did not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from probe_analysis.events.check_answers import Answer, CheckAnswer
from probe_analysis.events.neighbours import LIKE_SHARE, SeriesBeside
from probe_analysis.events.segments import Floats, estimate_strength, log_likelihood_ratio
from probe_analysis.events.window import EventWindow

LEAST_STRENGTH_ALIKE = 0.1
_LEAST_SCORE = 3.0


def find_alike(window: EventWindow, beside: SeriesBeside) -> dict[int, bool]:
    """Group -> whether it failed in the window's hours as well, by the word of one series or of all together."""
    least = least_strength_alike(window)
    strong = np.asarray(estimate_strength(beside.blocked / beside.decided, beside.base)) >= least
    alike: set[int] = set()
    for at in np.flatnonzero(strong).tolist():
        group = int(beside.groups[at])
        if group not in alike and is_no_chance(int(beside.blocked[at]), int(beside.decided[at]),
                                                beside.found[at].base, beside.found[at].inflation):
            alike.add(group)
    groups = np.unique(beside.groups)
    failed, of, base = sum_groups(beside)
    together = np.asarray(estimate_strength(failed / of, base)) >= least
    alike.update(int(groups[at]) for at in np.flatnonzero(together).tolist() if int(groups[at]) not in alike
                 and is_no_chance(float(failed[at]), float(of[at]), float(base[at])))
    return {group: group in alike for group in groups.tolist()}


def find_well(window: EventWindow, beside: SeriesBeside) -> set[int]:
    """Groups that surely did not fail as a window does, each by its own counts."""
    least = least_strength_alike(window)
    groups = np.unique(beside.groups).tolist()
    counts = zip(groups, *(part.tolist() for part in sum_groups(beside)), strict=True)
    return {group for group, failed, of, base in counts if _is_well(failed, of, base + (1 - base) * least)}


def _is_well(failed: float, of: float, rate: float) -> bool:
    return failed < rate * of and is_no_chance(failed, of, rate)


def judge_alike(like: Mapping[int, bool], least: int, share: float) -> CheckAnswer:
    """`explains` where enough of those that can be compared failed alike, `open` where they are too few to tell."""
    hits, needed = sum(like.values()), max(least, share * len(like))
    answer: Answer = "open"
    if hits >= needed:
        answer = "explains"
    elif hits and hits >= share * len(like):
        answer = "doubt"
    elif len(like) >= least:
        answer = "out"
    return CheckAnswer(answer=answer, numbers={"compared": len(like), "alike": hits, "needed": needed})


def sum_groups(beside: SeriesBeside) -> tuple[Floats, Floats, Floats]:
    """Blocked and decided verdicts of each group, in the order of their numbers, and its base."""
    groups = np.unique(beside.groups)
    failed, of, expected = (np.bincount(beside.groups, weights=counts)[groups].astype(np.float64) for counts in (
        beside.blocked, beside.decided, beside.decided * beside.base))
    return failed, of, expected / of


def least_strength_alike(window: EventWindow) -> float:
    """How strong what fails like a window must be."""
    return max(LEAST_STRENGTH_ALIKE, LIKE_SHARE * window.strength)


def is_no_chance(blocked: float, decided: float, base: float, inflation: float = 1.0) -> bool:
    """Whether counts are surely of another rate than this one."""
    return log_likelihood_ratio(blocked, decided, base) / inflation >= _LEAST_SCORE
