"""Who owns a service, what it is known to stand behind, and whether two services have nothing to do with each other.

What unrelated services meet alike is nobody's own doing. So what may make two of them related is counted as making
them so: a common owner, a common front, host of zones or transit, or addresses that one network may hold.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TypeAlias

from probe.catalogue.owner_types import Owner, Sanction
from probe.catalogue.packaged import load_owners, load_sanctions, load_services
from probe.core.addresses import parse_address, provider_network, same_provider
from probe.core.tables.owner_words import OwnerKind

OwnerId: TypeAlias = str
"""A table of `owners.toml`, or a service that no table lists."""
_ENDING: frozenset[OwnerKind] = frozenset(("front", "operator"))
"""Kinds whose networks end connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAt:
    """A service as a run met it: its name there, its addresses, and their networks."""

    service: str
    host: str = ""
    addresses: frozenset[str] = frozenset()
    asns: frozenset[int] = frozenset()
    """AS numbers of those addresses, as a table tells them; empty: none was asked, or it knows none."""

    @property
    def owner(self) -> OwnerId:
        """Whose the host is where that is known, else whose the service is."""
        return find_owner(self.service, self.host)


@lru_cache(maxsize=4096)
def find_owner(service: str, host: str = "") -> OwnerId:
    """Who owns a service; a service without an entry owns itself.

    With `host`, whose that is, if it lies in a domain of an owner: the page of an application store is the store's,
    whichever service it is about.
    """
    labels = host.lower().rstrip(".").split(".")
    names = _owners_by_name()
    found = (names.get(".".join(labels[start:])) for start in range(len(labels)))
    return next(filter(None, found), None) or _owners_by_service().get(service, service)


def find_front(address: str) -> OwnerId:
    """The shared front that an address is known to belong to; empty for none that is known."""
    owner = find_network_owner(address)
    return owner if owner and "front" in load_owners()[owner].kinds else ""


@lru_cache(maxsize=4096)
def find_network_owner(address: str) -> OwnerId:
    """The owner in one of whose prefixes an address lies; empty for none that is known, and for what is no address."""
    parsed = parse_address(address)
    if parsed is None:
        return ""
    firsts, ranges = _ranges(parsed.version)
    last, owner = ranges[at] if (at := bisect_right(firsts, int(parsed)) - 1) >= 0 else (-1, "")
    return owner if int(parsed) <= last else ""


def may_share_network(one: str, other: str) -> bool:
    """Whether two addresses may lie with one owner: in prefixes of the same, or so close that one provider may have
    both."""
    return same_provider(one, other) or name_network(one) == name_network(other) != ""


def name_network(address: str) -> str:
    """One word for all addresses of a known owner, else the address's own surroundings; empty for no address."""
    return find_network_owner(address) or provider_network(address)


def list_dns_hosts(owner: OwnerId) -> tuple[OwnerId, ...]:
    """Who is known to answer for an owner's zones; empty where that is not known."""
    return _entry(owner).dns_hosts


def are_unrelated(one: ServiceAt, other: ServiceAt) -> bool:
    """Whether two services have different owners, and nothing that both are known to stand behind.

    Where the network that ends the connection is known of both, by the address, these are compared; else, which front
    each owner is known to use. Two addresses of one small network are taken for one provider's whatever is known.
    """
    if one.owner == other.owner:
        return False
    mine, theirs = _entry(one.owner), _entry(other.owner)
    if set(mine.dns_hosts) & set(theirs.dns_hosts) or set(mine.transits) & set(theirs.transits):
        return False
    if one.asns & other.asns or _provider_networks(one) & _provider_networks(other):
        return False
    return not _fronts(one) & _fronts(other)


def describe_service(service: str, host: str, addresses: Iterable[str], networks: Mapping[str, int]) -> ServiceAt:
    """A service as it was met at some addresses; `networks`: address -> AS number, of those that a table knows."""
    met = frozenset(filter(None, addresses))
    return ServiceAt(service=service, host=host, addresses=met,
                     asns=frozenset(asn for address in met if (asn := networks.get(address, 0))))


def choose_unrelated(services: Iterable[ServiceAt]) -> tuple[ServiceAt, ...]:
    """Some of these, each unrelated to all others: in their order whatever does not share with one before."""
    chosen: list[ServiceAt] = []
    for service in services:
        if all(are_unrelated(service, other) for other in chosen):
            chosen.append(service)
    return tuple(chosen)


def may_refuse(service: ServiceAt, country: str) -> bool:
    """Whether the operator of a service, or a network that it stands behind, may refuse a country, for reasons that
    bind many operators or by its own choice. `ZZ`, an unknown country: any country at all. What has ended counts on,
    since operators are slow to follow.
    """
    refused = _self_blocks(service.service)
    if refused and (country == "ZZ" or country in refused):
        return True
    behind = {service.owner, *_fronts(service)}
    return any(_is_bound(owner, sanction, country) for owner in behind for sanction in load_sanctions()
               if country in ("ZZ", sanction.country))


def _is_bound(owner: OwnerId, sanction: Sanction, country: str) -> bool:
    seats = set(list_seats(owner))
    by_law = not seats.isdisjoint(sanction.seats)
    by_advice = sanction.whole and country == sanction.country and country not in seats
    return owner not in sanction.serves and (by_law or by_advice)


def list_seats(owner: OwnerId) -> tuple[str, ...]:
    """An owner's countries; of a service that owns itself those of its operator."""
    service = load_services().get(owner)
    return load_owners()[owner].countries if owner in load_owners() else service.operator_country if service else ()


def _self_blocks(service: str) -> frozenset[str]:
    entry = load_services().get(service)
    return frozenset(entry.self_block.split()) if entry else frozenset()


def _fronts(service: ServiceAt) -> frozenset[OwnerId]:
    """The networks that end this service's connections: by its addresses, else all that its owner may use."""
    known = frozenset(filter(None, map(find_network_owner, service.addresses)))
    known |= frozenset(owner for asn in service.asns if (owner := _owners_by_asn().get(asn)))
    return known or frozenset((service.owner, *_entry(service.owner).fronts))


def _provider_networks(service: ServiceAt) -> frozenset[str]:
    return frozenset(filter(None, map(provider_network, service.addresses)))


_NOBODY = Owner(title="", kinds=("operator",), countries=("INTL",), source="-")


def _entry(owner: OwnerId) -> Owner:
    return load_owners().get(owner, _NOBODY)


@cache
def _owners_by_service() -> Mapping[str, OwnerId]:
    return {service: name for name, owner in load_owners().items() for service in owner.services}


@cache
def _owners_by_name() -> Mapping[str, OwnerId]:
    return {domain: name for name, owner in load_owners().items() for domain in owner.names}


@cache
def _owners_by_asn() -> Mapping[int, OwnerId]:
    return {asn: name for name, owner in load_owners().items() if _ENDING & set(owner.kinds) for asn in owner.asns}


@cache
def _ranges(version: int) -> tuple[list[int], list[tuple[int, OwnerId]]]:
    """First addresses in order, and for each the last of its prefix and whose it is."""
    found = sorted((int(net[0]), int(net[-1]), name) for name, owner in load_owners().items()
                   for net in map(ipaddress.ip_network, owner.prefixes) if net.version == version)
    return [first for first, _, _ in found], [(last, name) for _, last, name in found]
