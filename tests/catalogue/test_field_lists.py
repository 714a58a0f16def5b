"""Lists of the field: OONI Run descriptors read, test lists of the Citizen Lab written, its annotations read."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from probe.catalogue import test_lists
from probe.catalogue.fingerprint_lists import parse_fingerprints
from probe.catalogue.list_writer import CATEGORIES, write_test_list
from probe.catalogue.load import load_catalogue
from probe.catalogue.run_descriptor import MAX_INPUTS, MAX_TESTS, MESSENGERS, is_descriptor, read_descriptor
from probe.catalogue.types import CatalogueError
from probe.cli.targets import targets
from probe.instruments.fingerprint_match import FingerprintIndex
from probe_operate.lists.catalogue_check import check_catalogue

DAY = date(2026, 11, 24)
KEYS = ("nettests", "test_name", "inputs", "inputs_extra", "targets_name", "x")
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20),
                    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(KEYS), inner), max_leaves=20)


def descriptor(*tests: dict[str, Any], **more: Any) -> str:
    """A descriptor as OONI Run links give it."""
    return json.dumps({"name": "Ours", "author": "me", "nettests": [
        {"inputs": None, "options": {}, "is_background_run_enabled_default": False, **test} for test in tests], **more},
        indent=2)


# ---- OONI Run

def test_a_descriptor_is_a_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(descriptor(
        {"test_name": "web_connectivity", "inputs": ["https://example.org/", "http://example.net/a"],
         "inputs_extra": [{"category_code": "NEWS", "country_code": "IT"}]},
        {"test_name": "telegram"}, {"test_name": "facebook_messenger", "inputs": []}))
    found = load_catalogue(str(path))
    pages = [e for e in found.endpoints if e.service == "list"]
    assert {e.input: e.category_code for e in pages} == {"https://example.org/": "NEWS", "http://example.net/a": ""}
    ours = load_catalogue(search=False).endpoints
    for service in ("telegram", "messenger"):
        expected = [e.input for e in ours if e.service == service and e.role != "control"]
        assert [e.input for e in found.endpoints if e.service == service] == expected != []
    assert {e.service for e in found.endpoints if e.role != "control"} == {"list", "telegram", "messenger"}
    assert [e.input for e in found.endpoints if e.role == "control"] == [e.input for e in ours if e.role == "control"]
    assert check_catalogue(found, today=DAY) == ()


def test_each_of_oonis_messengers_has_targets() -> None:
    services = {e.service for e in load_catalogue(search=False).endpoints if e.role != "control"}
    assert set(MESSENGERS.values()) <= services


@pytest.mark.parametrize(("test", "reason"), [
    ({"test_name": "ndt"}, "number 2 ('ndt') is no measurement of ours: take it out of the file"),
    ({"test_name": "web_connectivity", "targets_name": "websites_list"},
     "number 2 has no inputs but a targets_name: that list is known to OONI's server alone"),
    ({"test_name": "web_connectivity", "inputs": ["http://10.0.0.1/"]}, "10.0.0.1 is not a public address"),
    ({"test_name": "urlgetter", "inputs": ["tcpconnect://a.example:80"]},
     "tcpconnect:// is not the address of a web page"),
    ({"test_name": "web_connectivity", "inputs": [7]}, "number 2 has an input that is no text: '7'"),
    ({"test_name": "web_connectivity"}, "number 2 (web_connectivity) has no inputs"),
    ({"test_name": 5}, "number 2 has no test_name"),
    ({"test_name": "\x1b[2J"}, "number 2 ('\\x1b[2J') is no measurement of ours: take it out of the file"),
])
def test_what_is_wrong_is_told(test: dict[str, Any], reason: str) -> None:
    found = read_descriptor(descriptor({"test_name": "telegram"}, test))
    assert ([problem.reason for problem in found.problems], found.services) == ([reason], ("telegram",))


def test_lines_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(
        '{"nettests": [{"test_name": "web_connectivity", "inputs": [\n"https://example.org/",\n"http://[::1]/"]},\n'
                    '{"test_name": "tor"}]}')
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(str(path))
    assert [(p.line, p.column) for p in caught.value.problems] == [(3, "url"), (4, "nettests")]
    result = CliRunner().invoke(targets, ["check", str(path)])
    assert result.exit_code == 1
    assert "run.json:3: url: " in result.output


@pytest.mark.parametrize(("text", "reason"), [
    ("{", "is no JSON"), ('{"nettests": []}', "no nettests"), ("{}", "no nettests"),
    ('{"nettests": {}}', "no nettests"),
    ("{" + '"a":{' * 100_000, "is no JSON"), ('{"a": ' + "9" * 10_000 + "}", "is no JSON that can be read"),
    (json.dumps({"nettests": [{}] * (MAX_TESTS + 1)}), "more than 100 nettests"),
    (descriptor({"test_name": "urlgetter", "inputs": ["x"] * (MAX_INPUTS + 1)}), "more than 20000 inputs"),
])
def test_what_is_no_descriptor(text: str, reason: str) -> None:
    [problem] = read_descriptor(text).problems
    assert reason in problem.reason


@given(JSON)
def test_no_json_breaks_the_reader(value: object) -> None:
    text = json.dumps({"nettests": value})
    assert is_descriptor(text)
    found = read_descriptor(text)
    assert found.endpoints or found.services or found.problems
    read_descriptor(json.dumps({"nettests": [value]}))


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_descriptor("{" + text)


# ---- test lists, written

def test_a_written_list_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("url,category_code,category_description,date_added,source,notes\n"
                    'https://example.org/,NEWS,News Media,2020-01-01,me,"a, ""b"""\nhttp://203.0.114.1/,,,,,\n'
                    "https://example.net/?q={cc},GRP,,,,\n")
    result = CliRunner().invoke(targets, ["list", "--file", str(path), "--service", "list", "--format", "citizenlab"])
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert tuple(rows[0]) == test_lists.LIST_COLUMNS
    assert [(r["url"], r["category_code"], r["category_description"], r["source"], r["notes"]) for r in rows] == [
        ("https://example.org/", "NEWS", "News Media", "reachability-probe", 'a, "b"'),
        ("http://203.0.114.1/", "MISC", "Miscelaneous content", "reachability-probe", "")]
    assert date.fromisoformat(rows[0]["date_added"])
    assert "1 endpoint" in result.stderr
    again, problems = test_lists.read_test_list(result.stdout)
    assert ([e.input for e in again], problems) == (["https://example.org/", "http://203.0.114.1/"], [])


