"""From a population's evidence to its verdict."""

from __future__ import annotations

from dataclasses import dataclass

from probe.core.tables.block_types import CauseId
from probe.core.tables.outcomes import Decided
from probe.core.tables.words import Empty
from probe_analysis.populations.comparison import merge_sides
from probe_analysis.populations.pooled_cause import find_family, find_layer, is_of_name
from probe_analysis.populations.population_case import PopulationCase, sort_population
from probe_analysis.populations.population_evidence import PopulationEvidence
from probe_analysis.populations.population_rules import PopulationRuleId, find_population_rule
from probe_analysis.tables.population_words import PopulationBasis, PopulationDoubt

_SETTLED: tuple[PopulationBasis, ...] = ("place", "vantage")
_OPEN: tuple[PopulationRuleId, ...] = ("pop/fresh_names", "pop/unplaced")
"""Rules that accuse nobody, whose doubts are reported all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationVerdict:
    """What many probes together say of one target in one network over some hours."""

    outcome: Decided
    block_type: CauseId
    suspected: CauseId
    """The pooled cause, where nobody is accused of it."""
    basis: PopulationBasis | Empty
    rule_id: PopulationRuleId
    why: str
    not_excluded: tuple[PopulationDoubt, ...]
    n: int
    """Probe-hours of the network that say something."""
    struck: int
    """Those of them in which it failed."""
    witnesses: int
    """Different probes of the network for which it failed."""
    networks_alike: int
    """Networks of the country that are struck alike, this one among them."""
    witnesses_alike: int
    """Different probes in all of these."""
    networks_spared: int
    """Comparable networks of the country that were served."""
    countries_served: int
    countries_struck: int
    others_alike: int
    """Other services that are struck in the network in the same hours."""


def judge_population(evidence: PopulationEvidence) -> PopulationVerdict:
    """The verdict by the first rule that holds."""
    case = sort_population(evidence)
    rule, own = find_population_rule(case), evidence.own
    accuses = rule.outcome == "blocked"
    doubts = find_doubts(case, rule.basis) if accuses or rule.id in _OPEN else ()
    return PopulationVerdict(
        outcome=rule.outcome, block_type=rule.block_type or case.cause, suspected="" if accuses else case.cause,
        basis=rule.basis, rule_id=rule.id, why=rule.why,
        not_excluded=(*doubts, "fresh_names") if evidence.fresh else doubts,
        n=own.hours, struck=own.struck.hours, witnesses=len(own.struck.probes),
        networks_alike=len(case.alike), witnesses_alike=len(case.struck.probes), networks_spared=len(case.spared),
        countries_served=sum(view.is_served for view in evidence.abroad),
        countries_struck=sum(view.is_struck for view in evidence.abroad), others_alike=evidence.others_alike)


def find_doubts(c: PopulationCase, basis: PopulationBasis | Empty) -> tuple[PopulationDoubt, ...]:
    """What could not be excluded, in the order of the table; nothing where a run or a control settled it."""
    if basis in _SETTLED:
        return ()
    of_name, lie = is_of_name(c.cause), find_layer(c.cause) == "dns"
    served = merge_sides((*(v.served for v in c.spared), *(v.earlier for v in c.alike)))
    instruments = served.instruments.union(*(view.served_instruments for view in c.evidence.abroad))
    found: dict[PopulationDoubt, bool] = {
        "service": not c.spared and not any(view.is_served for view in c.evidence.abroad),
        "network_refused": not c.struck.access or not served.access,
        "address_refused": not of_name and all(len(view.struck.probes) == 1 for view in c.alike),
        "edge": not lie and not (c.struck.addresses and served.addresses),
        "instrument": c.struck.instruments.isdisjoint(instruments),
        "lost_route": find_family(c.cause) == "address_silent",
        "resolver": lie and not (c.struck.resolvers and served.resolvers),
    }
    return tuple(word for word, holds in found.items() if holds)
