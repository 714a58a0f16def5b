"""Whose pages and handshakes take long beside those of all others of a run, round trips allowed for. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.judge.flow.transfer_evidence import (
    SAMPLE,
    excess_s,
    find_median,
    is_own_visit,
    is_stalled,
    is_trickling_page,
    own_ideal_s,
    select_visit_transfers,
    shortest_round_trip_s,
)

LEAST_EXCESS_S = 0.6
"""Servers think for so long."""
ROUNDS = 2.0
TIMES_OTHERS = 4.0
MOST_SLOW = 3
"""Where more than one other site in so many takes long, and more than one at all, none is odd for that."""
MANY = 20
TIMES_LATE = 2.0
"""Among many sites, those that take longest wait for this machine: one must stand out from the slowest tenth, too."""
STALLED_S = 1000.0


@dataclass(slots=True, eq=False)
class SiteLook:
    """One site at one address."""

    site: Site
    address: str
    excess_s: float = 0.0
    rtt_s: float = 0.0
    pages: list[Observation] = field(default_factory=list)
    samples: list[Observation] = field(default_factory=list)
    """Transfers under its own name that flowed."""


def list_looks(site: Site, visits: Sequence[Observation]) -> list[SiteLook]:
    """Every address at which a site with pages over TLS went beyond connecting."""
    if site.kind != "http" or not site.sni:
        return []
    own = [o for o in visits if is_own_visit(o) and o.purpose == "target"]
    return [_make_look(site, visits, [o for o in own if o.address == address])
            for address in dict.fromkeys(o.address for o in own)]


def _make_look(site: Site, visits: Sequence[Observation], own: Sequence[Observation]) -> SiteLook:
    look = SiteLook(site, own[0].address, rtt_s=shortest_round_trip_s(visits, own[0].address))
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


def is_odd(look: SiteLook, looks: Sequence[SiteLook]) -> bool:
    """It takes long by itself, and beside the others."""
    return look.excess_s > max(LEAST_EXCESS_S, ROUNDS * look.rtt_s) and look.excess_s > find_usual_s(
        look.excess_s, [other.excess_s for other in looks if other is not look and other.excess_s < STALLED_S])


def are_most(slow: int, others: int) -> bool:
    """So many others that the line is slow."""
    return slow > 1 and MOST_SLOW * slow > others


def find_usual_s(mine_s: float, others: Sequence[float]) -> float:
    """What a site of this run may take beyond its round trips before it is odd beside these; without bound where many
    take nearly as long, for then the line is slow."""
    long = sum(s > max(LEAST_EXCESS_S, mine_s / TIMES_OTHERS) for s in others)
    if are_most(long, len(others)):
        return STALLED_S / 2
    late = sorted(others)[len(others) * 9 // 10] if len(others) >= MANY else 0.0
    return max(TIMES_OTHERS * find_median(others), TIMES_LATE * late)
