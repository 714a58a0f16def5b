"""How many of the segments that a connection sent were lost: one small score for each connection.

Theory of operation. TCP sends again what is not acknowledged, and counts it; so each connection tells of the way to one
address without a privilege or a packet more. Segments of one connection share their moment, their path and their
congestion, and are no independent trials: whoever tests segments finds a difference in every burst. So the connection
is the unit, and what it lost is only ranked.

What a count cannot tell: whether a segment was lost or its acknowledgement (both are loss of this way), and where.
What was sent again needlessly, because an answer took unusually long, counts as lost; so nothing follows from a few
connections of one service by themselves (`probe.inference.evidence.loss_evidence`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import name_network
from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.inference.evidence.permutation import permutation_p

COUNTED: tuple[Purpose, ...] = ("target", "trusted", "innocent", "port")
"""Connections of ordinary looks. Those that follow a failure in another shape are made to fail."""
MOST_SCORE = 4
BY_CHANCE = 0.05
"""Of all comparisons of a run together: what chance explains with more does not stand out. It leads to turns, and to no
more."""
Group = tuple[str, str]
"""A service, and one network in which it has addresses (`probe.catalogue.owners.name_network`)."""


def score_loss(seen: Observation) -> int:
    """0: nothing was sent again; up to 4: nearly all that was sent."""
    lost, arrived = seen.tcp.retransmits, seen.tcp.delivered
    return -(-MOST_SCORE * lost // (lost + arrived)) if lost > 0 else 0


def is_whole_connection(seen: Observation) -> bool:
    """Whether the row tells of a whole connection, to which anything came back at all."""
    return seen.tcp.segments_out > 0 and seen.tcp.delivered > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCount:
    """The connections to one service's addresses in one network, beside all others of the run."""

    connections: int = 0
    lossy: int = 0
    """Those on which anything was sent again."""
    others: int = 0
    others_lossy: int = 0
    stands_out: bool = False
    """They lost more than the others did, by more than chance explains among so many services."""

    @property
    def is_doubtful(self) -> bool:
        """Half of them and more lost something, and of the others less than a quarter as many: too much to be sure that
        the service works well, and too little, by itself, to say anything else."""
        much = 2 * self.lossy >= self.connections and self.lossy > 0
        return self.stands_out or (much and self.lossy * self.others > 4 * self.others_lossy * self.connections)


NO_LOSS = LossCount()


def count_losses(groups: Mapping[Group, frozenset[str]], seen: Iterable[Observation]) -> Mapping[Group, LossCount]:
    """`groups`: a service and a network -> its addresses there. Others are in other networks, and not the service's."""
    scores: dict[str, list[int]] = {}
    for row in {o.observation_id: o for o in seen if o.purpose in COUNTED and is_whole_connection(o)}.values():
        scores.setdefault(row.address, []).append(score_loss(row))
    told = {group: list_scores(scores, addresses) for group, addresses in groups.items()}
    return {group: _compare(ours, _scores_of_others(group, groups, scores), len(told)) if any(ours) else LossCount(
        connections=len(ours)) for group, ours in told.items()}


def list_scores(scores: Mapping[str, Sequence[int]], addresses: Iterable[str]) -> list[int]:
    """The scores at these addresses."""
    return [score for address in addresses for score in scores.get(address, ())]


def _scores_of_others(group: Group, groups: Mapping[Group, frozenset[str]],
                      scores: Mapping[str, Sequence[int]]) -> list[int]:
    service, network = group
    mine = {address for (whose, _), addresses in groups.items() if whose == service for address in addresses}
    return list_scores(scores, (a for a in scores if a not in mine and name_network(a) != network))


def _compare(ours: Sequence[int], others: Sequence[int], comparisons: int) -> LossCount:
    return LossCount(
        connections=len(ours), lossy=sum(score > 0 for score in ours), others=len(others),
        others_lossy=sum(score > 0 for score in others),
        stands_out=permutation_p(ours, others) * comparisons < BY_CHANCE)
