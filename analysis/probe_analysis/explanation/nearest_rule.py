"""The nearest rule that would have given another verdict, and the field of the evidence that ruled it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from probe.core.tables.block_types import BLOCK_TYPES, is_ancestor
from probe.judge.common.rule import Decision, Rule
from probe_analysis.explanation.field_reads import Field, Reading, read_rule

E = TypeVar("E")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledOut:
    """A rule that did not hold, and the field at which its predicate said no."""

    rule: Rule[Any]
    field: Field


def find_nearest_rule(decision: Decision[E]) -> RuledOut | None:
    """Of the rules of the same table that give another verdict and do not hold, the nearest; None where there is none.

    Nearest is one that gives the block type which the table of block types calls the neighbour; among those, or where
    there is none, the one that agreed with the deciding rule on the most fields before it said no; of equals the one
    that stands closest in the table.
    """
    ruled = decision.rule
    if decision.suspected and not decision.basis:
        return RuledOut(rule=decision.suspected[0], field=Field(name="basis", value=""))
    shared = {field.name for field in read_rule(ruled, decision.evidence).fields}
    neighbour = BLOCK_TYPES[ruled.block_type].nearest if ruled.block_type else ""
    here = decision.table.index(ruled)

    def distance(place: int, rule: Rule[E], reading: Reading) -> tuple[bool, int, int]:
        agreed = shared.intersection(field.name for field in reading.fields if field != reading.last)
        return not (neighbour and is_ancestor(neighbour, rule.block_type)), -len(agreed), abs(place - here)

    others = [(place, rule, read_rule(rule, decision.evidence)) for place, rule in enumerate(decision.table)
              if not rule.hands_on and (rule.outcome, rule.block_type) != (ruled.outcome, ruled.block_type)]
    ruled_out = [other for other in others if not other[2].holds]
    _, rule, reading = min(ruled_out, key=lambda other: distance(*other), default=(0, ruled, None))
    return RuledOut(rule=rule, field=reading.last) if reading and reading.last else None
