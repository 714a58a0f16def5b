"""Do only listed places pass? What becomes of all owners' addresses in a run, held against each other.

A list of what may pass looks like an outage of the way abroad: home answers, and so do a few services whose caches
stand in the country. What an outage cannot do is tell names at one address apart, or carry SYNs and their answers and
no data. Where packets to unlisted addresses vanish from the first on, only neighbours that are reached tell the two
apart, since the smallest network that is routed by itself is a /24 (IPv4) or a /48 (IPv6).

For many a country we know no server at home. There, what passes at all takes the place of home, but only where the
references of the run complete no handshake either, and only names told apart by silence show a list.

Sources: lists of addresses and names in Russia's mobile networks, 2025 and 2026 (net4people/bbs issues 516, 579, 650:
SYNs arrive, ClientHellos do not); in Iran, 2026 (issues 561, 630).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from probe.catalogue.owners import OwnerId, ServiceAt, choose_unrelated, find_owner, list_seats
from probe.core.addresses import is_beside
from probe.core.observations import Observation
from probe.core.tables.evidence_words import AllowlistWay
from probe.core.tables.failures import CUT_OFF, TIMEOUTS
from probe.core.tables.operations import Operation
from probe.core.tables.purposes import Purpose

PORTS = (443, 80)
"""Judged one by one, the first that tells: a firewall that closes a port makes no list."""
LEAST_STRUCK = 3
"""Unrelated owners abroad of whom nothing passes."""
LEAST_TRIES = 2
"""Attempts at an address that fail alike."""
UNSTEADY_SHARE = 0.25
"""Of those that pass, so many may have failed as well; beyond that the line loses packets of all."""
FAR_MS, FAR_TIMES = 20.0, 2.0
"""By how much round trips to the struck must differ, so that no proxy next door can have taken all connections."""
_WAYS: tuple[AllowlistWay, ...] = ("address", "data")
"""What is looked at; `name` is told from `data` by what else passes."""
_OWN: tuple[Purpose, ...] = ("target", "ladder", "trusted")
_DATA: tuple[Operation, ...] = ("tls_handshake", "http_round_trip", "app_round_trip")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowlistEvidence:
    """What passes abroad and what does not. Empty where most passes, or where nothing tells of a list."""

    way: AllowlistWay = ""
    struck: tuple[OwnerId, ...] = ()
    """Unrelated owners abroad of whom nothing passes."""
    listed: tuple[str, ...] = ()
    """Services abroad that pass, in alphabetical order."""
    neighbours: tuple[OwnerId, ...] = ()
    """Of the struck, those with an address in whose network another address answers."""
    far_apart: bool = False
    """Round trips of the connections that the struck accepted differ as those of distant places do."""
    home_answers: bool = True
    """A place at home answered. Without one, a firewall nearby that lets little through looks like a list of data."""

    @property
    def is_shown(self) -> bool:
        """An outage, and a proxy that takes all connections, would look otherwise."""
        if self.way == "address":
            return len(self.neighbours) >= LEAST_STRUCK
        return self.far_apart and (self.way == "name" or (self.way == "data" and self.home_answers))


NO_LIST = AllowlistEvidence()


@dataclass(slots=True, kw_only=True)
class _Place:
    """One address and port: what became of attempts there."""

    owners: dict[OwnerId, ServiceAt] = field(default_factory=dict)
    home: bool = False
    opened: int = 0
    silent: int = 0
    unmoved: int = 0
    """Attempts to say something that were cut off, or never acknowledged, under any name."""
    others_cut: int = 0
    """Of them, those under an innocent name."""
    unheard: int = 0
    """Of `unmoved`, those never acknowledged: a server that refuses a name has heard it, and a firewall may reset."""
    others_unheard: int = 0
    """Of them, those under an innocent name."""
    shook: bool = False
    """A TLS handshake under its own name was answered."""
    answered: bool = False
    """Its own name was answered."""
    other_answered: bool = False
    """An innocent one was."""
    else_failed: bool = False
    rtt_ms: float = 0.0
    """The shortest round trip of a connection that opened; 0 where none is known."""

    @property
    def is_silent(self) -> bool:
        return self.silent >= LEAST_TRIES and not self.opened

    @property
    def tells(self) -> bool:
        """Whether enough was tried to say whether it passes."""
        return self.answered or self.other_answered or self.else_failed or self.is_silent or self.is_dumb

    @property
    def is_dumb(self) -> bool:
        """Connections open, and nothing that is said on them arrives."""
        return (self.opened >= LEAST_TRIES and self.unmoved >= LEAST_TRIES
                and not (self.answered or self.other_answered or self.else_failed))

    @property
    def is_unheard(self) -> bool:
        """Nothing that was said on its connections was acknowledged."""
        return self.unheard == self.unmoved >= LEAST_TRIES


def gather_allowlist(seen: Sequence[Observation], *, cc: str, domestic: frozenset[str],
                     references_fail: bool = False) -> AllowlistEvidence:
    """From all of a run. `cc`: country of the vantage; `domestic`: inputs of its controls at home; `references_fail`:
    no reference of the run completed a TLS handshake, and several were tried."""
    for port in PORTS:
        found = _judge(_gather_places((o for o in seen if o.port == port and o.address), cc, domestic),
                       references_fail=references_fail)
        if found.way:
            return found
    return NO_LIST


def is_at_home(seen: Observation, cc: str, domestic: frozenset[str]) -> bool:
    """Whether it went to a place in the vantage's country, as far as the catalogue knows. `domestic`: inputs of its
    controls at home."""
    service = seen.target_id.partition(".")[0]
    return seen.input in domestic or cc in list_seats(find_owner(service or seen.hostname, seen.hostname))


def _gather_places(seen: Iterable[Observation], cc: str, domestic: frozenset[str]) -> Mapping[str, _Place]:
    places: dict[str, _Place] = {}
    for o in seen:
        if o.purpose in _OWN or o.purpose == "innocent":
            _note(places.setdefault(o.address, _Place()), o, cc, domestic)
    return places


def _note(place: _Place, seen: Observation, cc: str, domestic: frozenset[str]) -> None:
    own = seen.purpose in _OWN
    if own:
        service = seen.target_id.partition(".")[0]
        owner = find_owner(service or seen.hostname, seen.hostname)
        if owner not in place.owners:
            place.owners[owner] = ServiceAt(service=service, host=seen.hostname, addresses=frozenset((seen.address,)))
        place.home |= seen.input in domestic or (cc in list_seats(owner))
    if seen.operation == "connect":
        place.opened += not seen.failure
        place.silent += seen.failure in TIMEOUTS
        place.else_failed |= bool(seen.failure) and seen.failure not in TIMEOUTS
        if not seen.failure and seen.tcp.min_rtt_ms > 0:
            place.rtt_ms = min(place.rtt_ms, seen.tcp.min_rtt_ms) if place.rtt_ms else seen.tcp.min_rtt_ms
    elif seen.operation in _DATA:
        _note_data(place, seen, own=own)


def _note_data(place: _Place, seen: Observation, *, own: bool) -> None:
    if not seen.failure or seen.tls.server_hello or seen.bytes_read:
        place.answered |= own
        place.other_answered |= not own
        place.shook |= own and seen.operation == "tls_handshake"
    elif (seen.failure in TIMEOUTS and seen.tcp.acked == "no") or seen.failure in CUT_OFF:
        place.unmoved += 1
        place.others_cut += not own
        place.unheard += seen.failure in TIMEOUTS
        place.others_unheard += not own and seen.failure in TIMEOUTS
    else:
        place.else_failed = True


def _judge(places: Mapping[str, _Place], *, references_fail: bool) -> AllowlistEvidence:
    """Of one port. At home something passes; abroad of most owners nothing does, and all in one way."""
    abroad = {address: place for address, place in places.items() if not place.home and place.owners}
    passing = {address: place for address, place in abroad.items() if place.answered}
    reached = {owner for place in passing.values() for owner in place.owners}
    unsteady = sum(bool(place.silent or place.unmoved - place.others_cut) for place in passing.values())
    home = any(place.home and place.answered for place in places.values())
    listed = references_fail and any(place.shook for place in passing.values())
    if not (home or listed) or unsteady > UNSTEADY_SHARE * len(passing):
        return NO_LIST
    owners = {owner for place in abroad.values() if place.tells for owner in place.owners}
    for way in _WAYS if home else ("data",):
        struck = _find_struck(abroad, reached, way=way, unheard_only=not home)
        unrelated = choose_unrelated(struck)
        if len(unrelated) >= LEAST_STRUCK and 2 * len(struck) >= len(owners):
            return _describe(way, unrelated, places, passing, home=home)
    return NO_LIST


def _find_struck(abroad: Mapping[str, _Place], reached: set[OwnerId], *, way: AllowlistWay,
                 unheard_only: bool) -> tuple[ServiceAt, ...]:
    """Owners all of whose addresses fail in this way; with `unheard_only`, resets are another way."""
    found: dict[OwnerId, ServiceAt] = {}
    otherwise: set[OwnerId] = set(reached)
    for place in abroad.values():
        if place.is_silent if way == "address" else place.is_dumb and (place.is_unheard or not unheard_only):
            found |= {owner: service for owner, service in place.owners.items() if owner not in found}
        else:
            otherwise |= set(place.owners)
    return tuple(service for owner, service in sorted(found.items()) if owner not in otherwise)


def _describe(way: AllowlistWay, struck: tuple[ServiceAt, ...], places: Mapping[str, _Place],
              passing: Mapping[str, _Place], *, home: bool) -> AllowlistEvidence:
    listed = sorted({s.service for place in passing.values() for s in place.owners.values() if s.service})
    owners = tuple(service.owner for service in struck)
    if way == "address":
        alive = [address for address, place in places.items() if place.opened]
        beside = tuple(s.owner for s in struck if any(is_beside(a, b) for a in s.addresses for b in alive))
        return AllowlistEvidence(way="address" if listed else "", struck=owners, listed=tuple(listed),
                                 neighbours=beside)
    told_apart = any(place.answered and (place.others_cut if home else place.others_unheard)
                     and not place.other_answered for place in places.values())
    trips = [place.rtt_ms for place in places.values() if place.is_dumb and place.rtt_ms > 0 and not place.home]
    apart = len(trips) >= LEAST_STRUCK and max(trips) > max(FAR_TIMES * min(trips), min(trips) + FAR_MS)
    return AllowlistEvidence(way="name" if told_apart else "data", struck=owners, listed=tuple(listed),
                             far_apart=apart, home_answers=home)
