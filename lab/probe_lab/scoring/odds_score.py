"""Whether probabilities hold where the truth is known: by class of situation, at several prevalences. Pure.

Rows of one class are right and wrong together, so each class of situations weighs the same, and intervals come from
drawing classes, not rows. A prevalence is the share of censorship among targets that fail: the weights of both sides
are set to it, and each probability is moved to it by its odds.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

PREVALENCES = (0.02, 0.1, 0.5)
DRAWS = 200
BINS = 10
_NEVER = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsCase:
    """One failing target of one trial."""

    situation: str
    blocked: bool
    """In truth."""
    p_blocked: float
    """As its row says, which was said at the prevalence `said_at`."""
    said_at: float
    unforeseen: float = 0.0
    """The part of it that is the prevalence itself, whatever was found."""
    weight: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagramBin:
    """One bin of a reliability diagram."""

    said: float
    true: float
    weight: float
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsScore:
    """What probabilities are worth at one prevalence."""

    prevalence: float
    classes: int
    cases: int
    brier_skill: float
    """1: perfect; 0: no better than to say the prevalence of each, which is what abstaining always is."""
    log_skill: float
    slope: float
    slope_low: float
    slope_high: float
    """Of the logistic regression of the truth on the log-odds: 1 is right, less is too sure."""
    error: float
    """Calibration error, root mean square over bins, without what chance alone adds."""
    diagram: tuple[DiagramBin, ...]


def score_odds(cases: Iterable[OddsCase], prevalence: float, *, draws: int = DRAWS) -> OddsScore | None:
    """None where one of both sides has no class."""
    moved = _weigh_classes([_move(case, prevalence) for case in cases], prevalence)
    if len({case.blocked for case in moved}) < 2:
        return None
    brier = sum(case.weight * (case.p_blocked - case.blocked) ** 2 for case in moved)
    log_loss = -sum(case.weight * math.log(case.p_blocked if case.blocked else 1 - case.p_blocked) for case in moved)
    entropy = -prevalence * math.log(prevalence) - (1 - prevalence) * math.log(1 - prevalence)
    slopes = sorted(_draw_slopes(moved, prevalence, draws)) or [fit_slope(moved)]
    diagram = draw_diagram(moved)
    return OddsScore(
        prevalence=prevalence, classes=len({(case.situation, case.blocked) for case in moved}), cases=len(moved),
        brier_skill=1 - brier / (prevalence * (1 - prevalence)), log_skill=1 - log_loss / entropy,
        slope=fit_slope(moved), slope_low=slopes[int(0.025 * len(slopes))],
        slope_high=slopes[int(0.975 * len(slopes))], error=_measure_error(moved), diagram=diagram)


def _move(case: OddsCase, prevalence: float) -> OddsCase:
    kept = case.unforeseen
    found = min(max((case.p_blocked - kept * case.said_at) / (1 - kept), _NEVER), 1 - _NEVER)
    odds = found / (1 - found) * (prevalence / (1 - prevalence)) / (case.said_at / (1 - case.said_at))
    moved = kept * prevalence + (1 - kept) * odds / (1 + odds)
    return replace(case, p_blocked=min(max(moved, _NEVER), 1 - _NEVER))


def _weigh_classes(cases: Sequence[OddsCase], prevalence: float) -> list[OddsCase]:
    """Each class of a side weighs the same, and both sides as the prevalence has it."""
    rows = Counter((case.situation, case.blocked) for case in cases)
    classes = Counter(blocked for _, blocked in rows)
    return [replace(case, weight=(prevalence if case.blocked else 1 - prevalence)
                    / classes[case.blocked] / rows[case.situation, case.blocked]) for case in cases]


def fit_slope(cases: Sequence[OddsCase]) -> float:
    """By Newton's method, with a little ridge, so that sides that are wholly apart give a large slope and no error."""
    points = [(math.log(c.p_blocked / (1 - c.p_blocked)), c.blocked, c.weight) for c in cases]
    begin, slope = 0.0, 1.0
    for _ in range(30):
        g0 = g1 = h01 = 0.0
        h00 = h11 = 1e-4
        for x, blocked, weight in points:
            chance = 1 / (1 + math.exp(-max(-30.0, min(30.0, begin + slope * x))))
            off, spread = weight * (blocked - chance), weight * chance * (1 - chance)
            g0, g1 = g0 + off, g1 + off * x
            h00, h01, h11 = h00 + spread, h01 + spread * x, h11 + spread * x * x
        fall = h00 * h11 - h01 * h01
        step0, step1 = (h11 * g0 - h01 * g1) / fall, (h00 * g1 - h01 * g0) / fall
        begin, slope = begin + max(-2.0, min(2.0, step0)), slope + max(-1.0, min(1.0, step1))
        if abs(step0) + abs(step1) < 1e-7:
            break
    return slope


def _draw_slopes(cases: Sequence[OddsCase], prevalence: float, draws: int) -> list[float]:
    by_class: defaultdict[tuple[str, bool], list[OddsCase]] = defaultdict(list)
    for case in cases:
        by_class[case.situation, case.blocked].append(case)
    dice, sides = random.Random(1), [[key for key in by_class if key[1] is side] for side in (True, False)]
    found = []
    for _ in range(draws):
        drawn = [replace(case, situation=f"{number} {case.situation}") for side in sides
                 for number, key in enumerate(dice.choices(side, k=len(side))) for case in by_class[key]]
        found.append(fit_slope(_weigh_classes(drawn, prevalence)))
    return found


def draw_diagram(cases: Sequence[OddsCase]) -> tuple[DiagramBin, ...]:
    """What was said beside what was so, in ten bins of what was said."""
    return tuple(DiagramBin(said=_mean(members, said=True), true=_mean(members, said=False),
                            weight=sum(case.weight for case in members), cases=len(members))
                 for members in _fill_bins(cases))


def _fill_bins(cases: Sequence[OddsCase]) -> list[list[OddsCase]]:
    bins: list[list[OddsCase]] = [[] for _ in range(BINS)]
    for case in cases:
        bins[min(int(case.p_blocked * BINS), BINS - 1)].append(case)
    return [members for members in bins if members]


def _mean(cases: Sequence[OddsCase], *, said: bool) -> float:
    return sum(c.weight * (c.p_blocked if said else c.blocked) for c in cases) / sum(c.weight for c in cases)


def _measure_error(cases: Sequence[OddsCase]) -> float:
    """Kumar and others (Verified Uncertainty Calibration, 2019): of each bin's square the variance of its share of
    truth is taken off, with as many cases as its classes are worth."""
    total = 0.0
    for members in _fill_bins(cases):
        weight, true = sum(case.weight for case in members), _mean(members, said=False)
        by_class: Counter[tuple[str, bool]] = Counter()
        for case in members:
            by_class[case.situation, case.blocked] += case.weight  # type: ignore[assignment]
        worth = weight * weight / sum(part * part for part in by_class.values())
        variance = true * (1 - true) / max(worth - 1, 1.0)
        total += weight * max(0.0, (_mean(members, said=True) - true) ** 2 - variance)
    return math.sqrt(total)
