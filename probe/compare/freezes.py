"""How often a site's transfers froze, wherever and for whose sake they were made, and what so few may hide."""

from __future__ import annotations

from collections.abc import Sequence

from probe.compare.odds import binomial_tail
from probe.compare.transfers import SAMPLE, alike, frozen, of_visits, says_of_stalls
from probe.model import Observation

OFTEN = 0.4
"""Boxes were seen to freeze some connections and not others: of those that freeze so many, a few transfers meet one."""
HARDLY = 0.05


def freezes(visits: Sequence[Observation], flows: Sequence[Observation], lent: Sequence[Observation],
            ) -> tuple[int, int]:
    """(those that fell silent alike where boxes freeze transfers, all that bear on it) of a site's own transfers, at
    whichever address; others were compared with those that it `lent`."""
    own = [*visits, *flows]
    tries = [seen for address in dict.fromkeys(o.address for o in own if o.address) for seen in of_visits(own, address)]
    tries += [o for o in (*(o for o in flows if o.purpose == SAMPLE), *lent) if o.method == "GET"]
    ones = [o for o in tries if frozen(o)]
    if not alike([o.bytes_read for o in ones]):
        return 0, len(tries)
    return len(ones), sum(says_of_stalls(o, ones) for o in tries)


def may_freeze_often(froze: int, tries: int) -> bool:
    """Whether so few of so many are no sign that most connections are let through."""
    return froze > 0 and 1 - binomial_tail(froze + 1, tries, OFTEN) > HARDLY
