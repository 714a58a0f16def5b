"""Whose connections lose what the run's others do not, and beside whom that is to be tried in turns. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import are_unrelated, describe_service, name_network
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.protocols import DATAGRAMS
from probe.judge.common.visit_outcomes import NETWORK_PURPOSES
from probe.judge.flow.connection_loss import (
    COUNTED,
    Group,
    count_losses,
    is_whole_connection,
    score_loss,
)

MAX_SUSPECTS = 3
"""Of a run: as many as may be company of each other. Where many stand out, nobody does."""
ENOUGH_LOSSY = 3
"""Lossy connections of a service that are worth turns, though chance may explain them among the few of a small run."""
YARDSTICKS = 2
Seen = Iterable[tuple[Site, Sequence[Observation]]]
"""Each site with what was seen of it and around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPlace:
    """Where small exchanges go."""

    address: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSuspect:
    """A site of a service that stands out, and two other owners' addresses to compare it with."""

    input: str
    """Of the site's first endpoint."""
    place: LossPlace
    yardsticks: tuple[LossPlace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LossContext:
    """What the planner may do about loss in this run; empty until all else is done."""

    suspects: tuple[LossSuspect, ...] = ()
    begin_s: float = 0.0
    """Moment of the run at which the turns begin."""


def group_addresses(sites: Seen) -> dict[Group, frozenset[str]]:
    """Service and network -> its addresses, of those that were visited over TCP."""
    found: dict[Group, frozenset[str]] = {}
    for site, seen in sites:
        for address in {o.address for o in seen if o.purpose in NETWORK_PURPOSES and o.address}:
            group = site.endpoints[0].service, name_network(address)
            found[group] = found.get(group, frozenset()) | {address}
    return found


def make_loss_context(sites: Seen, *, now_s: float) -> LossContext:
    """The services that stand out most, where two others can be had to compare them with; controls are nobody's."""
    spoken = [(site, seen) for site, seen in sites if site.kind not in DATAGRAMS
              and site.endpoints[0].role != "control"]
    groups = group_addresses(spoken)
    counts = count_losses(groups, (o for _, seen in spoken for o in seen))
    odd = sorted((group for group, count in counts.items()
                  if count.stands_out or (count.is_doubtful and count.lossy >= ENOUGH_LOSSY)),
                 key=lambda group: (counts[group].lossy, group))
    of_services = {group[0]: group for group in odd}  # of each service the network in which most is lost
    suspects = [_suspect(group, groups, spoken) for group in list(of_services.values())[::-1][:MAX_SUSPECTS]]
    return LossContext(suspects=tuple(filter(None, suspects)), begin_s=now_s)


def _suspect(group: Group, groups: Mapping[Group, frozenset[str]],
             sites: Sequence[tuple[Site, Sequence[Observation]]]) -> LossSuspect | None:
    rows = [(site, o) for site, seen in sites if site.endpoints[0].service == group[0]
            for o in seen if o.address in groups[group] and o.purpose in COUNTED and is_whole_connection(o)
            and o.port == site.port]
    if not rows:
        return None
    site, worst = max(rows, key=lambda pair: (score_loss(pair[1]), bool(pair[0].sni), -pair[1].sequence))
    yardsticks = _choose_yardsticks(site, worst.address, sites)
    if len(yardsticks) < YARDSTICKS:
        return None
    place = LossPlace(address=worst.address, port=site.port)
    return LossSuspect(input=site.endpoints[0].input, place=place, yardsticks=yardsticks)


def _choose_yardsticks(site: Site, address: str,
                       sites: Sequence[tuple[Site, Sequence[Observation]]]) -> tuple[LossPlace, ...]:
    """Places of unrelated owners that accepted a connection, those first whose connections lost least."""
    ours = describe_service(site.endpoints[0].service, site.host, (address,), {})
    found: dict[str, tuple[int, LossPlace]] = {}
    for other, seen in sites:
        for o in seen:
            if o.purpose not in NETWORK_PURPOSES or not is_whole_connection(o) or o.port != other.port:
                continue
            theirs = describe_service(other.endpoints[0].service, other.host, (o.address,), {})
            if (":" in o.address) == (":" in address) and are_unrelated(ours, theirs):
                worst = max(score_loss(o), found.get(name_network(o.address), (0,))[0])
                found[name_network(o.address)] = worst, LossPlace(address=o.address, port=o.port)
    quiet = sorted(found.values(), key=lambda pair: (pair[0], pair[1].address))
    return tuple(place for _, place in quiet[:YARDSTICKS])
