"""Rules as they stand in the source, and what their predicates read of the evidence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from observations import WELL
from probe.core.tables.block_types import BLOCK_TYPES, is_ancestor
from probe.judge.common.rule import Rule, RuleTable, decide
from probe.judge.dns.dns_rules import NAME_TABLE
from probe.judge.network.network_rules import NETWORK_TABLE
from probe.judge.path.all_rules import list_rules
from probe.judge.path.path_rules import PATH_TABLE
from probe_analysis.explanation.field_reads import Field, read_rule
from probe_analysis.explanation.nearest_rule import find_nearest_rule
from probe_analysis.explanation.rule_places import find_rule_places
from recorded_app import APPS
from recorded_datagrams import DATAGRAMS
from recorded_names import NAMES
from recorded_transfers import TRANSFERS

RECORDED: list[tuple[str, RuleTable[Any], Any]] = [
    *((rule_id, PATH_TABLE, seen) for rule_id, seen in (DATAGRAMS | TRANSFERS | APPS).items()),
    *((rule_id, NAME_TABLE, seen) for rule_id, seen in NAMES.items()),
    ("net/well", NETWORK_TABLE, WELL),
]
NAMED = [row[0] for row in RECORDED]


LITERAL = ("id", "outcome", "block_type", "confidence", "needs")


# ---- in the source

def calls_of_rule(root: Path) -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((root / "probe" / "judge").rglob("*_rules.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Rule":
                yield path.name, node


@pytest.mark.parametrize("rule", list_rules(), ids=lambda rule: rule.id)
def test_an_id_is_found_by_grep_where_the_rule_is_defined(root: Path, rule: Rule[Any]) -> None:
    place = find_rule_places()[rule.id]
    lines = (root / place.file).read_text(encoding="utf-8").splitlines()
    assert f'id="{rule.id}"' in lines[place.line - 1]


def test_every_rule_is_written_with_literal_fields(root: Path) -> None:
    found = {}
    for file, call in calls_of_rule(root):
        assert not call.args, f"{file}:{call.lineno}"
        said = {word.arg: word.value for word in call.keywords}
        literal = {name: ast.literal_eval(said[name]) for name in LITERAL}
        found[literal.pop("id")] = literal
    assert found == {rule.id: {"outcome": rule.outcome, "block_type": rule.block_type, "confidence": rule.confidence,
                               "needs": rule.needs} for rule in list_rules()}


# ---- what a predicate reads

@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    n: int = 0
    words: tuple[str, ...] = ()

    @property
    def many(self) -> bool:
        return self.n > 2

    def has(self, word: str) -> bool:
        return word in self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    part: Part = field(default_factory=Part)
    well: bool = True
    said: str = ""


def rule(holds: Any) -> Rule[Whole]:
    return Rule(id="x/y", outcome="ok", block_type="", confidence=0.9, needs=("nothing",), why="so", holds=holds)


MADE = Whole(part=Part(n=3, words=("a",)), said="no")


@pytest.mark.parametrize(("holds", "said", "names"), [
    (lambda e: e.well and e.said == "no", True, ["well", "said"]),
    (lambda e: e.said == "yes" and e.well, False, ["said"]),
    (lambda e: e.said == "yes" or e.well, True, ["said", "well"]),
    (lambda e: e.part.many and not e.part.has("b"), True, ["part.n", "part.words"]),
    (lambda e: e.part.n > 0 and e.well, True, ["part.n", "well"]),
    (lambda e: True, True, []),
])
def test_a_predicate_is_seen_reading(holds: Any, said: bool, names: list[str]) -> None:
    reading = read_rule(rule(holds), MADE)
    assert reading.holds is said
    assert [read.name for read in reading.fields] == names


def test_the_field_that_was_read_last_is_the_one_that_said_no() -> None:
    reading = read_rule(rule(lambda e: e.part.n > 0 and e.well and e.part.n > 5), MADE)
    assert (reading.holds, reading.last) == (False, Field(name="part.n", value=3))
    assert [read.name for read in reading.fields] == ["part.n", "well"]
    assert read_rule(rule(lambda e: False), MADE).last is None


def test_what_was_read_has_its_value() -> None:
    fields = read_rule(rule(lambda e: e.part.many and e.part.has("a")), MADE).fields
    assert fields == (Field(name="part.n", value=3), Field(name="part.words", value=("a",)))


@pytest.mark.parametrize(("rule_id", "table", "evidence"), RECORDED, ids=NAMED)
def test_a_rule_says_the_same_when_it_is_watched(rule_id: str, table: RuleTable[Any], evidence: Any) -> None:
    rules = table.rules
    assert [read_rule(rule, evidence).holds for rule in rules] == [rule.holds(evidence) for rule in rules]
    if rule_id != rules[-1].id:
        assert read_rule(next(rule for rule in rules if rule.id == rule_id), evidence).fields


# ---- the nearest one that was ruled out

@pytest.mark.parametrize(("rule_id", "table", "evidence"), RECORDED, ids=NAMED)
def test_what_is_ruled_out_says_something_else(rule_id: str, table: RuleTable[Any], evidence: Any) -> None:
    decision = decide(table, evidence)
    other = find_nearest_rule(decision)
    assert other is not None
    assert other.rule in table.rules
    assert (other.rule.outcome, other.rule.block_type) != (decision.rule.outcome, decision.rule.block_type)
    if decision.rule == table.unplaced:  # the rule that was recorded lacks nothing but a basis
        assert (other.rule.id, other.field) == (rule_id, Field(name="basis", value=""))
    else:
        assert decision.rule.id == rule_id
        assert not other.rule.holds(evidence)


def test_the_neighbour_of_the_block_type_comes_first() -> None:
    decision = decide(NAME_TABLE, NAMES["dns/false_answer_here_only"])
    other = find_nearest_rule(decision)
    neighbours = [rule for rule in NAME_TABLE.rules if not rule.holds(decision.evidence)
                  and is_ancestor(BLOCK_TYPES["dns.forged"].nearest, rule.block_type)]
    assert other is not None
    assert other.rule in neighbours
