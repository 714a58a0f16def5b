"""Sentences claim no more than their findings: each change that weakens a finding weakens what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from look_findings import BEGAN, NOW, finding, look, network, part
from probe_analysis.exports.release import DELAY, MIN_PROBES
from probe_analysis.findings.finding_values import MeasuredPart, SourceKind
from probe_analysis.look.certainty_words import describe_certainty
from probe_analysis.look.look_json import digest, look_to_json
from probe_analysis.look.look_page import describe_part, make_look_page
from probe_analysis.look.look_release import release_source
from probe_analysis.look.look_sentences import (
    ENOUGH,
    describe_state,
    describe_time,
    make_claims,
    make_sentences,
    weigh_finding,
)
from probe_analysis.look.look_values import LookData


def state(data: LookData) -> str:
    return describe_state(data, data.sources[0], data.sources[0].findings[0])


def test_a_confirmed_finding_is_claimed_with_its_networks_and_rows() -> None:
    data = look(finding())
    (claim,) = make_claims(data)
    assert claim.rows == ("s0f0",)
    assert claim.not_before == NOW
    assert "AS25513 (Moscow Telephone)" in claim.text
    assert "AS12389" in claim.text
    page = make_look_page(data)
    assert all(f'id="{row}"' in page for one in make_sentences(data) for row in one.rows)


WEAKER: dict[str, tuple[dict[str, Any], str]] = {
    "suspected": ({"status": "suspected"}, "established"),
    "stale": ({"last": NOW - timedelta(days=2)}, "past"),
    "over": ({"end_from": NOW - timedelta(hours=3), "end_until": NOW - timedelta(hours=2)}, "past"),
    "partial": ({"strength": 0.5, "blocked": 40}, "whole"),
    "weak on what used to pass": ({"strength": 0.5}, "whole"),
    "one witness": ({"witnesses": 1, "networks": (network(witnesses=1),)}, "alone"),
    "nobody counted": ({"witnesses": None, "networks": (network(witnesses=None),)}, "alone"),
}


@pytest.mark.parametrize(("changes", "what"), WEAKER.values(), ids=list(WEAKER))
def test_a_weaker_finding_is_claimed_less(changes: dict[str, Any], what: str) -> None:
    strong, weak = look(finding()), look(finding(**changes))
    before, after = (weigh_finding(one, one.sources[0].findings[0]) for one in (strong, weak))
    assert getattr(before, what) != getattr(after, what)
    assert state(weak) != state(strong)


@pytest.mark.parametrize("changes", [
    {"status": "suspected"}, {"witnesses": 1, "networks": (network(witnesses=1),)}, {"blocked": 0},
    {"witnesses": None, "networks": (network(witnesses=None),)}, {"kind": "network", "service": ""},
    {"kind": "population", "status": "suspected", "probability": None},
])
def test_nothing_is_to_be_printed_of_less_than_a_confirmed_block_of_several_probes(changes: dict[str, Any]) -> None:
    assert make_claims(look(finding(**changes))) == []


@pytest.mark.parametrize(("kind", "witnesses", "named"), [
    ("ooni", 1, False), ("ooni", 2, True), ("counts", None, False), ("counts", 2, True),
    ("own", MIN_PROBES - 1, False), ("own", MIN_PROBES, True),
])
def test_a_network_is_named_from_so_many_probes_on(kind: SourceKind, witnesses: int | None, named: bool) -> None:
    data = look(finding(networks=(network(777001, witnesses),)), kind=kind,
                measured=[part(asn=777001, witnesses=witnesses)] if kind == "own" else [])
    data = replace(data, sources=tuple(map(release_source, data.sources)))
    told = f"{make_look_page(data)} {look_to_json(data)}"
    assert ("777001" in told) == named
    assert bool(make_claims(data)) == named


@pytest.mark.parametrize(("changes", "measured", "told"), [
    ({}, {}, True), ({"status": "suspected"}, {}, True), ({"roles": ()}, {}, True),
    ({"kind": "network", "service": "", "roles": ()}, {}, True), ({"end_from": NOW, "end_until": NOW}, {}, True),
    ({}, {"role": "web"}, False), ({}, {"service": "signal"}, False), ({}, {"asn": 64999}, False),
    ({"networks": (network(0),)}, {"asn": 0}, False),
])
def test_a_finding_says_how_a_measured_part_is(changes: dict[str, Any], measured: dict[str, Any], told: bool) -> None:
    counted = part(n=400, ok=390, blocked=10, **measured)
    (source,) = look(finding(**changes), measured=[counted]).sources
    assert (describe_part(source, counted) != describe_part(replace(source, findings=()), counted)) == told


def test_times_of_few_volunteers_are_days() -> None:
    data = look(finding(networks=(network(witnesses=1),), witnesses=1), kind="own", measured=[part(witnesses=1)])
    hidden = release_source(data.sources[0])
    assert hidden.findings[0].onset_from == BEGAN.replace(hour=0, minute=0)
    assert hidden.measured[0].first == BEGAN.replace(hour=0, minute=0)
    assert "09:17" not in make_look_page(replace(data, sources=(hidden,)))


def test_own_results_are_to_be_printed_when_a_release_may_hold_them() -> None:
    (claim,) = make_claims(look(finding(networks=(network(witnesses=9),)), kind="own"))
    assert claim.not_before == NOW + DELAY


@pytest.mark.parametrize("changes", [
    {"onset_from": None}, {"onset_until": BEGAN + timedelta(hours=5)}, {"last": NOW - timedelta(hours=1)},
    {"end_from": NOW - timedelta(hours=3), "end_until": NOW},
])
def test_what_is_said_of_the_time_follows_the_interval(changes: dict[str, Any]) -> None:
    data, other = look(finding()), finding(**changes)
    assert describe_time(data, data.sources[0], other) != describe_time(data, data.sources[0], finding())


@pytest.mark.parametrize("changes", [{"probability": 0.5}, {"witnesses": 3}, {"status": "suspected"}])
def test_what_is_said_of_certainty_follows_the_finding(changes: dict[str, Any]) -> None:
    assert describe_certainty(finding(**changes)) != describe_certainty(finding())


def test_no_finding_no_data_and_too_few_are_told_apart() -> None:
    cases: tuple[list[MeasuredPart], ...] = (
        [], [part(n=ENOUGH - 1, ok=ENOUGH - 1)], [part()], [part(n=40, ok=20, blocked=20)],
        [part(last=NOW - timedelta(days=3))], [part(inconclusive=7)])
    said = [next(one.text for one in make_sentences(look(measured=parts)) if one.topic == "what") for parts in cases]
    assert len(set(said)) == len(cases)
    assert [one.topic for one in make_sentences(look(sources=()))] == ["what"]


@pytest.mark.parametrize("changes", [
    {"inconclusive": 20}, {"network": 20}, {"blocked": 20, "ok": 20}, {"last_ok": None, "inconclusive": 1},
    {"n": 4000, "ok": 4000, "inconclusive": 3, "last_ok": NOW - timedelta(hours=3)},
])
def test_what_was_left_open_or_failed_last_is_not_called_well(changes: dict[str, Any]) -> None:
    said = [next(one.text for one in make_sentences(look(measured=[part(**values)])) if one.topic == "what")
            for values in ({}, changes)]
    well, doubtful = ("no block of" in text for text in said)
    assert (well, doubtful) == (True, False)


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", "\x1b[31m", "a\u202eb", '"><img src=x>'])
def test_names_of_networks_are_escaped(hostile: str) -> None:
    data = look(finding(networks=(replace(network(0), label=hostile),)), operators={25513: hostile})
    page = make_look_page(data)
    assert hostile not in page
    assert "<script" not in page


def test_the_digest_follows_the_evidence() -> None:
    assert digest(look(finding())) == digest(look(finding()))
    assert digest(look(finding(blocked=79))) != digest(look(finding()))
