"""Whose flow looks odd in a run, and whose could serve as a yardstick: when all else is done.

What is asked of a volunteer's line here is the dearest thing a run does, so it takes both: the person's consent to
large transfers, and a site that stalled or was markedly slower than the run's other sites and than its own round trips
explain. Small pages show neither; so at first a few sites that gave no more are glanced at, by one transfer each.
A scheduled run follows every suspicion, whatever has its turn: one transfer a week would confirm none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.judge.flow.flow_evidence import SLOWED, looks_throttled
from probe.judge.flow.transfer_evidence import (
    SAMPLE,
    excess_s,
    find_median,
    is_own_visit,
    is_stalled,
    is_trickling,
    is_trickling_page,
    mean_rate,
    own_ideal_s,
    select_visit_transfers,
    shortest_round_trip_s,
)

CONSENT = 3
READ_ON_BYTES = 40_000
"""Of a large page, in an ordinary visit: beyond where boxes freeze transfers
(`probe.judge.flow.transfer_evidence`)."""
MAX_GLANCES = 16
"""Sites of a run that get one transfer because their pages were too small to tell."""
MAX_SITES = 3
"""Of a run: where more are odd, the line is."""
LEAST_EXCESS_S = 0.6
"""Servers think for so long."""
ROUNDS = 2.0
TIMES_OTHERS = 4.0
MOST_SLOW = 3
"""Where more than one other site in so many takes long, and more than one at all, none is odd for that."""
MANY = 20
TIMES_LATE = 2.0
"""Among many sites, those that take longest wait for this machine: one must stand out from the slowest tenth, too."""
FEW_SAMPLES = 4
"""Transfers of a run among which one that crawls stands out, on a line where all take long."""
STALLED_S = 1000.0
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


@dataclass(slots=True, eq=False)
class _Look:
    """One site at one address."""

    site: Site
    address: str
    excess_s: float = 0.0
    rtt_s: float = 0.0
    pages: list[Observation] = field(default_factory=list)
    samples: list[Observation] = field(default_factory=list)
    """Transfers under its own name that flowed."""


def make_glance_context(sites: Iterable[tuple[Site, Sequence[Observation]]]) -> FlowContext:
    """The first few sites that answered with pages too small to tell how bytes flow; the caller shuffles them. Controls
    are none of them: nobody asked how fast they are."""
    looks = [look for site, visits in sites if any(e.role != "control" for e in site.endpoints)
             for look in _looks(site, visits)]
    untold = {(look.site.host, look.site.port): look.address for look in looks
              if look.pages and look.excess_s < STALLED_S and max(o.bytes_read for o in look.pages) < READ_ON_BYTES}
    return FlowContext(glances=tuple((*place, address) for place, address in untold.items())[:MAX_GLANCES])


def make_flow_context(sites: Iterable[tuple[Site, Sequence[Observation]]]) -> FlowContext:
    """From every site and what was seen of it (visits, and what was read on): the oddest few, the quickest others."""
    looks = [look for site, visits in sites for look in _looks(site, visits)]
    usual_pace = _usual_pace([o for look in looks for o in look.samples])
    crawls = {look: _crawls(look, usual_pace) for look in looks}
    strange = [look for look in looks if crawls[look] or _is_odd(look, looks) or _is_held(look, looks)]
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


def _looks(site: Site, visits: Sequence[Observation]) -> list[_Look]:
    """Every address at which a site with pages over TLS went beyond connecting."""
    if site.kind != "http" or not site.sni:
        return []
    own = [o for o in visits if is_own_visit(o) and o.purpose == "target"]
    return [_look(site, visits, [o for o in own if o.address == address])
            for address in dict.fromkeys(o.address for o in own)]


def _look(site: Site, visits: Sequence[Observation], own: Sequence[Observation]) -> _Look:
    look = _Look(site, own[0].address, rtt_s=shortest_round_trip_s(visits, own[0].address))
    read_on = (o for o in select_visit_transfers(visits, look.address) if o.operation == "transfer")
    for seen in (*own, *read_on):
        if (is_stalled(seen) or is_trickling_page(seen)) and seen.tcp.acked != "no" and seen.bytes_read > 0:
            look.excess_s = STALLED_S
        elif not seen.failure:
            look.excess_s = max(look.excess_s, excess_s(seen, look.rtt_s))
            look.pages += [seen] if seen.operation == "http_round_trip" else []
    for seen in (o for o in visits if o.purpose == SAMPLE and o.address == look.address and o.http.method == "GET"):
        took_s = (STALLED_S if is_stalled(seen) and seen.bytes_read > 0 else 0.0 if seen.failure
                  else seen.transfer.flow_s)
        look.excess_s = max(look.excess_s, took_s - own_ideal_s(seen, look.rtt_s))
        look.samples += [] if seen.failure else [seen]
    return look


def _is_odd(look: _Look, looks: Sequence[_Look]) -> bool:
    """It takes long by itself, and beside the others."""
    return look.excess_s > max(LEAST_EXCESS_S, ROUNDS * look.rtt_s) and look.excess_s > _usual_s(
        look.excess_s, [other.excess_s for other in looks if other is not look and other.excess_s < STALLED_S])


def _is_held(look: _Look, looks: Sequence[_Look]) -> bool:
    """By the transfers alone, which are made when the rush of visits is over: it is slow as throttled ones are, and
    most others' are not."""
    others = [any(looks_throttled(o) for o in other.samples) for other in looks if other is not look and other.samples]
    return any(looks_throttled(o) for o in look.samples) and not _most(sum(others), len(others))


def _most(slow: int, others: int) -> bool:
    """So many others that the line is slow."""
    return slow > 1 and MOST_SLOW * slow > others


def _usual_s(mine_s: float, others: Sequence[float]) -> float:
    """What a site of this run may take beyond its round trips before it is odd beside these; without bound where many
    take nearly as long, for then the line is slow."""
    long = sum(s > max(LEAST_EXCESS_S, mine_s / TIMES_OTHERS) for s in others)
    if _most(long, len(others)):
        return STALLED_S / 2
    late = sorted(others)[len(others) * 9 // 10] if len(others) >= MANY else 0.0
    return max(TIMES_OTHERS * find_median(others), TIMES_LATE * late)


def _usual_pace(samples: Sequence[Observation]) -> float:
    """Bytes a second of the run's transfers; 0 of too few."""
    return find_median([mean_rate(o) for o in samples]) if len(samples) >= FEW_SAMPLES else 0.0


def _crawls(look: _Look, usual_pace: float) -> bool:
    """Whether little came and went on coming, beside the transfers of others: that shows on a slow line, too."""
    return any(is_trickling(o) and mean_rate(o) <= SLOWED * usual_pace for o in look.samples)


def _page(look: _Look) -> Observation:
    return max(look.pages, key=lambda o: (o.http.status == 200, o.bytes_read))


def _merit(look: _Look) -> tuple[bool, float]:
    """Quick servers first, but those with something to serve before all others."""
    return _page(look).bytes_read < TELLING_BYTES, look.rtt_s + look.excess_s
