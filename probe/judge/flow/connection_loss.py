"""How many of the segments that a connection sent were lost: one small score for each connection.

Theory of operation. TCP sends again what is not acknowledged, and counts it; so each connection tells of the way to one
address without a privilege or a packet more. Segments of one connection share their moment, their path and their
congestion, and are no independent trials: whoever tests segments finds a difference in every burst. So the connection
is the unit, and what it lost is only ranked.

What a count cannot tell: whether a segment was lost or its acknowledgement (both are loss of this way), and where.
What was sent again needlessly, because an answer took unusually long, counts as lost; so nothing follows from a few
connections of one service by themselves (`probe.judge.flow.loss_evidence`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from probe.catalogue.owners import name_network
from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.judge.common.permutation import permutation_p

OWN: tuple[Purpose, ...] = ("target", "trusted", "stay", "program")
COUNTED: tuple[Purpose, ...] = (*OWN, "innocent", "port")
"""Connections of ordinary looks. Those that follow a failure in another shape are made to fail."""
MOST_SCORE = 4
BY_CHANCE = 0.01
"""What chance explains with more does not stand out. On a lossy line one service in a hundred does: what stands out
leads to turns and to a less sure `ok`, and to no more."""
REPEAT_MS = 200.0
"""The least after which Linux sends again, beside a round trip; other systems wait longer."""
MOST_FOUND = 12
"""Services that are looked for: where more stand out, the line does."""
Group = tuple[str, str]
"""A service, and one network in which it has addresses (`probe.catalogue.owners.name_network`)."""


def score_loss(seen: Observation) -> int:
    """0: nothing was sent again; up to 4: nearly all that was sent."""
    lost, arrived = seen.tcp.retransmits, seen.tcp.delivered
    return -(-MOST_SCORE * lost // (lost + arrived)) if lost > 0 else 0


def score_either_way(seen: Observation) -> int:
    """The same, with 1 at least where anything came out of order: lost on the way to us, or overtaken."""
    return max(score_loss(seen), int(seen.tcp.out_of_order > 0))


def is_lossy(seen: Observation) -> bool:
    """Whether anything was sent again either way. What came out of order may have been overtaken and not lost, and a
    longer answer is disordered sooner: so this raises doubts, and a test of one name against another rests on it only
    where the answers are as long."""
    return score_either_way(seen) > 0


def find_late(seen: Iterable[Observation]) -> frozenset[str]:
    """Ids of handshakes whose answer began later than a repeat takes, at addresses that answered others in time.

    On the way to us we see of a lost answer only that it came late. A server that is always slow is late for nobody.
    """
    waits: dict[str, dict[str, float]] = {}
    for one in seen:
        if one.operation == "tls_handshake" and one.tcp.end_ms > 0 and one.tcp.min_rtt_ms > 0:
            waits.setdefault(one.address, {})[one.observation_id] = one.tcp.end_ms - one.tcp.min_rtt_ms
    return frozenset(name for of_address in waits.values() for name, wait_ms in of_address.items()
                     if wait_ms - min(of_address.values()) >= REPEAT_MS)


def is_whole_connection(seen: Observation) -> bool:
    """Whether the row tells of a whole connection, to which anything came back at all."""
    return seen.tcp.segments_out > 0 and seen.tcp.delivered > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCount:
    """The connections to one service's addresses in one network, beside all others of the run."""

    connections: int = 0
    lossy: int = 0
    """Those on which anything was sent again, came out of order, or was answered late beside others of its address."""
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
    """`groups`: a service and a network -> its addresses there. Others are in other networks, and not the service's.

    The service that stands out most is found first, and is no measure for the next: several may be struck in one run.
    """
    rows = [o for o in {o.observation_id: o for o in seen if o.purpose in COUNTED}.values() if is_whole_connection(o)]
    late = find_late(rows)
    found: dict[Group, LossCount] = {}
    while len(found) < min(MOST_FOUND, len(groups)):
        left = {group: _count(group, groups, rows, late, frozenset(found)) for group in groups if group not in found}
        group, (count, chance) = min(left.items(), key=lambda item: item[1][1])
        if chance >= BY_CHANCE:
            break
        found[group] = replace(count, stands_out=True)
    return {group: found.get(group) or _count(group, groups, rows, late, frozenset(found))[0]
            for group in groups}


def _count(group: Group, groups: Mapping[Group, frozenset[str]], rows: Sequence[Observation],
           late: frozenset[str], struck: frozenset[Group]) -> tuple[LossCount, float]:
    """The counts of a service in a network, and how likely chance alone makes them, or those of its own connections in
    all networks: a box may lose what is said to its addresses, or whatever names it. `struck`: who is no measure."""
    service, network = group
    mine = frozenset(a for (whose, _), addresses in groups.items() if whose == service for a in addresses)
    not_others = mine.union(*(groups[each] for each in struck))
    ours = [o for o in rows if o.address in groups[group]]
    others = [o for o in rows if o.address not in not_others and name_network(o.address) != network]
    named = [o for o in rows if o.address in mine and o.purpose in OWN]
    count = LossCount(connections=len(ours), lossy=_count_lossy(ours, late), others=len(others),
                      others_lossy=_count_lossy(others, late))
    lost = [score_loss(o) for o in others]
    chance = min(permutation_p([score_loss(o) for o in part], lost) for part in (ours, named))
    return count, chance if count.lossy else 1.0


def _count_lossy(rows: Iterable[Observation], late: frozenset[str]) -> int:
    return sum(is_lossy(o) or o.observation_id in late for o in rows)
