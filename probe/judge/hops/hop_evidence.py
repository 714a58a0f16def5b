"""Where on the path interference acts: the smallest TTL with which a forbidden question still draws it.

How flows are compared says `probe.judge.hops.hop_flows`; DNS questions are compared here. Whether a place shows
that it is not the service's own front says `probe.judge.hops.hop_door`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from probe.core.addresses import parse_address, same_provider
from probe.core.icmp_errors import IcmpError
from probe.core.observations import Observation
from probe.core.tables.evidence_words import SPACES, AddressSpace, HopWhere, HopWord, Scope
from probe.core.tables.operations import Operation
from probe.core.tables.words import read_word
from probe.judge.hops.hop_door import is_before_door
from probe.judge.hops.hop_flows import NO_SIGNS, FlowSigns, QuestionFlow, read_flows
from probe.judge.hops.hop_lines import QUIET_HOPS, Lines, list_packets, read_routers

_CARRIER = ipaddress.ip_network("100.64.0.0/10")
_INSIDE: tuple[AddressSpace, ...] = ("private", "carrier")
_ROUTERS: tuple[HopWord, ...] = ("exceeded", "gateway")
AGREEING_ANSWERS = 3
"""So many questions that cannot have arrived must be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HopLocation:
    """Where interference with one name at one address acts; hop numbers count routers from 1, 0: not shown."""

    least: int = 0
    most: int = 0
    where: HopWhere = ""
    """before: well before the service's own door, at a hop that paths to other owners pass as far as that can be told,
    in three agreeing searches. door: they agree, and paths to others are not seen to pass there, so that it may be the
    service's own. end: at the service or its door (`probe.judge.hops.hop_flows.FlowSigns.at_end`); who stands
    there it does not say. unknown: neither is shown; what waits for the server's answer, wherever it stands,
    looks as a front that refuses us. Empty: nobody looked."""
    outside: int = 0
    """The first router in public address space behind private ones: the end of the access network."""
    scope: Scope = "unknown"
    found_in: str = ""
    """The earlier run that found it; empty: this one."""

    @property
    def hop(self) -> str:
        """`3`, `2-3`, `end`, or empty: the form of the column."""
        if self.where == "end":
            return self.where
        if not self.most:
            return ""
        return str(self.most) if self.least == self.most else f"{self.least}-{self.most}"


NOWHERE = HopLocation()
"""Nobody looked."""


def classify_address_space(text: str) -> AddressSpace:
    """private (a household's or company's own), carrier (RFC 6598, between a provider and its customers), public;
    empty for what is no address."""
    address = parse_address(text)
    if address is None:
        return ""
    if isinstance(address, ipaddress.IPv4Address) and address in _CARRIER:
        return "carrier"
    return "private" if address.is_private or address.is_link_local else "public"


def anonymize_icmp(icmp: IcmpError | None, address: str) -> IcmpError | None:
    """An ICMP error about packets to `address`, as it is stored: instead of the sender, whose address may be this
    device's own or lie in the volunteer's own network, `service` or the space it lies in."""
    if icmp is None or not icmp.sender:
        return icmp
    is_service = parse_address(icmp.sender) == parse_address(address)
    space: AddressSpace = "service" if is_service else classify_address_space(icmp.sender)
    return replace(icmp, sender=space)


def classify_icmp_scope(icmp: IcmpError | None) -> Scope:
    """How near the router is that sent an ICMP error. One in private space may be a company's or a provider's; one in
    the space between a provider and its customers is the provider's."""
    if icmp is None:
        return "unknown"
    spaces = read_word(icmp.sender, SPACES), classify_address_space(icmp.sender)
    return "access" if any(space == "carrier" for space in spaces) else "unknown"


def classify_router_space(text: str, address: str) -> AddressSpace:
    """The space of a router on the way to `address`: `service` where one provider may have both."""
    space = classify_address_space(text)
    return "service" if space == "public" and same_provider(text, address) else space


