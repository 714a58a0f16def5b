"""Outages beside a finding: read from hostile answers, and never told as less than what they may explain."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from look_findings import BEGAN, NOW, finding, look, network
from probe_analysis.imported.outage_reports import MAX_REPORTS, OutageReport, list_in_country, read_outages
from probe_analysis.look.beside_sentences import find_overlaps
from probe_analysis.look.beside_values import LookBeside
from probe_analysis.look.look_json import look_to_json
from probe_analysis.look.look_page import make_look_page
from probe_analysis.look.look_sentences import make_claims, make_sentences
from probe_analysis.look.look_values import LookData


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


CODF = {"location": "country/RU", "start": seconds(BEGAN), "duration": 3600, "score": 9.5, "location_name": "Russia"}
IODA = {"entity": {"type": "asn", "code": "25513", "name": "MGTS", "attrs": {}}, "from": seconds(BEGAN),
        "until": seconds(BEGAN + timedelta(hours=1)), "score": 3, "datasource": "bgp"}
REGION = {"entity": {"type": "region", "code": "1226", "name": "Dagestan", "attrs": {"country_code": "RU"}},
          "from": seconds(BEGAN), "until": seconds(BEGAN + timedelta(hours=1)), "datasource": "ping-slash24"}
RADAR = {"id": "1", "asns": [25513], "locations": ["RU"], "startDate": f"{BEGAN:%Y-%m-%dT%H:%M:%SZ}", "endDate": None,
         "outage": {"outageCause": "GOVERNMENT_DIRECTED", "outageType": "NETWORK"}, "scope": None}


@pytest.mark.parametrize(("row", "radar", "wanted"), [
    (CODF, False, ("IODA", ("RU",), (), "", "", timedelta(hours=1))),
    (IODA, False, ("IODA", (), (25513,), "", "bgp", timedelta(hours=1))),
    (REGION, False, ("IODA", ("RU",), (), "Dagestan", "ping-slash24", timedelta(hours=1))),
    (RADAR, True, ("Cloudflare Radar", ("RU",), (25513,), "", "", None)),
    ({**RADAR, "asns": [], "scope": "Dagestan"}, True, ("Cloudflare Radar", ("RU",), (), "Dagestan", "", None)),
])
def test_reports_are_read_in_both_servers_forms(row: dict[str, Any], radar: bool, wanted: tuple[Any, ...]) -> None:
    answer = {"success": True, "result": {"annotations": [row]}} if radar else {"type": "outages.events", "data": [row]}
    (one,), problems = read_outages(json.dumps(answer).encode(), "answer.json")
    assert problems == []
    assert one.start == BEGAN
    assert (one.source, one.ccs, one.asns, one.part, one.signal, one.end and one.end - one.start) == wanted


def test_what_others_say_of_causes_is_not_told() -> None:
    (one,), _ = read_outages(json.dumps({"result": {"annotations": [RADAR]}}).encode(), "radar.json")
    data = beside(finding(), one)
    assert "government" not in f"{make_look_page(data)} {look_to_json(data)}".lower()


@pytest.mark.parametrize("row", [
    None, 3, "x", {}, {**CODF, "location": "country/R\u202eU"}, {**CODF, "start": 10 ** 40}, {**CODF, "start": "now"},
    {**CODF, "duration": -7200}, {**CODF, "start": True}, {**IODA, "entity": {"type": "asn", "code": "9" * 5000}},
    {**RADAR, "startDate": "yesterday"}, {**RADAR, "locations": [], "asns": []}, {**RADAR, "asns": [-1]},
    {**REGION, "entity": {"type": "region", "code": "1"}}, {**RADAR, "endDate": "0001-01-01T00:00:00Z"},
])
def test_a_row_that_is_no_report_is_counted_and_the_rest_is_used(row: Any) -> None:
    found, problems = read_outages(json.dumps({"data": [row, CODF]}).encode(), "answer.json")
    assert [one.ccs for one in found] == [("RU",)]
    assert len(problems) == 1


@pytest.mark.parametrize("raw", [
    b"", b"[]", b"\xff\xfe", b'{"data": 3}', b"[" * 100_000, b'{"data": [' + b"9" * 5000 + b"]}", b" " * (17 << 20)])
def test_what_is_no_answer_is_told(raw: bytes) -> None:
    found, problems = read_outages(raw, "answer.json")
    assert found == []
    assert len(problems) == 1


def test_reports_are_bounded() -> None:
    rows = [{**CODF, "start": seconds(BEGAN) + n} for n in range(MAX_REPORTS + 5)]
    found, problems = read_outages(json.dumps({"data": rows}).encode(), "answer.json")
    assert len(found) == MAX_REPORTS
    assert len(problems) == 1


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda inner:
       st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*CODF, *IODA, *RADAR, "type", "code", "attrs"]),
                                                     inner, max_size=6), max_leaves=12))
def test_any_json_is_read_or_refused(row: Any) -> None:
    found, problems = read_outages(json.dumps({"data": [row]}).encode(), "answer.json")
    assert len(found) + len(problems) == 1


def outage(**values: Any) -> OutageReport:
    return replace(OutageReport(source="IODA", ccs=("RU",), asns=(), part="", signal="bgp", start=BEGAN, end=None),
                   **values)


def beside(one: Any, *outages: OutageReport) -> LookData:
    return replace(look(one), beside=LookBeside(outages=outages, outages_asked=True))


NOT_TOLD_APART: dict[str, Any] = {"ruled_out": ("one_device",)}
TOLD_APART: dict[str, Any] = {"ruled_out": ("one_device", "network")}


@pytest.mark.parametrize(("values", "reported", "covers"), [
    ({}, {}, True),
    ({}, {"start": BEGAN - timedelta(days=1)}, True),
    ({}, {"end": NOW}, True),
    ({}, {"end": BEGAN + timedelta(hours=5)}, False),
    ({}, {"start": BEGAN + timedelta(hours=9)}, False),
    ({}, {"asns": (25513,)}, False),
    ({}, {"asns": (25513, 12389), "ccs": ()}, True),
    ({"networks": (network(), network(0))}, {"asns": (25513,)}, False),
])
def test_an_outage_covers_what_lies_in_its_hours_and_networks(values: dict[str, Any], reported: dict[str, Any],
                                                              covers: bool) -> None:
    (found,) = find_overlaps(finding(**values), [outage(**reported)])
    assert found.covers == covers


@pytest.mark.parametrize("reported", [
    {"start": BEGAN - timedelta(days=9), "end": BEGAN - timedelta(days=8)}, {"asns": (7922,)},
    {"start": NOW + timedelta(days=1)}])
def test_an_outage_elsewhere_or_at_another_time_changes_nothing(reported: dict[str, Any]) -> None:
    one = finding(**NOT_TOLD_APART)
    with_it, without = beside(one, outage(**reported)), look(one)
    assert make_claims(with_it) == make_claims(without)
    assert make_sentences(with_it) == make_sentences(without)


def test_a_block_that_an_outage_may_explain_is_not_to_be_printed() -> None:
    assert len(make_claims(look(finding(**NOT_TOLD_APART)))) == 1
    assert make_claims(beside(finding(**NOT_TOLD_APART), outage())) == []


@pytest.mark.parametrize(("ruled_out", "reported"), [(TOLD_APART, {}), (NOT_TOLD_APART, {
    "end": BEGAN + timedelta(hours=4)}), (TOLD_APART, {"end": BEGAN + timedelta(hours=4)})])
def test_a_claim_beside_an_outage_has_it_among_its_limits(ruled_out: dict[str, Any], reported: dict[str, Any]) -> None:
    one = finding(**ruled_out)
    (claim,), (without,) = make_claims(beside(one, outage(**reported))), make_claims(look(one))
    assert (claim.text, claim.certainty) == (without.text, without.certainty)
    assert len(claim.limits) > len(without.limits)


def test_each_outage_has_a_sentence_that_differs_with_what_is_known() -> None:
    cases: list[tuple[dict[str, Any], dict[str, Any]]] = [
        (NOT_TOLD_APART, {}), (TOLD_APART, {}), (NOT_TOLD_APART, {"end": BEGAN + timedelta(hours=4)}),
        ({"kind": "network", "service": ""}, {}), (NOT_TOLD_APART, {"asns": (25513,)}),
        (NOT_TOLD_APART, {"part": "Dagestan"}), (NOT_TOLD_APART, {"source": "Cloudflare Radar"}),
        (NOT_TOLD_APART, {"signal": ""})]
    said = []
    for values, reported in cases:
        data = beside(finding(**values), outage(**reported))
        (text,) = (one.text for one in make_sentences(data) if "o0" in one.rows)
        page = make_look_page(data)
        assert all(f'id="{row}"' in page for one in make_sentences(data) for row in one.rows)
        said.append(text)
    assert len(set(said)) == len(cases)


def test_outages_are_chosen_by_country_and_by_networks_that_are_named() -> None:
    theirs = [outage(), outage(ccs=("UA",)), outage(ccs=(), asns=(25513,)), outage(ccs=(), asns=(3320,))]
    chosen = list_in_country(theirs, "RU", frozenset({25513}))
    assert {(one.ccs, one.asns) for one in chosen} == {(("RU",), ()), ((), (25513,))}


def test_that_no_outage_is_known_is_said_only_where_somebody_asked() -> None:
    asked, not_asked = beside(finding()), look(finding())
    assert len(make_sentences(asked)) == len(make_sentences(not_asked)) + 1


def test_hostile_names_are_escaped_on_the_page() -> None:
    row = {**REGION, "entity": {**REGION["entity"], "name": "<script>\ud800\u202e" + "x" * 9000}}  # type: ignore[dict-item]
    found, _ = read_outages(json.dumps({"data": [row]}).encode(), "answer.json")
    page = make_look_page(beside(finding(), *found))
    assert "<script>" not in page
    assert "x" * 300 not in page
    assert "\u202e" not in page
    page.encode()


