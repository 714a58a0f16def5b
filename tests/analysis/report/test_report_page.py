"""The page as a document: both languages whole, numbers under charts, structure, contrast, size."""

from __future__ import annotations

import ast
import math
import re
from datetime import timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import nodes

from in_order import in_order
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.block_types import BLOCK_TYPES
from probe.core.tables.outcomes import OUTCOMES
from probe.core.tables.roles import ACCOUNT_PARTS, ROLES
from probe.core.verdicts import ServiceVerdict, Verdict
from probe.judge.path.all_rules import list_rules
from probe.store.runs.run_writer import write_run
from probe_analysis.cli.report import report
from probe_analysis.pages.engine import load_templates
from probe_analysis.pages.language import LANGUAGES, ReportLanguage, load_words
from probe_analysis.pages.strip_rows import LETTERS
from probe_analysis.pages.time_buckets import make_bucket_cells, make_day_buckets
from probe_analysis.report.report_gather import gather_report
from probe_analysis.report.report_page import make_page, make_report
from probe_analysis.report.service_section import combine_roles
from probe_analysis.slowed.slowed_services import DOUBTS
from probe_analysis.tables.event_checks import CHANGES_MIND, EVENT_CHECKS
from probe_analysis.tables.event_reasons import EVENT_LACKS
from probe_analysis.tables.population_words import POPULATION_BASES, POPULATION_DOUBTS
from project_root import ROOT
from report_made import HOSTILE, START, WORDS, Page, fill, made_part

ENGLISH, RUSSIAN = ReportLanguage("en"), ReportLanguage("ru")


# words

def test_every_key_has_a_word_in_every_language() -> None:
    for key, words in load_words().items():
        assert len(words) == len(LANGUAGES), key
        assert all(word.strip() for word in words), key
        blanks = [set(re.findall(r"\{(\w+)\}", word)) for word in words]
        assert key.startswith("noun.") or all(each <= blanks[0] for each in blanks), key
        forms = [word.count("|") + 1 for word in words]
        assert forms == ([2, 3, 2, 1] if key.startswith("noun.") else [1] * len(LANGUAGES)), key


def test_every_word_that_the_code_says_is_in_the_table_and_none_is_idle() -> None:
    said: set[str] = set()
    patterns: list[str] = []
    research = ROOT / "analysis" / "probe_analysis"
    for path in (*(research / "pages").glob("*.py"), *(research / "report").glob("*.py"),
                 *(research / "alerts").glob("*.py"), research / "results_charts.py"):
        source = path.read_text(encoding="utf-8")
        if "from probe.core.translation import" in source and path.name != "language.py":
            continue  # it says texts of the catalogues
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in load_words():
                said.add(node.value)
            if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Name) and node.func.id == "say":
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    assert first.value in load_words(), f"{path.name}:{node.lineno}: {first.value!r}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                constants = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                if node.func.attr == "count" and len(node.args) == 2 and constants:
                    assert f"noun.{constants[-1]!s}" in load_words(), f"{path.name}:{node.lineno}"
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                patterns.append(str(node.values[0].value))
    in_templates = _said_in_templates()
    assert not [word for word in in_templates if not word.endswith(".") and word not in load_words()]
    by_pattern = {key for key in load_words() if key.split(".")[0] + "." in {*patterns, *in_templates}}
    idle = set(load_words()) - said - in_templates - by_pattern
    assert not [key for key in idle if key.split(".")[0] not in _BY_WORD]


def _said_in_templates() -> set[str]:
    """Keys of words, and beginnings of such keys."""
    made = load_templates()
    sources = (files("probe_analysis.pages").joinpath("templates", name).read_text() for name in made.list_templates())
    calls = (call for source in sources for call in made.parse(source).find_all(nodes.Call))
    words = [call.args[0] for call in calls if isinstance(call.node, nodes.Name) and call.node.name == "say"]
    firsts = [word.nodes[0] if isinstance(word, nodes.Concat) else word for word in words]
    return {str(word.value) for word in firsts if isinstance(word, nodes.Const)}


_BY_WORD = ("noun", "role", "scope", "control", "operation", "status", "check", "check_mind", "population_basis",
            "population_doubt", "slowed_doubt", "lacks")
"""Sections that are looked up by words of the results."""