def locate_interference(traces: Sequence[Observation], name: str, *, address: str = "", port: int = 0,
                        operation: Operation = "trace") -> HopLocation:
    """The place that the rows of one search show for `name`; at `address` and `port`, or wherever it was asked.
    References among `traces` tell whether paths to others pass there."""
    rows = [o for o in traces if o.purpose == "locate" and not o.failure and o.operation == operation
            and (not address or (o.address, o.port) == (address, port))]
    own = [o for o in rows if o.hostname == name]
    if not own:
        return NOWHERE
    at, door = own[0].address, own[0].port
    rows = [o for o in rows if (o.address, o.port) == (at, door)]
    way = [s for o in rows if not o.hostname for s in list_packets(o)]
    first_s = min(o.t0_s for o in own)
    others = [QuestionFlow(lines=list_packets(o), early=o.t0_s < first_s)
              for o in rows if o.hostname not in ("", name)]
    mine = [QuestionFlow(lines=list_packets(o), left_out=o.trace.left_out_bytes > 0)
            for o in rows if o.hostname == name]
    found = (_read_questions([f.lines for f in mine], [f.lines for f in others], way) if door == 53 else
             read_flows(mine, others, way))
    outside = _outside(way)
    place = HopLocation(least=found.least, most=found.most, where=_where(found, way, traces, at), outside=outside)
    return replace(place, scope=_scope(place, way, outside))


def _where(found: FlowSigns, way: Lines, traces: Sequence[Observation], address: str) -> HopWhere:
    if found.at_end:
        return "end"
    if not found.agreed:
        return "unknown"
    before = is_before_door(found.most, way, traces, address, end=found.end, heard=found.heard)
    return "before" if before else "door"


def _read_questions(mine: Sequence[Lines], others: Sequence[Lines], way: Lines) -> FlowSigns:
    """DNS: every TTL was asked with; answers to questions that cannot have reached the resolver come from a box. One
    that is answered where the resolver is reached may have been answered by it, or its answer changed on the way."""
    answers = [s for row in mine for s in row if s.word == "answered"]
    others_heard, ended = read_routers(way)
    ends = [s.ttl for row in others for s in row if s.word == "answered"] + ([ended] if ended else [])
    end, heard = min(ends, default=0), max(others_heard, default=0)
    early = [s for s in answers if not end or s.ttl < end]
    if copied := _find_copying_hop(answers):
        agreed = bool(others) and len(answers) >= AGREEING_ANSWERS
        return FlowSigns(least=copied, most=copied, agreed=agreed, end=end, heard=heard)
    first = min((s.ttl for s in early), default=0)
    if not first or (not end and heard < first):
        return NO_SIGNS
    genuine = any((s.ip_ttl or -1) > s.ttl for s in early)
    return FlowSigns(least=first if genuine else first // 2 + 1, most=first, end=end, heard=heard,
                     agreed=bool(others) and len(early) >= AGREEING_ANSWERS)


def _find_copying_hop(answers: Lines) -> int:
    """The hop of a box that copies TTLs: the TTLs of its answers grow with those of the questions, and are never
    greater. 0: there is no such box."""
    ttl_gaps = [(s.ttl, s.ttl - s.ip_ttl) for s in answers if s.ip_ttl is not None and 0 <= s.ip_ttl <= s.ttl]
    gaps = {gap for _, gap in ttl_gaps}
    rising = len({ttl for ttl, _ in ttl_gaps}) > 1
    return gaps.pop() // 2 + 1 if len(gaps) == 1 and rising else 0


def _outside(way: Lines) -> int:
    spaces = _spaces(way)
    public = min((ttl for ttl, space in spaces.items() if space == "public"), default=0)
    inside = [ttl for ttl, space in spaces.items() if space in _INSIDE]
    return public if inside and public > max(inside) else 0


def _spaces(way: Lines) -> Mapping[int, AddressSpace]:
    return {s.ttl: "public" if s.space == "service" else s.space for s in way if s.space and s.word in _ROUTERS}


def _scope(found: HopLocation, way: Lines, outside: int) -> Scope:
    if not found.most:
        return "unknown"
    zones = {_zone(hop, _spaces(way), outside) for hop in range(found.least, found.most + 1)}
    return zones.pop() if len(zones) == 1 else "unknown"


def _zone(hop: int, spaces: Mapping[int, AddressSpace], outside: int) -> Scope:
    """In whose reach a hop lies. A private address further than the first hop may be a company's or a provider's."""
    if hop == 1 and spaces.get(1) == "private":
        return "lan"
    carrier = min((ttl for ttl, space in spaces.items() if space == "carrier"), default=0)
    if outside and hop > outside:
        return "beyond_access"
    if hop == outside:  # so near the last router heard of, it may be the service's own, peering with the provider
        return "access" if hop + QUIET_HOPS <= max(spaces) else "unknown"
    inside = carrier and carrier <= hop and (outside or spaces.get(hop) == "carrier")
    return "access" if inside else "unknown"
