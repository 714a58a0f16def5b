"""Known answers: our own table, lists that people fetch, patterns that cannot run for ever, and what a match says."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from in_order import in_order
from observations import HERE4, lookup
from probe.catalogue import fingerprint_lists
from probe.catalogue.fingerprint_lists import FingerprintFile, parse_fingerprints, read_fingerprint_file
from probe.catalogue.fingerprints import (
    KINDS,
    SCOPES,
    Fingerprint,
    load_own_fingerprints,
    make_fingerprint,
    parse_fingerprint_table,
)
from probe.catalogue.patterns import MAX_PATTERN, MIN_LITERAL, Pattern, make_literal_pattern, parse_expression
from probe.config.settings import load_settings
from probe.instruments.fingerprint_match import FingerprintIndex, add_fingerprints, get_index
from probe.judge.common.fingerprint_weight import FingerprintMark, weigh_fingerprints
from probe.upkeep.updates.fingerprint_files import (
    add_configured_fingerprints,
    describe_fingerprints,
    read_configured_files,
)

OWN = load_own_fingerprints()


def shown(f: Fingerprint, text: str) -> dict[str, Any]:
    """What a page looks like that shows the text where the fingerprint looks."""
    headers = {"redirect_host": (("Location", f"https://{f.value}/x"),), "redirect_prefix": (("location", text),),
               "header": ((f.header.title(), text),)}.get(f.kind, ())
    return {"headers": headers, "title": text if f.kind == "title" else "",
            "body": text.encode() if f.kind == "body" else b""}


# ---- our own table

def test_our_own_table_is_sound() -> None:
    assert len({(f.kind, f.value, f.pattern, f.header) for f in OWN}) == len(OWN)
    assert {f.kind for f in OWN} == set(KINDS)
    assert {"fp", "national", "isp", "product", "restricted"} <= {f.scope for f in OWN} <= set(SCOPES)
    for f in OWN:
        assert f.source
        assert all(re.fullmatch("[A-Z]{2}", cc) for cc in f.countries)
        assert bool(f.countries) == (f.scope in ("national", "isp"))


@pytest.mark.parametrize("f", OWN, ids=lambda f: f"{f.name}-{f.value or f.pattern.pieces[0][:30]}")
def test_each_of_our_own_is_found(f: Fingerprint) -> None:
    index = FingerprintIndex(OWN)
    if f.kind in ("address", "cname"):
        match = index.of_answer((f.value,)) if f.kind == "address" else index.of_answer((), (f"www.{f.value}",))
    elif f.kind == "issuer":
        match = index.of_issuer(f"CN={f.pattern.pieces[0]},C=KZ" if f.pattern else "")
    else:
        match = index.of_page(**shown(f, f.pattern.pieces[0] if f.pattern else ""))
    assert match.scope.split()[0] == f.scope
    assert match.scope.split()[1:] == list(f.countries)


@given(st.text(max_size=60), st.text(max_size=40), st.binary(max_size=200))
def test_a_page_without_a_mark_has_no_fingerprint(location: str, title: str, body: bytes) -> None:
    assert get_index().of_page((("Location", location), ("Server", title)), title, body).name == ""


def test_a_false_positive_overrides_whatever_else_a_page_shows() -> None:
    page = get_index().of_page((), "Just a moment...", b"<iframe src='http://10.10.34.36/'>")
    assert page.scope == "fp"


@pytest.mark.parametrize(("location", "found"), [
    ("http://82.209.230.23", True), ("http://82.209.230.23/x", True), ("http://82.209.230.23:8080/", True),
    ("http://82.209.230.234/", False), ("http://82.209.230.23.example/", False),
    ("http://x/?http://82.209.230.23", False),
    ("https://www.a1.by/mininfo/?u=1", True), ("https://www.a1.by/", False), ("http://WARNING.or.kr", True),
    ("http://www.warning.or.kr/i1.html", True), ("http://notwarning.or.kr", False), ("//[", False),
])
def test_a_redirect_is_compared_by_host_or_beginning(location: str, found: bool) -> None:
    assert bool(get_index().of_page((("location", location),), "", b"").name) == found


# ---- patterns

@given(st.text(max_size=40), st.lists(st.text(alphabet="abc.", min_size=1, max_size=6), min_size=1, max_size=4),
       st.booleans(), st.booleans())
def test_pieces_match_what_the_expression_matches(text: str, pieces: list[str], starts: bool, ends: bool) -> None:
    text = text + pieces[0] + "".join("z" + p for p in pieces[1:])
    expression = ("^" if starts else "") + ".*".join(map(re.escape, pieces)) + (r"\Z" if ends else "")
    pattern = Pattern(pieces=tuple(pieces), starts=starts, ends=ends)
    for sample in (text, text + "x", "x" + text, text[:-1]):
        assert pattern.matches(sample) == bool(re.search(expression, sample, re.DOTALL))


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5), st.text(max_size=20))
def test_an_escaped_expression_is_read_as_its_text(pieces: list[str], between: str) -> None:
    expression = ".*".join(map(re.escape, pieces))
    try:
        pattern = parse_expression(expression)
    except ValueError:
        assert sum(map(len, pieces)) < MIN_LITERAL
        return
    assert pattern.matches("<" + between.join(pieces) + ">")


@pytest.mark.parametrize("expression", [
    "(a+)+$ and more", "[a-z]*blocked", "blocked|forbidden", "blocked{2,}", r"\d\d\d blocked", "(?=blocked)",
    "block?ed",
    "a.*b", "....", "", "^", "x" * (MAX_PATTERN + 1), ".*".join("abcdefghij"), "blocked\\",
])
def test_what_could_search_for_ever_or_tells_nothing_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_expression(expression)


@given(st.text(max_size=200))
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_expression(text).matches("<html>" * 100)


def test_a_hostile_pattern_costs_no_more_than_its_length() -> None:
    pattern = parse_expression(".*".join(["aaaaaaaa"] * 8))
    assert not pattern.matches("a" * 63 + "b" * 100_000)
    assert pattern.matches("ab" + "a" * 64)


# ---- lists from outside

COLUMNS = ("name", "scope", "other_names", "location_found", "pattern_type", "pattern", "confidence_no_fp",
           "expected_countries", "source", "exp_url", "notes")


def ooni(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> FingerprintFile:
    """A list in the form of OONI's, with these rows."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows({"name": "n", "scope": "nat", "location_found": "body", "pattern_type": "contains",
                      "pattern": "a page of ours", "expected_countries": "XA"} | row for row in rows)
    return parse_fingerprints("fingerprints_http.csv", out.getvalue())


