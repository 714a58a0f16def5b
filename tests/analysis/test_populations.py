"""Verdicts from populations: innocents that must not be accused, and their twins, which differ in one thing and are."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_populations import DENIAL, DROP, RESET, START_H, Look, alike, network, population, shifted, spared
from probe.core.tables.block_types import BLOCK_TYPES
from probe_analysis.populations.judge_population import judge_population
from probe_analysis.populations.pooled_cause import pool_causes
from probe_analysis.populations.population_evidence import NetworkView, PopulationEvidence, Side
from probe_analysis.populations.population_rules import POPULATION_RULES, PopulationRuleId
from probe_analysis.tables.population_words import POPULATION_BASES, POPULATION_DOUBTS

SHORT = Look(until_h=10)
NIGHT = Look(hours_each=3, until_h=3)
WIRED, MOBILE = Look(probes=2, access="wired"), Look(probes=2, access="mobile")
NEW = Look(version="2")
MUTE = "tls.mute.sni"
ALERT = "tls.alert"
PAGE = "http.blockpage"


def _begun(asn: int, at_h: int, cause: str = RESET) -> NetworkView:
    """It began there so many hours after the others, until when it was served."""
    return network(asn, Look(since_h=at_h, until_h=at_h + 60), cause=cause,
                   earlier=Look(since_h=at_h - 40, until_h=at_h - 1))


def _resolved(count: int, resolver: str) -> list[NetworkView]:
    """Networks whose resolver denies the name; `#` in its name is the network's number."""
    return [network(64500 + n, Look(resolver=resolver.replace("#", str(n))), cause=DENIAL) for n in range(count)]


def _carried(probe: int) -> list[NetworkView]:
    return [network(64500 + n, Look(), probe=probe and 7) for n in range(4)]


