"""Who ended a connection: what the headers, the times and the numbers of its packets say.

No sign convicts alone, for each has an innocent cause: a load balancer or a firewall at the service's own door resets
with a TTL and a DF of its own, and what stands behind it goes on; a kernel answers each late segment with the same
reset; a reset overtakes data where a path has two ways; a translator rewrites IP IDs; Linux sends IP ID 0. So signs are
sorted by what they rest on, and an end is `shown` to be forged when signs of two sorts hold in nearly every failing
connection of an address, three at least, and one of them is none that a box at the service's door leaves. Headers that
look clean acquit nobody: a box in the path can rewrite the server's own packet.
(Weaver et al., Detecting Forged TCP Reset Packets, NDSS 2009; Clayton et al., Ignoring the Great Firewall, PET 2006.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from probe.core.observations import Observation
from probe.core.packets import Packet
from probe.judge.common.time_slots import split_into_slots
from probe.judge.packets.end_timing import EndTiming

SignSort = Literal["headers", "echo", "time", "copies", "sequence", "payload"]
"""What a sign rests on."""
SORTS: dict[str, SignSort] = {
    "ttl": "headers", "df": "headers", "ip_id_constant": "headers",
    "ip_id_ours": "echo",
    "early": "time",
    "copies": "copies", "train": "copies",
    "went_on": "sequence", "behind": "sequence",
    "payload": "payload",
}
"""Sign -> what it rests on; signs of one sort have one cause."""
NOT_AT_THE_DOOR: frozenset[SignSort] = frozenset({"time", "copies", "echo"})
"""Sorts that no box at the service's door leaves: it is as far away as the service, resets once, and has IP IDs of its
own. Headers and numbers show only that another box than the server has spoken."""
OF_NO_GUARD: frozenset[SignSort] = frozenset({"copies", "echo"})
"""Those of them that no guard of the operator's leaves, wherever it stands: one at the border of a wide network is
nearer than the service."""
OF_A_NEAR_BOX: frozenset[SignSort] = frozenset({"time", "copies"})
"""What no firewall at an operator's own door shows together."""
AT_LEAST = 3
"""Connections that must show a sign."""
NEARLY_ALL = 0.75
EARLY = 0.8
EARLY_MS = 4.0
"""Sooner than this share of the round trip, and by so much at least: no answer comes faster than the way there."""
TTL_SLACK = 1
"""Routes of equal length for some packets of a flow differ by as much."""
FULL_SEGMENT = 1200
TOGETHER_MS = 200.0
"""Copies of a reset come this close together."""
GOES_ON_MS = 2000.0
"""What comes later than this after a reset is the server giving up."""
REORDERED_MS = 10.0
"""A packet that was overtaken comes within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketAnatomy:
    """What the packets of the failing connections to one address show."""

    captured: int = 0
    """Failing attempts whose packets were seen."""
    signs: tuple[str, ...] = ()
    """Signs that nearly all of them bear, in the order of `SORTS`."""
    near_slots: int = 0
    """Time slots (`probe.judge.common.time_slots`) in which an attempt was ended by somebody nearer than the
    service."""

    @property
    def sorts(self) -> frozenset[SignSort]:
        return frozenset(SORTS[sign] for sign in self.signs)

    @property
    def is_shown(self) -> bool:
        """The ends were sent neither by whom the connections were with nor by a box at its door."""
        return len(self.sorts) >= 2 and bool(self.sorts & NOT_AT_THE_DOOR)

    def is_forged(self, timing: EndTiming) -> bool:
        """Shown, and sent by no guard of the operator's far before the service either: its signs are not of a guard, or
        the ends came sooner than from where the operator's own network may begin."""
        return self.is_shown and (bool(self.sorts & OF_NO_GUARD) or timing.is_before_door)

    @property
    def device(self) -> bool:
        """Of a reset SYN: more answers than a host or a firewall gives, and from nearer than the host is. A firewall at
        the operator's own door may differ from its host in headers, but it answers once, and from there."""
        return self.sorts >= OF_A_NEAR_BOX

    @property
    def near(self) -> bool:
        """Shown, and by somebody who is nearer than the service is."""
        return self.is_shown and any(sort == "time" for sort in self.sorts)


UNSEEN = PacketAnatomy()


