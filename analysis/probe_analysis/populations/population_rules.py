"""The table of rules by which a population is judged: the first that holds decides, and the last always does.

What excuses stands above what accuses, as in the tables of single runs (`probe.judge.common.rule`). A rule that
accuses rests on one basis, and names the cause as deep as the probe-hours agree on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from probe.core.tables.block_types import BlockTypeId
from probe.core.tables.outcomes import Decided
from probe.core.tables.words import Empty
from probe_analysis.populations import population_bases as bases
from probe_analysis.populations.comparison import merge_sides
from probe_analysis.populations.population_case import PopulationCase
from probe_analysis.populations.population_evidence import ENOUGH_HOURS, may_share
from probe_analysis.tables.population_words import PopulationBasis

PopulationRuleId = Literal[
    "pop/line_out", "pop/line_unknown", "pop/too_few", "pop/one_device", "pop/some_probes", "pop/comes_and_goes",
    "pop/no_cause", "pop/own_refusal", "pop/instrument", "pop/down", "pop/one_witness", "pop/fresh_names", "pop/place",
    "pop/vantage", "pop/mechanisms", "pop/spared", "pop/onsets", "pop/unplaced",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationRule:
    """If `holds`, the verdict is `outcome`; `why` is one sentence."""

    id: PopulationRuleId
    outcome: Decided
    block_type: BlockTypeId | Empty
    """Empty: the cause that the probe-hours agree on."""
    why: str
    holds: Callable[[PopulationCase], bool]
    basis: PopulationBasis | Empty = ""


POPULATION_RULES: tuple[PopulationRule, ...] = (
    PopulationRule(
        id="pop/line_out", outcome="network", block_type="network",
        why="whenever this target failed, most other targets failed too: the network itself was at fault",
        holds=lambda c: c.evidence.own.sick_hours > c.evidence.own.struck.hours),
    PopulationRule(
        id="pop/too_few", outcome="inconclusive", block_type="inconclusive.unconfirmed",
        why="only one probe reported a failure, and only in one hour: this does not show a block",
        holds=lambda c: c.evidence.own.struck.hours < ENOUGH_HOURS),
    PopulationRule(
        id="pop/line_unknown", outcome="inconclusive", block_type="inconclusive.no_control",
        why="nothing else was tried in the hours when the target failed, so nobody knows whether the line worked",
        holds=lambda c: c.evidence.own.alone_hours >= c.evidence.own.struck.hours),
    PopulationRule(
        id="pop/one_device", outcome="inconclusive", block_type="inconclusive.unconfirmed",
        why="the target fails for one probe only; in the same hours others in this network succeed: perhaps a faulty "
            "device",
        holds=lambda c: c.evidence.own.is_uneven and len(c.evidence.own.struck.probes) == 1),
    PopulationRule(
        id="pop/some_probes", outcome="inconclusive", block_type="inconclusive.unconfirmed",
        why="some probes of this network fail while others reach the target: perhaps only some of the network's "
            "customers are affected",
        holds=lambda c: c.evidence.own.is_uneven),
    PopulationRule(
        id="pop/comes_and_goes", outcome="inconclusive", block_type="inconclusive.unconfirmed",
        why="this network's probes reach the target between the failures: the failure is not steady",
        holds=lambda c: not c.evidence.own.is_struck),
    PopulationRule(
        id="pop/no_cause", outcome="inconclusive", block_type="inconclusive.unexplained",
        why="the target fails in different ways, and even at different protocol layers: no single cause can be named",
        holds=lambda c: not c.cause),
    PopulationRule(
        id="pop/own_refusal", outcome="inconclusive", block_type="inconclusive.control_doubtful",
        why="the service's operator may be refusing this country, by law or choice; nothing shows another cause",
        holds=lambda c: c.evidence.refuses and not _is_no_refusal(c)),
    PopulationRule(
        id="pop/instrument", outcome="inconclusive", block_type="inconclusive.instrument",
        why="only certain versions of the program or target list fail to reach the target: these versions may be the "
            "cause",
        holds=lambda c: _differs_by_instrument(c)),
    PopulationRule(
        id="pop/down", outcome="down", block_type="server",
        why="the target fails in other countries in the same hours too: the service itself is failing",
        holds=lambda c: c.fails_abroad and not c.spared and not bases.rests_on_place(c)),
    PopulationRule(
        id="pop/one_witness", outcome="inconclusive", block_type="inconclusive.unconfirmed",
        why="only one probe met the failure; its device may be broken, so this does not show a block",
        holds=lambda c: len(c.struck.probes) < bases.WITNESSES),
    PopulationRule(
        id="pop/fresh_names", outcome="inconclusive", block_type="inconclusive.unconfirmed",
        why="this looks like a block, but all probes that report it are new: none has a history of three days",
        holds=lambda c: c.evidence.fresh and _rests_on_any(c)),
    PopulationRule(
        id="pop/place", outcome="blocked", block_type="", basis="place",
        why="several probes in this network fail alike; one of their runs ruled out the service as cause: probably a "
            "block",
        holds=bases.rests_on_place),
    PopulationRule(
        id="pop/vantage", outcome="blocked", block_type="", basis="vantage",
        why="several probes in this network fail alike; another network of the country reaches the address: probably "
            "a block",
        holds=bases.rests_on_vantage),
    PopulationRule(
        id="pop/mechanisms", outcome="blocked", block_type="", basis="mechanisms",
        why="in this country the target fails in several ways, each seen by several probes in several networks: "
            "probably a block",
        holds=bases.rests_on_mechanisms),
    PopulationRule(
        id="pop/spared", outcome="blocked", block_type="", basis="spared",
        why="the target fails alike in some networks; comparable networks of the country reach it: probably a block",
        holds=bases.rests_on_spared),
    PopulationRule(
        id="pop/onsets", outcome="blocked", block_type="", basis="onsets",
        why="failures began at different times in several networks and continue; a failing service fails everywhere "
            "at once: probably a block",
        holds=bases.rests_on_onsets),
    PopulationRule(
        id="pop/unplaced", outcome="inconclusive", block_type="inconclusive.unplaced",
        why="several probes see the target fail in the same way; the cause may be a block or the service's refusal",
        holds=lambda c: True),
)


def find_population_rule(c: PopulationCase) -> PopulationRule:
    """The first rule that holds."""
    return next(rule for rule in POPULATION_RULES if rule.holds(c))


def _rests_on_any(c: PopulationCase) -> bool:
    """Whether known names would accuse by this."""
    return (bases.rests_on_place(c) or bases.rests_on_vantage(c) or bases.rests_on_mechanisms(c)
            or bases.rests_on_spared(c) or bases.rests_on_onsets(c))


def _is_no_refusal(c: PopulationCase) -> bool:
    """A refusal of the country does not look so. That some networks are spared is not enough: tables of countries err.
    """
    return bases.rests_on_place(c) or bases.rests_on_vantage(c) or bases.rests_on_mechanisms(c)


def _differs_by_instrument(c: PopulationCase) -> bool:
    """Nobody is served with a version with which it fails here."""
    views = (c.evidence.own, *c.evidence.peers)
    here = merge_sides(side for view in views for side in (view.served, view.earlier)).instruments
    return not may_share(c.struck.instruments, here.union(*(view.served_instruments for view in c.evidence.abroad)))
