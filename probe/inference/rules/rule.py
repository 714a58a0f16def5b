"""What a rule is, and how a table of them is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from probe.core.tables.block_types import CauseId
from probe.core.tables.outcomes import Decided

E = TypeVar("E")

Need = Literal[
    "nothing", "helper", "two_helpers", "trusted_dns", "innocent", "twin", "agreed", "routers", "search", "udp",
    "packets", "ladder", "later_slots",
]
NEEDS: dict[Need, str] = {
    "nothing": "convicts, acquits or abstains by what this network shows",
    "helper": "a test helper elsewhere that answers, or a fresh signed feed",
    "two_helpers": "two test helpers or signed feeds in different networks and countries",
    "trusted_dns": "a DoH operator that answers through this network",
    "innocent": "an innocent name on the same address",
    "twin": "a test helper, or a signed feed, that tells with which ClientHello it asked (ours do)",
    "agreed": "a server whose operator agreed to be asked for foreign names, and consent level 3",
    "routers": "routers on the way that say when a packet's TTL has run out",
    "search": "consent level 3, to look for the hop by questions that run out on the way",
    "udp": "other services over UDP that answer in this network",
    "packets": "the right to capture packets (CAP_NET_RAW)",
    "ladder": "control targets that answer in this network",
    "later_slots": "runs with later time slots, as those are that wait for a schedule",
}
"""What a rule needs to be able to hold; `probe doctor` tells which of them an installation has."""


@dataclass(frozen=True, slots=True)
class Rule(Generic[E]):
    """If `holds`, the verdict is `outcome` by `block_type`, with `confidence`; `why` is one sentence."""

    id: str
    outcome: Decided
    block_type: CauseId
    confidence: float
    needs: tuple[Need, ...]
    why: str
    holds: Callable[[E], bool]
    hands_on: bool = False
    """A step that never is the verdict: others decide (of a name its addresses, of an endpoint another address)."""


def first(rules: Sequence[Rule[E]], evidence: E) -> Rule[E]:
    """The first rule that holds; every table ends with one that always does."""
    return next(rule for rule in rules if rule.holds(evidence))
