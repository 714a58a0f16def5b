"""At which hop does what failed meet interference? The very bytes of the step that failed, said with small TTLs.

A flow whose TTL rises finds the first sign, so that what punishes the address for minutes is set off as seldom as
possible (`probe.instruments.hops.ttl_flow`). The place is then asked three times more, each time with one hop less
first, beside innocent bytes with the same TTLs and some beyond; these go before all the rest as well, while nothing is
set off. Where the server itself is reached, the question is said without its last byte: what still ends it there does
not wait for an answer
(`probe.judge.hops.hop_flows.FlowSigns.at_end`). Datagrams: `probe.instruments.hops.locate_datagrams`.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace

from probe.core.observations import Observation
from probe.core.replies import TraceLine
from probe.core.tables.evidence_words import HopWord
from probe.core.tables.operations import Operation
from probe.core.tables.systems import SILENT_SYSTEM
from probe.instruments.clock import Clock
from probe.instruments.hops.first_bytes import CutWord
from probe.instruments.hops.hop_search import BEYOND_HOPS, INNOCENT_WALKS, WALKS, HopSearch
from probe.instruments.hops.locate_datagrams import search_datagrams
from probe.instruments.hops.locate_udp import MAX_TTL, trace_routers
from probe.instruments.hops.trace import can_hear_routers, trace_tcp
from probe.instruments.hops.ttl_flow import PER_FLOW
from probe.instruments.steps import LocateHop, TcpTrace, Visit
from probe.judge.hops.hop_door import may_be_before_door
from probe.judge.hops.hop_flows import AGREEING
from probe.judge.hops.hop_lines import (
    ACTS,
    ENDS,
    find_first_sign,
    find_tcp_end,
    list_packets,
    read_routers,
    read_word_at,
)


def locate_hop(plan: LocateHop, *, clock: Clock, key: bytes) -> list[Observation]:
    """Search for the hop. Rows for the routers on the way and for SYNs (no name), one for each flow or series of
    questions; each line is what became of one packet. Never raises for the network."""
    search = HopSearch(plan, clock)
    if not can_hear_routers(platform.system(), platform.release()):
        return [replace(search.make_row(plan.asked), reason=SILENT_SYSTEM)]
    t0_s = clock.now_s()
    operation: Operation = "udp_trace" if plan.kind == "quic" else "trace"
    routers = search.keep(None, trace_routers(plan.address, key=key, together=plan.together), t0_s, operation=operation)
    if isinstance(plan.asked, Visit):
        syns = trace_tcp(TcpTrace(purpose="locate", address=plan.address, port=plan.port, together=plan.together),
                         clock=clock, key=key)
        search.seen.append(replace(syns, input=plan.input))
        _search_flows(search, (*routers, *list_packets(syns)))
    else:
        search_datagrams(search, routers, key)
    return search.seen


def _search_flows(search: HopSearch, routers: Sequence[TraceLine]) -> None:
    """Innocent bytes first, while nothing is set off: they tell where TCP ends. Then the question with its first
    segment; where nothing acts on that, and it is longer, with the last one."""
    early = _walk_innocent(search, routers)
    if not all(early):
        return
    words: tuple[CutWord, ...] = ("first", "last")
    for word in words:
        place, sign = _walk(search, routers, word)
        if place:
            _make_sure(search, place, sign, word, routers, early)
        if place or not search.left_out_bytes:
            return


def _walk_innocent(search: HopSearch, routers: Sequence[TraceLine]) -> list[tuple[TraceLine, ...]]:
    """Up to the server, or as far as a filter is likely to stand."""
    rows, last = list[tuple[TraceLine, ...]](), read_routers(routers)[1] or MAX_TTL
    for begin in range(1, INNOCENT_WALKS * PER_FLOW, PER_FLOW):
        if begin <= last and not find_tcp_end((), rows):
            rows.append(search.flow(search.plan.control, range(begin, min(begin + PER_FLOW, last + 1)), "first"))
    return rows


def _walk(search: HopSearch, routers: Sequence[TraceLine], word: CutWord) -> tuple[int, HopWord]:
    """The TTL at which the first sign shows, 0 for none, and what it is."""
    rows = list[tuple[TraceLine, ...]]()
    ended = read_routers(routers)[1]
    last = min(MAX_TTL, ended + 1) if ended else MAX_TTL
    place, begin = 0, 1
    while not place and begin <= last and len(rows) < WALKS:
        rows.append(search.flow(search.plan.asked, range(begin, min(begin + PER_FLOW, last + 1)), word))
        place = find_first_sign(rows, routers)
        if not rows[-1] or any(line.word == "acked" for line in rows[-1]):
            break  # no connection, or the server has it
        begin = max(line.ttl for line in rows[-1]) + 1
    return place, next((met for row in rows if (met := read_word_at(row, place)) and met in ACTS), "silent")


def _make_sure(search: HopSearch, place: int, sign: HopWord, word: CutWord, routers: Sequence[TraceLine],
               early: Sequence[Sequence[TraceLine]]) -> None:
    """Look there three times more, beside innocent bytes; at a place at the service's door once more and no oftener,
    for it shows nothing."""
    plan, less = search.plan, max(1, place - 1)
    beyond = (less, *range(place, place + BEYOND_HOPS + 1))
    served = 0 < find_tcp_end((), early) <= place
    at_end = any(0 < ttl <= place for ttl in (find_tcp_end(routers, early), read_routers(routers)[1]))
    if at_end and not (served and sign in ENDS):
        return  # silence, or another answer, can be what a box makes of the server's
    heard = max((line.ttl for row in early for line in row if line.word == "exceeded"), default=0)
    tells = at_end or may_be_before_door(place, routers, end=find_tcp_end(routers, early), heard=heard)
    for number in range(AGREEING if tells else 1):
        look = search.flow(plan.asked, (less, place, place), "short" if at_end else word)
        if read_word_at(look, place) != sign:
            return  # what does not agree is no place, and is set off no more
        if number and not at_end:
            search.flow(plan.control, beyond, word)
