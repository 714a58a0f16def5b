"""What a rule is, and how a table of rules is run.

Theory of operation. A rule is a predicate over evidence, and the verdict that follows if it holds. Rules stand in three
tables: of the network (over `LadderEvidence`), of a name (over `NameEvidence`), of a path, which is one address of one
endpoint (over `PathContext`). A table is run from its top, and the first rule that holds decides. Nothing is weighed or
summed: a verdict has one reason, and `probe explain` can name it.

The network's table is run first. Some of its causes (`STOPS`) end the judgement, because nothing can be said of any
target then. Each path is judged next, and the name after its paths, since whether an answer of the resolver is false
may show only at the addresses it gave. A block of the name decides of the endpoint before its paths do.

Within a table the order is part of each rule's meaning: a rule may rely on all rules above it having said no. So what
excuses stands above what accuses: the device, the line and the service itself are asked before a censor is named. Of
accusations the better proven stand first, and below them stand the abstentions, which say why nothing is decided.
Rules over transfers come before those that acquit, because a throttled service completes its handshakes.
The last rule of a table always holds.

What must never be broken:
- A predicate is pure and total. It reads evidence, never observations, clocks or files, and answers for any evidence,
  since `probe explain` asks rules that the order never reaches.
- Evidence says what was seen; only rules say what it means. A number that a rule compares with is a name beside it.
- A rule that accuses needs failures that repeat alike, a network that is well, and no neighbour that may be the cause
  (`convicts` in `path_context.py`), or proof that stands by itself, as a known block page or two answers to one
  question do. Doubt ends in `inconclusive`.
- A rule that accuses names what it may rest on (`rests_on`), and decides only where the evidence has one of these. A
  failure is a symptom: the service's own front can show each of them. Where no basis is there, the table's verdict is
  that of its `unplaced` rule, and what was suspected is kept. Rules that leave a failure undecided for other reasons
  say what it looks like (`suspects`), where anything speaks against the plainest innocent causes.
- Each id and block type is a literal where its rule is defined, so that a row of results leads to the code by grep.
- A change that can change a verdict raises `RULES_VERSION`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from probe.core.tables.basis_words import BASES, Basis
from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.outcomes import Decided
from probe.core.tables.words import Empty

E = TypeVar("E")

Need = Literal[
    "nothing", "helper", "two_helpers", "trusted_dns", "innocent", "twin", "agreed", "routers", "search", "udp",
    "packets", "ladder", "later_slots",
]
NEEDS: dict[Need, str] = {
    "nothing": "no more than what this network shows",
    "helper": "a test helper elsewhere that answers, or a fresh signed feed",
    "two_helpers": "two test helpers or signed feeds in different networks and countries",
    "trusted_dns": "a DoH operator that answers through this network",
    "innocent": "a harmless name, one that nobody blocks, at the same address",
    "twin": "a test helper or a signed feed that states which ClientHello it sent (ours do)",
    "agreed": "a server whose operator agreed to be asked for foreign names, and consent level 3",
    "routers": "routers on the way that report when a packet's TTL has run out",
    "search": "consent level 2, or 3 in countries whose profile asks for care, to find the hop with packets that run "
              "out on the way",
    "udp": "other services over UDP that answer in this network",
    "packets": "the right to capture packets (CAP_NET_RAW)",
    "ladder": "control targets that answer in this network",
    "later_slots": "runs with later time slots, as scheduled runs have them",
}
"""What a rule needs to be able to hold; `probe doctor` tells which of them an installation has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[E]):
    """If `holds`, the verdict is `outcome` by `block_type`, with `confidence`; `why` is one sentence."""

    id: str
    outcome: Decided
    block_type: BlockTypeId | Literal[""]
    confidence: float
    needs: tuple[Need, ...]
    why: str
    holds: Callable[[E], bool]
    rests_on: tuple[Basis, ...] = ()
    """Of a rule that accuses: any one of these must be there."""
    finds_place: Callable[[E], bool] | None = None
    """Of a rule over transfers: whether the place of what slows or stops them is shown; where other attempts of the
    path are ended says nothing of that. None: what the table finds holds of this rule as well."""
    suspects: Callable[[E], BlockTypeId | Empty] = lambda evidence: ""
    """Of a rule that leaves a failure undecided: the cause that it looks like, where anything does."""
    hands_on: bool = False
    """A step that never is the verdict: others decide (of a name its addresses, of an endpoint another address)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTable(Generic[E]):
    """Rules in the order in which they are tried, and how evidence of their kind is asked for what carries them."""

    rules: tuple[Rule[E], ...]
    find_bases: Callable[[E], Collection[Basis]] = lambda evidence: ()
    unplaced: Rule[E] | None = None
    """Decides where rules accuse, and none of them has a basis; it stands among `rules`, and never holds there. None
    where no rule accuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision(Generic[E]):
    """A rule that held, the table that it stands in, and the evidence that it held on."""

    rule: Rule[E]
    table: Sequence[Rule[E]]
    evidence: E
    basis: Basis | Empty = ""
    """Of a rule that accuses: the strongest that the evidence has."""
    suspected: tuple[Rule[E], ...] = ()
    """Rules before the deciding one that accuse, and hold, and have no basis."""


def find_first_rule(rules: Sequence[Rule[E]], evidence: E) -> Rule[E]:
    """The first rule that holds; every table ends with one that always does."""
    return next(rule for rule in rules if rule.holds(evidence))


def _find_basis(rule: Rule[E], evidence: E, bases: Collection[Basis]) -> Basis | Empty:
    """The strongest on which the rule may rest; `bases`: those that the table finds."""
    if rule.finds_place is not None:
        bases = {*bases} - {"place"} | ({"place"} if rule.finds_place(evidence) else set())
    return next((b for b in BASES if b in bases and b in rule.rests_on), "")


def decide(table: RuleTable[E], evidence: E) -> Decision[E]:
    """What the table says of this evidence.

    Rules that accuse without a basis are passed over. One further down may have a basis and decides then; but where the
    next that holds accuses nobody, it stands below the suspicion because it relies on the suspected rules saying no.
    """
    bases: Collection[Basis] | None = None
    suspected: list[Rule[E]] = []
    for rule in table.rules:
        if not rule.holds(evidence):
            continue
        if not rule.rests_on:
            decided = table.unplaced if suspected and table.unplaced else rule
            return Decision(rule=decided, table=table.rules, evidence=evidence, suspected=tuple(suspected))
        bases = table.find_bases(evidence) if bases is None else bases
        basis = _find_basis(rule, evidence, bases)
        if basis:
            return Decision(rule=rule, table=table.rules, evidence=evidence, basis=basis, suspected=tuple(suspected))
        suspected.append(rule)
    raise AssertionError("a table ends with a rule that always holds")
