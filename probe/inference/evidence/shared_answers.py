"""Addresses that a network gives for names of services that have nothing to do with each other.

One such name says little: services leave addresses, resolvers give old ones (RFC 8767), and somebody else serves there
by then. So do two, which may have left one content network. A third would be much of a coincidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from probe.core.addresses import same_provider
from probe.inference.evidence.dns_evidence import DnsEvidence

UNRELATED = 3
"""Services of as many providers for which one false address is given."""


def find_shared_answers(names: Iterable[tuple[str, DnsEvidence]]) -> frozenset[str]:
    """The addresses among (service, what was said of a name of it) that the network gives for three services at least
    and trusted resolvers for none; each of these services is at home, by trusted resolvers, with another provider."""
    homes: dict[str, dict[str, frozenset[str]]] = {}
    trusted: set[str] = set()
    for service, evidence in names:
        trusted |= evidence.trusted_answers
        for address in evidence.network_answers:
            of = homes.setdefault(address, {})
            of[service] = of.get(service, frozenset()) | evidence.trusted_answers
    return frozenset(address for address, of in homes.items()
                     if address not in trusted and _count_unrelated(list(of.values())) >= UNRELATED)


def _count_unrelated(homes: Sequence[frozenset[str]]) -> int:
    """How many of these are known and share no provider with one before; those with few addresses come first."""
    apart: list[frozenset[str]] = []
    for home in sorted(homes, key=lambda home: (len(home), sorted(home))):
        if home and not any(same_provider(a, b) for other in apart for a in home for b in other):
            apart.append(home)
    return len(apart)
