"""The page of a fleet in a real browser: it renders, complains of nothing, asks for nothing, and its filters work."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import BINARY, Browser, chromium
from made_fleet import analysed_fleet, levels, write_cells
from probe_analysis.report.fleet_page import make_fleet_report
from report_made import HOSTILE
from test_report_browser import VISIBLE, choose, sections

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BINARY is None or not hasattr(os, "fork"), reason="needs Chromium")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def check(browser: Browser, page: Path) -> None:
    """It is there, whole, quiet, and within the width of the window."""
    browser.open(page)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("document.querySelectorAll('img, iframe').length") == 0
    assert browser.run("document.querySelectorAll('script').length") == 0
    assert browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    sizes = browser.run("[...document.querySelectorAll('figure svg, .heat')].filter(e => e.checkVisibility())"
                        ".map(e => e.getBoundingClientRect().width)")
    assert sizes
    assert min(sizes) > 90


@pytest.mark.parametrize("language", ["en", "ru"])
def test_it_renders_and_its_filters_work(browser: Browser, tmp_path: Path, language: str) -> None:
    cells = analysed_fleet(tmp_path)
    page = make_fleet_report(cells, tmp_path / "r.html", language=language, figures=tmp_path / "figures")
    check(browser, page)
    assert len(sections(browser)) == 4 * 14
    choose(browser, "service", "service-05")
    assert len(sections(browser)) == 4
    assert set(browser.run(VISIBLE.format("tr[data-service]", "dataset.service"))) == {"service-05"}
    choose(browser, "network", "n2")
    assert len(sections(browser)) == 1
    assert browser.run(VISIBLE.format("section.part", "id")) == ["n2"]
    choose(browser, "service", "")
    choose(browser, "outcome", "mixed")
    mixed = browser.run(VISIBLE.format("section.service", "dataset.outcomes"))
    assert 0 < len(mixed) < 14
    assert all("mixed" in outcomes.split() for outcomes in mixed)
    assert browser.complaints() == []
    for figure in (tmp_path / "figures").iterdir():
        browser.open(figure)
        assert browser.complaints() == []
        assert browser.requests() == [figure.as_uri()]


def test_hostile_strings_do_nothing(browser: Browser, tmp_path: Path) -> None:
    name = HOSTILE.replace("\ud800", "")
    rows = levels(0, service=name, role=name, block_type=name, probe_cc=name, blocked=9)
    folder = write_cells(tmp_path, rows)
    (folder / "events.jsonl").write_text('{"service": "<img src=x onerror=alert(1)>", "lab": true}\n')
    check(browser, make_fleet_report(folder, tmp_path / "r.html", title=HOSTILE))
