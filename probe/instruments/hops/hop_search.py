"""One search for a hop under way: what it may still use, and what it has seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from probe.core.observation_parts import AppPart, HttpPart, TlsPart, TracePart
from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.failures import classify_failure
from probe.core.tables.operations import Operation
from probe.instruments.clock import Clock
from probe.instruments.hops.first_bytes import CutWord, make_first_bytes
from probe.instruments.hops.ttl_flow import walk_connection
from probe.instruments.steps import LocateHop, Question, Visit, read_asked_name
from probe.judge.hops.hop_door import DOOR_HOPS
from probe.judge.hops.hop_flows import AGREEING
from probe.judge.hops.hop_lines import list_packets

WALKS = 3
"""Connections on which the TTL rises, for a question of one segment; twice as many for a longer one."""
INNOCENT_WALKS = 2
"""Those on which it rises for innocent bytes, before anything is set off."""
MAX_FLOWS = INNOCENT_WALKS + 2 * WALKS + 2 * AGREEING - 1
"""Connections for one search: those that walk, those that make sure, and innocent ones."""
FLOWS_PER_WINDOW, WINDOW_S = 3, 10.0
"""Some boxes refuse an address for a minute after the fourth TLS connection in ten seconds."""
BEYOND_HOPS = DOOR_HOPS + 1
"""So many hops further innocent bytes go, to see that the service's own door is not near."""


@dataclass(slots=True)
class HopSearch:
    """One search under way: what it may still use, and what it has seen."""

    plan: LocateHop
    clock: Clock
    seen: list[Observation] = field(default_factory=list)
    begun_s: list[float] = field(default_factory=list)
    left_out_bytes: int = 0
    """Of the last question that was said."""

    def flow(self, asked: Question, ttls: Sequence[int], word: CutWord) -> tuple[TraceLine, ...]:
        """Say what a step says with these TTLs on a connection of its own; what came of each packet."""
        if len(self.begun_s) >= MAX_FLOWS or not isinstance(asked, Visit):
            return ()
        if len(self.begun_s) >= FLOWS_PER_WINDOW:
            time.sleep(max(0.0, self.begun_s[-FLOWS_PER_WINDOW] + WINDOW_S - time.monotonic()))
        self.begun_s.append(time.monotonic())
        row = self.make_row(asked, attempt=len(self.begun_s))
        try:
            if data := make_first_bytes(asked):
                lines, cut = walk_connection(self.plan.address, self.plan.port, data, ttls, word)
                self.left_out_bytes = cut.left_out_bytes
                row = replace(row, trace=TracePart(lines=lines, left_out_bytes=cut.left_out_bytes))
        except (OSError, ValueError) as error:  # what blocks for minutes may hit the connection already
            row = replace(row, failure=classify_failure(error))
        self.seen.append(replace(row, t_s=self.clock.now_s()))
        return list_packets(row)

    def make_row(self, asked: Question | None, *, attempt: int = 1, operation: Operation = "trace") -> Observation:
        """A row of this search before anything was said; without a question it is about the routers."""
        plan, name = self.plan, read_asked_name(asked) if asked else ""
        row = Observation(
            operation=operation, purpose="locate", hostname=name, address=plan.address, port=plan.port, attempt=attempt,
            input=plan.input, family=6 if ":" in plan.address else 4, t0_s=self.clock.now_s(),
        )
        if not isinstance(asked, Visit):
            return row
        return replace(row, tls=TlsPart(sni=asked.sni, shape=asked.shape), app=AppPart(protocol=asked.app),
                       http=HttpPart(host_header=name if asked.pages and not asked.sni else ""))

    def keep(self, asked: Question | None, lines: Sequence[TraceLine], t0_s: float, *,
             operation: Operation = "trace") -> tuple[TraceLine, ...]:
        """Note what came of datagrams; without a question, of those that only look for routers."""
        row = replace(self.make_row(asked, operation=operation), trace=TracePart(lines=tuple(lines)), t0_s=t0_s,
                      t_s=self.clock.now_s())
        self.seen.append(row)
        return list_packets(row)
