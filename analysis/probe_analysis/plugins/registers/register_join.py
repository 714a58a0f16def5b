"""Which targets the entries of a list name, and how. Pure.

Targets are found by host, URL and address; entries pass by once and are kept only where they match. Of several entries
that match a target in the same way, the earliest is told, and how many there are.
"""

from __future__ import annotations

import bisect
import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from probe.core.counted_words import count_things
from probe.core.endpoints import Endpoint
from probe_analysis.plugins.registers.register_names import is_address, parse_name, parse_network, parse_url
from probe_analysis.plugins.registers.register_types import MAX_REFUSED_KEPT, ListDate, RefusedEntry, RegisterEntry
from probe_analysis.plugins.registers.register_words import MATCHES
from probe_analysis.plugins.registers.shared_networks import find_shared_network

_ORDER = {kind: place for place, kind in enumerate(MATCHES)}
_SOME_NAMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How one target is listed."""

    kind: str
    """A word of `MATCHES`."""
    listed: str
    """What of the entry it is: the name, the address or network; of URLs the target's own."""
    place: int
    date: str
    until: str
    authority: str
    decision: str
    address: str = ""
    """Of a match by address: the target's."""
    shared: str = ""
    """Why the entry need not be about this target; empty: no such sign."""
    entries: int = 1
    """How many match in this way."""


@dataclass(slots=True, kw_only=True)
class JoinedList:
    """What came of one list."""

    matches: dict[str, dict[str, Match]] = field(default_factory=dict)
    """Target -> kind -> the earliest match."""
    entries: int = 0
    refused: int = 0
    first_refused: list[RefusedEntry] = field(default_factory=list)
    updated: str = ""

    def best(self, target_id: str) -> Match | None:
        """The strongest match of a target."""
        found = self.matches.get(target_id, {})
        return found[min(found, key=_ORDER.__getitem__)] if found else None


class TargetIndex:
    """The targets, to be found by what lists name."""

    def __init__(self, endpoints: Iterable[Endpoint], seen: Mapping[str, frozenset[str]]) -> None:
        """`seen`: address -> targets that were found there."""
        self.hosts: defaultdict[str, set[str]] = defaultdict(set)
        self.urls: defaultdict[str, set[str]] = defaultdict(set)
        self.addresses: defaultdict[str, set[str]] = defaultdict(set)
        self._services: dict[str, str] = {}
        for endpoint in endpoints:
            if endpoint.role != "control":
                self._add(endpoint)
        for address, targets in seen.items():
            for target in targets & self._services.keys():
                self._add_address(address, target)
        self.below: defaultdict[str, set[str]] = defaultdict(set)
        for host in self.hosts:
            for parent in list_parent_names(host):
                self.below[parent].add(host)
        self._sorted = {version: sorted(
            int(ipaddress.ip_address(address)) for address in self.addresses
            if (":" in address) == (version == 6)) for version in (4, 6)}

    @property
    def targets(self) -> Mapping[str, str]:
        """Target -> service."""
        return self._services

    def _add(self, endpoint: Endpoint) -> None:
        self._services[endpoint.target_id] = endpoint.service
        if endpoint.address:
            self._add_address(endpoint.address, endpoint.target_id)
        for host in {endpoint.host, endpoint.sni}:
            if host and "{" not in host and not is_address(host):
                self.hosts[parse_name(host)].add(endpoint.target_id)
        if endpoint.input.startswith(("http://", "https://")) and "{" not in endpoint.input:
            self.urls[parse_url(endpoint.input)[1]].add(endpoint.target_id)

    def _add_address(self, address: str, target: str) -> None:
        try:
            self.addresses[parse_network(address)].add(target)
        except ValueError:
            return  # `near` and the like stand for addresses that are not told

    def within(self, network: str) -> Sequence[str]:
        """The targets' addresses that lie in a network."""
        net = ipaddress.ip_network(network)
        known = self._sorted[net.version]
        first, last = int(net.network_address), int(net.broadcast_address)
        kind = ipaddress.IPv4Address if net.version == 4 else ipaddress.IPv6Address
        return [str(kind(n)) for n in known[bisect.bisect_left(known, first):bisect.bisect_right(known, last)]]

    def neighbours(self, address: str) -> frozenset[str]:
        """The services whose targets are at an address."""
        return frozenset(self._services[target] for target in self.addresses.get(address, ()))


