"""The report: honest change points, hostile texts that stay texts, a page that stands alone."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from in_order import in_order
from probe.core.runs import Run, RunResult, Vantage
from probe.core.tables.run_words import GeoSource
from probe.core.verdicts import ServiceVerdict
from probe.store.runs.run_writer import write_run
from probe_analysis.cli.report import report
from probe_analysis.events.verdict_series import ReportNetwork, VerdictRow, find_changes, find_segments
from probe_analysis.pages.time_buckets import MAX_COLUMNS, make_bucket_cells, make_buckets
from probe_analysis.report.report_gather import gather_report
from probe_analysis.report.report_page import make_report
from probe_analysis.report.target_sentences import list_caveats
from report_made import HOSTILE, START, WORDS, Page, fill

NETWORK = ReportNetwork(lab=False, probe_cc="RU", probe_asn=64500)


def rows_of(letters: str, network: ReportNetwork = NETWORK, version: str = "1", target: str = "t") -> list[VerdictRow]:
    """One run an hour, one letter a run; a blank is an hour without a run."""
    return [
        VerdictRow(time=START + timedelta(hours=hour), run_id=f"r{hour}", network=network, target_id=target,
                   outcome=WORDS[letter], block_type="tls.reset" if letter == "B" else "",
                   instrument=("1", version, "1"))
        for hour, letter in enumerate(letters) if letter != " "
    ]


def hours(letters: str) -> list[tuple[str, int, int, int, int]]:
    """(kind, hour of the last old run, hour of the first new one, runs before, runs after)."""
    hour = timedelta(hours=1)
    return [(c.kind, (c.earliest - START) // hour, (c.latest - START) // hour, c.n_before, c.n_after)
            for c in find_changes(rows_of(letters))]


@pytest.mark.parametrize(("letters", "expected"), [
    ("", []), ("o", []), ("oB", []), ("oooo", []), ("BBBB", []), ("oBoBoBoB", []),
    ("ooBB", [("onset", 1, 2, 2, 2)]),
    ("BBoo", [("end", 1, 2, 2, 2)]),
    ("ooBBBoo", [("onset", 1, 2, 2, 3), ("end", 4, 5, 3, 2)]),
    ("ooBoo", []),                                    # a lone contrary run is no change
    ("ooBoBB", [("onset", 3, 4, 3, 2)]),
    ("ooB", []),                                      # not yet
    ("oo?B-B", [("onset", 1, 3, 2, 2)]),              # undecided runs widen the bracket and count for nothing
    ("oo   BB", [("onset", 1, 5, 2, 2)]),             # so does silence
    ("oo???oo", []), ("ooDDoo", []), ("ooNNLLoo", []), ("??--DD", []), ("BB??BB", []),
    ("ooDDBB", [("onset", 1, 4, 2, 2)]),
    ("ooBBoBBoo", [("onset", 1, 2, 2, 4), ("end", 6, 7, 4, 2)]),
])
def test_changes(letters: str, expected: list[tuple[str, int, int, int, int]]) -> None:
    assert hours(letters) == expected


@settings(max_examples=200, deadline=None)
@given(letters=st.text("oB?-DNL ", max_size=30))
def test_changes_are_honest(letters: str) -> None:
    rows = rows_of(letters)
    found = find_changes(rows)
    outcome = {row.time: row.outcome for row in rows}
    for change in found:
        before, after = ("ok", "blocked") if change.kind == "onset" else ("blocked", "ok")
        assert (outcome[change.earliest], outcome[change.latest]) == (before, after)
        assert change.earliest < change.latest
        assert min(change.n_before, change.n_after) >= 2
        assert change.block_type == "tls.reset"
    assert all(a.kind != b.kind and a.latest <= b.earliest for a, b in pairwise(found))
    decided = [row for row in rows if row.outcome in ("ok", "blocked")]
    assert find_changes(decided) == found, "undecided runs decide nothing"
    assert find_changes(reversed(rows)) == found, "the order of the rows does not matter"


def test_networks_and_targets_are_never_compared_with_each_other() -> None:
    for other in (replace(NETWORK, lab=True), replace(NETWORK, probe_asn=64501)):
        assert find_changes(rows_of("oo") + rows_of("  BB", other)) == ()
    assert find_changes(rows_of("oo") + rows_of("  BB", target="u")) == ()


def test_the_most_frequent_cause_is_the_changes() -> None:
    causes = ("tls.reset", "ip.blackhole", "tls.reset", "ip.blackhole", "ip.blackhole")
    blocked = [replace(row, block_type=cause) for row, cause in zip(rows_of("  BBBBB"), causes, strict=True)]
    assert [change.block_type for change in find_changes(rows_of("oo") + blocked)] == ["ip.blackhole"]


def test_a_change_of_the_instrument_is_said() -> None:
    same, new = rows_of("ooBB"), rows_of("oo") + rows_of("  BB", version="2")
    assert [change.instrument_changed for change in find_changes(same) + find_changes(new)] == [False, True]
    assert any("instrument" in words for words in list_caveats(new, find_segments(new)))
    assert not list_caveats(same, find_segments(same))


@pytest.mark.parametrize(("letters", "words"), [
    ("oo?-", "2 runs counted neither"), ("ooBoo", "1 lone run"), ("ooB", "One run is no change yet"),
    ("oB", "nothing is concluded"), ("oo" + " " * 50 + "oo", "For 2 days no run decided"),
])
def test_caveats(letters: str, words: str) -> None:
    rows = rows_of(letters)
    assert any(words in sentence for sentence in list_caveats(rows, find_segments(rows)))


@settings(max_examples=100, deadline=None)
@given(minutes=st.lists(st.integers(0, 60 * 24 * 3000), min_size=1, max_size=80))
def test_buckets_hold_every_run(minutes: list[int]) -> None:
    times = [START + timedelta(minutes=m) for m in minutes]
    buckets = make_buckets(times)
    assert 1 <= buckets.count <= MAX_COLUMNS
    assert sum(n for cell in make_bucket_cells(buckets, [(time, "ok") for time in times]) for _,
               n in cell.counts) == len(times)


@pytest.mark.parametrize(("states", "expected"), [
    (["ok"], "ok"), (["ok", "blocked"], "mixed"), (["ok", "partial"], "mixed"), (["blocked", "partial"], "blocked"),
    (["partial"], "partial"), (["inconclusive", "ok"], "ok"), (["inconclusive"], "inconclusive"),
    (["not_attempted", "down"], "down"), (["not_attempted"], "not_attempted"), ([], "none"),
])
def test_cells(states: list[str], expected: str) -> None:
    buckets = make_buckets([START])
    (cell,) = make_bucket_cells(buckets, [(START, state) for state in states])
    assert cell.state == expected


# the page


def test_a_role_with_a_blocked_target_is_partly_blocked_though_enough_others_answer(tmp_path: Path) -> None:
    role = ServiceVerdict(service="wechat", role="web", outcome="ok", k=1, n=2, partial=True)
    write_run(RunResult(run=Run(run_id="r1", measurement_start_time=START.isoformat(), vantage=Vantage()),
                        observations=(), controls=(), verdicts=(), services=(role,)), tmp_path, parquet=False)
    (part,) = gather_report(tmp_path)
    assert [state for _, state in part.services["wechat", "web"]] == ["partial"]


def test_what_is_in_doubt_of_a_place_is_in_no_networks_picture(tmp_path: Path) -> None:
    for number, doubt in enumerate(((), ("network",), ("country",))):
        place = Vantage(probe_cc="RU", probe_asn=64500, vantage_doubt=doubt)
        write_run(RunResult(run=Run(run_id=f"r{number}", measurement_start_time=START.isoformat(), vantage=place),
                            observations=(), controls=(), verdicts=(), services=()), tmp_path, parquet=False)
    assert {(part.network.probe_cc, part.network.probe_asn) for part in gather_report(tmp_path)} == {
        ("RU", 64500), ("RU", 0), ("ZZ", 0)}


def test_whose_facts_a_place_is_stands_in_the_page(tmp_path: Path) -> None:
    sources: tuple[tuple[GeoSource, bool], ...] = (("settings", False), ("table", True))
    for source, named in sources:
        place = Vantage(probe_cc="RU", cc_source=source, geo_db="packaged", geo_db_date="2026-06-17")
        write_run(RunResult(run=Run(run_id="r1", measurement_start_time=START.isoformat(), vantage=place),
                            observations=(), controls=(), verdicts=(), services=()), tmp_path / source, parquet=False)
        text = make_report(tmp_path / source, tmp_path / "r.html").page.read_text(encoding="utf-8")
        assert (("table of 2026-06-17" in text and "db-ip.com" in text and "CC BY 4.0" in text) is named)


def test_runs_are_in_the_order_of_their_times_whatever_their_names(tmp_path: Path) -> None:
    fill(tmp_path, lab=False, letters="oooBBBBoo?BB")  # by name `run10` stands before `run9`
    (part,) = gather_report(tmp_path)
    assert [segment.outcome for segment in find_segments(part.targets["wechat.chat.a"])] == ["ok", "blocked"] * 2


def test_the_page_tells_both_change_points(tmp_path: Path) -> None:
    fill(tmp_path, lab=False)
    page = Page(make_report(tmp_path, tmp_path / "report.html").page.read_text())
    assert in_order(page.words, "May 2017, 12:00", "May 2017, 18:00", "May 2017, 12:00")
    assert all(part in page.words for part in ("4 of 4", "TLS handshake", ": other.", "1 run"))
    bands = [attrs["class"] for name, attrs in page.elements if name == "rect" and "band" in (attrs["class"] or "")]
    assert bands == ["band onset", "band end"]
    letters = re.findall(r'<td class="cell (\w+)" title="[^"]+">(\S*)</td>', (tmp_path / "report.html").read_text())
    assert letters.count(("blocked", "B")) == 4
    assert letters.count(("inconclusive", "?")) == 1


def test_the_latest_run_is_told_role_by_role(tmp_path: Path) -> None:
    def keep(run_id: str, hours: int, *services: ServiceVerdict) -> None:
        time = START + timedelta(hours=hours)
        write_run(RunResult(run=Run(run_id=run_id, measurement_start_time=time.isoformat(), vantage=Vantage()),
                            observations=(), controls=(), verdicts=(), services=services), tmp_path, parquet=False)

    chat = ServiceVerdict(service="signal", role="chat", outcome="blocked", k=2, n=2, block_types=("dns.nxdomain",))
    call = ServiceVerdict(service="signal", role="call", outcome="blocked", k=2, n=2, block_types=("udp",))
    keep("later", 9, replace(chat, outcome="ok", k=0), call)
    keep("earlier", 3, chat)
    page = Page(make_report(tmp_path, tmp_path / "report.html").page.read_text())
    assert in_order(page.words, "Signal: ", "calls blocked (UDP)", "chat ok", "group calls", "account")
    assert "chat blocked" not in page.words


@pytest.mark.parametrize("lab", [True, False])
def test_laboratory_data_are_marked(tmp_path: Path, lab: bool) -> None:
    fill(tmp_path, lab=lab, letters="oo")
    page = Page(make_report(tmp_path, tmp_path / "report.html").page.read_text())
    assert ("Laboratory data." in page.words) is lab
    assert ("from AS64500 (RU)" in page.words) is not lab


def test_hostile_texts_stay_texts_and_nothing_is_fetched(tmp_path: Path) -> None:
    fill(tmp_path, lab=True, text=HOSTILE)
    text = make_report(tmp_path, tmp_path / "report.html", title=HOSTILE).page.read_text()
    page = Page(text)
    names = [name for name, _ in page.elements]
    assert not {"script", "img", "link", "iframe", "object", "base", "form"} & set(names)
    attributes = {key for _, attrs in page.elements for key in attrs}
    assert not {key for key in attributes if key.startswith("on")} | attributes & {"src", "srcset", "action"}
    links = [attrs["href"] or "" for _, attrs in page.elements if "href" in attrs]
    assert links
    assert all(re.fullmatch(r"#[a-z0-9-]+", link) for link in links)
    assert not re.search(r"url\(|@import", text)
    assert "<script>alert(1)</script>" in page.words
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)
    assert "default-src 'none'" in text


def test_a_folder_without_results_is_an_error_that_helps(tmp_path: Path) -> None:
    done = CliRunner().invoke(report, [str(tmp_path)])
    assert done.exit_code == 1
    assert "no results here" in done.output


def test_the_command_writes_where_it_is_told(tmp_path: Path) -> None:
    fill(tmp_path / "results", lab=True, letters="oB")
    out = tmp_path / "page.html"
    options = ["--out", str(out), "--title", "A & B", "--datapackage"]
    done = CliRunner().invoke(report, [str(tmp_path / "results"), *options])
    assert done.exit_code == 0, done.output
    assert "<title>A &amp; B</title>" in out.read_text()
    assert (tmp_path / "results" / "datapackage.json").exists()
