"""Whether a verdict's confidence means what it says: of those given 0.9, nine in ten must be right. Pure.

One-sided: who is more often right than he says harms nobody. A line is called broken where so few right verdicts, or
fewer, would come by chance in less than 5 % of scores, shared out among the lines of its table (Bonferroni), if each
verdict were right as often as its confidence says. Verdicts of one class of situation are right and wrong together, so
classes are counted as well: each is held out once, and what the others say of a rule is held against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe_lab.scoring.judged import JudgedRow
from probe_lab.scoring.score_measures import chance_of_at_most, upper_bound

BINS = ((0.95, 1.0), (0.9, 0.95), (0.8, 0.9), (0.7, 0.8), (0.5, 0.7))
"""Confidence from (included) and to (excluded, but for 1)."""
ENOUGH = 100
"""Verdicts below which a share says little."""
CHANCE = 0.05
"""Of a table in which every line keeps its word, the chance that any is called broken."""
DECIDED = ("ok", "blocked", "down", "local", "network")
FINDING, CAPPED, OK = "finding", "finding, capped", "ok"
"""Kinds of lines: outcomes that decide something, those whose rule is held below its own confidence, and `ok`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Verdicts, or classes of situations, whose confidence lies in one interval."""

    kind: str
    """finding, ok ..., or the rule of a line by rules."""
    low: float
    high: float
    n: int
    n_right: int
    mean_confidence: float
    lines: int = 1
    """Of its table, among which the chance of a mistake is shared out."""

    @property
    def right(self) -> float:
        """Share of verdicts that were right, cause and depth included."""
        return self.n_right / self.n

    @property
    def wrong_bound(self) -> float:
        """Upper end of the one-sided 95 % interval of the share that was wrong."""
        return upper_bound(self.n - self.n_right, self.n)

    @property
    def chance(self) -> float:
        """Of so few right verdicts, or fewer, if each were right as often as is said on the mean. That their
        confidences differ only makes it smaller."""
        return chance_of_at_most(self.n_right, self.n, self.mean_confidence)

    @property
    def word(self) -> str:
        """broken (beyond chance), kept, or few (fewer than 100 verdicts, and not broken)."""
        if self.n_right < self.n and self.chance < CHANCE / self.lines:
            return "broken"
        return "few" if self.n < ENOUGH else "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleClass:
    """One rule in one class of situations: whether all that it decided there was right."""

    rule_id: str
    situation: str
    right: bool


def calibration(rows: Iterable[JudgedRow], *, capped: frozenset[str] = frozenset()) -> tuple[Bin, ...]:
    """Bins that hold any verdict, findings first, the surest first; undecided verdicts promise nothing. `capped` are
    rules whose confidence is held below what they would say themselves."""
    known = [(row, row.got.split(" ")[0]) for row in rows if row.confidence > 0]
    findings = [row for row, word in known if word in DECIDED and word != "ok"]
    kinds = {
        FINDING: [row for row in findings if row.rule_id not in capped],
        CAPPED: [row for row in findings if row.rule_id in capped],
        OK: [row for row, word in known if word == "ok"],
    }
    found = [(kind, low, high, mine) for kind, members in kinds.items() for low, high in BINS
             if (mine := [row for row in members if _lies_in(row.confidence, low, high)])]
    return tuple(
        Bin(kind=kind, low=low, high=high, n=len(mine), n_right=sum(row.met for row in mine),
            mean_confidence=sum(row.confidence for row in mine) / len(mine), lines=len(found))
        for kind, low, high, mine in found)


def calibrate_rules(rows: Iterable[JudgedRow]) -> tuple[Bin, ...]:
    """A line for each rule that decided something, by its name."""
    by_rule: dict[str, list[JudgedRow]] = {}
    for row in rows:
        if row.confidence > 0 and row.rule_id and row.got.split(" ")[0] in DECIDED:
            by_rule.setdefault(row.rule_id, []).append(row)
    return tuple(
        Bin(kind=rule, low=min(row.confidence for row in mine), high=max(row.confidence for row in mine), n=len(mine),
            n_right=sum(row.met for row in mine), lines=len(by_rule),
            mean_confidence=sum(row.confidence for row in mine) / len(mine))
        for rule, mine in sorted(by_rule.items()))


def list_rule_classes(rows: Iterable[tuple[str, JudgedRow]]) -> tuple[RuleClass, ...]:
    """`rows` are verdicts with the class of their scenario."""
    right: dict[tuple[str, str], bool] = {}
    for situation, row in rows:
        if row.rule_id and row.got.split(" ")[0] in DECIDED:
            key = (row.rule_id, situation)
            right[key] = right.get(key, True) and row.met
    return tuple(RuleClass(rule_id=rule, situation=name, right=met) for (rule, name), met in sorted(right.items()))


def calibrate_classes(found: Sequence[RuleClass]) -> tuple[Bin, ...]:
    """Each class held out once: of n other classes in which a rule decided, r were right throughout, which promises
    (r + 1) / (n + 2) (Laplace's rule of succession) for the one that was held out. Rules of one class promise nothing.
    """
    by_rule: dict[str, list[RuleClass]] = {}
    for one in found:
        by_rule.setdefault(one.rule_id, []).append(one)
    held = [(one, (sum(each.right for each in mine) - one.right + 1) / (len(mine) + 1))
            for mine in by_rule.values() if len(mine) > 1 for one in mine]
    lines = [(low, high, mine) for low, high in (*BINS, (0.0, 0.5))
             if (mine := [(one, promised) for one, promised in held if _lies_in(promised, low, high)])]
    return tuple(
        Bin(kind="class", low=low, high=high, n=len(mine), n_right=sum(one.right for one, _ in mine),
            mean_confidence=sum(promised for _, promised in mine) / len(mine), lines=len(lines))
        for low, high, mine in lines)


def _lies_in(confidence: float, low: float, high: float) -> bool:
    return low <= confidence < high or confidence == high == 1.0