Pair = tuple[str, PopulationEvidence, PopulationRuleId, PopulationEvidence, PopulationRuleId]
PAIRS: tuple[Pair, ...] = (
    ("an operator refuses the country", population(*alike(5)), "pop/unplaced",
     population(*alike(4), *spared()), "pop/spared"),
    ("a front refuses mobile networks", population(*alike(3, MOBILE), *spared(3, WIRED)), "pop/unplaced",
     population(*alike(2, MOBILE), *alike(2, WIRED, first=64510), *spared(3, WIRED)), "pop/spared"),
    ("data centres are refused, of no known kind", population(*alike(2, Look(probes=2)), *spared(3)), "pop/unplaced",
     population(*alike(2, WIRED), *spared(3, WIRED)), "pop/spared"),
    ("one network is refused by its number", population(*alike(1, Look(probes=5)), *spared(4, Look(probes=3))),
     "pop/unplaced",
     population(*alike(1, Look(probes=5, access="wired")), *spared(4, Look(probes=3, access="wired"))), "pop/spared"),
    ("one broken device", population(network(64500, Look(), Look(probes=3)), *spared(3)), "pop/one_device",
     population(network(64500, Look(probes=4)), *alike(2, first=64510), *spared(3)), "pop/spared"),
    ("a laptop that travels with its filter", population(*_carried(probe=1), *spared(2)), "pop/one_witness",
     population(*_carried(probe=0), *spared(2)), "pop/spared"),
    ("names that nobody knew before", replace(population(*alike(4), *spared()), fresh=True), "pop/fresh_names",
     population(*alike(4), *spared()), "pop/spared"),
    ("the line is out", population(network(64500, Look(hours_each=2), sick_hours=9), *alike(3, first=64510), *spared()),
     "pop/line_out",
     population(network(64500, Look(hours_each=9), sick_hours=2), *alike(3, first=64510), *spared()), "pop/spared"),
    ("nothing else was tried", population(network(64500, Look(), alone=True), *alike(3, first=64510), *spared()),
     "pop/line_unknown", population(network(64500, Look()), *alike(3, first=64510), *spared()), "pop/spared"),
    ("a service is down everywhere", population(*alike(4), served=(), struck=("DE", "FR", "KE")), "pop/down",
     population(*alike(4), *spared(), served=("FR", "KE"), struck=("DE",)), "pop/spared"),
    ("a service is down everywhere but for one network's cache",
     population(*alike(4), *spared(), served=(), struck=("DE", "FR", "KE")), "pop/unplaced",
     population(network(64500, Look(), proven=True), *alike(3, first=64510), served=(), struck=("DE", "FR", "KE")),
     "pop/place"),
    ("maintenance of what serves the country", population(*alike(6, NIGHT)), "pop/unplaced",
     population(*alike(4, NIGHT), *spared(2, NIGHT)), "pop/spared"),
    ("one edge is out of order", population(*alike(4), *spared(2, Look(address="192.0.2.99"))), "pop/unplaced",
     population(*alike(4), *spared(2)), "pop/spared"),
    ("a version that fails reaches some networks first", population(*alike(4, NEW), *spared(2)), "pop/instrument",
     population(*alike(4, NEW), *spared(1), *spared(1, NEW, first=64700)), "pop/spared"),
    ("servers answer everybody with an alert", population(*alike(4, cause=ALERT), served=(), struck=("DE", "FR", "KE")),
     "pop/down", population(*alike(4, cause=ALERT), *spared(2), served=("FR", "KE")), "pop/spared"),
    ("servers answer an old program with an alert", population(*alike(4, NEW, cause=ALERT), *spared(2)),
     "pop/instrument", population(*alike(4, NEW, cause=ALERT), *spared(1), *spared(1, NEW, first=64700)),
     "pop/spared"),
    ("servers give some networks another page", population(*alike(4, cause=PAGE), *spared(2)), "pop/unplaced",
     population(network(64500, Look(), cause=PAGE, proven=True), *alike(3, first=64510, cause=PAGE), *spared(2)),
     "pop/place"),
    ("servers refuse some networks, and others find a route lost",
     population(*alike(2, cause=PAGE), *alike(2, first=64510)), "pop/unplaced",
     population(*alike(2, cause=MUTE), *alike(2, first=64510)), "pop/mechanisms"),
    ("networks share a resolver", population(*_resolved(3, "198.51.100.1"), *spared(2)), "pop/unplaced",
     population(*_resolved(3, "198.51.100.#"), *spared(2)), "pop/spared"),
    ("a zone refuses the country, and foreign resolvers do not see it",
     population(*_resolved(4, "own"), *spared(2, Look(resolver="public:google"))), "pop/unplaced",
     population(*_resolved(4, "own"), *spared(2)), "pop/spared"),
    ("addresses behind a shared translator are banned",
     population(network(64500, Look(probes=3), Look(probes=2)), *alike(3, first=64510), *spared(2)), "pop/some_probes",
     population(network(64500, Look(probes=5)), *alike(3, first=64510), *spared(2)), "pop/spared"),
    ("each probe's address is banned for some hours", population(*alike(4, SHORT, cause=DROP), *spared(2, SHORT)),
     "pop/unplaced", population(*alike(4, cause=DROP), *spared(2)), "pop/spared"),
    ("a carrier of several networks loses a route",
     population(*alike(4, SHORT, cause="ip.blackhole"), *spared(2, SHORT)), "pop/unplaced",
     population(*alike(4, cause="ip.blackhole"), *spared(2)), "pop/spared"),
    ("an address is silent and nobody knows which was asked elsewhere",
     population(*alike(4, cause=DROP), *spared(2, Look(address=""))), "pop/unplaced",
     population(*alike(4), *spared(2, Look(address=""))), "pop/spared"),
    ("sanctions, and a network that a table places elsewhere", population(*alike(4), *spared(), refuses=True),
     "pop/own_refusal", population(*alike(4), *spared(), vantages=1, refuses=True), "pop/vantage"),
    ("one of nine networks is placed elsewhere by a table", population(*alike(8), *spared()), "pop/unplaced",
     population(*alike(8), *spared(2)), "pop/spared"),
    ("a front's new rule reaches its servers within hours",
     population(network(64500, Look()), *(_begun(64501 + n, 2) for n in range(3))), "pop/unplaced",
     population(network(64500, Look()), *(_begun(64501 + n, 30) for n in range(3))), "pop/onsets"),
    ("a zone's denial reaches resolvers as their caches expire",
     population(network(64500, Look(), cause=DENIAL), *(_begun(64501 + n, 12, DENIAL) for n in range(3))),
     "pop/unplaced",
     population(network(64500, Look(), cause=DENIAL), *(_begun(64501 + n, 40, DENIAL) for n in range(3))),
     "pop/onsets"),
    ("what fails everywhere lets a try through now and then, which looks like an onset",
     population(network(64500, Look()), *(replace(_begun(64501 + n, 30), struck_before=20) for n in range(3))),
     "pop/unplaced",
     population(network(64500, Look()), *(replace(_begun(64501 + n, 30), struck_before=1) for n in range(3))),
     "pop/onsets"),
    ("a failure by chance, and a pause in measuring before all fail",
     population(replace(network(64500, Look()), settled_h=START_H + 31), *(_begun(64501 + n, 30) for n in range(3))),
     "pop/unplaced",
     population(replace(network(64500, Look()), settled_h=START_H + 5), *(_begun(64501 + n, 30) for n in range(3))),
     "pop/onsets"),
    ("one network's line swallows a front's resets", population(*alike(4), *alike(1, first=64510, cause=MUTE)),
     "pop/unplaced", population(*alike(3), *alike(2, first=64510, cause=MUTE)), "pop/mechanisms"),
    ("an operator refuses by name, and at its zone for the country's resolvers",
     population(*alike(3, Look(resolver="public:google")), *alike(2, first=64510, cause=DENIAL)), "pop/unplaced",
     population(*alike(3), *alike(2, first=64510, cause=DENIAL)), "pop/mechanisms"),
    ("edges of two families fail in two ways",
     population(*alike(3, Look(address="2001:db8::1")), *alike(2, first=64510, cause=MUTE)), "pop/unplaced",
     population(*alike(3), *alike(2, first=64510, cause=MUTE)), "pop/mechanisms"),
    ("a service that fails at times", population(network(64500, Look(hours_each=6), Look(hours_each=6), probe=3),
                                                 *alike(3, first=64510), *spared()), "pop/comes_and_goes",
     population(network(64500, Look(hours_each=6), probe=3), *alike(3, first=64510), *spared()), "pop/spared"),
    ("a front that fails by chance, in most networks for some hours",
     population(*alike(4, Look(hours_each=3)), *spared(1, Look(hours_each=3))), "pop/unplaced",
     population(*alike(4, Look(hours_each=4)), *spared(1, Look(hours_each=4))), "pop/spared"),
    ("it failed once", population(network(64500, Look(hours_each=1)), *alike(3, first=64510), *spared()),
     "pop/too_few", population(network(64500, Look(hours_each=2)), *alike(3, first=64510), *spared()), "pop/spared"),
)
"""(innocent, its evidence and the rule that excuses it, its twin and the rule that accuses)."""


