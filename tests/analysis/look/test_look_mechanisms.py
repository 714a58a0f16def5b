"""How it fails: one way is told once, several ways are told each, and a block is not told again as slowness."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from look_findings import BEGAN, NOW, finding, look, network
from probe_analysis.findings.finding_values import LookFinding, SlowedPart
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_sentences import make_sentences
from probe_analysis.look.mechanism_sentences import group_causes, list_target_causes, name_causes
from probe_analysis.look.planned_sentences import is_told_by

VOTES: dict[str, tuple[dict[tuple[str, str], int], dict[str, int]]] = {
    "one way": ({("a", "tls.reset.sni"): 9, ("b", "tls.reset.sni"): 7}, {"tls.reset.sni": 2}),
    "one says less": ({("a", "tls.reset.sni"): 9, ("b", "tls.reset"): 7}, {"tls.reset": 2}),
    "two ways": ({("a", "tls.reset.sni"): 9, ("b", "ip.blackhole"): 7, ("c", "ip.blackhole"): 1},
                 {"ip.blackhole": 2, "tls.reset.sni": 1}),
    "one target, two ways": ({("a", "tls.reset.sni"): 9, ("a", "dns.forged"): 7},
                             {"dns.forged": 1, "tls.reset.sni": 1}),
    "single runs err": ({("a", "tls.reset.sni"): 19, ("a", "dns.forged"): 1}, {"tls.reset.sni": 1}),
    "no cause": ({("a", ""): 5}, {}),
}


@pytest.mark.parametrize(("votes", "ways"), VOTES.values(), ids=list(VOTES))
def test_ways_are_counted_by_endpoints(votes: dict[tuple[str, str], int], ways: dict[str, int]) -> None:
    found = group_causes(list_target_causes(votes))
    assert {cause: len(targets) for cause, targets in found.items()} == ways
    assert list(found) == list(ways)


@pytest.mark.parametrize("name", ["one way", "two ways", "one target, two ways"])
def test_each_way_stands_in_the_sentence_and_in_the_table(name: str) -> None:
    votes, ways = VOTES[name]
    data = look(finding(causes=list_target_causes(votes)))
    (how,) = [one.text for one in make_sentences(data) if one.topic == "how"]
    assert all(cause in how for cause in ways)
    assert all(cause in name_causes(data.sources[0].findings[0]) for cause in ways)
    assert all(cause in make_look_page(data) for cause in ways)


def test_what_is_reachable_in_part_has_a_word_of_its_own() -> None:
    pages = [make_look_page(look(finding(**changes))) for changes in ({}, {"strength": 0.5, "blocked": 40})]
    assert ["partly" in page for page in pages] == [False, True]


def slowed(**values: Any) -> SlowedPart:
    made = SlowedPart(
        asn=25513, label="", service="whatsapp", known=True, witnesses=4, n=96, troubled=90, low=0.87, high=0.97,
        beside_n=0, beside_troubled=0, first_day=BEGAN.date().isoformat(), last_day=NOW.date().isoformat(),
        has_onset=True, others_n=90, others_troubled=1, elsewhere_n=90, elsewhere_troubled=1, by_name=False,
        not_ruled_out=())
    return replace(made, **values)


@pytest.mark.parametrize(("part", "found", "told"), [
    (slowed(), finding(), True),
    (slowed(), finding(status="suspected"), True),
    (slowed(), finding(networks=(network(12389),)), False),
    (slowed(first_day=(BEGAN - timedelta(days=5)).date().isoformat()), finding(), False),
    (slowed(), finding(last=NOW - timedelta(days=1)), False),
    (slowed(), finding(strength=0.3), False),
    (slowed(service="web.example"), finding(), False),
    (slowed(), finding(kind="network", service="whatsapp"), False),
], ids=["the block", "a suspected one", "elsewhere", "began sooner", "went on", "blocks less", "another service",
        "the network as a whole"])
def test_trouble_that_a_finding_explains_is_no_second_finding(part: SlowedPart, found: LookFinding,
                                                              told: bool) -> None:
    assert is_told_by(part, found) is told
    data = look(found)
    data = replace(data, sources=(replace(data.sources[0], slowed=(part,)),))
    about = [one for one in make_sentences(data) if one.rows == ("s0slowed",)]
    assert about
    assert ({one.topic for one in about} == {"sure"}) is told
