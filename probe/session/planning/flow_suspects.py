"""Whose flow looks odd in a run, and whose could serve as a yardstick: when all else is done.

What is asked of a volunteer's line here is the dearest thing a run does, so it takes both: the person's consent to
large transfers, and a site that stalled or was markedly slower than the run's other sites and than its own round trips
explain. Small pages show neither; so at first a few sites that gave no more are glanced at, by one transfer each.
A scheduled run follows every suspicion, whatever has its turn: one transfer a week would confirm none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.judge.flow.flow_evidence import SLOWED, looks_throttled
from probe.judge.flow.odd_flows import STALLED_S, SiteLook, are_most, is_odd, list_looks
from probe.judge.flow.transfer_evidence import (
    find_median,
    is_trickling,
    mean_rate,
)

CONSENT = 3
READ_ON_BYTES = 40_000
"""Of a large page, in an ordinary visit: beyond where boxes freeze transfers
(`probe.judge.flow.transfer_evidence`)."""
MAX_GLANCES = 16
"""Sites of a run that get one transfer because their pages were too small to tell."""
MAX_SITES = 3
"""Of a run: where more are odd, the line is."""
FEW_SAMPLES = 4
"""Transfers of a run among which one that crawls stands out, on a line where all take long."""
TELLING_BYTES = 8000
MAX_YARDSTICKS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumePlace:
    """Where volume can be had."""

    address: str
    port: int
    sni: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowContext:
    """What the planner may do about flows in this run; empty until all else is done."""

    glances: tuple[tuple[str, int, str], ...] = ()
    """Host, port and address of the sites that one transfer goes to."""
    suspects: tuple[tuple[str, int, str], ...] = ()
    """Host, port and address of the sites to look at."""
    yardsticks: tuple[VolumePlace, ...] = ()
    """Places of other sites that answered quickly."""


def make_glance_context(sites: Iterable[tuple[Site, Sequence[Observation]]]) -> FlowContext:
    """The first few sites that answered with pages too small to tell how bytes flow; the caller shuffles them. Controls
    are none of them: nobody asked how fast they are."""
    looks = [look for site, visits in sites if any(e.role != "control" for e in site.endpoints)
             for look in list_looks(site, visits)]
    untold = {(look.site.host, look.site.port): look.address for look in looks
              if look.pages and look.excess_s < STALLED_S and max(o.bytes_read for o in look.pages) < READ_ON_BYTES}
    return FlowContext(glances=tuple((*place, address) for place, address in untold.items())[:MAX_GLANCES])


def make_flow_context(sites: Iterable[tuple[Site, Sequence[Observation]]]) -> FlowContext:
    """From every site and what was seen of it (visits, and what was read on): the oddest few, the quickest others."""
    looks = [look for site, visits in sites for look in list_looks(site, visits)]
    usual_pace = _usual_pace([o for look in looks for o in look.samples])
    crawls = {look: _crawls(look, usual_pace) for look in looks}
    strange = [look for look in looks if crawls[look] or is_odd(look, looks) or _is_held(look, looks)]
    oddest_last = sorted(strange, key=lambda look: (crawls[look], look.excess_s))
    odd = list({(look.site.host, look.site.port): look for look in oddest_last}.values())[::-1][:MAX_SITES]
    if not odd:
        return FlowContext()
    hosts, addresses = {look.site.host for look in odd}, {look.address for look in odd}
    quick = sorted((look for look in looks if look.pages and look.site.host not in hosts and look.site.proves_itself
                    and look.address not in addresses and look not in strange), key=_merit)
    chosen = {
        look.address: VolumePlace(address=look.address, port=look.site.port, sni=look.site.sni,
                                  url=_page(look).http.url)
        for look in quick}
    return FlowContext(suspects=tuple((look.site.host, look.site.port, look.address) for look in odd),
                       yardsticks=tuple(chosen.values())[:MAX_YARDSTICKS])


def _is_held(look: SiteLook, looks: Sequence[SiteLook]) -> bool:
    """By the transfers alone, which are made when the rush of visits is over: it is slow as throttled ones are, and
    most others' are not."""
    others = [any(looks_throttled(o) for o in other.samples) for other in looks if other is not look and other.samples]
    return any(looks_throttled(o) for o in look.samples) and not are_most(sum(others), len(others))


def _usual_pace(samples: Sequence[Observation]) -> float:
    """Bytes a second of the run's transfers; 0 of too few."""
    return find_median([mean_rate(o) for o in samples]) if len(samples) >= FEW_SAMPLES else 0.0


def _crawls(look: SiteLook, usual_pace: float) -> bool:
    """Whether little came and went on coming, beside the transfers of others: that shows on a slow line, too."""
    return any(is_trickling(o) and mean_rate(o) <= SLOWED * usual_pace for o in look.samples)


def _page(look: SiteLook) -> Observation:
    return max(look.pages, key=lambda o: (o.http.status == 200, o.bytes_read))


def _merit(look: SiteLook) -> tuple[bool, float]:
    """Quick servers first, but those with something to serve before all others."""
    return _page(look).bytes_read < TELLING_BYTES, look.rtt_s + look.excess_s
