"""The report and the local page in every language in a real browser, on a phone and on a desk, in light and dark.

`SCREENSHOTS=DIR pytest tests/analysis/report/test_languages_browser.py` keeps pictures of all of them in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from chromium import BINARY, Browser, chromium
from probe.cli.main import cli
from probe.core.languages import LANGUAGES, LanguageCode
from probe.core.translation import use_language
from probe_analysis.pages import language as report_language
from probe_analysis.report.report_page import make_report
from report_made import fill

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BINARY is None or not hasattr(os, "fork"), reason="needs Chromium")]
SIZES = [(360, False), (360, True), (1280, False), (1280, True)]
PICTURES = os.environ.get("SCREENSHOTS", "")
OVERHANG = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    fill(folder, lab=True, letters="oooBBBBoo?BB")
    return folder


def check(browser: Browser, page: Path, code: LanguageCode) -> None:
    for width, dark in SIZES:
        browser.show_as(width=width, dark=dark)
        browser.open(page)
        assert browser.complaints() == []
        assert browser.requests() == [page.as_uri()]
        assert browser.run(OVERHANG) <= 0, (width, dark)
        assert browser.run("document.documentElement.lang") == LANGUAGES[code].tag
        flow = "rtl" if LANGUAGES[code].right_to_left else "ltr"
        assert browser.run("getComputedStyle(document.querySelector('h1')).direction") == flow
        if PICTURES:
            browser.draw(Path(PICTURES, f"{page.stem}-{code}-{width}-{'dark' if dark else 'light'}.png"))


@pytest.mark.parametrize("code", report_language.LANGUAGES)
def test_the_report(browser: Browser, results: Path, tmp_path: Path, code: LanguageCode) -> None:
    check(browser, make_report(results, tmp_path / "report.html", language=code).page, code)


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_local_page(browser: Browser, results: Path, tmp_path: Path, code: LanguageCode) -> None:
    page = tmp_path / "page.html"
    try:
        done = CliRunner().invoke(cli, ["--lang", code, "show", "--results", str(results), "--page", str(page)])
    finally:
        use_language("en")
    assert done.exit_code == 0, done.output
    check(browser, page, code)
