"""Where on the path interference acts: the smallest TTL with which a forbidden question still draws it.

A packet whose TTL ends before the box never meets it; one that ends just behind it does. What is compared: the same
question with one hop less, an innocent one with the same TTL, and how far routers are heard of at all. A box may give
its forged packet the TTL that the packet it saw had left: that one dies on its way back, and what is first seen comes
from about half as far (rule R30 of the field). So a place is a range, unless the TTL of the forged packet is known.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from probe.core.addresses import parse_address
from probe.core.icmp_errors import IcmpError
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import AddressSpace, HopWord, Scope

ACTS: tuple[HopWord, ...] = ("reset", "closed", "answered")
"""Words of what ends or answers a flow."""
SERVED: tuple[HopWord, ...] = ("acked", "answered")
"""Words of a server that was reached, where nothing interferes."""
QUIET_HOPS = 2
"""So many hops in a row must keep silent where others are heard: one router alone may have other things to do."""
_CARRIER = ipaddress.ip_network("100.64.0.0/10")
_INSIDE: tuple[AddressSpace, ...] = ("private", "carrier")
_PASSED: tuple[HopWord, ...] = ("exceeded", "acked")
"""What shows that a packet went on."""
_ROUTERS: tuple[HopWord, ...] = ("exceeded", "gateway")
Lines = Sequence[TraceLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class HopLocation:
    """Where interference with one name at one address acts; hop numbers count routers from 1, 0: not shown."""

    least: int = 0
    most: int = 0
    at_end: bool = False
    """It first acts where the server itself is reached: the server, or something at its door."""
    outside: int = 0
    """The first router in public address space behind private ones: the end of the access network."""
    scope: Scope = "unknown"

    @property
    def hop(self) -> str:
        """`3`, `2-3`, `end`, or empty: the form of the column."""
        if self.at_end:
            return "end"
        if not self.most:
            return ""
        return str(self.most) if self.least == self.most else f"{self.least}-{self.most}"


NOWHERE = HopLocation()
"""Nobody looked, or nothing is shown."""


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
    return replace(icmp, sender="service" if is_service else classify_address_space(icmp.sender))


def classify_icmp_scope(icmp: IcmpError | None) -> Scope:
    """How near the router is that sent an ICMP error. One in private space may be a company's or a provider's; one in
    the space between a provider and its customers is the provider's."""
    if icmp is None:
        return "unknown"
    return "access" if "carrier" in (icmp.sender, classify_address_space(icmp.sender)) else "unknown"


def list_packets(row: Observation) -> tuple[TraceLine, ...]:
    """The packets of a row, in the order in which they were sent."""
    return tuple(line for line in row.trace.lines if line.word)


def read_routers(way: Lines) -> tuple[frozenset[int], int]:
    """(TTLs at which a router let a packet run out, the TTL at which the address itself was reached or 0)."""
    ended = min((s.ttl for s in way if s.word == "end"), default=0)
    return frozenset(s.ttl for s in way if s.word == "exceeded"), ended


def find_first_sign(rows: Sequence[Lines], way: Lines) -> int:
    """The TTL at which interference seems to begin in flows whose TTL rises; 0 while there is no sign of it."""
    packets = [s for row in rows for s in row]
    acted = [s.ttl for s in packets if s.word in ACTS]
    if acted:
        return min(acted)
    others, ended = read_routers(way)
    heard = max((s.ttl for s in packets if s.word in _PASSED), default=0)
    quiet = sorted({s.ttl for s in packets if s.word == "silent" and s.ttl > heard
                    and (s.ttl in others or (ended and s.ttl >= ended))})
    return quiet[0] if len(quiet) >= QUIET_HOPS else 0


