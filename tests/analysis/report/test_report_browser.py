"""The page in a real browser: it renders, complains of nothing, asks for nothing, and its filters work."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import BINARY, Browser, chromium
from made_site import log_row
from probe_analysis.pages.language import LANGUAGES, ReportLanguage
from probe_analysis.report.event_section import parse_events
from probe_analysis.report.report_page import make_page, make_report
from report_made import HOSTILE, fill, made_part

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BINARY is None or not hasattr(os, "fork"), reason="needs Chromium")]
VISIBLE = "[...document.querySelectorAll('{}')].filter(e => e.checkVisibility()).map(e => e.{})"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def choose(browser: Browser, name: str, value: str) -> None:
    browser.run(f"(() => {{ const s = document.getElementById('filter-{name}'); s.value = {value!r};"
                " s.dispatchEvent(new Event('change')); })()")


def sections(browser: Browser) -> list[str]:
    found: list[str] = browser.run(VISIBLE.format("section.service", "id"))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_renders_without_a_complaint_and_asks_for_nothing(browser: Browser, tmp_path: Path, language: str) -> None:
    fill(tmp_path, lab=True, text=HOSTILE)
    page = make_report(tmp_path, tmp_path / "r.html", title=HOSTILE, language=language,
                       figures=tmp_path / "figures").page
    browser.open(page)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("document.querySelectorAll('img, iframe').length") == 0
    assert browser.run("document.querySelectorAll('script').length") == 0
    wide = browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "nothing hangs over the page's edge"
    sizes = browser.run("[...document.querySelectorAll('figure svg, .heat')].filter(e => e.checkVisibility())"
                        ".map(e => e.getBoundingClientRect().width)")
    assert sizes
    assert min(sizes) > 100
    for figure in (tmp_path / "figures").iterdir():
        browser.open(figure)
        assert browser.complaints() == []
        assert browser.requests() == [figure.as_uri()]
        assert browser.run("document.documentElement.nodeName") == "svg"


def test_filters(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    events = parse_events(json.dumps(log_row(service, service=service)) for service in ("service1", "other"))
    page.write_text(make_page([made_part("ooBB", services=3), made_part("oooo", services=2, asn=64501)], title="t",
                              events=events, say=ReportLanguage("en")), encoding="utf-8")
    browser.open(page)
    assert len(sections(browser)) == 5
    choose(browser, "service", "service1")
    assert sections(browser) == ["n1-s2", "n2-s2"]
    assert browser.run(VISIBLE.format("tr[data-service]", "dataset.service")) == ["service1"] * 3, "event, overviews"
    choose(browser, "outcome", "blocked")
    assert sections(browser) == ["n1-s2"]
    choose(browser, "service", "")
    choose(browser, "network", "n2")
    assert sections(browser) == []
    assert browser.run(VISIBLE.format("section.part", "id")) == ["n2"]
    for name in ("network", "outcome"):
        choose(browser, name, "")
    assert len(sections(browser)) == 5
    assert browser.complaints() == []


def test_a_service_with_a_hostile_name_can_be_chosen(browser: Browser, tmp_path: Path) -> None:
    part, page, name = made_part("ooBB", services=2), tmp_path / "r.html", HOSTILE.replace("\ud800", "") + "\\\n]"
    part.services = {(name if service == "service1" else service, role): rows
                     for (service, role), rows in part.services.items()}
    page.write_text(make_page([part], title="t"), encoding="utf-8")
    browser.open(page)
    browser.run("(one => { one.value = one.options[one.options.length - 1].value; })"
                "(document.getElementById('filter-service'))")
    assert sections(browser) == ["n1-s2"]
    browser.run("(one => { one.value = one.options[1].value; })(document.getElementById('filter-service'))")
    assert sections(browser) == ["n1-s1"]


def test_the_keyboard_reaches_the_findings_and_the_filters(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    page.write_text(make_page([made_part("ooBB", services=3)], title="t"), encoding="utf-8")
    browser.open(page)
    seen = []
    for _ in range(12):
        browser.press("Tab")
        seen.append(browser.run("(e => e.getAttribute('href') || e.id || e.getAttribute('aria-label') || e.nodeName)"
                                "(document.activeElement)"))
    assert seen[0] == "#main"
    assert [name for name in seen if name.startswith("filter-")] == [
        "filter-network", "filter-service", "filter-outcome"]
    assert "Overview" in seen, "what scrolls sideways can be reached"


def test_nothing_is_folded_away_in_print(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    page.write_text(make_page([made_part("ooBB", services=2)], title="t"), encoding="utf-8")
    browser.open(page)
    folded = "[...document.querySelectorAll('details:not([open]) td')].filter(e => e.checkVisibility()).length"
    assert browser.run(folded) == 0
    assert browser.run("matchMedia('print').matches") is False
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert not browser.run("document.getElementById('filters').checkVisibility()")
    assert browser.run(folded) == browser.run("document.querySelectorAll('details:not([open]) td').length") > 0
    charts = browser.run("[...document.querySelectorAll('figure svg[role], .heat, .heat td.cell')]"
                         ".filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().width)")
    assert min(charts) >= 8, "charts are printed"
    assert max(charts) > 300
    browser.call("Emulation.setEmulatedMedia", media="")