def list_parent_names(host: str) -> Iterator[str]:
    """The names above a host, of two labels at least."""
    labels = host.split(".")
    for at in range(1, len(labels) - 1):
        yield ".".join(labels[at:])


def join_list(items: Iterable[RegisterEntry | RefusedEntry | ListDate], index: TargetIndex) -> JoinedList:
    """Match all entries of one list."""
    joined = JoinedList()
    for item in items:
        if isinstance(item, ListDate):
            joined.updated = item.time or joined.updated
        elif isinstance(item, RefusedEntry):
            joined.refused += 1
            if not item.place:  # it is about the list as a whole: a person must see it, whatever else is wrong
                joined.first_refused = [item, *joined.first_refused][:MAX_REFUSED_KEPT]
            elif len(joined.first_refused) < MAX_REFUSED_KEPT:
                joined.first_refused.append(item)
        else:
            joined.entries += 1
            for target, match in _matches(item, index):
                _keep(joined.matches.setdefault(target, {}), match)
    return joined


def _matches(entry: RegisterEntry, index: TargetIndex) -> Iterator[tuple[str, Match]]:
    made = Match(kind="", listed="", place=entry.place, date=entry.date, until=entry.until, authority=entry.authority,
                 decision=entry.decision)
    found: dict[tuple[str, str], Match] = {}  # one entry counts once for a target and kind
    for url in entry.urls:
        for target in index.urls.get(url, ()):
            found.setdefault((target, "url"), replace(made, kind="url", listed=url))
    for kind, listed, host in _find_by_name(entry, index):
        for target in index.hosts[host]:
            found.setdefault((target, kind), replace(made, kind=kind, listed=listed))
    named = {target for target, _ in found}
    for network in entry.networks:
        for address in _at(network, index):
            for target in index.addresses[address] - named:
                kind = "network" if "/" in network else "address"
                found.setdefault((target, kind), replace(
                    made, kind=kind, listed=network, address=address, shared=_explain_shared(entry, address, index)))
    for (target, _), match in found.items():
        yield target, match


def _find_by_name(entry: RegisterEntry, index: TargetIndex) -> Iterator[tuple[str, str, str]]:
    """(kind, what is listed, host of targets)."""
    for name in entry.hosts:
        if name in index.hosts:
            yield ("host" if entry.whole else "url_host"), name, name
        if entry.whole:
            for host in index.below.get(name, ()):
                yield "parent", name, host
    for name in entry.masks:
        if name in index.hosts:
            yield "mask_apex", f"*.{name}", name
        for host in index.below.get(name, ()):
            yield "mask", f"*.{name}", host


def _at(network: str, index: TargetIndex) -> Sequence[str]:
    if "/" not in network:
        return (network,) if network in index.addresses else ()
    return index.within(network)


def _explain_shared(entry: RegisterEntry, address: str, index: TargetIndex) -> str:
    """Why an entry that names an address need not mean the target there."""
    signs = []
    if network := find_shared_network(address):
        signs.append(f"the address is one of {network}'s, which many sites share")
    if len(services := index.neighbours(address)) > 1:
        signs.append(f"{count_things(len(services), 'service')} of the catalogue are at this address")
    if others := len({*entry.hosts, *entry.masks}):
        signs.append(f"the entry names {others if others <= _SOME_NAMES else 'many'} other "
                     f"{'host' if others == 1 else 'hosts'}, and not this one")
    return "; ".join(signs)


def _keep(kept: dict[str, Match], match: Match) -> None:
    """The earliest of a kind, one that is dated before one that is not; and one without signs of sharing before all."""
    before = kept.get(match.kind)
    if before is None:
        kept[match.kind] = match
        return
    count = before.entries + 1

    def rank(one: Match) -> tuple[bool, bool, str, int]:
        return bool(one.shared), not one.date, one.date, one.place

    kept[match.kind] = replace(min(before, match, key=rank), entries=count)