def test_words_of_the_results_are_all_translated() -> None:
    for section, words in (("outcome", [*OUTCOMES, *LETTERS]), ("state", LETTERS), ("role", ROLES),
                           ("account_part", ACCOUNT_PARTS), ("check", EVENT_CHECKS), ("check_mind", CHANGES_MIND),
                           ("population_basis", POPULATION_BASES), ("population_doubt", POPULATION_DOUBTS),
                           ("slowed_doubt", DOUBTS), ("lacks", EVENT_LACKS)):
        assert not [word for word in words if f"{section}.{word}" not in load_words()]


@pytest.mark.parametrize(("n", "english", "russian"), [
    (1, "1 run", "1 запуск"), (2, "2 runs", "2 запуска"), (5, "5 runs", "5 запусков"), (11, "11 runs", "11 запусков"),
    (21, "21 runs", "21 запуск"), (112, "112 runs", "112 запусков"), (0, "0 runs", "0 запусков"),
])
def test_counts(n: int, english: str, russian: str) -> None:
    assert (ENGLISH.count(n, "run"), RUSSIAN.count(n, "run")) == (english, russian)


def test_dates() -> None:
    assert (ENGLISH.moment(START), RUSSIAN.moment(START)) == ("2 May 2017, 00:00", "2 мая 2017, 00:00")
    assert (ENGLISH.month(START), RUSSIAN.month(START)) == ("May 2017", "май 2017")
    assert RUSSIAN.duration(timedelta(days=1)) == "1 день"


def test_a_page_in_russian_has_no_english_sentences(tmp_path: Path) -> None:
    fill(tmp_path, lab=True, letters="oooBBBBoo?")
    out = tmp_path / "r.html"
    done = CliRunner().invoke(report, [str(tmp_path), "--lang", "ru", "--out", str(out)])
    assert done.exit_code == 0, done.output
    text = out.read_text(encoding="utf-8")
    assert '<html lang="ru" dir="ltr">' in text
    page = Page(text)
    assert in_order(page.words, *map(RUSSIAN.moment, (START + timedelta(hours=12), START + timedelta(hours=18))))
    assert RUSSIAN.meaning(BLOCK_TYPES["tls.reset.sni"]) in page.words
    left = [words[0] for words in load_words().values() if words[0] != words[1] and len(words[0]) > 12
            and "{" not in words[0] and "|" not in words[0] and words[0] in page.words]
    assert not left


@pytest.mark.parametrize("code", LANGUAGES[1:])
def test_a_rule_says_its_reason_in_the_language_of_the_page(code: str, tmp_path: Path) -> None:
    rule = next(rule for rule in list_rules() if rule.id == "tls/reset_sni")
    fill(tmp_path, lab=True, text=rule.id, letters="oBBB")
    out = tmp_path / "r.html"
    done = CliRunner().invoke(report, [str(tmp_path), "--lang", code, "--out", str(out)])
    assert done.exit_code == 0, done.output
    words = Page(out.read_text(encoding="utf-8")).words
    assert ReportLanguage(code).translate(rule.why) in words
    assert rule.why not in words


# numbers

@pytest.mark.parametrize(("states", "expected"), [
    (["ok", "ok"], "ok"), (["ok", "blocked"], "partial"), (["blocked", "inconclusive"], "blocked"),
    (["partial"], "partial"), (["ok", "inconclusive"], "ok"), (["not_attempted", "down"], "down"),
    (["not_attempted"], "not_attempted"), (["down", "blocked"], "blocked"), (["network", "network"], "network"),
])
def test_what_a_run_says_of_a_service(states: list[str], expected: str) -> None:
    assert combine_roles(states) == expected


def test_every_chart_has_its_n_and_gaps_stay_gaps() -> None:
    letters = "oooooooo" + " " * 10 + "BBBBBBBB????"
    text = make_page([made_part(letters, every_h=12)], title="t")
    page = Page(text)
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(figures) == 2, "the role's series, the target's runs"
    assert all(in_order(figure.split("<figcaption")[1], "n = 16", "of 20") for figure in figures)
    assert "5 of 15" in page.words
    states = re.findall(r'<td class="cell (\w+)" title', text)
    assert states == ["ok"] * 4 + ["none"] * 5 + ["blocked"] * 4 + ["inconclusive"] * 2
    bars = re.search(r'class="bar blocked" d="([^"]+)"', text)
    assert bars
    assert bars[1] == "M9 0h4v30h-4z", "no bar where nothing was decided"


