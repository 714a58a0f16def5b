"""What UDP carried in this run, of all services together: the measure that one service's silence is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probe.catalogue.owners import ServiceAt, are_unrelated, describe_service
from probe.core.observations import Observation
from probe.core.tables.evidence_words import InnocentState, LostWhere, VersionState
from probe.core.tables.failures import TIMEOUTS
from probe.core.tables.operations import Operation
from probe.core.tables.protocols import DatagramKind
from probe.judge.common.fisher import fisher_p
from probe.judge.hops.trace_evidence import BEYOND_HOPS, TracedPath, gather_ways, goes_on_shared

OPERATIONS: frozenset[Operation] = frozenset(("quic_handshake", "quic_version", "stun_binding"))
"""What is said to a service in datagrams."""
PORT_BESIDE = 444
"""A port that nobody asks for, so that nobody can have set off a punishment of it."""
LOSSY = 1 / 3
CHANCE = 0.001
"""What chance explains with more than this is no finding."""
_SERIES: tuple[Operation, ...] = ("stun_binding", "quic_version")


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpPlace:
    """One place that was asked over UDP: what protocol, whose, and how many requests were answered."""

    protocol: DatagramKind
    address: str
    services: frozenset[str]
    whose: frozenset[ServiceAt]
    """These services, as they were met there."""
    requests: int
    responses: int
    alive: bool
    """Something was heard of it that it was asked for: an answer, or a handshake that was done."""
    silent: bool
    """Nothing was, not even a refusal."""
    shaken: bool = False
    """A QUIC handshake was done, and no silence followed."""
    greetings: int = 0
    """Handshakes under a name that nobody forbids."""
    greeted: int = 0
    """Those of them in which anything was heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UdpEvidence:
    """One place beside the others of the run. `others_*` are places of other services at other addresses."""

    requests: int = 0
    responses: int = 0
    others_alike: int = 0
    """Others of the same protocol that answered, of owners who have nothing to do with this one."""
    others_answering: int = 0
    others_shaken: int = 0
    """Others with which a QUIC handshake was done."""
    others_silent: int = 0
    """Of any protocol over UDP."""
    lossier: bool = False
    """More of our requests are lost than chance explains, beside others of the same protocol."""
    version: VersionState = "unasked"
    """answered, silent, closed (an ICMP error) or unasked: the question for a version of QUIC that does not exist."""
    versions_answered: int = 0
    """How often: it is asked again when handshakes have failed."""
    offers_v1: bool = False
    mute: int = 0
    """Attempts at a handshake in which nothing at all was heard."""
    lossy: bool = False
    """Of what is answered at all more than a third is lost, whoever it is for."""
    late: int = 0
    """Attempts in which the handshake was done, and silence followed."""
    again: InnocentState = "unasked"
    """The innocent name after our own had failed: reached (and then ours failed once more), failed, or unasked."""
    lost: LostWhere = ""
    """near, far, unknown, or empty where nobody looked."""
    lost_beside: LostWhere = ""
    """The same of another port of the address, for QUIC."""


def list_udp_places(seen: Iterable[Observation], networks: Mapping[str, int] | None = None) -> tuple[UdpPlace, ...]:
    """Every place of a run that was asked over UDP; `networks`: address -> AS number, where a table knows it."""
    by_place: dict[tuple[DatagramKind, str, int], list[Observation]] = {}
    for o in seen:
        if o.operation in OPERATIONS:
            by_place.setdefault(("stun" if o.operation == "stun_binding" else "quic", o.address, o.port), []).append(o)
    return tuple(_other(protocol, address, mine, networks or {}) for (protocol, address, _), mine in by_place.items())


