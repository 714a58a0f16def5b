"""How often questions to the network's resolver go unanswered anyway: on a lossy line some names have no luck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.core.observations import Observation
from probe.judge.common.rank_tests import binomial_tail, expected_chance
from probe.judge.dns.dns_evidence import STATES, select_own_lookups

CHANCE = 0.01
"""How likely it may be that, of all names of a run, chance alone leaves one without an answer for so long."""


@dataclass(frozen=True, slots=True)
class QuestionCount:
    """Questions about one name, or about some."""

    questions: int = 0
    unanswered: int = 0


def count_questions(seen: Sequence[Observation]) -> QuestionCount:
    """Those about one name that the network's own resolution was asked."""
    own = select_own_lookups(seen)
    return QuestionCount(len(own), sum(STATES.get(o.failure) == "timeout" for o in own))


def may_be_chance(own: QuestionCount, others: Iterable[QuestionCount], *, names: int) -> bool:
    """Whether one of so many `names` would go unanswered so often where questions are lost as those about the `others`
    are. Names that are never answered may be blocked as well, and tell nothing of the line."""
    heard = [each for each in others if each.unanswered < each.questions]
    lost = expected_chance(sum(each.unanswered for each in heard), sum(each.questions for each in heard))
    return names * binomial_tail(own.unanswered, own.questions, lost) > CHANCE


def find_unlucky_names(asked: Mapping[str, QuestionCount], innocent: QuestionCount) -> frozenset[str]:
    """The names about which silence may be chance, of all that were asked about beside `innocent` ones."""
    return frozenset(
        name for name, own in asked.items() if own.unanswered
        and may_be_chance(own, [*(each for other, each in asked.items() if other != name), innocent], names=len(asked)))
