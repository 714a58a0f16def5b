"""How sure a verdict may be that rests on what others say.

Whoever runs a control can be mistaken, overloaded or dishonest, and all that one network tells is one word. So a rule
that needs controls is never surer than `ONE_NETWORK` where those that spoke are in one network, and one that needs
nothing but controls never surer than `CONTROLS_ALONE`, however many agree. Controls that agree make nobody less sure:
where a rule below, of the same cause, holds without them, what it allows is allowed.
"""

from __future__ import annotations

from typing import TypeVar

from probe.core.tables.block_types import is_ancestor
from probe.inference.rules.rule import Decision, Need, Rule

ONE_NETWORK = 0.7
CONTROLS_ALONE = 0.9
WORDS_OF_CONTROLS: frozenset[Need] = frozenset({"helper", "two_helpers", "twin"})
WORDS_ABOUT_NAMES: frozenset[Need] = WORDS_OF_CONTROLS | {"trusted_dns"}
"""Where no trusted resolver spoke, controls alone stood in for them."""

E = TypeVar("E")


def limit_confidence(decision: Decision[E], networks: int, words: frozenset[Need] = WORDS_OF_CONTROLS) -> float:
    """The confidence of the rule that held. `networks`: in how many of them controls said anything of the matter;
    `words`: which of a rule's needs are met by controls."""
    rule = decision.rule
    if not words.intersection(rule.needs):
        return rule.confidence
    most = ONE_NETWORK if networks < 2 else CONTROLS_ALONE if words.issuperset(rule.needs) else 1.0
    return min(rule.confidence, max([most, *(other.confidence for other in _hold_without(decision, words))]))


def _hold_without(decision: Decision[E], words: frozenset[Need]) -> list[Rule[E]]:
    """Rules of the table below that say the same, or less of the same, and ask no control."""
    rule = decision.rule
    return [other for other in decision.table[decision.table.index(rule) + 1:]
            if other.outcome == rule.outcome and is_ancestor(other.block_type, rule.block_type)
            and not words.intersection(other.needs) and other.holds(decision.evidence)]