@pytest.mark.parametrize(("evidence", "rule"), [pair[1:3] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_innocents_are_not_accused(evidence: PopulationEvidence, rule: str) -> None:
    told = judge_population(evidence)
    assert (told.rule_id, told.outcome == "blocked", told.basis) == (rule, False, "")


@pytest.mark.parametrize(("evidence", "rule"), [pair[3:5] for pair in PAIRS], ids=[pair[0] for pair in PAIRS])
def test_their_twins_are(evidence: PopulationEvidence, rule: str) -> None:
    told = judge_population(evidence)
    assert (told.rule_id, told.outcome, told.suspected) == (rule, "blocked", "")
    assert told.block_type == pool_causes(evidence.own.causes)


def test_what_is_not_decided_keeps_its_cause_and_says_what_is_open() -> None:
    told = judge_population(population(*alike(5), served=()))
    assert (told.block_type, told.suspected) == ("inconclusive.unplaced", RESET)
    assert told.not_excluded == ("service", "network_refused", "edge", "instrument")


@pytest.mark.parametrize(("evidence", "doubt"), [
    (population(*alike(4), *spared()), "network_refused"),
    (population(*alike(4, cause=DROP), *spared(2)), "address_refused"),
    (population(*alike(4), *spared(2, Look(address=""))), "edge"),
    (population(*alike(4, cause=DROP), *spared(2)), "lost_route"),
    (population(*alike(4), *spared(2, Look(version="")), version=""), "instrument"),
    (population(*_resolved(4, "")), "resolver"),
])
def test_doubts_that_remain_are_told(evidence: PopulationEvidence, doubt: str) -> None:
    assert doubt in judge_population(evidence).not_excluded


@pytest.mark.parametrize(("causes", "pooled"), [
    ({"tls.reset.sni": 9, "tls.reset": 4}, "tls.reset.sni"),
    ({"tls.reset.sni": 5, "tls.reset.fingerprint": 5}, "tls.reset"),
    ({"tls.reset": 5, "tls.mute": 5}, "tls"),
    ({"tls.reset": 5, "dns.nxdomain": 5}, ""),
    ({"tls.reset": 1, "dns.nxdomain": 8}, "dns.nxdomain"),
    ({"server.error": 5}, ""),
    ({"no.such.cause": 5}, ""),
    ({}, ""),
])
def test_causes_are_pooled_as_deep_as_they_agree(causes: dict[str, int], pooled: str) -> None:
    assert pool_causes(causes) == pooled


@given(st.dictionaries(st.one_of(st.sampled_from(sorted(BLOCK_TYPES)), st.text(max_size=20)), st.integers(1, 50)))
def test_whatever_is_pooled_is_a_cause_of_blocks_or_nothing(causes: dict[str, int]) -> None:
    pooled = pool_causes(causes)
    assert pooled == "" or BLOCK_TYPES[pooled].outcome == "blocked"


def test_an_onset_is_apart_only_while_the_first_network_was_struck() -> None:
    late = [_begun(64501 + n, 30) for n in range(3)]
    before = [replace(view, earlier=shifted(Look(until_h=20), -60).side([1])) for view in late]
    assert before[0].earlier.last_h < START_H
    assert judge_population(population(network(64500, Look()), *before)).rule_id == "pop/unplaced"


def test_every_rule_decides_somewhere() -> None:
    torn = network(64500, Look())
    torn = replace(torn, causes={"tls.reset": 3, "dns.nxdomain": 3})
    told = {judge_population(evidence).rule_id for pair in PAIRS for evidence in (pair[1], pair[3])}
    told.add(judge_population(population(torn, *alike(2, first=64510))).rule_id)
    assert told == {rule.id for rule in POPULATION_RULES} == set(get_args(PopulationRuleId))


def test_whatever_rests_on_fresh_names_accuses_nobody_and_says_so() -> None:
    for evidence in (one for pair in PAIRS for one in (pair[1], pair[3])):
        told = judge_population(replace(evidence, fresh=True))
        assert told.outcome != "blocked"
        assert told.not_excluded[-1] == "fresh_names"


def test_rules_that_accuse_have_a_basis_and_others_none() -> None:
    assert {rule.basis for rule in POPULATION_RULES if rule.outcome == "blocked"} == set(POPULATION_BASES)
    others = [rule for rule in POPULATION_RULES if rule.outcome != "blocked"]
    assert not [rule.id for rule in others if rule.basis or not rule.block_type]


def test_a_network_that_nobody_measured_is_neither_struck_nor_spared() -> None:
    nobody = NetworkView(asn=64500, struck=Side(), served=Side())
    assert (nobody.is_struck, nobody.is_spared, nobody.is_uneven) == (False, False, False)
    assert set(judge_population(population(nobody)).not_excluded) <= set(POPULATION_DOUBTS)
