"""Rules over the network as a whole. `stops` tells whether any target can still be spoken of."""

from __future__ import annotations

from probe.core.tables.basis_words import Basis
from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.run_words import OUT_OF_ORDER, ResolverState
from probe.judge.common.rule import Rule, RuleTable
from probe.judge.network.ladder_evidence import LadderEvidence

LEAST_FAILED = 5
"""References that do not answer, before a network is called cut off whose resolver does."""
_USELESS: tuple[ResolverState, ...] = ("dead", "unasked", "failing")

Network = LadderEvidence

UNPLACED: Rule[Network] = Rule(
    id="net/list_or_outage", outcome="inconclusive", block_type="inconclusive.unplaced", confidence=0.5,
    needs=("ladder",),
    why="only a few unrelated servers answer: an allow-list or a failure of the network may be the cause",
    holds=lambda e: False)
"""Decides in the place of rules that accuse without a basis."""

NETWORK_RULES: tuple[Rule[Network], ...] = (
    Rule(id="net/offline", outcome="local", block_type="local.offline", confidence=0.9, needs=("nothing",),
         why="this device is offline: it has no route to any network, or nothing answers it, not even the gateway",
         holds=lambda e: not e.link or (_nothing_answers(e) and e.gateway == "silent" and not e.tunnel
               and e.altered < 2)),
    Rule(id="net/changed", outcome="inconclusive", block_type="inconclusive.vantage", confidence=0.6,
         needs=("nothing",),
         why="this device changed or lost its network during the run: the results do not describe one single network",
         holds=lambda e: e.changed),
    Rule(id="net/tunnel", outcome="inconclusive", block_type="inconclusive.vantage", confidence=0.6, needs=("nothing",),
         why="a VPN or other tunnel carries traffic of this device: the results may not describe this network itself",
         holds=lambda e: bool(e.tunnel)),
    Rule(id="net/captive_portal", outcome="local", block_type="local.captive_portal", confidence=0.97,
         needs=("ladder",),
         why="known test pages of two organisations arrive altered in the same way: a login portal seems to answer "
             "instead",
         holds=lambda e: e.altered >= 2),
    Rule(id="net/shutdown", outcome="network", block_type="network.shutdown", confidence=0.85, needs=("ladder",),
         why="this network's gateway answers, and nothing beyond it does: the network is cut off from the internet",
         holds=lambda e: _nothing_answers(e) and e.gateway == "answers"),
    Rule(id="net/nothing_answers", outcome="network", block_type="network", confidence=0.6, needs=("ladder",),
         why="nothing beyond this device answers: its line may be cut, or the provider's network may be down",
         holds=lambda e: _nothing_answers(e)),
    Rule(id="net/went_dark", outcome="network", block_type="network", confidence=0.6, needs=("nothing",),
         why="nothing at all answered after some moment of the run: the line was cut, or the provider's network went "
             "down",
         holds=lambda e: e.went_dark),
    Rule(id="net/abroad_went_dark", outcome="network", block_type="network.national_only", confidence=0.7,
         needs=("nothing",),
         why="after some moment of the run servers in this country answered, and nothing abroad did: the way abroad "
             "was cut",
         holds=lambda e: e.abroad_went_dark),
    Rule(id="net/allowlist_name", outcome="network", block_type="network.allowlist.name", confidence=0.8,
         needs=("ladder",), rests_on=("company",),
         why="several servers abroad never answer under any name tried; one answers only under its own name: only "
             "allow-listed names pass",
         holds=lambda e: e.allowlist.way == "name" and not _suffers(e)),
    Rule(id="net/allowlist_data", outcome="network", block_type="network.allowlist.data", confidence=0.8,
         needs=("ladder",), rests_on=("company",),
         why="several servers abroad accept connections but acknowledge no data; servers in this country acknowledge "
             "data: data reaches only allow-listed addresses",
         holds=lambda e: e.allowlist.way == "data" and not _suffers(e)),
    Rule(id="net/allowlist_address", outcome="network", block_type="network.allowlist.address", confidence=0.75,
         needs=("ladder",), rests_on=("place",),
         why="some foreign addresses answer, but their neighbours in the same networks do not: only allow-listed "
             "addresses are reachable",
         holds=lambda e: e.allowlist.way == "address" and not _suffers(e)),
    UNPLACED,
    Rule(id="net/national_only", outcome="network", block_type="network.national_only", confidence=0.85,
         needs=("ladder",),
         why="reference servers in this country answer and none abroad does: this network reaches only the country "
             "itself",
         holds=lambda e: e.national_only and e.domestic_ok > 0),
    Rule(id="net/national_by_address", outcome="network", block_type="network.national_only", confidence=0.7,
         needs=("ladder",),
         why="servers at addresses in this country answer, and nothing abroad does: this network reaches only the "
             "country itself",
         holds=lambda e: e.national_only),
    Rule(id="net/clock", outcome="local", block_type="local.clock", confidence=0.95, needs=("ladder",),
         why="the dates that servers send agree with each other but not with this device's clock: the clock is wrong",
         holds=lambda e: e.clock_wrong),
    Rule(id="net/resolver", outcome="local", block_type="local.resolver", confidence=0.95, needs=("ladder",),
         why="this network's resolver fails even for harmless names: the resolver itself is out of order",
         holds=lambda e: e.resolver in OUT_OF_ORDER),
    Rule(id="net/starved", outcome="network", block_type="network.degraded", confidence=0.7, needs=("ladder",),
         why="no large answer arrives in time, and several addresses fall silent: the line is slow for every service",
         holds=lambda e: e.slow and e.stalled >= 2),
    Rule(id="net/crawls", outcome="network", block_type="network.degraded", confidence=0.7, needs=("ladder",),
         why="every transfer, from servers in several places, is very slow: the line is slow for every service",
         holds=lambda e: e.crawls),
    Rule(id="net/only_names", outcome="network", block_type="network", confidence=0.6, needs=("ladder",),
         why="only the resolver answers: the network may be cut off, or a firewall nearby may let nothing else pass",
         holds=lambda e: _answers_names_alone(e)),
    Rule(id="net/controls_failed", outcome="inconclusive", block_type="inconclusive.control_failed", confidence=0.5,
         needs=("nothing",),
         why="no reference server answered, in this country or abroad; the run saw too little else to say why",
         holds=lambda e: not _reaches(e)),
    Rule(id="net/well", outcome="ok", block_type="", confidence=0.9, needs=("ladder",),
         why="reference servers can be reached through this network",
         holds=lambda e: True),
)


