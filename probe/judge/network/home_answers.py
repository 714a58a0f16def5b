"""Does all that answers stand in the volunteer's own country, by its address? For countries of which we know no
reference server at home.

What an address tells is weak: networks of CDNs keep caches inside most access networks, and a company may use addresses
that are registered elsewhere. So one answer from abroad, or from where nobody knows, ends the matter; caches of owners
who sit elsewhere prove nothing; and of owners whose seat nobody knows two are needed, in networks that share nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from probe.catalogue.owners import ServiceAt, choose_unrelated, describe_service, find_front, list_seats
from probe.core.observations import Observation
from probe.core.tables.failures import TIMEOUTS, Failure
from probe.core.tables.operations import LOOKUPS, TRACES
from probe.core.tables.purposes import Purpose

LEAST_ABROAD = 3
"""Unrelated owners with addresses abroad that are silent."""
LEAST_UNSEATED = 2
"""Unrelated owners at home of whom nobody knows where they sit."""
_OWN: tuple[Purpose, ...] = ("target", "ladder", "trusted")
_NO_WAY: frozenset[Failure] = frozenset({*TIMEOUTS, "host_unreachable", "network_unreachable"})


def is_home_alone(seen: Sequence[Observation], *, cc: str, countries: Mapping[str, str],
                  networks: Mapping[str, int]) -> bool:
    """Whether servers in the country of the vantage answer under their own names, and nothing abroad answers at all.
    `countries`: address -> country, `networks`: address -> AS number, of those that a table knows."""
    tried = [o for o in seen if o.address and o.operation not in (*LOOKUPS, *TRACES)]
    answered = [o for o in tried if o.failure not in _NO_WAY]
    if not answered or any(countries.get(o.address) != cc for o in answered):
        return False
    silent = {o.address for o in tried} - {o.address for o in answered}
    abroad = [o for o in tried if o.address in silent and countries.get(o.address, cc) != cc]
    if len(choose_unrelated(_meet(abroad, networks))) < LEAST_ABROAD:
        return False
    proven = _meet([o for o in answered if _is_proof(o)], networks)
    if any(cc in list_seats(one.owner) for one in proven):
        return True
    return len(choose_unrelated(one for one in proven if not list_seats(one.owner))) >= LEAST_UNSEATED


def _is_proof(seen: Observation) -> bool:
    """Whether a server proved to have its own name, at an address that is no shared front's."""
    return (seen.operation == "tls_handshake" and not seen.failure and seen.tls.trust == "valid"
            and seen.purpose in _OWN and not find_front(seen.address))


def _meet(seen: Sequence[Observation], networks: Mapping[str, int]) -> list[ServiceAt]:
    """The services of these, each with the addresses at which it was met."""
    met: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    for o in seen:
        met[o.target_id.partition(".")[0], o.hostname].add(o.address)
    return [describe_service(service, host, addresses, networks) for (service, host), addresses in sorted(met.items())]