def locate_interference(traces: Sequence[Observation], name: str, *, address: str = "", port: int = 0) -> HopLocation:
    """The place that the rows of one search show for `name`; at `address` and `port`, or wherever it was asked."""
    rows = [o for o in traces if o.purpose == "locate" and not o.failure
            and (not address or (o.address, o.port) == (address, port))]
    own = [o for o in rows if o.hostname == name]
    if not own:
        return NOWHERE
    where = (own[0].address, own[0].port)
    rows = [o for o in rows if (o.address, o.port) == where]
    way = [s for o in rows if not o.hostname for s in list_packets(o)]
    others = [list_packets(o) for o in rows if o.hostname not in ("", name)]
    mine = [list_packets(o) for o in own if (o.address, o.port) == where]
    found = _of_questions(mine, others, way) if own[0].port == 53 else _of_flows(mine, others, way)
    outside = _outside(way)
    return HopLocation(least=found.least, most=found.most, at_end=found.at_end, outside=outside,
                       scope=_scope(found, way, outside))


def _of_flows(mine: Sequence[Lines], others: Sequence[Lines], way: Lines) -> HopLocation:
    """Flows of one TTL each tell: the forbidden name at the TTL and at one less, the innocent one at the TTL."""
    held = {row[0].ttl: row for row in mine if len({s.ttl for s in row}) == 1}
    least = max(held, default=0)
    at, below = held.get(least), held.get(least - 1)
    control = next((row for row in others if row and {s.ttl for s in row} == {least}), None)
    if at is None or control is None or (below is None and least > 1):
        return NOWHERE
    acts = at[-1].word in ACTS
    if not acts and any(s.word != "silent" for s in at):
        return NOWHERE
    if below is not None and (below[-1].word in ACTS or (not acts and not _has_answers(below))):
        return NOWHERE
    others_heard, ended = read_routers(way)
    if (ended and least >= ended) or any(s.word in SERVED for s in control):
        return HopLocation(at_end=True)
    if acts:
        spared = control[-1].word not in ACTS or max(others_heard, default=0) >= least
        return HopLocation(least=least // 2 + 1, most=least) if spared else NOWHERE
    return HopLocation(least=least, most=least) if _has_answers(control) else NOWHERE


def _has_answers(row: Lines) -> bool:
    return any(s.word == "exceeded" for s in row)


def _of_questions(mine: Sequence[Lines], others: Sequence[Lines], way: Lines) -> HopLocation:
    """DNS: every TTL was asked with; answers to questions that cannot have reached the resolver come from a box."""
    answers = [s for row in mine for s in row if s.word == "answered"]
    if not answers:
        return NOWHERE
    if copied := _find_copying_hop(answers):
        return HopLocation(least=copied, most=copied)
    first = min(s.ttl for s in answers)
    others_heard, ended = read_routers(way)
    ends = [s.ttl for row in others for s in row if s.word == "answered"] + ([ended] if ended else [])
    if ends and first >= min(ends):
        return HopLocation(at_end=True)
    if not ends and max(others_heard, default=0) < first:
        return NOWHERE
    genuine = any((s.ip_ttl or -1) > s.ttl for s in answers if not ends or s.ttl < min(ends))
    return HopLocation(least=first if genuine else first // 2 + 1, most=first)


def _find_copying_hop(answers: Lines) -> int:
    """The hop of a box that copies TTLs: its answers' grow with the questions', and are never more; 0: it does not."""
    told = [(s.ttl, s.ttl - s.ip_ttl) for s in answers if s.ip_ttl is not None and 0 <= s.ip_ttl <= s.ttl]
    gaps = {gap for _, gap in told}
    rising = len({ttl for ttl, _ in told}) > 1
    return gaps.pop() // 2 + 1 if len(gaps) == 1 and rising else 0


def _outside(way: Lines) -> int:
    spaces = _spaces(way)
    public = min((ttl for ttl, space in spaces.items() if space == "public"), default=0)
    inside = [ttl for ttl, space in spaces.items() if space in _INSIDE]
    return public if inside and public > max(inside) else 0


def _spaces(way: Lines) -> Mapping[int, AddressSpace]:
    return {s.ttl: s.space for s in way if s.space and s.word in _ROUTERS}


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