@pytest.mark.parametrize(("row", "kind", "scope", "page"), [
    ({}, "body", "national", {"body": b"<p>a page of ours</p>"}),
    ({"scope": "fp"}, "body", "fp", {"body": b"a page of ours"}),
    ({"scope": "injb1"}, "body", "unknown", {"body": b"a page of ours"}),
    ({"scope": "vbw"}, "body", "vague", {"body": b"a page of ours"}),
    ({"pattern_type": "regexp", "pattern": "a page.*of yours"}, "body", "national", {"body": b"a page\nnot of yours"}),
    ({"location_found": "header.location", "pattern_type": "prefix", "pattern": "http://notice.example/"},
     "redirect_prefix", "national", {"headers": (("Location", "http://notice.example/?x"),)}),
    ({"location_found": "header.via", "pattern": "filter/1.1"}, "header", "national",
     {"headers": (("Via", "1.1 filter/1.1 (x)"),)}),
    ({"location_found": "header.server", "pattern_type": "full", "pattern": "Filtering"}, "header", "national",
     {"headers": (("Server", "Filtering"),)}),
])
def test_rows_of_oonis_form_are_found(row: dict[str, str], kind: str, scope: str, page: dict[str, Any]) -> None:
    got = ooni(row)
    assert not got.problems
    (f,) = got.taken
    assert (f.name, f.kind, f.scope, f.countries) == ("ooni:n", kind, scope, ("XA",))
    match = FingerprintIndex(got.taken).of_page(**{"headers": (), "title": "", "body": b""} | page)
    assert match.name == f.name


def test_answers_of_oonis_form_are_addresses_or_aliases() -> None:
    dns = {"location_found": "dns", "pattern_type": "full"}
    got = ooni(dns | {"pattern": "93.184.7.7"}, dns | {"pattern": "notice.example"}, dns | {"pattern": "D0::11"})
    index = FingerprintIndex(got.taken)
    assert not got.problems
    assert index.of_answer(("93.184.7.7",)).scope == "national XA"
    assert index.of_answer((), ("www.notice.example",)).name
    assert index.of_answer(("d0::11",)).name


