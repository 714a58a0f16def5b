"""Addresses that a network gives for names of services that have nothing to do with each other.

One such name says little: services leave addresses, resolvers give old ones (RFC 8767), and somebody else serves there
by then. So do two, which may have left one content network. A third would be much of a coincidence.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from probe.catalogue.owners import ServiceAt, choose_unrelated
from probe.judge.dns.dns_evidence import NameAnswers

UNRELATED = 3
"""Services of as many unrelated owners for which one false address is given."""


def find_shared_answers(names: Iterable[tuple[ServiceAt, NameAnswers]]) -> frozenset[str]:
    """The addresses that the network gives for names of three unrelated owners at least, and trusted resolvers for
    none. Each service comes with the addresses at which trusted resolvers know it; one that they do not know counts
    for nothing."""
    homes: dict[str, dict[str, ServiceAt]] = {}
    trusted: set[str] = set()
    for service, given in names:
        trusted |= given.trusted
        for address in given.network:
            of = homes.setdefault(address, {})
            known = of.get(service.owner, service)
            of[service.owner] = replace(known, addresses=known.addresses | service.addresses,
                                        asns=known.asns | service.asns)
    return frozenset(address for address, of in homes.items()
                     if address not in trusted and _count_unrelated(of.values()) >= UNRELATED)


def _count_unrelated(services: Iterable[ServiceAt]) -> int:
    """How many of these are known and unrelated to all before; those with few addresses come first."""
    known = [service for service in services if service.addresses]
    return len(choose_unrelated(sorted(known, key=lambda s: (len(s.addresses), sorted(s.addresses)))))
