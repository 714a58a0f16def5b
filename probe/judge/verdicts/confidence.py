"""How sure a verdict may be that rests on what others say.

Whoever runs a control can be mistaken, overloaded or dishonest, and all that one network tells is one word. So a rule
that needs controls is never surer than `ONE_NETWORK` where those that spoke are in one network, and one that needs
nothing but controls never surer than `CONTROLS_ALONE`, however many agree. Controls that agree make nobody less sure:
what a rule of the same cause would say had none been asked may be said with them as well.

That a service works is no surer than what stands behind it allows. After n looks that were planned beforehand and all
went well, the next one goes well with a probability of (n + 1) / (n + 2) (Laplace's rule of succession, as for
innocents in `probe.judge.common.innocents_tried`). Looks are fresh connections, other shapes, stretches of time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from probe.core.tables.block_types import is_ancestor
from probe.core.tables.outcomes import Outcome
from probe.judge.common.rule import Decision, Need, Rule, find_first_rule
from probe.judge.path.path_bases import find_path_bases
from probe.judge.path.path_context import PathContext, find_struck_elsewhere
from probe.judge.path.path_evidence import PathEvidence

ONE_NETWORK = 0.7
CONTROLS_ALONE = 0.9
OF_DOUBTFUL = 0.7
"""That a service works whose connections fail at times, or lose what others' do not, or that was not answered in a
shape which is struck at others, or in those that most of its users send."""
OF_LITTLE = 0.6
"""That a service works of which less was seen to pass than its role needs to be of use."""
WORDS_OF_CONTROLS: frozenset[Need] = frozenset({"helper", "two_helpers", "twin"})
WORDS_ABOUT_NAMES: frozenset[Need] = WORDS_OF_CONTROLS | {"trusted_dns"}
"""Where no trusted resolver spoke, controls alone stood in for them."""

E = TypeVar("E")


def limit_confidence(decision: Decision[E], strip: Callable[[E], E], *, networks: int,
                     words: frozenset[Need] = WORDS_OF_CONTROLS) -> float:
    """The confidence of the rule that held. `strip`: makes the evidence what it would be had no control been asked;
    `networks`: in how many of them controls said anything of the matter; `words`: which of a rule's needs are met by
    controls."""
    rule = decision.rule
    if not words.intersection(rule.needs):
        return rule.confidence
    most = ONE_NETWORK if networks < 2 else CONTROLS_ALONE if words.issuperset(rule.needs) else 1.0
    alone = find_first_rule(decision.table, strip(decision.evidence))
    if _says_as_much(alone, decision) and not words.intersection(alone.needs):
        most = max(most, alone.confidence)
    return min(rule.confidence, most)


def _says_as_much(alone: Rule[E], decision: Decision[E]) -> bool:
    """The same, or less of the same, and on the same basis."""
    rule = decision.rule
    return (alone.outcome == rule.outcome and is_ancestor(alone.block_type, rule.block_type)
            and (not decision.basis or decision.basis in alone.rests_on))


def limit_place(decision: Decision[PathContext]) -> float:
    """How sure an accusation may be whose place is shown by helpers' own servers alone: two people who act together
    could end there what names the service. 1 for all others, and where it could rest on something else as well."""
    c, rule = decision.evidence, decision.rule
    if decision.basis == "place" and rule.finds_place is not None:
        return CONTROLS_ALONE if (find_path_bases(c) - {"place"}).isdisjoint(rule.rests_on) else 1.0
    if decision.basis != "place" or find_struck_elsewhere(c) != "helpers":
        return 1.0
    path = c.path
    without = replace(c, path=replace(
        path, place=replace(path.place, elsewhere_alike=""),
        tls=replace(path.tls, shapes=replace(path.tls.shapes, elsewhere=""))))
    return CONTROLS_ALONE if find_path_bases(without).isdisjoint(rule.rests_on) else 1.0


def limit_ok(outcome: Outcome, path: PathEvidence) -> float:
    """How sure `ok` may be of one address at most; 1 for other outcomes, and where connections are not counted."""
    looks = path.planned
    if outcome != "ok" or not looks.made:
        return 1.0
    sure = math.floor(100 * (looks.looks + 1) / (looks.looks + 2)) / 100
    lasting = path.lasting
    doubtful = (looks.failed or lasting.loss.is_doubtful or lasting.stay.is_doubtful or lasting.records.silent
                or path.programs.unasked or not path.programs.users.most)
    return min(sure, OF_DOUBTFUL) if doubtful else sure
