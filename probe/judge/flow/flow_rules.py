"""Rules over transfers: services that answer, and are slowed or frozen once bytes flow.

They come before the rules that acquit: a throttled service completes its handshakes and proves itself.
"""

from __future__ import annotations

from probe.core.tables.basis_words import COMPANY_ALONE, OF_FLOWS
from probe.judge.common.rule import Rule
from probe.judge.flow.flow_evidence import MOST_BY_CHANCE, PAIRS
from probe.judge.flow.transfer_evidence import ENOUGH_DEAD
from probe.judge.path.path_context import PathContext, PathRule, controls_reach, strikes_at_helpers
from probe.judge.path.suspicions import suspect_cut, suspect_freezing, suspect_slowing

STALLS = 3
PASSES = 2
CUT = 2
"""One reset among several connections that work may be chance."""
_IS_SLOWED_THERE = strikes_at_helpers("slowed", beside=("frozen", "lossy"))
_IS_FROZEN_THERE = strikes_at_helpers("frozen")


def _may_convict(c: PathContext) -> bool:
    return not c.self_block and c.ladder.well and not c.ladder.slow and not c.ladder.narrow


def _slowed(c: PathContext) -> bool:
    """The target's transfers trickle, controls' in other networks do not."""
    flow = c.path.flow
    return flow.samples >= PAIRS and flow.trickles and not flow.controls_slow and not flow.stalls and _may_convict(c)


def _slow_and_few(c: PathContext) -> bool:
    """Where transfers fail or take too long to be repeated, nothing more can be told than that the service is slow."""
    flow = c.path.flow
    return 0 < flow.samples < PAIRS and flow.trickles and flow.own_slow and not flow.controls_slow and _may_convict(c)


def _policed_here(c: PathContext) -> bool:
    """A set rate, while others' transfers from here and controls' from there are fast. Without a faster name on the
    same address, a crowded or lossy way to it looks much alike; its pace varies."""
    return c.path.flow.policed and c.path.flow.elsewhere.slower and c.path.flow.controls_fast > 0


def _frozen(c: PathContext) -> bool:
    """Most transfers stop alike without a word, and others' come through, then as later."""
    flow = c.path.flow
    return (flow.stalls >= STALLS and flow.clean and flow.stall_chance <= MOST_BY_CHANCE
            and flow.elsewhere_passes >= PASSES and not flow.elsewhere_stalls and flow.later_pass
            and not flow.controls_slow and _may_convict(c) and not c.ladder.starves(c.path.address))


def _frozen_early(c: PathContext) -> bool:
    """Every transfer stops after the same few packets, and none of others' does."""
    flow = c.path.flow
    passes = flow.elsewhere_passes + flow.innocent_passes
    return (flow.early_stalls >= STALLS and passes >= PASSES and not flow.elsewhere_stalls and flow.later_pass
            and not flow.controls_slow and _may_convict(c) and not c.ladder.starves(c.path.address))


def _frozen_by_packets(c: PathContext) -> bool:
    """And one of many small packets stops as well, after as many."""
    flow = c.path.flow
    shown = (_frozen(c) and _shown_elsewhere(c)) or (_frozen_early(c) and _served_elsewhere(c))
    return shown and flow.pieces_stalled > 0 and not flow.pieces_passed


def _served_elsewhere(c: PathContext) -> bool:
    """Controls got more, or, where nothing else is doubtful, at least the page."""
    return c.path.flow.controls_fast > 0 or (controls_reach(c) and not c.path.flow.early_by_pieces)


def _shown_elsewhere(c: PathContext) -> bool:
    """The server itself lets such transfers through: to controls, or to us under an innocent name."""
    flow = c.path.flow
    return flow.controls_fast > 0 or (flow.same_answer and flow.innocent_passes >= PASSES)


def _stalls(c: PathContext) -> bool:
    flow = c.path.flow
    return flow.own_stalls > 0 and not flow.elsewhere_stalls and flow.innocent_passes + flow.elsewhere_passes > 0


