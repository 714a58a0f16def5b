"""The one router of the laboratory: it forwards between three legs and owns distance, loss, TTL and the middlebox.

Between the client and everyone else lies a line of routers (`probe.lab.line`), with the middlebox in front of one
of them. Vantage points reach the servers over a line of their own, on which only delay exists.
"""

from __future__ import annotations

import heapq
import itertools
import os
import random
import select
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from probe.lab.icmp_errors import host_unreachable, time_exceeded
from probe.lab.line import draw_line
from probe.lab.line_faults import LineFaults
from probe.lab.middlebox import Middlebox
from probe.lab.packet import packed
from probe.lab.packet_edit import is_ip, lower_ttl, ttl_of
from probe.lab.pcap import PcapWriter
from probe.lab.sighting import Passage
from probe.lab.truth import TruthLog
from probe.lab.types import Fault, Leg, Rule, World

_ORIGIN_TTL = 64
"""What servers send with, as far as the box assumes before it has seen them."""
_BATCH = 128
"""Packets read from one leg before the others get their turn."""

Event = Callable[[bytes, float], None]


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
    ) -> None:
        """`deliver` writes to the legs. Raises ValueError for a rule that is not allowed."""
        self._line = draw_line(world)
        self._deliver = deliver
        self._faults = LineFaults(faults, world=world, truth=truth)
        self._clients = frozenset(map(packed, (world.client4, world.client6)))
        self._vantages = frozenset(packed(text) for point in world.vantages for text in (point.ipv4, point.ipv6))
        self._vantage_delay_s = world.vantage_delay_ms / 1000
        self._loss = world.loss
        self._rng = random.Random(f"loss {world.seed}")
        self._events: list[tuple[float, int, Event, bytes]] = []
        self._order = itertools.count()
        self._place = world.censor_hop
        self._box = self._make_box(world, tuple(rules), truth)

    def _make_box(self, world: World, rules: tuple[Rule, ...], truth: TruthLog) -> Middlebox | None:
        if not rules:
            return None
        place, line = self._place, self._line
        return Middlebox(
            rules,
            truth=truth,
            seed=world.seed,
            address4=line.address(place, version=4),
            address6=line.address(place, version=6),
            server_ttl=_ORIGIN_TTL - (line.hops - place + 1),
        )

    def take(self, leg: str, raw: bytes, now_s: float) -> None:
        """A packet that a leg has sent. What is no IP packet, or for nobody beyond the leg, goes nowhere."""
        if not is_ip(raw):
            return
        dst = raw[16:20] if raw[0] >> 4 == 4 else raw[24:40]
        if leg == "client":
            if dst not in self._clients and self._survives(raw, host=dst, to_server=True, now_s=now_s):
                self._from_client(raw, now_s)
        elif dst in self._clients:
            self._from_far_end(raw, now_s)
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
        if self._box is None:
            self._outward(raw, now_s, start=0, routers=(1, self._line.hops), end=self._line.hops, then=self._arrive)
        else:
            place = self._place
            self._outward(raw, now_s, start=0, routers=(1, place - 1), end=place, then=self._box_outward)

    def _outward(
        self, raw: bytes, now_s: float, *, start: int, routers: tuple[int, int], end: int, then: Event
    ) -> None:
        """Past the routers from the first to the last of a range, or to the one at which the TTL runs out."""
        first, last = routers
        ttl, cost = ttl_of(raw), last - first + 1
        if ttl > cost:
            self._schedule(now_s + self._line.travel_s(start, end), then, lower_ttl(raw, cost))
            return
        hop = first + max(ttl, 1) - 1
        # The router that gives up has received the packet with its last TTL.
        received = lower_ttl(raw, max(ttl - 1, 0))
        self._schedule(now_s + self._line.travel_s(start, hop), partial(self._expire, hop=hop), received)

    def _box_outward(self, raw: bytes, now_s: float) -> None:
        self._pass_box(raw, now_s, to_server=True)

    def _leave_box_outward(self, raw: bytes, now_s: float) -> None:
        place, hops = self._place, self._line.hops
        self._outward(raw, now_s, start=place, routers=(place, hops), end=hops, then=self._arrive)

    def _arrive(self, raw: bytes, now_s: float) -> None:
        src, dst = (raw[12:16], raw[16:20]) if raw[0] >> 4 == 4 else (raw[8:24], raw[24:40])
        fault = self._faults.of_host(dst, now_s=now_s)
        if fault is None:
            self._deliver["vantage" if dst in self._vantages else "servers"](raw)
        elif fault.kind == "host_off":
            hop = self._line.hops
            error = host_unreachable(raw, sender=self._line.address(hop, version=raw[0] >> 4))
            if error is not None and src in self._clients:
                self._from_hop(error, now_s, hop=hop)
            elif error is not None:
                self._schedule(now_s + self._vantage_delay_s, self._to_vantage, error)

    # towards the client

    def _expire(self, raw: bytes, now_s: float, *, hop: int) -> None:
        error = time_exceeded(raw, sender=self._line.address(hop, version=raw[0] >> 4))
        if error is not None:
            self._from_hop(error, now_s, hop=hop)

    def _from_hop(self, raw: bytes, now_s: float, *, hop: int) -> None:
        """A router's own packet for the client; it is not its own router."""
        self._inward(raw, now_s, start=hop, highest=hop - 1)

    def _from_far_end(self, raw: bytes, now_s: float) -> None:
        self._inward(raw, now_s, start=self._line.hops, highest=self._line.hops)

    def _inward(self, raw: bytes, now_s: float, *, start: int, highest: int) -> None:
        """Past the routers from the highest down, as far as the box where there is one on the way."""
        meets_box = self._box is not None and start >= self._place
        end, lowest = (self._place, self._place) if meets_box else (0, 1)
        then = self._box_inward if meets_box else self._to_client
        self._descend(raw, now_s, start=start, end=end, cost=highest - lowest + 1, then=then)

    def _descend(self, raw: bytes, now_s: float, *, start: int, end: int, cost: int, then: Event) -> None:
        # A packet that dies on its way to the client dies in silence: the ICMP would go to its alleged sender.
        if ttl_of(raw) > cost:
            self._schedule(now_s + self._line.travel_s(start, end), then, lower_ttl(raw, cost))

    def _box_inward(self, raw: bytes, now_s: float) -> None:
        self._pass_box(raw, now_s, to_server=False)

    def _leave_box_inward(self, raw: bytes, now_s: float) -> None:
        place = self._place
        self._descend(raw, now_s, start=place, end=0, cost=place - 1, then=self._to_client)

    # at the ends and at the box

    def _pass_box(self, raw: bytes, now_s: float, *, to_server: bool) -> None:
        box = self._box
        passage = box.handle(raw, to_server=to_server, now_s=now_s) if box else Passage(forward=raw)
        if passage.forward is not None:
            (self._leave_box_outward if to_server else self._leave_box_inward)(passage.forward, now_s)
        for injection in passage.injected:
            leave = self._leave_box_inward if injection.to_client else self._leave_box_outward
            leave(injection.packet, now_s + injection.delay_s)

    def _to_client(self, raw: bytes, now_s: float) -> None:
        src = raw[12:16] if raw[0] >> 4 == 4 else raw[8:24]
        if self._survives(raw, host=src, to_server=False, now_s=now_s):
            self._deliver["client"](raw)

    def _to_vantage(self, raw: bytes, now_s: float) -> None:
        self._deliver["vantage"](raw)

    def _survives(self, raw: bytes, *, host: bytes, to_server: bool, now_s: float) -> bool:
        """Whether a packet gets over the client's own line, where packets are lost and faults act."""
        if self._faults.on_line(raw, host=host, to_server=to_server, now_s=now_s) is not None:
            return False
        return not self._loss or self._rng.random() >= self._loss


