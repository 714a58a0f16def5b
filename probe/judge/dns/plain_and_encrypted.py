"""Is a name struck on the way to resolvers? The same question in the clear and encrypted, to one operator.

An operator of a service may refuse one resolver, or all of a country; who asks one public operator by two ways meets
the same servers. Where the question in the clear fares there as it does at the network's own resolver, and the
encrypted one is answered, what acts lies on the way that both questions in the clear share.
"""

from __future__ import annotations

from collections.abc import Sequence

from probe.core.nat64 import extract_ipv4
from probe.core.observations import Observation
from probe.core.tables.resolvers import ENCRYPTED, find_operator


def find_answers_of_the_same(asked: Sequence[Observation], nat64_prefix: str) -> frozenset[str]:
    """Addresses that the public resolver's operator gives to encrypted questions, where that operator is not the one
    that the network's resolver belongs to; empty where it was not asked so, or gave none."""
    operators = {_operator(o, nat64_prefix) for o in asked if o.dns.resolver == "public" and o.dns.engine == "udp"}
    near = {_operator(o, nat64_prefix) for o in asked if o.dns.resolver == "network"}
    return frozenset(a for o in asked if o.dns.engine in ENCRYPTED and o.dns.resolver in operators - near
                     for a in o.dns.answers)


def _operator(seen: Observation, nat64_prefix: str) -> str:
    address = seen.dns.resolver_address
    return find_operator(extract_ipv4(address, nat64_prefix) or address)