def test_a_bad_line_is_told_and_the_rest_goes_on() -> None:
    got = ooni({"pattern": "(a+)+$ long", "pattern_type": "regexp"}, {}, {"location_found": "moon"},
               {"pattern_type": "guess"}, {"pattern": "abc"},
               {"location_found": "dns", "pattern": "999.1.1.1", "pattern_type": "full"})
    assert len(got.taken) == 1
    assert [p.line for p in got.problems] == [2, 4, 5, 6, 7]
    assert all(p.reason for p in got.problems)
    assert got.refused == 5


def test_unknown_columns_are_passed_over_and_missing_ones_told() -> None:
    assert len(ooni({}, columns=(*COLUMNS, "new")).taken) == 1
    assert "pattern" in ooni({}, columns=COLUMNS[:5]).problems[0].reason


SIGNATURES = "\n".join(map(json.dumps, [
    {"fingerprint": "b_nat_xa_ministry", "pattern": "http://notice\\.example"},
    {"fingerprint": "a_prod_box", "pattern": "<title>Blocked</title>.*by the box"},
    {"fingerprint": "c_isp_xb_place", "pattern": "Location: http://place\\.example/"},
    {"fingerprint": "odd", "pattern": "Server: FilterBox"},
]))


def test_signatures_are_found() -> None:
    got = parse_fingerprints("x/blockpage_signatures.json", SIGNATURES + "\n\n{\nnonsense\n[1]\n{\"fingerprint\": 1}")
    assert [(f.kind, f.scope, f.countries) for f in got.taken] == [
        ("body", "national", ("XA",)), ("body", "product", ()), ("redirect_prefix", "isp", ("XB",)),
        ("header", "unknown", ())]
    assert [p.line for p in got.problems] == [6, 7, 8, 9]
    index = FingerprintIndex(got.taken)
    assert index.of_page((), "", b"<title>Blocked</title> - by the box").name == "censoredplanet:a_prod_box"
    assert index.of_page((("Server", "FilterBox/2"),), "", b"").name == "censoredplanet:odd"
    harmless = parse_fingerprints("false_positive_signatures.json", SIGNATURES)
    assert {f.scope for f in harmless.taken} == {"fp"}


@given(st.text(max_size=300), st.sampled_from(["a.csv", "a.json", "false_positive.json", "a.toml"]))
def test_any_text_can_be_read_as_a_list(text: str, name: str) -> None:
    got = parse_fingerprints(name, text)
    assert got.refused >= len(got.problems)


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=30)), max_size=4))
def test_any_cells_give_fingerprints_or_problems(rows: list[dict[str, str]]) -> None:
    got = ooni(*rows)
    assert len(got.taken) + got.refused >= 0
    for f in got.taken:
        assert f.scope in SCOPES
        assert f.kind in KINDS
        assert f.name.isprintable()


@given(st.recursive(st.none() | st.integers() | st.text(max_size=8), lambda x: st.lists(x) | st.dictionaries(
    st.sampled_from(["fingerprint", "pattern", "x"]), x), max_leaves=6))
def test_any_json_gives_a_fingerprint_or_a_problem(value: object) -> None:
    got = parse_fingerprints("x.json", json.dumps(value))
    assert len(got.taken) + got.refused == 1


def test_lists_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint_lists, "MAX_TAKEN", 3)
    monkeypatch.setattr(fingerprint_lists, "MAX_PROBLEMS", 2)
    got = ooni(*[{} for _ in range(9)])
    assert (len(got.taken), len(got.problems), got.refused) == (3, 2, 6)
    monkeypatch.setattr(fingerprint_lists, "MAX_FILE_BYTES", 50)
    big = tmp_path / "big.csv"
    big.write_text("x" * 51)
    assert "larger" in read_fingerprint_file(big).problems[0].reason
    assert "nested" in parse_fingerprints(
        "x.json", "[" * 4000).problems[0].reason or parse_fingerprints("x.json", "[" * 4000).refused


