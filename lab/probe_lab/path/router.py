"""The one router of the laboratory: it forwards between three legs and owns distance, loss, TTL and the middlebox.

Between the client and everyone else lies a line of routers (`probe_lab.path.line`), with the middlebox in front of one
of them. Vantage points reach the servers over a line of their own, on which only delay exists.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from probe_lab.box.middlebox import Middlebox
from probe_lab.lab_types import Fault, Front, Rule, WireEnd, World
from probe_lab.path.access import AccessLine
from probe_lab.path.boxes import PlacedBox, place_boxes
from probe_lab.path.course import Course, Event, Station, Stretch
from probe_lab.path.fault_notes import FaultNotes
from probe_lab.path.fronts import Fronts
from probe_lab.path.home_gateway import echo_reply
from probe_lab.path.host_faults import HostFaults
from probe_lab.path.line import draw_line
from probe_lab.path.obstacles import Obstacle, obstacles
from probe_lab.truth import TruthLog
from probe_lab.wire.icmp_errors import make_time_exceeded
from probe_lab.wire.packet import pack_address
from probe_lab.wire.packet_edit import is_ip, lower_ttl, read_source, read_target, read_ttl

_BATCH = 128
"""Packets read from one leg before the others get their turn."""


class Router:
    """Where packets are and when they get somewhere; knows nothing of waiting."""

    def __init__(
        self,
        world: World,
        rules: Iterable[Rule],
        *,
        faults: Iterable[Fault],
        deliver: Mapping[str, Callable[[bytes], None]],
        truth: TruthLog,
        started_s: float = 0.0,
        fronts: Iterable[Front] = (),
        carrier: Iterable[Rule] = (),
    ) -> None:
        """`deliver` writes to the legs, `started_s` is the time at which schedules begin.

        Raises ValueError for a rule or a fault that is not allowed, OSError for a fault of nobody.
        """
        faults = tuple(faults)
        self._line = line = draw_line(world)
        self._deliver = deliver
        self._clients = frozenset(map(pack_address, world.clients))
        self._gateways = frozenset(map(pack_address, (world.gateway4, world.gateway6)))
        self._vantages = frozenset(pack_address(text) for point in world.vantages for text in (point.ipv4, point.ipv6))
        self._vantage_delay_s = world.vantage_delay_ms / 1000
        self._events: list[tuple[float, int, Event, bytes]] = []
        self._order = itertools.count()
        notes = FaultNotes(truth)
        access = AccessLine(world, faults, notes=notes, started_s=started_s)
        self._access = None if access.plain else access
        self._hosts = HostFaults(
            faults, world=world, notes=notes, last_router=partial(self._router_address, self._line.hops)
        )
        self._fronts = Fronts(fronts, world=world, line=line, truth=truth, started_s=started_s)
        self._silent = any(fault.kind == "routers_silent" for fault in faults)
        self._placed = place_boxes(world, line, rules=rules, carrier=carrier, truth=truth, started_s=started_s)
        self._lay_out(obstacles(faults, hops=self._line.hops, notes=notes, started_s=started_s))

    def _lay_out(self, found: Iterable[Obstacle]) -> None:
        """Put the boxes, the obstacles and the doors in their order on the line."""
        # Behind one router its link comes first, then what stands before the next router.
        at: list[tuple[int, Callable[[int], Station]]] = [(o.hop, partial(self._at_obstacle, o)) for o in found]
        at += [(placed.place - 1, partial(self._at_box, placed)) for placed in self._placed]
        if self._fronts.at_door:
            at.append((self._line.door, self._at_door))
        at.sort(key=lambda item: item[0])
        stations = [make(number) for number, (_, make) in enumerate(at, 1)]
        course = Course(self._line, stations, arrive=self._arrive, to_client=self._to_client)
        self._from_hop_way = course.from_hop
        self._out, self._in = course.outward, course.inward

    def _at_obstacle(self, obstacle: Obstacle, number: int) -> Station:
        return Station(
            routers=obstacle.hop,
            place=obstacle.hop,
            outward=partial(self._cross_outward, obstacle=obstacle, number=number),
            inward=partial(self._cross_inward, obstacle=obstacle, number=number),
        )

    def _at_box(self, placed: PlacedBox, number: int) -> Station:
        """The censor's, or the carrier's."""
        outer, inner = self._beside(number)
        boxes = (placed.box,)

        def outward(raw: bytes, now_s: float) -> None:
            self._pass(boxes, raw, now_s, to_server=True, outer=outer, inner=inner)

        def inward(raw: bytes, now_s: float) -> None:
            self._pass(boxes, raw, now_s, to_server=False, outer=outer, inner=inner)

        return Station(routers=placed.place - 1, place=placed.place, outward=outward, inward=inward)

    def _at_door(self, number: int) -> Station:
        """What operators have put before the first of their own routers."""
        outer, inner = self._beside(number)
        fronts, door = self._fronts, self._line.door

        def outward(raw: bytes, now_s: float) -> None:
            boxes = fronts.met(raw, to_server=True, at_door=True)
            self._pass(boxes, raw, now_s, to_server=True, outer=outer, inner=inner)

        def inward(raw: bytes, now_s: float) -> None:
            boxes = fronts.met(raw, to_server=False, at_door=True)
            self._pass(boxes, raw, now_s, to_server=False, outer=outer, inner=inner)

        return Station(routers=door, place=min(door + 1, self._line.hops), outward=outward, inward=inward)

    def _beside(self, number: int) -> tuple[Event, Event]:
        """How packets leave a station away from the client, and towards it."""
        return (lambda raw, now_s: self._outward(raw, now_s, self._out[number]),
                lambda raw, now_s: self._inward(raw, now_s, self._in[number - 1]))

    def _router_address(self, hop: int, raw: bytes, *, to_server: bool = True) -> str:
        """The address of a router that a packet has come to on its way to a server, or from one."""
        host = read_target(raw) if to_server else read_source(raw)
        return self._line.address(max(hop, 1), version=raw[0] >> 4, host=host)

    def take(self, leg: str, raw: bytes, now_s: float) -> None:
        """A packet that a leg has sent. What is no IP packet, or for nobody beyond the leg, goes nowhere."""
        if not is_ip(raw):
            return
        dst = read_target(raw)
        if leg == "client":
            if dst not in self._clients:
                self._from_client(raw, now_s)
        elif leg == "servers" and self._fronts:
            self._leave_servers(raw, now_s)
        elif dst in self._clients:
            self._inward(raw, now_s, self._in[-1])
        elif leg == "vantage":
            self._schedule(now_s + self._vantage_delay_s, self._arrive, raw)
        elif dst in self._vantages:
            self._schedule(now_s + self._vantage_delay_s, self._to_vantage, raw)

    def next_s(self) -> float | None:
        """When something is due next; None when nothing is under way."""
        return self._events[0][0] if self._events else None

    def run_due(self, now_s: float) -> None:
        """Let everything happen that is due."""
        events = self._events
        while events and events[0][0] <= now_s:
            due_s, _, event, raw = heapq.heappop(events)
            event(raw, due_s)

    def _schedule(self, due_s: float, event: Event, raw: bytes) -> None:
        heapq.heappush(self._events, (due_s, next(self._order), event, raw))

    # towards the servers

    def _from_client(self, raw: bytes, now_s: float) -> None:
        if self._access is not None:
            sent = self._access.outward(raw, now_s)
            if sent is None:
                return
            raw, now_s = sent
        dst = read_target(raw)
        reply = echo_reply(raw) if dst in self._gateways else None
        if reply is not None:
            self._from_hop(reply, now_s + self._line.travel_s(0, 1), hop=1)
        else:
            self._outward(raw, now_s, self._out[0])

    def _outward(self, raw: bytes, now_s: float, way: Stretch) -> None:
        """Past the routers of a stretch, or to the one at which the TTL runs out."""
        ttl, cost = read_ttl(raw), way.routers
        if ttl > cost:
            self._schedule(now_s + way.travel_s, way.then, lower_ttl(raw, cost))
            return
        hop = way.first_router + max(ttl, 1) - 1
        # The router that gives up has received the packet with its last TTL.
        received = lower_ttl(raw, max(ttl - 1, 0))
        self._schedule(now_s + self._line.travel_s(way.start, hop), partial(self._expire, hop=hop), received)

    def _cross_outward(self, raw: bytes, now_s: float, *, obstacle: Obstacle, number: int) -> None:
        host = read_target(raw)
        if obstacle.passes(raw, host=host, to_server=True, now_s=now_s):
            self._outward(raw, now_s, self._out[number])
            return
        hop = max(obstacle.hop, 1)
        error = obstacle.error(raw, self._router_address(hop, raw))
        if error is not None:
            self._from_hop(error, now_s, hop=hop)

    def _arrive(self, raw: bytes, now_s: float) -> None:
        if not self._fronts:
            self._land(raw, now_s)
            return
        src = read_source(raw)
        # On a vantage point's own line there is no station at the door.
        boxes = self._fronts.met(raw, to_server=True, at_door=None if src in self._vantages else False)
        self._pass(boxes, raw, now_s, to_server=True, outer=self._land_soon, inner=self._return)

    def _land_soon(self, raw: bytes, now_s: float) -> None:
        self._schedule(now_s, self._land, raw)

    def _leave_servers(self, raw: bytes, now_s: float) -> None:
        dst = read_target(raw)
        boxes = self._fronts.met(raw, to_server=False, at_door=None if dst in self._vantages else False)
        self._pass(boxes, raw, now_s, to_server=False, outer=self._land_soon, inner=self._return)

    def _return(self, raw: bytes, now_s: float) -> None:
        """From the far end to whom a packet is for."""
        dst = read_target(raw)
        if dst in self._clients:
            self._inward(raw, now_s, self._in[-1])
        elif dst in self._vantages:
            self._schedule(now_s + self._vantage_delay_s, self._to_vantage, raw)

    def _land(self, raw: bytes, now_s: float) -> None:
        """At the host itself."""
        src, dst = read_source(raw), read_target(raw)
        refusal = self._hosts.refusal(raw, src=src, dst=dst, now_s=now_s) if self._hosts else None
        if refusal is None:
            extra_s = self._hosts.delay_s(dst)
            if extra_s:
                self._schedule(now_s + extra_s, self._hand_over, raw)
            else:
                self._hand_over(raw, now_s)
        elif refusal.reply is None:
            return
        elif src not in self._clients:
            self._schedule(now_s + self._vantage_delay_s, self._to_vantage, refusal.reply)
        elif refusal.from_router:
            self._from_hop(refusal.reply, now_s, hop=self._line.hops)
        else:
            self._inward(refusal.reply, now_s, self._in[-1])

    def _hand_over(self, raw: bytes, now_s: float) -> None:
        dst = read_target(raw)
        self._deliver["vantage" if dst in self._vantages else "servers"](raw)

    # towards the client

    def _expire(self, raw: bytes, now_s: float, *, hop: int) -> None:
        if self._silent:
            return
        error = make_time_exceeded(raw, sender=self._router_address(hop, raw))
        if error is not None:
            self._from_hop(error, now_s, hop=hop)

    def _from_hop(self, raw: bytes, now_s: float, *, hop: int) -> None:
        """A router's own packet for the client."""
        self._inward(raw, now_s, self._from_hop_way(hop))

    def _inward(self, raw: bytes, now_s: float, way: Stretch) -> None:
        # A packet that dies on its way to the client dies in silence: the ICMP would go to its alleged sender.
        cost = way.routers
        if read_ttl(raw) > cost:
            self._schedule(now_s + way.travel_s, way.then, lower_ttl(raw, cost))

    def _cross_inward(self, raw: bytes, now_s: float, *, obstacle: Obstacle, number: int) -> None:
        host = read_source(raw)
        if obstacle.passes(raw, host=host, to_server=False, now_s=now_s):
            self._inward(raw, now_s, self._in[number - 1])
            return
        hop, hops = min(obstacle.hop + 1, self._line.hops), self._line.hops
        error = obstacle.error(raw, self._router_address(hop, raw, to_server=False))
        if error is not None:
            self._schedule(now_s + self._line.travel_s(hop, hops), self._arrive, lower_ttl(error, hops - hop))

    def _to_client(self, raw: bytes, now_s: float) -> None:
        if self._access is None:
            self._deliver["client"](raw)
            return
        complaint = self._access.complaint(raw, sender=self._router_address(1, raw))
        if complaint is not None:
            self._outward(complaint, now_s, self._out[0])
            return
        pieces, due_s = self._access.inward(raw, now_s) or ((), now_s)
        for piece in pieces:
            if due_s <= now_s:
                self._deliver["client"](piece)
            else:
                self._schedule(due_s, self._out_of_line, piece)

    def _out_of_line(self, raw: bytes, now_s: float) -> None:
        self._deliver["client"](raw)

    def _to_vantage(self, raw: bytes, now_s: float) -> None:
        self._deliver["vantage"](raw)

    # at a box

    def _pass(
        self, boxes: Sequence[Middlebox], raw: bytes, now_s: float, *, to_server: bool, outer: Event, inner: Event
    ) -> None:
        """Past boxes in a row; `outer` takes what leaves them away from the client, `inner` what leaves towards it."""
        onward = outer if to_server else inner
        if not boxes:
            onward(raw, now_s)
            return
        fate = boxes[0].handle(raw, to_server=to_server, now_s=now_s)
        for piece in (*fate.earlier, fate.forward):
            if piece is not None:
                due_s = now_s + fate.forward_delay_s
                self._pass(boxes[1:], piece, due_s, to_server=to_server, outer=outer, inner=inner)
        for injection in fate.injected:
            leave = inner if injection.to_client else outer
            leave(injection.packet, now_s + injection.delay_s)


