"""How often a site's transfers froze, wherever and for whose sake they were made, and what so few may hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probe.core.observations import Observation
from probe.judge.common.rank_tests import binomial_tail
from probe.judge.flow.transfer_evidence import (
    SAMPLE,
    bears_on_stalls,
    has_alike_sizes,
    has_passed,
    is_frozen,
    is_trickling,
    select_visit_transfers,
)

OFTEN = 0.4
"""Boxes were seen to freeze some connections and not others: of those that freeze so many, a few transfers meet one."""
HARDLY = 0.05
SEVERAL = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Freezes:
    """A site's own transfers, at whichever address."""

    froze: int = 0
    """Those that fell silent alike where boxes freeze them."""
    tries: int = 0
    """All that bear on it."""
    looked: bool = False
    """One of them was a transfer that was made for that, or there are several: a page that stops once, and comes when
    it is asked for again, has had a bad moment."""
    crowded: bool = False
    """Those that came took long: the first, of several at once, may have been starved by the others."""

    @property
    def may_be_often(self) -> bool:
        """Whether so few of so many are no sign that most connections pass. Where the first may be our own doing, and
        it is why more were made, it is left out."""
        froze, tries = self.froze - self.crowded, self.tries - self.crowded
        return self.looked and 1 - binomial_tail(froze + 1, tries, OFTEN) > HARDLY


def gather_freezes(visits: Sequence[Observation], flows: Sequence[Observation], lent: Sequence[Observation]) -> Freezes:
    """Of a site's visits, of the transfers for its sake, and of those of its own that it `lent`: that others were
    compared with."""
    own = [*visits, *flows]
    tries = [seen for address in dict.fromkeys(o.address for o in own if o.address)
             for seen in select_visit_transfers(own, address)]
    made = [o for o in (*(o for o in flows if o.purpose == SAMPLE), *lent) if o.http.method == "GET"]
    tries += made
    ones = [o for o in tries if is_frozen(o)]
    came = [o for o in tries if has_passed(o)]
    if not has_alike_sizes([o.bytes_read for o in ones]):
        return Freezes(tries=len(tries))
    return Freezes(froze=len(ones), tries=sum(bears_on_stalls(o, ones) for o in tries),
                   looked=len(ones) >= SEVERAL or any(is_frozen(o) for o in made),
                   crowded=bool(came) and all(is_trickling(o) for o in came))
