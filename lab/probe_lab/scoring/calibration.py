"""Whether a verdict's confidence means what it says: of those given 0.9, nine in ten must be right. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from probe_lab.scoring.judged import JudgedRow
from probe_lab.scoring.score_measures import upper_bound

BINS = ((0.95, 1.0), (0.9, 0.95), (0.8, 0.9), (0.7, 0.8), (0.5, 0.7))
"""Confidence from (included) and to (excluded, but for 1)."""
ENOUGH = 100
"""Verdicts below which a share says little."""
DECIDED = ("ok", "blocked", "down", "local", "network")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The verdicts of one kind whose confidence lies in one interval."""

    kind: str
    """ok, or finding: all other outcomes that decide something."""
    low: float
    high: float
    n: int
    n_right: int
    mean_confidence: float

    @property
    def right(self) -> float:
        """Share of verdicts that were right, cause and depth included."""
        return self.n_right / self.n

    @property
    def wrong_bound(self) -> float:
        """Upper end of the one-sided 95 % interval of the share that was wrong."""
        return upper_bound(self.n - self.n_right, self.n)

    @property
    def word(self) -> str:
        """few (fewer than 100 verdicts), kept (as often right as was said), or broken."""
        if self.n < ENOUGH:
            return "few"
        return "kept" if self.right >= self.low else "broken"


def calibration(rows: Iterable[JudgedRow]) -> tuple[Bin, ...]:
    """Bins that hold any verdict, findings first, the surest first; undecided verdicts promise nothing."""
    known = [(row, row.got.split(" ")[0]) for row in rows if row.confidence > 0]
    kinds = {"finding": [r for r, word in known if word in DECIDED and word != "ok"],
             "ok": [r for r, word in known if word == "ok"]}
    found = []
    for kind, members in kinds.items():
        for low, high in BINS:
            mine = [r for r in members if low <= r.confidence < high or r.confidence == high == 1.0]
            if mine:
                found.append(Bin(kind=kind, low=low, high=high, n=len(mine), n_right=sum(r.met for r in mine),
                                 mean_confidence=sum(r.confidence for r in mine) / len(mine)))
    return tuple(found)