def gather_packet_anatomy(ends: Sequence[Observation], around: Sequence[Observation]) -> PacketAnatomy:
    """Read the packets of failing attempts (`ends`, each the operation with which one ended) at one address. `around`:
    an innocent name and other ports of that address."""
    captured = [o for o in ends if o.packets]
    flows = [o.packets for o in captured]
    if not flows:
        return UNSEEN
    if all(o.operation == "connect" for o in ends):
        flow_signs = _at_syn(flows, [o.packets for o in around if o.purpose == "port"])
    else:
        flow_signs = _after_handshake(flows, [o.packets for o in around if o.purpose == "innocent"])
    counts = Counter(sign for signs in flow_signs for sign in signs)
    if _constant_id(flows):
        counts["ip_id_constant"] = len(flow_signs)
    enough = max(AT_LEAST, NEARLY_ALL * len(flow_signs))
    near = {id(o) for o, signs in zip(captured, flow_signs, strict=True)
            if "early" in signs and len({SORTS[sign] for sign in signs}) >= 2}
    return PacketAnatomy(
        captured=len(flows), signs=tuple(sign for sign in SORTS if counts[sign] >= enough),
        near_slots=sum(any(id(o) in near for o in slot) for slot in split_into_slots(captured)))


Flow = Sequence[Packet]


def _after_handshake(flows: Sequence[Flow], innocent: Sequence[Flow]) -> list[set[str]]:
    trips = [trip for flow in (*flows, *innocent) if (trip := round_trip_ms(flow)) is not None]
    # Where the innocent name's own data has not the SYN-ACK's headers, somebody answers SYNs in the server's place.
    usual = all(_same_headers(flow) for flow in innocent)
    return [_signs(flow, min(trips, default=None), usual=usual) for flow in flows]


def _signs(flow: Flow, trip_ms: float | None, *, usual: bool) -> set[str]:
    opened = _find_opening(flow)
    ends = _ends(flow)
    if opened is None or not ends:
        return set()
    end, found = ends[0], set[str]()
    if usual and abs(end.ttl - opened.ttl) > TTL_SLACK:
        found.add("ttl")
    if usual and _df_differs(end, opened):
        found.add("df")
    ours = _last_before(flow, end)
    if ours is not None and end.ip_id > 0 and end.ip_id in (ours.ip_id, (ours.ip_id + 1) % 65_536):
        found.add("ip_id_ours")
    asked = _find_request(flow, end)
    if trip_ms is not None and asked is not None:
        took_ms = end.at_ms - asked.at_ms
        if took_ms < EARLY * trip_ms and trip_ms - took_ms >= EARLY_MS:
            found.add("early")
    return found | _resets(flow, ends, opened, trip_ms)