TOML = '[[fingerprint]]\nname = "n"\nkind = "{}"\nvalues = ["{}"]\nscope = "isp"\nsource = "s"\nconfidence = "{}"\n'


def test_our_own_form_can_be_brought_along() -> None:
    (f,) = parse_fingerprints("mine.toml", TOML.format("title", "Stop right here", "low")).taken
    assert (f.name, f.kind, f.confidence) == ("n", "title", "low")


@pytest.mark.parametrize(("kind", "value", "confidence"), [
    ("moon", "Stop right here", "low"), ("title", "Stop", "low"), ("title", "Stop right here", "sure"),
    ("address", "no address", "low"), ("cname", "a b", "low"), ("header", "no colon", "low"),
])
def test_a_table_with_a_mistake_is_refused(kind: str, value: str, confidence: str) -> None:
    with pytest.raises(ValueError, match=r"n: |expected"):
        parse_fingerprint_table(TOML.format(kind, value, confidence))


def test_what_a_person_configured_is_used_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "list.csv").write_text(
        "name,scope,location_found,pattern_type,pattern\nx,nat,body,contains,a page of ours\ny,nat,body,regexp,(a+)+\n")
    config = tmp_path / "probe.toml"
    config.write_text('[fingerprints]\nfiles = ["list.csv"]\n')
    ok, files = read_configured_files(load_settings(str(config)))
    assert ok
    assert in_order(describe_fingerprints(files), str(len(OWN)), f"{tmp_path}/list.csv: 1", "refused: 1")
    assert "list.csv:3: pattern:" in describe_fingerprints(files)
    try:
        add_configured_fingerprints(load_settings(str(config)))
        assert get_index().of_page((), "", b"a page of ours").name == "ooni:x"
    finally:
        add_fingerprints(())
    assert "list.csv:3" in capsys.readouterr().err
    config.write_text('[fingerprints]\nfiles = ["missing.csv"]\n')
    ok, files = read_configured_files(load_settings(str(config)))
    assert not ok
    assert "cannot be read" in describe_fingerprints(files)


def test_used_fingerprints_stand_beside_our_own() -> None:
    try:
        add_fingerprints([make_fingerprint(name="mine", kind="body", scope="isp", text="a page of mine",
                                           countries=("XA",), source="s", confidence="low")])
        assert get_index().of_page((), "", b"a page of mine").scope == "isp XA"
        assert get_index().of_answer(("10.10.34.34",)).name == "ir_notice_address"
    finally:
        add_fingerprints(())
    assert not get_index().of_page((), "", b"a page of mine").name


# ---- what a match says

@pytest.mark.parametrize(("scope", "cc", "mark"), [
    ("national XA XB", "XB", FingerprintMark(name="f", fits=True)),
    ("isp XA", "XA", FingerprintMark(name="f", fits=True)),
    ("national XA", "XC", FingerprintMark(name="f")), ("national XA", "ZZ", FingerprintMark(name="f")),
    ("national", "XA", FingerprintMark(name="f")),
    ("product XA", "XA", FingerprintMark(name="f")), ("vague", "XA", FingerprintMark(name="f")),
    ("", "XA", FingerprintMark(name="f")),
    ("restricted", "XA", FingerprintMark(name="f", restricted=True)), ("fp", "XA", FingerprintMark(harmless="f")),
])
def test_a_fingerprint_convicts_where_it_is_expected_alone(scope: str, cc: str, mark: FingerprintMark) -> None:
    assert weigh_fingerprints((lookup(HERE4, fingerprint="f", fingerprint_scope=scope),), cc=cc) == mark


def test_the_strongest_mark_stands_and_a_harmless_one_overrides() -> None:
    here = lookup(HERE4, fingerprint="here", fingerprint_scope="isp XA")
    there = lookup(HERE4, fingerprint="there", fingerprint_scope="isp XB")
    harmless = lookup(HERE4, fingerprint="own", fingerprint_scope="fp")
    assert weigh_fingerprints((there, here), cc="XA").name == "here"
    assert weigh_fingerprints((there, harmless, here), cc="XA") == FingerprintMark(harmless="own")
    assert weigh_fingerprints((lookup(HERE4),), cc="XA") == FingerprintMark()
    assert make_literal_pattern("a text", match="full").matches("a text")
