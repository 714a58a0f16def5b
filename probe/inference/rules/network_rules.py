"""Rules over the network as a whole. `stops` tells whether any target can still be spoken of."""

from __future__ import annotations

from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.run_words import OUT_OF_ORDER, ResolverState
from probe.inference.evidence.ladder_evidence import LadderEvidence
from probe.inference.rules.rule import Rule

Network = LadderEvidence

NETWORK_RULES: tuple[Rule[Network], ...] = (
    Rule("net/offline", "local", "local.offline", 0.9, ("nothing",),
         "there is no route to anywhere, or nothing answers, the gateway neither",
         lambda e: not e.link or (_nothing_answers(e) and e.gateway == "silent" and not e.tunnel and e.altered < 2)),
    Rule("net/changed", "inconclusive", "inconclusive.vantage", 0.6, ("nothing",),
         "the device changed its network while it measured, or lost its way out: what was seen is of no one network",
         lambda e: e.changed),
    Rule("net/tunnel", "inconclusive", "inconclusive.vantage", 0.6, ("nothing",),
         "a tunnel carries traffic of this device: what is seen is not, or not only, this network",
         lambda e: bool(e.tunnel)),
    Rule("net/captive_portal", "local", "local.captive_portal", 0.97, ("ladder",),
         "known pages of two operators were altered alike", lambda e: e.altered >= 2),
    Rule("net/shutdown", "network", "network.shutdown", 0.85, ("ladder",),
         "the gateway answers, and nothing beyond it does",
         lambda e: _nothing_answers(e) and e.gateway == "answers"),
    Rule("net/nothing_answers", "network", "network", 0.6, ("ladder",),
         "nothing answers; whether the line or the network beyond it is cut is not shown",
         lambda e: _nothing_answers(e)),
    Rule("net/national_only", "network", "network.national_only", 0.85, ("ladder",),
         "domestic controls answer, and no foreign one does",
         lambda e: e.national_only),
    Rule("net/clock", "local", "local.clock", 0.95, ("ladder",),
         "servers' dates agree with each other and not with ours",
         lambda e: e.clock_wrong),
    Rule("net/resolver", "local", "local.resolver", 0.95, ("ladder",),
         "the network's resolver fails for innocent names", lambda e: e.resolver in OUT_OF_ORDER),
    Rule("net/starved", "network", "network.degraded", 0.7, ("ladder",),
         "nothing large arrives in reasonable time, and several addresses fall silent: the line is slow for all",
         lambda e: e.slow and e.stalled >= 2),
    Rule("net/crawls", "network", "network.degraded", 0.7, ("ladder",),
         "every transfer crawls, from several places: the line is slow for all", lambda e: e.crawls),
    Rule("net/controls_failed", "inconclusive", "inconclusive.control_failed", 0.5, ("nothing",),
         "no control answered, at home or abroad, and too little else was seen to say why",
         lambda e: not _reaches(e)),
    Rule("net/well", "ok", "", 0.9, ("ladder",), "the network carries us to the controls", lambda e: True),
)

STOPS: tuple[BlockTypeId, ...] = (
    "local.offline", "local.captive_portal", "network.shutdown", "network", "inconclusive.vantage",
)
"""Causes after which no target is tried: what would be seen says nothing of it, and its name would leak."""
_NO_ANSWERS: tuple[ResolverState, ...] = ("dead", "unasked", "failing")


def _reaches(e: Network) -> bool:
    return e.foreign_ok + e.domestic_ok > 0


def _nothing_answers(e: Network) -> bool:
    return not _reaches(e) and e.resolver in _NO_ANSWERS and (
        e.foreign_failed + e.domestic_failed > 0)