def route(
    world: World,
    rules: Iterable[Rule],
    faults: Iterable[Fault],
    legs: Mapping[str, WireEnd],
    log_path: str,
    *,
    stop_fd: int,
    ready_fd: int,
    fronts: Iterable[Front] = (),
    carrier: Iterable[Rule] = (),
) -> None:
    """Forward between the legs `client`, `vantage` and `servers` until `stop_fd` becomes readable.

    Writes one byte to `ready_fd` when it begins, and acts to the truth log at `log_path`. Raises ValueError for a
    rule that is not allowed, OSError when a leg or the file fails.
    """
    truth = TruthLog(log_path)
    try:
        deliver = {name: leg.write for name, leg in legs.items()}
        router = Router(
            world, rules, faults=faults, deliver=deliver, truth=truth, started_s=time.monotonic(),
            fronts=fronts, carrier=carrier,
        )
        os.write(ready_fd, b"\0")
        _run(router, legs, stop_fd=stop_fd)
    finally:
        truth.close()


def _run(router: Router, legs: Mapping[str, WireEnd], *, stop_fd: int) -> None:
    names = {leg.fileno(): name for name, leg in legs.items()}
    while True:
        next_s = router.next_s()
        timeout_s = None if next_s is None else max(0.0, next_s - time.monotonic())
        # Not poll: its whole milliseconds would show in every round trip.
        readable = select.select([stop_fd, *names], [], [], timeout_s)[0]
        if stop_fd in readable:
            return
        for name in (names[fd] for fd in readable):
            _drain(router, name, legs[name])
        router.run_due(time.monotonic())


def _drain(router: Router, name: str, leg: WireEnd) -> None:
    now_s = time.monotonic()
    for _ in range(_BATCH):
        raw = leg.read()
        if raw is None:
            return
        router.take(name, raw, now_s)
