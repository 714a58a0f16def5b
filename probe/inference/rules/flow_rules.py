"""Rules over transfers: services that answer, and are slowed or frozen once bytes flow.

They come before the rules that acquit: a throttled service completes its handshakes and proves itself.
"""

from __future__ import annotations

from probe.inference.evidence.flow_evidence import MOST_BY_CHANCE, PAIRS
from probe.inference.evidence.transfer_evidence import ENOUGH_DEAD
from probe.inference.rules.path_context import PathRule, Scene, contrary
from probe.inference.rules.rule import Rule

STALLS = 3
PASSES = 2
CUT = 2
"""One reset among several connections that work may be chance."""


def _may_convict(s: Scene) -> bool:
    return not s.self_block and s.ladder.well and not s.ladder.slow and not s.ladder.narrow


def _slowed(s: Scene) -> bool:
    """The target's transfers trickle, controls' in other networks do not."""
    flow = s.path.flow
    return flow.samples >= PAIRS and flow.trickles and not flow.controls_slow and not flow.stalls and _may_convict(s)


def _policed_here(s: Scene) -> bool:
    """A set rate, while others' transfers from here and controls' from there are fast. Without a faster name on the
    same address, a crowded or lossy way to it looks much alike; its pace varies."""
    return s.path.flow.policed and s.path.flow.elsewhere.slower and s.path.flow.controls_fast > 0


def _frozen(s: Scene) -> bool:
    """Most transfers stop alike without a word, and others' come through, then as later."""
    flow = s.path.flow
    return (flow.stalls >= STALLS and flow.clean and flow.stall_chance <= MOST_BY_CHANCE
            and flow.elsewhere_passes >= PASSES and not flow.elsewhere_stalls and flow.later_pass
            and not flow.controls_slow and _may_convict(s) and not s.ladder.starves(s.path.address))


def _frozen_early(s: Scene) -> bool:
    """Every transfer stops after the same few packets, and none of others' does."""
    flow = s.path.flow
    passes = flow.elsewhere_passes + flow.innocent_passes
    return (flow.early_stalls >= STALLS and passes >= PASSES and not flow.elsewhere_stalls and flow.later_pass
            and not flow.controls_slow and _may_convict(s) and not s.ladder.starves(s.path.address))


def _frozen_by_packets(s: Scene) -> bool:
    """And one of many small packets stops as well, after as many."""
    flow = s.path.flow
    shown = (_frozen(s) and _shown_elsewhere(s)) or (_frozen_early(s) and _served_elsewhere(s))
    return shown and flow.pieces_stalled > 0 and not flow.pieces_passed


def _served_elsewhere(s: Scene) -> bool:
    """Controls got more, or, where nothing else is doubtful, at least the page."""
    return s.path.flow.controls_fast > 0 or (contrary(s) and not s.path.flow.early_by_pieces)


def _shown_elsewhere(s: Scene) -> bool:
    """The server itself lets such transfers through: to controls, or to us under an innocent name."""
    flow = s.path.flow
    return flow.controls_fast > 0 or (flow.same_answer and flow.innocent_passes >= PASSES)


def _stalls(s: Scene) -> bool:
    flow = s.path.flow
    return flow.own_stalls > 0 and not flow.elsewhere_stalls and flow.innocent_passes + flow.elsewhere_passes > 0


FLOW: tuple[PathRule, ...] = (
    Rule("flow/slowed_by_name", "blocked", "flow.throttle.sni", 0.95, ("innocent",),
         "transfers that name this service trickle, and the same answers under an innocent name do not",
         lambda s: _slowed(s) and s.path.flow.innocent.slower and s.path.flow.same_answer),
    Rule("flow/slowed_by_name_control", "blocked", "flow.throttle.sni", 0.93, ("innocent", "helper"),
         "transfers that name this service trickle; those of an innocent name there, and controls', do not",
         lambda s: _slowed(s) and s.path.flow.innocent.slower and s.path.flow.controls_fast > 0),
    Rule("flow/slowed_address", "blocked", "flow.throttle.address", 0.85, ("innocent", "helper"),
         "transfers from this address keep one low rate, whatever the name; others' from here, and controls', do not",
         lambda s: _slowed(s) and _policed_here(s) and s.path.flow.innocent_slow),
    Rule("flow/slowed", "blocked", "flow.throttle", 0.85, ("helper",),
         "transfers from this service keep one low rate; others' from here, and controls' from there, do not",
         lambda s: _slowed(s) and _policed_here(s) and not s.path.flow.innocent.others),
    Rule("flow/frozen_by_packets", "blocked", "flow.freeze.packets", 0.9, ("helper",),
         "transfers stop without a word, and one of many small packets stops after as many of them",
         _frozen_by_packets),
    Rule("flow/frozen_by_bytes", "blocked", "flow.freeze.bytes", 0.9, ("helper",),
         "transfers stop without a word after so many bytes, and many more small packets pass",
         lambda s: _frozen(s) and _shown_elsewhere(s) and s.path.flow.pieces_passed > 0
         and not s.path.flow.pieces_stalled),
    Rule("flow/frozen", "blocked", "flow.freeze", 0.85, ("helper",),
         "transfers stop alike without a word; others' from here, and controls' from there, come through",
         lambda s: (_frozen(s) and _shown_elsewhere(s)) or (_frozen_early(s) and _served_elsewhere(s))),
    Rule("flow/slow_undecided", "inconclusive", "inconclusive.control_doubtful", 0.5, ("nothing",),
         "transfers from this service are slow, and others' from here, or controls' from there, are not; it may be the "
         "server, or a crowded or lossy way to it",
         lambda s: _slowed(s) and (s.path.flow.elsewhere.slower or s.path.flow.elsewhere.lower
                                   or s.path.flow.innocent.slower or s.path.flow.innocent.lower
                                   or (s.path.flow.controls_fast > 0
                                       and (s.path.flow.set_rate or s.path.flow.elsewhere.halved)))),
    Rule("flow/frozen_undecided", "inconclusive", "inconclusive.control_doubtful", 0.5, ("nothing",),
         "transfers from this service stop without a word; after how much, or whether the server itself stops, is not "
         "shown",
         lambda s: _frozen(s)),
    Rule("flow/dead_after_the_page", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "the page came, and every later connection under this name failed before anything flowed",
         lambda s: s.path.last_ok and s.path.flow.dead >= ENOUGH_DEAD),
    Rule("flow/cut_at_times", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "the page came, and several connections under this name were reset, at this address or another",
         lambda s: s.path.last_ok and s.path.depth >= s.path.needs and s.path.cut >= CUT),
    Rule("flow/frozen_at_times", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "the page came, and some transfers under this name fell silent alike, at this address or another, where boxes "
         "freeze them: too many to say that connections pass, too few to say that they do not",
         lambda s: s.path.last_ok and s.path.depth >= s.path.needs and s.path.freezes.may_be_often),
    Rule("flow/silent_after_the_page", "inconclusive", "inconclusive.unconfirmed", 0.5, ("nothing",),
         "the page came, and what followed fell silent: whatever was said after it, or every longer transfer where "
         "another's comes through; too few did, or not alike",
         lambda s: s.path.last_ok and (s.path.hushed or _stalls(s))),
)
