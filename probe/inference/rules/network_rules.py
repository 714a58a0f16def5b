"""Rules over the network as a whole. `stops` tells whether any target can still be spoken of."""

from __future__ import annotations

from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.run_words import OUT_OF_ORDER, ResolverState
from probe.inference.evidence.ladder_evidence import LadderEvidence
from probe.inference.rules.bases import find_network_bases
from probe.inference.rules.rule import Rule, RuleTable

_USELESS: tuple[ResolverState, ...] = ("dead", "unasked", "failing")

Network = LadderEvidence

UNPLACED: Rule[Network] = Rule(
    id="net/list_or_outage", outcome="inconclusive", block_type="inconclusive.unplaced", confidence=0.5,
    needs=("ladder",),
    why="services in the country answer and few abroad do: an allow-list and an outage of the lines abroad look alike",
    holds=lambda e: False)
"""Decides in the place of rules that accuse without a basis."""

NETWORK_RULES: tuple[Rule[Network], ...] = (
    Rule(id="net/offline", outcome="local", block_type="local.offline", confidence=0.9, needs=("nothing",),
         why="there is no route to anywhere, or nothing answers, not even the gateway",
         holds=lambda e: not e.link or (_nothing_answers(e) and e.gateway == "silent" and not e.tunnel
               and e.altered < 2)),
    Rule(id="net/changed", outcome="inconclusive", block_type="inconclusive.vantage", confidence=0.6,
         needs=("nothing",),
         why="the device changed or lost its network while it measured: the results belong to no single network",
         holds=lambda e: e.changed),
    Rule(id="net/tunnel", outcome="inconclusive", block_type="inconclusive.vantage", confidence=0.6, needs=("nothing",),
         why="a tunnel carries traffic of this device: the results do not describe this network, or not only this "
             "network",
         holds=lambda e: bool(e.tunnel)),
    Rule(id="net/captive_portal", outcome="local", block_type="local.captive_portal", confidence=0.97,
         needs=("ladder",),
         why="known pages of two operators were altered in the same way",
         holds=lambda e: e.altered >= 2),
    Rule(id="net/shutdown", outcome="network", block_type="network.shutdown", confidence=0.85, needs=("ladder",),
         why="the gateway answers, and nothing beyond it does",
         holds=lambda e: _nothing_answers(e) and e.gateway == "answers"),
    Rule(id="net/nothing_answers", outcome="network", block_type="network", confidence=0.6, needs=("ladder",),
         why="nothing answers; this does not show whether the line is cut or the network beyond it",
         holds=lambda e: _nothing_answers(e)),
    Rule(id="net/allowlist_name", outcome="network", block_type="network.allowlist.name", confidence=0.8,
         needs=("ladder",), rests_on=("company",),
         why="distant servers of unrelated organisations accept connections, and names still fail there, even where a "
             "server's own name is answered",
         holds=lambda e: e.allowlist.way == "name" and not _suffers(e)),
    Rule(id="net/allowlist_data", outcome="network", block_type="network.allowlist.data", confidence=0.8,
         needs=("ladder",), rests_on=("company",),
         why="distant servers of unrelated organisations accept connections and then acknowledge no data; data to "
             "servers in the country arrive",
         holds=lambda e: e.allowlist.way == "data" and not _suffers(e)),
    Rule(id="net/allowlist_address", outcome="network", block_type="network.allowlist.address", confidence=0.75,
         needs=("ladder",), rests_on=("place",),
         why="packets to addresses of unrelated organisations abroad vanish, while neighbouring addresses in the same "
             "networks answer",
         holds=lambda e: e.allowlist.way == "address" and not _suffers(e)),
    UNPLACED,
    Rule(id="net/national_only", outcome="network", block_type="network.national_only", confidence=0.85,
         needs=("ladder",),
         why="reference servers in the country answer, and none abroad does",
         holds=lambda e: e.national_only),
    Rule(id="net/clock", outcome="local", block_type="local.clock", confidence=0.95, needs=("ladder",),
         why="servers' dates agree with each other, and not with this device's clock",
         holds=lambda e: e.clock_wrong),
    Rule(id="net/resolver", outcome="local", block_type="local.resolver", confidence=0.95, needs=("ladder",),
         why="the network's resolver fails for harmless names",
         holds=lambda e: e.resolver in OUT_OF_ORDER),
    Rule(id="net/starved", outcome="network", block_type="network.degraded", confidence=0.7, needs=("ladder",),
         why="nothing large arrives in reasonable time, and several addresses fall silent: the line is slow for every "
             "service",
         holds=lambda e: e.slow and e.stalled >= 2),
    Rule(id="net/crawls", outcome="network", block_type="network.degraded", confidence=0.7, needs=("ladder",),
         why="every transfer crawls, from several places: the line is slow for every service",
         holds=lambda e: e.crawls),
    Rule(id="net/controls_failed", outcome="inconclusive", block_type="inconclusive.control_failed", confidence=0.5,
         needs=("nothing",),
         why="no reference server answered, at home or abroad, and too little else was seen to say why",
         holds=lambda e: not _reaches(e)),
    Rule(id="net/well", outcome="ok", block_type="", confidence=0.9, needs=("ladder",),
         why="reference servers can be reached through this network",
         holds=lambda e: True),
)

NETWORK_TABLE: RuleTable[Network] = RuleTable(rules=NETWORK_RULES, find_bases=find_network_bases, unplaced=UNPLACED)

STOPS: tuple[BlockTypeId, ...] = (
    "local.offline", "local.captive_portal", "network.shutdown", "network", "inconclusive.vantage",
)
"""Causes after which no target is tried: what would be seen says nothing of it, and its name would leak."""


def _reaches(e: Network) -> bool:
    return e.foreign_ok + e.domestic_ok > 0


def _nothing_answers(e: Network) -> bool:
    return not _reaches(e) and e.resolver in _USELESS and (
        e.foreign_failed + e.domestic_failed > 0)


def _suffers(e: Network) -> bool:
    """The line itself keeps things back: it is slow for all, or takes no large packets."""
    return e.slow or e.crawls
