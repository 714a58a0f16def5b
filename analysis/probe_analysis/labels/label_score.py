"""How well stored probabilities foretold what others stated later. Pure.

The statements were no part of the probabilities, so this is the one check of them outside the laboratory. Statements
are not drawn by chance: orders and outages are published of some countries and seldom of what works. So the figures
are told with how many statements and cells stand behind them, and no figure is called calibrated.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from probe_analysis.labels.label_cells import LabelledCell
from probe_analysis.labels.label_table import LabelKind

BINS = 10
_LEAST = 1e-4
"""A probability of 0 that was wrong costs this and not endlessly much in the log score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelBin:
    """One bin of a reliability diagram: the mean `p_blocked`, and the share of what was stated to be blocked."""

    said: float
    true: float
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """What the statements of one kind say of the probabilities."""

    kind: LabelKind | None
    """None: of all kinds."""
    labels: int
    cells: int
    foretold: float
    """Mean probability of what was stated."""
    log_score: float
    """Mean natural logarithm of that probability; 0 is perfect."""
    brier: float
    """Mean square of `p_blocked` less whether a block was stated; 0.25 is what one half for everything has."""
    diagram: tuple[LabelBin, ...]


def score_labels(cells: Sequence[LabelledCell]) -> tuple[LabelScore, ...]:
    """A score of all statements, and one of each kind that has any; empty where nothing is labelled."""
    kinds = list(dict.fromkeys(cell.label.kind for cell in cells))
    return tuple(_score(kind, [cell for cell in cells if kind in (None, cell.label.kind)])
                 for kind in (None, *kinds) if cells)


def _score(kind: LabelKind | None, cells: Sequence[LabelledCell]) -> LabelScore:
    stated = [one.cell.said[one.label.cause] for one in cells]
    return LabelScore(
        kind=kind, labels=len({one.label.line for one in cells}), cells=len(cells), foretold=_mean(stated),
        log_score=_mean([math.log(max(said, _LEAST)) for said in stated]),
        brier=_mean([(said - true) ** 2 for said, true in map(_ask_blocked, cells)]), diagram=_draw(cells))


def _ask_blocked(one: LabelledCell) -> tuple[float, bool]:
    return one.cell.said["blocked"], one.label.cause == "blocked"


def _draw(cells: Sequence[LabelledCell]) -> tuple[LabelBin, ...]:
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for said, true in map(_ask_blocked, cells):
        bins[min(int(said * BINS), BINS - 1)].append((said, true))
    return tuple(LabelBin(said=_mean([said for said, _ in members]), true=_mean([float(true) for _, true in members]),
                          cells=len(members)) for members in bins if members)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
