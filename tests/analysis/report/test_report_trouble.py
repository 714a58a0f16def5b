"""What fails at times, and what is slowed for days, on the pages of the report: counts, intervals, words."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from html import escape
from pathlib import Path
from typing import Any

import pytest

from made_fleet import levels, write_cells
from probe.core.runs import Run, RunResult, Vantage
from probe.core.verdicts import Verdict
from probe.judge.common.planned_looks import find_interval
from probe.judge.verdicts.share_series import MOST_RUNS
from probe.store.files.atomic import StoreError
from probe.store.runs.run_writer import write_run
from probe_analysis.cells.file_names import SLOWED_FILE
from probe_analysis.events.verdict_series import read_instrument
from probe_analysis.pages.language import LANGUAGES, ReportLanguage
from probe_analysis.report.at_times_section import format_share
from probe_analysis.report.fleet_page import make_fleet_report
from probe_analysis.report.report_page import make_report
from probe_analysis.slowed.slowed_rows import make_rows
from probe_analysis.slowed.slowed_services import SlowedService, Tally
from report_made import HOSTILE, START, Page, fill

RUNS = MOST_RUNS + 4
"""Those before the latest do not count."""


def write_runs(folder: Path, share: Callable[[int], tuple[int, int]]) -> None:
    """`share`: of a run its own connections in trouble of three, and innocent ones of one."""
    for number in range(RUNS):
        time = (START + timedelta(hours=number)).isoformat()
        failed, beside = share(number)
        verdict = Verdict(target_id="wechat.chat.a", service="wechat", role="chat", input="https://x/", outcome="ok",
                          intermittent=f"{failed}/3", troubled=f"{failed}/3", troubled_beside=f"{beside}/1")
        well = Verdict(target_id="other.web.a", service="other", role="web", input="https://o/", outcome="ok",
                       intermittent="0/3", troubled="0/3", troubled_beside="0/1")
        run = Run(run_id=f"r{number:03}", measurement_start_time=time, measurement_end_time=time,
                  vantage=Vantage(probe_cc="RU", probe_asn=64500))
        write_run(RunResult(run=run, observations=(), controls=(), verdicts=(verdict, well), services=()), folder,
                  parquet=False)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("beside", "word"), [(0, "by_name"), (1, "at_times")])
def test_what_fails_at_times_is_told_with_its_interval(tmp_path: Path, language: str, beside: int, word: str) -> None:
    write_runs(tmp_path, lambda number: (2, beside) if number % 2 and number > 3 else (0, 0))
    page = make_report(tmp_path, tmp_path / "r.html", language=language).page.read_text(encoding="utf-8")
    failed, made = MOST_RUNS, 3 * MOST_RUNS
    (row,) = [row for row in page.split("<tr") if format_share(failed, made, find_interval(failed, made)) in row]
    say = ReportLanguage(language)
    assert "wechat.chat.a" in row
    assert escape(say(f"at_times.{word}")) in row
    assert "other.web.a" not in row


def test_where_nothing_fails_or_nobody_counted_nothing_is_said_of_it(tmp_path: Path) -> None:
    write_runs(tmp_path / "well", lambda number: (0, 0))
    fill(tmp_path / "old", lab=False)
    for folder in ("well", "old"):
        page = make_report(tmp_path / folder, tmp_path / f"{folder}.html").page.read_text(encoding="utf-8")
        assert ReportLanguage("en")("at_times.heading") not in page


@pytest.mark.parametrize(("before", "after", "changed"), [
    ("OpenSSL 3.0.19 27 Jan 2026", "OpenSSL 3.5.1 1 Jul 2025", True),
    ("OpenSSL 3.0.19 27 Jan 2026", "OpenSSL 3.0.20 1 Mar 2026", False), ("", "BoringSSL", False),
])
def test_another_hello_is_another_instrument(before: str, after: str, changed: bool) -> None:
    seen = [read_instrument(Run(run_id="r", measurement_start_time="", vantage=Vantage(openssl_version=text)))
            for text in (before, after)]
    assert (seen[0] != seen[1]) == changed


SLOWED = SlowedService(
    network=("RU", 64500), service="signal", first_day=20514, last_day=20518, has_onset=True,
    own=Tally(made=144, troubled=96, beside=48, probes=3), others=Tally(made=432, troubled=5), elsewhere=Tally(),
    by_name=True, not_ruled_out=("service",))


def make_fleet_page(folder: Path, text: str, language: str = "en") -> str:
    write_cells(folder, levels(1, service="signal", role="chat"))
    (folder / SLOWED_FILE).write_text(text, encoding="utf-8")
    return make_fleet_report(folder, folder / "page.html", language=language).read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_slowed_for_days_stands_on_the_page_of_a_fleet(tmp_path: Path, language: str) -> None:
    page = make_fleet_page(tmp_path, json.dumps(make_rows([SLOWED])), language)
    section = page.split('id="slowed"')[1].split("</section>")[0]
    assert format_share(96, 144, find_interval(96, 144)) in section
    assert "5 / 432" in section
    assert "AS64500" in section
    assert ReportLanguage(language)("slowed_doubt.service") in section
    assert 'id="slowed"' not in make_fleet_page(tmp_path / "none", "[]", language)


def change(**values: Any) -> str:
    return json.dumps([{**make_rows([SLOWED])[0], **values}])


@pytest.mark.parametrize("text", [
    "", "{", "{}", "[[]]", "[" * 20_000, change(n=-1), change(low=7), change(service="x" * 500), change(n="many"),
    change(not_ruled_out=["link"] * 99), '[{"service": "signal"}]', " " * (9 << 20),
])
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(StoreError, match=SLOWED_FILE):
        make_fleet_page(tmp_path, text)


def test_words_of_the_file_are_no_markup(tmp_path: Path) -> None:
    text = "".join(character for character in HOSTILE if character != "\ud800")
    page = make_fleet_page(tmp_path, change(service=text, first_day="<b>", probe_cc="<i>", not_ruled_out=["<u>"]))
    assert Page(page).elements
    assert "alert(1)</script>" not in page
    assert not {"<u>", "<i>"} & set(page.split('id="slowed"')[1].split("</section>")[0].split())