def test_our_catalogue_has_pages_for_a_test_list() -> None:
    endpoints = load_catalogue(search=False).endpoints
    text, left_out = write_test_list(endpoints, today=DAY, source="s")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) + left_out == len(endpoints)
    assert len({row["url"] for row in rows}) == len(rows) > 50
    assert all(row["category_code"] in CATEGORIES and row["category_description"] for row in rows)
    found, problems = test_lists.read_test_list(text)
    assert (len(found), problems) == (len(rows), [])


def test_services_are_named_as_oonis_tests_are() -> None:
    told = {name: CliRunner().invoke(targets, ["list", "--service", name, "--format", "json"]).stdout
            for name in (*MESSENGERS, "messenger")}
    assert told["facebook_messenger"] == told["messenger"]
    for name, service in MESSENGERS.items():
        assert {endpoint["service"] for endpoint in json.loads(told[name])} == {service}


# ---- annotations of the Citizen Lab

HTTP = """name,common_name,pattern,location_found,exp_url,confidence_no_fp,source,scope,expected_countries,notes
isp_xx_one,One,notice.one.example/blocked,body,,10,[''],isp,['XX'],
isp_xx_two,Two,block.two.example,header,,10,['https://two.example/'],nat,['XX'],"a, b"
injb_three,Three,pay your bill at three.example,body,,10,[''],injb,[],
isp_xx_four,Four,(a+)+$ is text here,body,,7,[''],inst,['YY'],
isp_xx_five,Five,elsewhere in it,cookie,,10,[''],isp,['XX'],
"""
DNS = """name,response,confidence_no_fp,exp_url,source,scope,expected_countries,notes
dns_one,203.0.114.9,10,,[''],isp,['XX'],
dns_two,Sehat.two.example,10,,[''],isp,['XX'],
dns_three,999.1.1.1,10,,[],br,[],
"""


def test_annotations_of_pages_are_found_wherever_they_stand() -> None:
    found = parse_fingerprints("http.csv", HTTP)
    assert [(f.name, f.kind, f.scope, f.countries, f.confidence) for f in found.taken] == [
        ("citizenlab:isp_xx_one", "body", "isp", ("XX",), "high"),
        ("citizenlab:isp_xx_two", "redirect_prefix", "national", ("XX",), "high"),
        ("citizenlab:injb_three", "body", "unknown", (), "high"),
        ("citizenlab:isp_xx_four", "body", "institution", ("YY",), "medium"),
    ]
    assert [(p.line, p.reason) for p in found.problems] == [(6, "unknown location_found 'cookie'")]
    index = FingerprintIndex(found.taken)
    page = index.of_page((("Location", "https://www.block.two.example/?u=1"),), "", b"")
    assert (page.name, page.scope) == ("citizenlab:isp_xx_two", "national XX")
    assert index.of_page((), "", b"<a href='//notice.one.example/blocked'>").name == "citizenlab:isp_xx_one"
    assert index.of_page((), "", b"... (a+)+$ is text here").name == "citizenlab:isp_xx_four"
    assert index.of_page((), "", b"aaaaaaaaaa is text here").name == ""


def test_annotations_of_answers_are_addresses_or_aliases() -> None:
    found = parse_fingerprints("dns.csv", DNS)
    assert [(f.kind, f.value) for f in found.taken] == [("address", "203.0.114.9"), ("cname", "sehat.two.example")]
    assert all(f.source.startswith("Citizen Lab annotations") for f in found.taken)
    assert [p.line for p in found.problems] == [4]


@given(st.text(max_size=200))
def test_no_annotation_breaks_the_reader(rows: str) -> None:
    for header in (HTTP.splitlines()[0], DNS.splitlines()[0]):
        found = parse_fingerprints("list.csv", f"{header}\n{rows}")
        assert len(found.taken) + found.refused <= rows.count("\n") + rows.count("\r") + 1
