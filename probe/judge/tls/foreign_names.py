"""What a site's name met at servers that have nothing to do with it, and whose operators agreed to be asked.

The operator of a service cannot act there. So a name that fails there as it fails at its own server, where an innocent
one is answered before and after, is struck by something else. A helper could do so itself, and so could something
before it. So helpers count together, and only where they agree. Those behind a shared front, or in a network of the
service's own, count for nothing: whoever acts there may act for the service. That a helper answers the name says
nothing, for the way to it may be another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import find_front, may_share_network, name_network
from probe.catalogue.sites import Site
from probe.core.observations import Observation
from probe.core.tables.evidence_words import Elsewhere
from probe.core.tables.failures import kind_of
from probe.core.tables.operations import Operation

ELSEWHERE_ATTEMPTS = 3
"""So often the name must fail at an agreed server before anything is said of it."""
AGREED_HELPERS = 2
"""So many helpers must show the same, in different networks and countries."""
_WEIGHTIEST: tuple[Elsewhere, ...] = ("passes", "name")


def read_foreign_names(site: Site, mine: Sequence[Observation], around: Sequence[Observation]) -> Elsewhere:
    """The word of the agreed servers: `passes` if the name is answered at any of them. `mine` are the site's own
    visits, `around` what was seen beside them."""
    ends = [o for o in mine if o.failure]
    if not ends:
        return ""
    words = _read_places(site, ends[-1], [o for o in around if o.purpose == "foreign"])
    if words:
        return next((word for word in _WEIGHTIEST if word in words.values()), "")
    at_helpers = _read_places(site, ends[-1], [o for o in around if o.purpose == "foreign_helper"
                                               and is_unrelated_helper(o.address, (end.address for end in ends))])
    networks = {name_network(address) for address, _ in at_helpers}
    return "helpers" if len(networks) >= AGREED_HELPERS and set(at_helpers.values()) == {"name"} else ""


def is_unrelated_helper(helper: str, addresses: Iterable[str]) -> bool:
    """Whether nobody but its own operator acts at a helper's address: neither a shared front nor a network in which
    one of the site's own `addresses` lies."""
    return not find_front(helper) and not any(may_share_network(helper, address) for address in addresses)


def _read_places(site: Site, end: Observation, foreign: Sequence[Observation]) -> dict[tuple[str, int], Elsewhere]:
    """A word for each address and port that was asked for this site."""
    ordered = sorted(foreign, key=lambda o: o.sequence)
    places = dict.fromkeys((o.address, o.port) for o in ordered if o.input == site.endpoints[0].input)
    return {place: _read_place(site, end, [o for o in ordered if (o.address, o.port) == place]) for place in places}


def _read_place(site: Site, end: Observation, there: Sequence[Observation]) -> Elsewhere:
    """What the name met at one server, all of whose visits are given in order."""
    operation = find_last_operation(site)
    if any(is_name_answered(o, site) for o in there):
        return "passes"
    own = sort_attempts(site, there).clean
    alike = all(o.operation == end.operation and kind_of(o.failure) == kind_of(end.failure) for o in own)
    return "name" if len(own) >= ELSEWHERE_ATTEMPTS and alike and end.operation == operation else ""


def find_last_operation(site: Site) -> Operation:
    """The operation in which a name is read."""
    return "tls_handshake" if site.sni else "http_round_trip"


def is_name_answered(seen: Observation, site: Site) -> bool:
    """Whether the site's own name was answered."""
    return seen.hostname == site.host and not seen.failure and seen.operation == find_last_operation(site)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignAttempts:
    """How a site's name failed at one server, each in order."""

    clean: tuple[Observation, ...] = ()
    """Between two moments at which another name was answered, while none failed."""
    unclosed: tuple[Observation, ...] = ()
    """Since another name was last answered: nothing shows yet that another would be still."""
    spoilt: bool = False
    """Another name failed last."""


def sort_attempts(site: Site, there: Sequence[Observation]) -> ForeignAttempts:
    """How the site's name failed among all visits to one server, `there`, in order.

    What struck another name may have left something behind, for whoever comes next. A server that is tired of us, a
    ban, a line that is cut, or a portal whose time is up strikes every name from some moment on. So failures count only
    if others are answered before and after them.
    """
    operation = find_last_operation(site)
    clean: list[Observation] = []
    since: list[Observation] = []
    answered = spoilt = False
    for seen in there:
        if seen.hostname == site.host:
            since += [seen] if answered and seen.failure else []
        elif seen.failure:
            answered, spoilt, since = False, True, []
        elif seen.operation == operation:
            clean += since
            answered, spoilt, since = True, False, []
    return ForeignAttempts(clean=tuple(clean), unclosed=tuple(since), spoilt=spoilt)