def route(
    world: World,
    rules: Iterable[Rule],
    faults: Iterable[Fault],
    legs: Mapping[str, Leg],
    log_path: str,
    *,
    stop_fd: int,
    ready_fd: int,
    pcap_dir: str | None = None,
) -> None:
    """Forward between the legs `client`, `vantage` and `servers` until `stop_fd` becomes readable.

    Writes one byte to `ready_fd` when it begins, acts to the truth log at `log_path`, and one capture per leg into
    `pcap_dir`. Raises ValueError for a rule that is not allowed, OSError when a leg or a file fails.
    """
    captures = {name: PcapWriter(Path(pcap_dir) / f"{name}.pcap") for name in legs} if pcap_dir else {}
    truth = TruthLog(log_path)
    try:
        deliver = {name: _writer(leg, captures.get(name)) for name, leg in legs.items()}
        router = Router(world, rules, faults=faults, deliver=deliver, truth=truth)
        os.write(ready_fd, b"\0")
        _run(router, legs, captures, stop_fd=stop_fd)
    finally:
        truth.close()
        for capture in captures.values():
            capture.close()


def _writer(leg: Leg, capture: PcapWriter | None) -> Callable[[bytes], None]:
    if capture is None:
        return leg.write

    def write(raw: bytes) -> None:
        capture.write(raw, time.time())
        leg.write(raw)

    return write


def _run(router: Router, legs: Mapping[str, Leg], captures: Mapping[str, PcapWriter], *, stop_fd: int) -> None:
    names = {leg.fileno(): name for name, leg in legs.items()}
    while True:
        next_s = router.next_s()
        timeout_s = None if next_s is None else max(0.0, next_s - time.monotonic())
        # Not poll: its whole milliseconds would show in every round trip.
        readable = select.select([stop_fd, *names], [], [], timeout_s)[0]
        if stop_fd in readable:
            return
        for name in (names[fd] for fd in readable):
            _drain(router, name, legs[name], captures.get(name))
        router.run_due(time.monotonic())


def _drain(router: Router, name: str, leg: Leg, capture: PcapWriter | None) -> None:
    now_s = time.monotonic()
    for _ in range(_BATCH):
        raw = leg.read()
        if raw is None:
            return
        if capture is not None:
            capture.write(raw, time.time())
        router.take(name, raw, now_s)
