"""Our pages for everybody: on a phone and a desk, light and dark, by keyboard, read aloud."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from axe import find_violations, read_axe
from chromium import BINARY, Browser, chromium
from pages_made import PAGES

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BINARY is None or not hasattr(os, "fork"), reason="needs Chromium")]
PHONE, DESK = 390, 1400
_FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]:not([tabindex=\"-1\"])"
_NUMBER = (f"[...document.querySelectorAll('{_FOCUSABLE}')].filter(e => e.checkVisibility())"
           ".map((e, number) => e.dataset.number = String(number)).length")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module", params=PAGES)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PAGES[request.param](tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nobody_is_kept_out(browser: Browser, page: Path, width: int, dark: bool) -> None:
    script = read_axe()
    browser.show_as(width=width, dark=dark)
    browser.open(page)
    assert browser.run("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= width, "nothing hangs over the edge"
    assert find_violations(browser, script) == []
    assert browser.requests() == [page.as_uri()]


def test_the_check_itself_finds_what_keeps_people_out(browser: Browser, tmp_path: Path) -> None:
    script = read_axe()
    bad = tmp_path / "bad.html"
    bad.write_text('<!DOCTYPE html><html lang="en"><title>t</title><main><p style="color: #ccc">pale</p>'
                   "<button></button></main></html>")
    browser.open(bad)
    assert {found.partition(":")[0] for found in find_violations(browser, script)} == {"color-contrast", "button-name"}


def test_the_keyboard_reaches_everything(browser: Browser, page: Path) -> None:
    browser.show_as(width=PHONE, dark=False)
    browser.open(page)
    there = browser.run(_NUMBER)
    reached = set()
    for _ in range(there + 3):
        browser.press("Tab")
        reached.add(browser.run("document.activeElement.dataset.number || ''"))
    assert reached - {""} == {str(number) for number in range(there)}