def find_network_bases(e: LadderEvidence) -> frozenset[Basis]:
    """Of a list of what may pass, which strikes unrelated owners by its nature. Where connections open, an outage of
    the way abroad is no cause; where they do not, neighbours that are reached show that the way carries."""
    if not e.allowlist.is_shown:
        return frozenset()
    return frozenset({"place"} if e.allowlist.way == "address" else {"company"})


NETWORK_TABLE: RuleTable[Network] = RuleTable(rules=NETWORK_RULES, find_bases=find_network_bases, unplaced=UNPLACED)

STOPS: tuple[BlockTypeId, ...] = (
    "local.offline", "local.captive_portal", "network.shutdown", "network", "inconclusive.vantage",
)
"""Causes after which no target is tried: what would be seen says nothing of it, and its name would leak."""


def ends_run(rule: Rule[Network]) -> bool:
    """Whether no target needs to be tried. Where names alone were answered so far, the targets may be what passes."""
    return rule.block_type in STOPS and rule.id != "net/only_names"


def _reaches(e: Network) -> bool:
    return e.foreign_ok + e.domestic_ok > 0


def _answers_names_alone(e: Network) -> bool:
    return (not _reaches(e) and e.resolver == "ok" and e.gateway != "silent" and not e.passes
            and e.foreign_failed + e.domestic_failed >= LEAST_FAILED)


def _nothing_answers(e: Network) -> bool:
    return not _reaches(e) and e.resolver in _USELESS and (
        e.foreign_failed + e.domestic_failed > 0)


def _suffers(e: Network) -> bool:
    """The line itself keeps things back: it is slow for all, or takes no large packets."""
    return e.slow or e.crawls