def _resets(flow: Flow, ends: Sequence[Packet], opened: Packet, trip_ms: float | None) -> set[str]:
    """Signs of resets alone: of copies, of numbers, of what came after them."""
    found, end = set[str](), ends[0]
    if not end.has("R"):
        return found
    resets = [p for p in ends if p.has("R") and p.at_ms - end.at_ms <= TOGETHER_MS]
    # A kernel answers each segment that comes too late; what was sent at once may have left as several.
    sent = sum(1 + p.length // FULL_SEGMENT for p in flow if not p.inbound and p.at_ms <= resets[-1].at_ms)
    alike = Counter((p.flags, p.seq, p.ack, p.window) for p in resets)
    if max(alike.values()) >= 3 and max(alike.values()) > sent:
        found.add("copies")
    if len(resets) >= 2 and len({p.seq for p in resets}) >= 2 and resets[-1].seq > end.seq and len(resets) > sent:
        found.add("train")
    if end.length:
        found.add("payload")
    after_ms = end.at_ms + max(REORDERED_MS, 0.2 * (trip_ms or 0.0))
    if any(p.inbound and after_ms < p.at_ms < end.at_ms + GOES_ON_MS
           and p.has("A") and not p.has("R") and not p.has("S") and abs(p.ttl - opened.ttl) <= TTL_SLACK for p in flow):
        found.add("went_on")
    got = [p for p in flow if p.inbound and p.length and p.at_ms < end.at_ms and not p.has("R")]
    if got and end.seq < max(p.seq + p.length for p in got) and min(p.at_ms for p in got) < end.at_ms - REORDERED_MS:
        found.add("behind")
    return found


def _at_syn(flows: Sequence[Flow], others: Sequence[Flow]) -> list[set[str]]:
    """Of resets that answer a SYN: a host or its firewall answers each once, with the TTL of its other answers."""
    answers = [p for flow in others for p in flow if p.inbound and (p.has("S", "A") or p.has("R"))]
    trips = [trip for flow in others if (trip := _answered_ms(flow)) is not None]
    return [_syn_signs(flow, answers, min(trips, default=None)) for flow in flows]


def _syn_signs(flow: Flow, answers: Sequence[Packet], trip_ms: float | None) -> set[str]:
    resets = [p for p in flow if p.inbound and p.has("R")]
    asked = [p for p in flow if not p.inbound and p.has("S")]
    if not resets or not asked:
        return set()
    found = set[str]()
    together = [p for p in resets if p.at_ms - resets[0].at_ms <= TOGETHER_MS]
    if len(together) >= len(asked) + 2:
        found.add("copies")
    if answers and all(abs(resets[0].ttl - p.ttl) > TTL_SLACK for p in answers):
        found.add("ttl")
    took_ms = resets[0].at_ms - asked[0].at_ms
    if trip_ms is not None and took_ms < EARLY * trip_ms and trip_ms - took_ms >= EARLY_MS:
        found.add("early")
    if resets[0].length:
        found.add("payload")
    return found


def _constant_id(flows: Iterable[Flow]) -> bool:
    """Every connection was ended with one IP ID, which is not 0: counters and dice give others."""
    ids = [ends[0].ip_id for flow in flows if (ends := _ends(flow))]
    return len(ids) >= AT_LEAST and len(set(ids)) == 1 and ids[0] > 0


def round_trip_ms(flow: Flow) -> float | None:
    """From the SYN to its answer; None where the SYN was repeated, or not answered."""
    return _answered_ms(flow) if _find_opening(flow) is not None else None


def _answered_ms(flow: Flow) -> float | None:
    asked = [p for p in flow if not p.inbound and p.has("S")]
    answer = next((p for p in flow if p.inbound and (p.has("S", "A") or p.has("R"))), None)
    return answer.at_ms - asked[0].at_ms if len(asked) == 1 and answer is not None else None


def _find_opening(flow: Flow) -> Packet | None:
    return next((p for p in flow if p.inbound and p.has("S", "A")), None)


def _ends(flow: Flow) -> list[Packet]:
    """What ended the connection: resets, or an end of data, that came before we ended it ourselves (and what came
    with the first of them)."""
    ours_ms = min((p.at_ms for p in flow if not p.inbound and (p.has("R") or p.has("F"))), default=float("inf"))
    ends = [p for p in flow if p.inbound and (p.has("R") or p.has("F"))]
    resets = [p for p in ends if p.has("R")]
    first = resets[0] if resets and resets[0].at_ms < ours_ms else next((p for p in ends if p.at_ms < ours_ms), None)
    return [p for p in ends if p.at_ms >= first.at_ms] if first is not None else []


def _last_before(flow: Flow, end: Packet) -> Packet | None:
    return next((p for p in reversed(flow) if not p.inbound and p.at_ms <= end.at_ms), None)


def _find_request(flow: Flow, end: Packet) -> Packet | None:
    """The first data of ours that nobody had answered yet when the end came: a repetition of it does not count, or
    a late answer to the first would seem to come early."""
    heard_ms = max((p.at_ms for p in flow if p.inbound and p.at_ms < end.at_ms and p.length), default=-1.0)
    return next((p for p in flow if not p.inbound and p.length and heard_ms < p.at_ms <= end.at_ms), None)


def _df_differs(end: Packet, opened: Packet) -> bool:
    """DF of IPv4. A kernel may send resets without DF and with IP ID 0 whatever its other packets have."""
    return end.df >= 0 and opened.df >= 0 and end.df != opened.df and (end.df == 1 or end.ip_id != 0)


def _same_headers(flow: Flow) -> bool:
    """The data of a flow came from where its SYN-ACK did."""
    opened = _find_opening(flow)
    data = [p for p in flow if p.inbound and p.length and not p.has("R")]
    return opened is None or all(abs(p.ttl - opened.ttl) <= TTL_SLACK for p in data)
