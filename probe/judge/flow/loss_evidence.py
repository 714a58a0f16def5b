"""One service's connections lose what the run's others do not: counted, and then tried in turns.

Theory of operation. Boxes that slow a service by losing its packets let every connection open, and every page come,
late. Such a service looks well. What gives it away is that its connections send again what others' do not
(`connection_loss`). That alone may be a moment's crowding. So where it stands out, small exchanges follow in turns: one
at the suspect's address, one at another owner's, and, where it has a name, one under this name and one under an
innocent one at the very same address. Each is a connection of its own, and each pair shares its minute.

What the turns tell:
- `by_address`: bare connections, which name nothing, lose more there than at two other owners' addresses.
- `by_name`: handshakes under the own name lose more than those under an innocent one at the same address. What is lost
  on the way to us shows as answers out of order; these count if those under the own name are no longer than the others.

What they cannot tell. A crowded or lossy link to one network, a satellite, one prefix with a bad route and one bad
machine lose by address as well, for hours; only days, or other networks, tell these from a box. So loss by address is a
suspicion. Loss by name is none of these, and may still be a front's: company of unrelated owners is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from probe.core.observations import Observation
from probe.core.tables.purposes import Purpose
from probe.judge.common.permutation import permutation_p
from probe.judge.flow.connection_loss import (
    NO_LOSS,
    LossCount,
    is_whole_connection,
    score_either_way,
    score_loss,
)

TURN: Final[Purpose] = "turn"
BESIDE: Final[Purpose] = "beside"
MOST_BY_CHANCE = 0.001
ENOUGH_TURNS = 12
"""Fewer exchanges of either side show nothing, however unlike they are."""
LEAST_SPAN = 0.5
"""Of the time of all turns: so much lies between the first and the last exchange that lost anything."""
_AS_LONG = 1.1
"""Answers of a tenth more bytes than others are as long as those: certificates of one kind differ by so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossEvidence:
    """What the run's connections, and turns where they were taken, show of loss at one service in one network."""

    ordinary: LossCount = NO_LOSS
    own_lossy: bool = False
    """A connection to this very address lost something, in an ordinary look or in turns."""
    mostly_lossy: bool = False
    """Half of our own connections to this very address and more lost something, or many small records did, and few of
    the run's others did."""
    turns: int = 0
    """Bare connections to the suspect's address that were answered at all."""
    turns_lossy: int = 0
    turns_dead: int = 0
    """Those to which nothing came back."""
    others: int = 0
    others_lossy: int = 0
    by_address: bool = False
    named: int = 0
    """Handshakes under the own name, at the same address, that were answered at all."""
    named_lossy: int = 0
    innocents: int = 0
    innocents_lossy: int = 0
    by_name: bool = False

    @property
    def is_shown(self) -> bool:
        """Whether turns show that loss strikes this service, and not the line."""
        return self.own_lossy and (self.by_address or self.by_name)

    @property
    def is_doubtful(self) -> bool:
        """Whether anything looks so, shown or not."""
        return self.mostly_lossy or self.ordinary.is_doubtful or self.by_address or self.by_name


LOSSLESS = LossEvidence()


def gather_loss_evidence(ordinary: LossCount, turns: Sequence[Observation]) -> LossEvidence:
    """`turns`: rows of exchanges in turns for one service in one network, the suspect's own and those beside them."""
    place = next(((o.address, o.port) for o in turns if o.purpose == TURN), None)
    unnamed = [o for o in turns if not o.tls.sni and (o.operation == "connect") and _ends(o)]
    mine = [o for o in unnamed if o.purpose == TURN]
    theirs = [o for o in unnamed if o.purpose == BESIDE and (o.address, o.port) != place]
    named = [o for o in turns if o.tls.sni and _ends(o)]
    own = [o for o in named if o.purpose == TURN]
    innocent = [o for o in named if o.purpose == BESIDE and (o.address, o.port) == place]
    return LossEvidence(
        ordinary=ordinary, turns=_count(mine), turns_lossy=_count_lossy(mine),
        turns_dead=sum(not is_whole_connection(o) for o in mine), others=_count(theirs),
        others_lossy=_count_lossy(theirs),
        by_address=len({o.address for o in theirs if is_whole_connection(o)}) > 1 and _lose_more(mine, theirs),
        named=_count(own), named_lossy=_count_lossy(own), innocents=_count(innocent),
        innocents_lossy=_count_lossy(innocent),
        by_name=_lose_more(own, innocent) or (_is_as_short(own, innocent)
                                              and _lose_more(own, innocent, score_either_way)))


def _is_as_short(own: Sequence[Observation], innocent: Sequence[Observation]) -> bool:
    """Whether answers under the own name are hardly longer than those under the innocent one: a longer answer is
    disordered sooner, whatever it names."""
    sizes = [[o.bytes_read for o in rows if is_whole_connection(o) and not o.failure] for rows in (own, innocent)]
    return all(sizes) and median(sizes[0]) <= _AS_LONG * median(sizes[1])


def _ends(seen: Observation) -> bool:
    """Of each exchange the row that tells of the whole."""
    return seen.tcp.segments_out > 0


def _count(rows: Sequence[Observation]) -> int:
    return sum(map(is_whole_connection, rows))


def _count_lossy(rows: Sequence[Observation]) -> int:
    return sum(is_whole_connection(o) and score_loss(o) > 0 for o in rows)


def _lose_more(mine: Sequence[Observation], theirs: Sequence[Observation],
               score: Callable[[Observation], int] = score_loss) -> bool:
    """More than chance explains, and from early on until late; what is never answered is cut off, and not lossy."""
    whole, beside = [o for o in mine if is_whole_connection(o)], [o for o in theirs if is_whole_connection(o)]
    if min(len(whole), len(beside)) < ENOUGH_TURNS or 2 * len(whole) < len(mine):
        return False
    lossy_s = [o.t0_s for o in whole if score(o)]
    span_s = max(o.t0_s for o in mine) - min(o.t0_s for o in mine)
    lasts = bool(lossy_s) and max(lossy_s) - min(lossy_s) >= LEAST_SPAN * span_s
    return lasts and permutation_p(list(map(score, whole)), list(map(score, beside))) < MOST_BY_CHANCE