def test_a_share_is_never_told_where_nothing_is_decided() -> None:
    text = make_page([made_part("????")], title="t")
    assert "inconclusive 4" in Page(text).words
    assert '<path class="bar' not in text


@settings(max_examples=60, deadline=None)
@given(letters=st.text("oBP?-DN ", min_size=1, max_size=40).filter(str.strip), hours=st.sampled_from([1, 7, 30, 200]))
def test_shares_are_counted_by_hand_alike(letters: str, hours: int) -> None:
    part = made_part(letters, every_h=hours)
    rows = part.services["service0", "chat"]
    buckets = make_day_buckets(part.times, most=400)
    line = make_bucket_cells(buckets, rows)
    assert sum(cell.total for cell in line) == len(rows)
    for index, cell in enumerate(line):
        inside = [state for time, state in rows if buckets.index(time) == index]
        decided = [state for state in inside if state in ("ok", "blocked", "partial")]
        assert cell.decided() == len(decided)
        assert math.isclose(cell.blocked_share * len(decided), sum(state != "ok" for state in decided))


def test_partly_blocked_roles_are_named_with_their_targets_and_families(tmp_path: Path) -> None:
    role = ServiceVerdict(service="wechat", role="chat", outcome="ok", k=1, n=3, partial=True,
                          block_types=("tls.reset",), blocked_targets=("wechat.chat.b",), k_ipv4=1, n_ipv4=3, n_ipv6=2)
    for number in range(3):
        time = (START + timedelta(hours=number)).isoformat()
        write_run(RunResult(run=Run(run_id=f"r{number}", measurement_start_time=time, vantage=Vantage()),
                            observations=(), controls=(), verdicts=(), services=(role,)), tmp_path, parquet=False)
    (part,) = gather_report(tmp_path)
    words = Page(make_page([part], title="t")).words
    assert in_order(words, "chat", "3 runs", ENGLISH.moment(START + timedelta(hours=2)), "1 of 3", "1 of 3",
                    "0 of 2", "wechat.chat.b")
    russian = Page(make_page([part], title="t", say=RUSSIAN)).words
    assert in_order(russian, "IPv4: 1", "3", "IPv6: 0", "2")


def test_what_nobody_can_measure_is_said_beside_what_is_well_and_what_is_blocked(tmp_path: Path) -> None:
    chat = Verdict(target_id="whatsapp.chat.a", service="whatsapp", role="chat", input="https://w/", outcome="ok")
    role = ServiceVerdict(service="whatsapp", role="chat", outcome="ok", k=0, n=1)
    signal = ServiceVerdict(service="signal", role="web", outcome="blocked", k=1, n=1, block_types=("tls.reset",))
    write_run(RunResult(run=Run(run_id="r", measurement_start_time=START.isoformat(), vantage=Vantage()),
                        observations=(), controls=(), verdicts=(chat,), services=(role, signal)), tmp_path,
              parquet=False)
    (part,) = gather_report(tmp_path)
    words = Page(make_page([part], title="t")).words
    assert in_order(words, "account", "WhatsApp (calls)")
    assert in_order(words, "account", ": calls.")
    assert in_order(words, "Signal: ", "web blocked (TLS)", "group calls", "account")
    russian = Page(make_page([part], title="t", say=RUSSIAN)).words
    assert "WhatsApp (звонки)" in russian
    assert ": групповые звонки." in russian


def test_evidence_tells_the_rule_in_words_and_the_observations(tmp_path: Path) -> None:
    fill(tmp_path, lab=False, text="tls/unknown")
    words = Page(make_report(tmp_path, tmp_path / "r.html").page.read_text(encoding="utf-8")).words
    assert in_order(words, "not know", "(tls/unknown")
    assert "run3.1" in words
    fill(tmp_path / "known", lab=False, text="net/well")
    words = Page(make_report(tmp_path / "known", tmp_path / "r.html").page.read_text(encoding="utf-8")).words
    assert "(net/well" in words


# the document

