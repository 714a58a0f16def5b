"""Our verdicts beside those of the engine that measured: a table, and why they differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from probe.core.tables.outcomes import Outcome
from probe.core.verdicts import Verdict
from probe.judge.path.all_rules import list_rules
from probe_analysis.imported.likely_right import Disagreement, Side, judge_likely
from probe_analysis.imported.ooni.ooni_verdicts import ACCUSES, NONE
from probe_analysis.imported.weakening import parse_version_text
from probe_analysis.imported.words.ooni_tests import find_defect

RELATIONS: dict[str, str] = {
    "agree": "both verdicts are the same: well, blocked, or down",
    "opposite": "one verdict is well or down and the other blocked, or one is well and the other down",
    "we_abstain": "OONI decides, and our rules do not",
    "they_abstain": "our rules decide, and OONI does not",
    "both_abstain": "neither decides",
}
_DECIDED: tuple[Outcome, ...] = ("ok", "blocked", "down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One measurement on which the two do not say the same, and what ours rests on."""

    relation: str
    test: str
    run_id: str
    target_id: str
    input: str
    source: str
    theirs: str
    outcome: str
    block_type: str
    rule_id: str
    why: str
    defect: str
    """What is known to be wrong with their verdict in this version; empty: nothing."""
    suspected: str
    likely: Side
    """Who is likely right."""
    likely_why: str
    evidence: tuple[str, ...]


@dataclass(slots=True)
class AgreementCounts:
    """Counts by test, their word and our outcome."""

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    relations: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(test, relation)."""
    likely: Counter[tuple[str, Side]] = field(default_factory=Counter)
    """(test, who is likely right), of those that differ."""

    def add(self, verdict: Verdict, *, run_id: str, day: date) -> Iterator[Difference]:
        """Counts a verdict once for each measurement behind it, and gives those that differ."""
        for text, source in zip(verdict.theirs, verdict.sources, strict=False):
            test, version, engine = parse_version_text(text)
            word = text.rpartition(": ")[2]
            relation = compare_verdicts(word, verdict.outcome)
            self.counts[test, word, _ours(verdict)] += 1
            self.relations[test, relation] += 1
            if relation in ("agree", "both_abstain"):
                continue
            defect = find_defect(test, version, engine, day, verdict.target_id, ours=False)
            who = judge_likely(Disagreement(relation=relation, accuses=word in ACCUSES, defect=defect is not None,
                                            verdict=verdict))
            self.likely[test, who.side] += 1
            yield Difference(
                relation=relation, test=test, run_id=run_id, target_id=verdict.target_id, input=verdict.input,
                source=source, theirs=word, outcome=verdict.outcome, block_type=verdict.block_type,
                rule_id=verdict.rule_id,
                why=(verdict.reason if verdict.outcome != "ok" else "") or WHY.get(verdict.rule_id, ""),
                defect=defect.what if defect else "", suspected=verdict.suspected, likely=who.side,
                likely_why=who.why, evidence=verdict.evidence,
            )

    def matrix(self, test: str) -> tuple[list[str], list[tuple[str, list[int]]]]:
        """Our outcomes, and for each of their words the counts under them."""
        mine = {(theirs, ours): n for (t, theirs, ours), n in self.counts.items() if t == test}
        columns = sorted({ours for _, ours in mine}, key=_order)
        words = sorted({theirs for theirs, _ in mine})
        return columns, [(word, [mine.get((word, column), 0) for column in columns]) for word in words]

    def tests(self) -> Iterable[str]:
        """The tests that were seen."""
        return sorted({test for test, _, _ in self.counts})


WHY: dict[str, str] = {rule.id: rule.why for rule in list_rules()}


def compare_verdicts(theirs: str, ours: str) -> str:
    """How two verdicts stand to each other: a word of RELATIONS."""
    said = "blocked" if theirs in ACCUSES else theirs
    if ours not in _DECIDED:
        return "both_abstain" if said == NONE else "we_abstain"
    if said == NONE:
        return "they_abstain"
    return "agree" if said == ours else "opposite"


def _ours(verdict: Verdict) -> str:
    return verdict.outcome


def _order(outcome: str) -> int:
    known = ("ok", "blocked", "down", "network", "local", "inconclusive", "not_attempted")
    return known.index(outcome) if outcome in known else len(known)
