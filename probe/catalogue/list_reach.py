"""Whom a list touches: how many endpoints a run takes of it, and what kinds of servers hear from volunteers. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from probe.catalogue.row_limits import is_mail
from probe.catalogue.types import Catalogue
from probe.core.endpoints import Endpoint
from probe.core.tables.protocols import PROTOCOLS

ServerKind = Literal["web", "chat", "mail", "calls", "ports", "names"]
"""ports: only connected to. names: only asked for."""
SERVER_KINDS: tuple[ServerKind, ...] = get_args(ServerKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReach:
    """What runs make of a list."""

    endpoints: int
    """That one run measures."""
    hosts: tuple[tuple[ServerKind, int], ...]
    """Kind of server -> how many hosts of any tier, most first; those of which there are none are left out."""


def count_reach(catalogue: Catalogue, *, level: int, tier: int) -> ListReach:
    """By the consent level and the tier of the settings; runs that take turns come to all tiers in time."""
    taken = list(_list_measured(catalogue, level))
    hosts: dict[ServerKind, set[str]] = {kind: set() for kind in SERVER_KINDS}
    for endpoint in taken:
        hosts[_kind_of(endpoint)].add(endpoint.host)
    counts = ((kind, len(names)) for kind, names in hosts.items() if names)
    return ListReach(endpoints=sum(e.tier <= tier for e in taken),
                     hosts=tuple(sorted(counts, key=lambda pair: -pair[1])))


def _list_measured(catalogue: Catalogue, level: int) -> Iterator[Endpoint]:
    for endpoint in catalogue.endpoints:
        service, protocol = catalogue.services.get(endpoint.service), PROTOCOLS[endpoint.protocol]
        agreed = max(protocol.consent_level, service.consent_level if service else 1) <= level
        if agreed and protocol.built and not (endpoint.status == "dead" and endpoint.address):
            yield endpoint


def _kind_of(endpoint: Endpoint) -> ServerKind:
    protocol = PROTOCOLS[endpoint.protocol]
    if endpoint.status == "dead" or protocol.transport == "dns":
        return "names"
    if is_mail(endpoint):
        return "mail"
    if protocol.name == "stun":
        return "calls"
    if protocol.name == "tcp":
        return "ports"
    return "chat" if protocol.says else "web"