def test_structure() -> None:
    text = make_page([made_part("ooBBoo"), made_part("oo", asn=64501)], title="t")
    page = Page(text)
    names = [name for name, _ in page.elements]
    assert all(names.count(name) == 1 for name in ("main", "h1", "header"))
    levels = [int(name[1]) for name in names if re.fullmatch(r"h[1-6]", name)]
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), "no level is skipped"
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for name, attrs in page.elements:
        if (reference := attrs.get("aria-labelledby") or (attrs.get("href") or "").removeprefix("#")) and name != "svg":
            assert reference in ids
        if name == "svg" and attrs.get("role") == "img":
            assert attrs.get("aria-label")
        if name == "table":
            assert attrs.get("class") != "x"
    tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
    assert all("<th" in found for found in tables)
    assert '<a class="skip" href="#main">' in text


@pytest.mark.slow
def test_many_networks_share_the_room() -> None:
    letters = ("oooB?P" * 60)[:360]
    one, six = (make_page([made_part(letters, services=20, roles=4, every_h=24, asn=asn) for asn in range(1, n + 1)],
                          title="t") for n in (1, 6))
    assert len(six) < 4 * len(one)
    assert len(six) < 5_000_000


def test_networks_without_room_are_counted() -> None:
    words = Page(make_page([made_part("o", asn=number) for number in range(1, 16)], title="t")).words
    assert in_order(words, "AS12 (RU)", "3 further networks")
    assert "AS13" not in words


def test_the_page_runs_no_script() -> None:
    text = make_page([made_part("ooBB", services=3)], title="t")
    assert "<script" not in text
    assert "script-src" not in text


@settings(max_examples=40, deadline=None)
@given(service=st.one_of(st.text(max_size=30), st.just(HOSTILE)), role=st.text(max_size=10),
       outcome=st.one_of(st.sampled_from(sorted(WORDS.values())), st.text(max_size=8)), title=st.text(max_size=20))
def test_names_in_results_are_never_markup(service: str, role: str, outcome: str, title: str) -> None:
    part = made_part("ooB")
    part.services = {(service, role): [(START, outcome)]}
    part.roles = {"service0.chat.a": (service, role)}
    page = Page(make_page([part], title=title))
    assert not {"script", "img", "iframe", "form", "object"} & {name for name, _ in page.elements}
    assert not [key for _, attrs in page.elements for key in attrs if key.startswith("on")]


def _themes() -> dict[str, dict[str, str]]:
    css = files("probe_analysis.pages").joinpath("page.css").read_text(encoding="utf-8")
    roots = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    found = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6})", root)) for root in roots]
    return {"light": found[0], "dark": found[0] | found[1], "print": found[0] | found[2]}


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place:place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_contrast_is_enough_to_read(theme: str) -> None:
    """WCAG 2.2: 4.5 for text (1.4.3), 3 for what a chart is read by (1.4.11)."""
    colours = _themes()[theme]
    texts = [("ink", "page"), ("ink", "card"), ("soft", "page"), ("soft", "card"), ("accent", "page"),
             ("accent", "card"), ("ok-ink", "ok"), ("blocked-ink", "blocked"), ("lab-ink", "lab"), ("open-ink", "open"),
             ("open-ink", "empty"), ("down-ink", "down"), ("network-ink", "network"), ("local-ink", "local"),
             ("bad", "card")]
    shapes = [(name, ground) for name in ("mark-ok", "blocked", "part", "undecided", "down", "network-mark", "local")
              for ground in ("page", "card")]
    found = [(pair, least, _contrast(colours[pair[0]], colours[pair[1]]))
             for least, pairs in ((4.5, texts), (3, shapes)) for pair in pairs]
    assert not [(pair, contrast) for pair, least, contrast in found if contrast < least]


@pytest.mark.parametrize("letters", ["oooooooooooB?P", "oB"])
def test_a_year_of_runs_fits_in_a_small_page(letters: str) -> None:
    year = (letters * (365 * 2))[:365 * 2]
    text = make_page([made_part(year, services=52, roles=4, every_h=12)], title="t")
    assert len(text.encode()) < 5_000_000, "steps are days: more runs a day do not make it larger"
    assert 'class="heat long"' in text
    assert "1 day" in text
    Page(text)
