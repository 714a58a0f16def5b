"""Pages that come, and every time take long beside those of all other services of a run.

A page that came is no service of use where it took many times as long as its round trips explain. One such page may
have met a bad moment, a busy server, or the first rush of a run; so it is asked for again, and only what is slow each
time counts. A server can be slow every time, too: this never accuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.judge.flow.odd_flows import STALLED_S, SiteLook, is_odd, list_looks
from probe.judge.flow.transfer_evidence import excess_s

ENOUGH_PAGES = 3
Where: TypeAlias = tuple[str, int, str]
"""Host, port and address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowPages:
    """A site's own pages at one address."""

    made: int = 0
    slow: int = 0
    """Those that took long by themselves and beside others'."""

    @property
    def is_shown(self) -> bool:
        """Enough of them, and every one, took long."""
        return self.slow == self.made >= ENOUGH_PAGES


NO_SLOW_PAGES = SlowPages()


def find_slow_pages(sites: Iterable[tuple[Site, Sequence[Observation]]]) -> Mapping[Where, SlowPages]:
    """Of a run's sites and their visits, the pages at each address where one took long."""
    looks = [look for site, visits in sites for look in list_looks(site, visits)]
    return {(look.site.host, look.site.port, look.address): _count(look, looks)
            for look in looks if look.pages and look.excess_s < STALLED_S and is_odd(look, looks)}


def _count(look: SiteLook, looks: Sequence[SiteLook]) -> SlowPages:
    others = [other for other in looks if other is not look]
    each = [SiteLook(look.site, look.address, rtt_s=look.rtt_s, excess_s=excess_s(page, look.rtt_s))
            for page in look.pages]
    return SlowPages(made=len(each), slow=sum(is_odd(one, [one, *others]) for one in each))