def _other(protocol: DatagramKind, address: str, mine: Sequence[Observation],
           networks: Mapping[str, int]) -> UdpPlace:
    asked = {(o.target_id.split(".")[0], "" if o.purpose == "innocent" else o.hostname) for o in mine if o.target_id}
    series = [o for o in mine if o.operation in _SERIES]
    greetings = [o for o in mine if o.operation == "quic_handshake" and o.purpose == "innocent"]
    return UdpPlace(
        protocol=protocol, address=address, services=frozenset(service for service, _ in asked),
        whose=frozenset(describe_service(service, host, (address,), networks) for service, host in asked),
        requests=sum(o.datagrams.requests for o in series), responses=sum(o.datagrams.responses for o in series),
        alive=any(not o.failure or o.datagrams.responses for o in mine),
        silent=all(o.failure in TIMEOUTS for o in mine),
        shaken=any(o.operation == "quic_handshake" and not o.failure and o.tls.version for o in mine),
        greetings=len(greetings), greeted=sum(not o.failure or o.datagrams.responses > 0 for o in greetings),
    )


def compare_udp_places(others: Sequence[UdpPlace], *, protocol: DatagramKind, address: str,
                       service: str) -> UdpEvidence:
    """One place's counts, and those of the others. What they lose is held against what is lost to unrelated ones: one
    front may police the datagrams of all its customers."""
    ours = [p for p in others if p.address == address and p.protocol == protocol]
    theirs = [p for p in others if p.address != address and service not in p.services]
    us = frozenset(who for p in ours for who in p.whose if who.service == service)
    alike = [p for p in theirs if p.protocol == protocol and all(are_unrelated(a, b) for a in us for b in p.whose)]
    mine = (sum(p.requests for p in ours), sum(p.responses for p in ours))
    rest = (sum(p.requests for p in alike), sum(p.responses for p in alike))
    return UdpEvidence(
        requests=mine[0], responses=mine[1],
        others_alike=sum(p.alive for p in alike), others_answering=sum(p.alive for p in theirs),
        others_shaken=sum(p.shaken for p in theirs), others_silent=sum(p.silent for p in theirs),
        lossy=_is_lossy([p for p in theirs if p.alive]),
        lossier=bool(mine[0]) and bool(rest[0]) and fisher_p(mine, rest) < CHANCE,
    )


def _is_lossy(alive: Sequence[UdpPlace]) -> bool:
    requests = sum(p.requests + p.greetings for p in alive)
    return sum(p.responses + p.greeted for p in alive) < (1 - LOSSY) * requests


def locate_datagram_loss(traces: Sequence[Observation], address: str, port: int) -> LostWhere:
    """near: from some router on, datagrams to the address are not heard of, or hardly ever, where those for others
    are, and up to there the way is the same; far: they are heard of as far as all that is shared with others;
    unknown: neither is shown; empty: nobody looked.

    An answer of the address itself says nothing: where only most packets are lost, some arrive.
    """
    ways = gather_ways([o for o in traces if o.operation == "udp_trace"], address, port)
    if not ways.ours:
        return ""
    others = list(ways.others.values())
    if any(goes_on_shared(way, ways, place=find_missed_hop(way, other), networks=1)
           for way in ways.ours for other in others if is_cut(way, other)):
        return "near"
    return "far" if others and all(_goes_on(way, others) for way in ways.ours) else "unknown"


def find_missed_hop(way: TracedPath, other: TracedPath) -> int:
    """The first of the other's routers that is not heard of on our way; 0 where all are."""
    return min((ttl for ttl in other.heard if ttl not in way.heard), default=0)


def is_cut(way: TracedPath, other: TracedPath) -> bool:
    """Whether datagrams end on our way where the other goes on: two routers in a row or more of the other's are never
    heard of on ours, or two of three and more hardly."""
    missed = find_missed_hop(way, other)
    before = [ttl for ttl in way.heard if ttl < missed]
    if not missed or (before and other.heard.get(max(before)) != way.heard[max(before)]):
        return False
    beyond = [ttl for ttl in other.heard if ttl >= missed]
    heard = sum(ttl in way.heard for ttl in beyond)
    return len(beyond) - heard >= BEYOND_HOPS and 3 * heard <= len(beyond)


def _goes_on(way: TracedPath, others: Sequence[TracedPath]) -> bool:
    return bool(way.reach) and all(
        way.reach >= other.reach or other.heard.get(way.reach) != way.heard[way.reach] for other in others)