FLOW: tuple[PathRule, ...] = (
    Rule(id="flow/slowed_by_name", outcome="blocked", block_type="flow.throttle.sni", confidence=0.95,
         needs=("innocent",),
         rests_on=OF_FLOWS, finds_place=_IS_SLOWED_THERE,
         why="answers under this name arrive very slowly; the same answers under a harmless name do not: throttling by "
             "name",
         holds=lambda c: _slowed(c) and c.path.flow.innocent.slower and c.path.flow.same_answer),
    Rule(id="flow/slowed_by_name_control", outcome="blocked", block_type="flow.throttle.sni", confidence=0.93,
         needs=("innocent", "helper"),
         rests_on=OF_FLOWS, finds_place=_IS_SLOWED_THERE,
         why=("transfers under this name are very slow here but fast from another network; a harmless name is fast "
              "here: throttling"),
         holds=lambda c: _slowed(c) and c.path.flow.innocent.slower and c.path.flow.controls_fast > 0),
    Rule(id="flow/slowed_address", outcome="blocked", block_type="flow.throttle.address", confidence=0.85,
         needs=("innocent", "helper"),
         rests_on=COMPANY_ALONE,
         why=("here this address keeps one low rate under any name; from another network it is fast: throttling by "
              "address"),
         holds=lambda c: _slowed(c) and _policed_here(c) and c.path.flow.innocent_slow),
    Rule(id="flow/slowed", outcome="blocked", block_type="flow.throttle", confidence=0.85, needs=("helper",),
         rests_on=OF_FLOWS, finds_place=_IS_SLOWED_THERE,
         why=("here this service keeps one low rate; other services are fast; from another network this service is "
              "fast: throttling"),
         holds=lambda c: _slowed(c) and _policed_here(c) and not c.path.flow.innocent.others),
    Rule(id="flow/frozen_by_packets", outcome="blocked", block_type="flow.freeze.packets", confidence=0.9,
         needs=("helper",),
         rests_on=OF_FLOWS, finds_place=_IS_FROZEN_THERE,
         why="transfers from this service stop silently after about the same number of packets, whatever their size: "
             "something counts packets",
         holds=_frozen_by_packets),
    Rule(id="flow/frozen_by_bytes", outcome="blocked", block_type="flow.freeze.bytes", confidence=0.9,
         needs=("helper",),
         rests_on=OF_FLOWS, finds_place=_IS_FROZEN_THERE,
         why="transfers from this service stop silently after about the same number of bytes, but not of packets: "
             "something counts bytes",
         holds=lambda c: _frozen(c) and _shown_elsewhere(c) and c.path.flow.pieces_passed > 0
               and not c.path.flow.pieces_stalled),
    Rule(id="flow/frozen", outcome="blocked", block_type="flow.freeze", confidence=0.85, needs=("helper",),
         rests_on=OF_FLOWS, finds_place=_IS_FROZEN_THERE,
         why=("this service's transfers freeze after similar amounts of data; those under harmless names or from "
              "another network continue: a block"),
         holds=lambda c: (_frozen(c) and _shown_elsewhere(c)) or (_frozen_early(c) and _served_elsewhere(c))),
    Rule(id="flow/slow_undecided", outcome="inconclusive", block_type="inconclusive.control_doubtful", confidence=0.5,
         needs=("nothing",),
         why="this service's transfers are slow and other transfers are not: the server or a lossy route may be the "
             "cause",
         suspects=suspect_slowing,
         holds=lambda c: _slowed(c) and (c.path.flow.elsewhere.slower or c.path.flow.elsewhere.lower
               or c.path.flow.innocent.slower or c.path.flow.innocent.lower or (c.path.flow.controls_fast > 0
               and (c.path.flow.set_rate or c.path.flow.elsewhere.halved)))),
    Rule(id="flow/slow_too_few", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="this service's transfers were very slow, other services' were not; too few of its transfers finished "
             "to show a cause",
         suspects=suspect_slowing,
         holds=_slow_and_few),
    Rule(id="flow/frozen_undecided", outcome="inconclusive", block_type="inconclusive.control_doubtful", confidence=0.5,
         needs=("nothing",),
         why="transfers from this service stop silently; nothing shows after how much data, or whether the server "
             "itself stops them",
         suspects=suspect_freezing,
         holds=lambda c: _frozen(c)),
    Rule(id="flow/slow_pages", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the page came, each time much more slowly than those of other services: the server, the way or a "
             "throttle may be the cause",
         suspects=suspect_slowing,
         holds=lambda c: c.path.last_ok and c.path.lasting.pages.is_shown and c.ladder.well and not c.ladder.slow),
    Rule(id="flow/dead_after_the_page", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the page came, but every later connection under this name failed before any data came: possibly a block",
         holds=lambda c: c.path.last_ok and c.path.flow.dead >= ENOUGH_DEAD),
    Rule(id="flow/cut_at_times", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the page came, but several connections under this name were reset: possibly a block",
         suspects=suspect_cut,
         holds=lambda c: c.path.last_ok and c.path.depth >= c.path.needs and c.path.lasting.cut >= CUT),
    Rule(id="flow/frozen_at_times", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the page came, and some transfers under this name froze: too many for ok, too few for a block",
         suspects=suspect_freezing,
         holds=lambda c: c.path.last_ok and c.path.depth >= c.path.needs and c.path.lasting.freezes.may_be_often),
    Rule(id="flow/silent_after_the_page", outcome="inconclusive", block_type="inconclusive.unconfirmed", confidence=0.5,
         needs=("nothing",),
         why="the page came; some later requests or long transfers fell silent, too few or too unalike to show a block",
         suspects=suspect_freezing,
         holds=lambda c: c.path.last_ok and (c.path.lasting.hushed or _stalls(c))),
)
