"""How often questions to the network's resolver go unanswered anyway: on a lossy line some names have no luck."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.compare.dns import STATES
from probe.compare.odds import binomial_tail, expected_chance
from probe.model import Observation

CHANCE = 0.01
"""How likely it may be that, of all names of a run, chance alone leaves one without an answer for so long."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions about one name, or about some."""

    questions: int = 0
    unanswered: int = 0


def asked_of(seen: Sequence[Observation]) -> Asked:
    """Those about one name that the network's own resolution was asked: directly, or else by the system."""
    asked = [o for o in seen if not o.reason and o.purpose != "innocent"]
    own = ([o for o in asked if o.resolver == "network" and o.dns_engine == "udp"]
           or [o for o in asked if o.resolver == "system"])
    return Asked(len(own), sum(STATES.get(o.failure) == "timeout" for o in own))


def may_be_chance(own: Asked, others: Iterable[Asked], *, names: int) -> bool:
    """Whether one of so many `names` would go unanswered so often where questions are lost as those about the `others`
    are. Names that are never answered may be blocked as well, and tell nothing of the line."""
    heard = [each for each in others if each.unanswered < each.questions]
    lost = expected_chance(sum(each.unanswered for each in heard), sum(each.questions for each in heard))
    return names * binomial_tail(own.unanswered, own.questions, lost) > CHANCE
