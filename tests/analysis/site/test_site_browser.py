"""A small site in a real browser: on a phone and a desk, light and dark, without a server, a request or a complaint.

`SCREENSHOTS=DIR pytest tests/analysis/site/test_site_browser.py` keeps pictures of its pages in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from axe import find_violations, read_axe
from chromium import BINARY, Browser, chromium
from made_site import NAMED, NOW, STORY, write_analysis
from probe_analysis.site.make_site import SiteWish, list_orders
from probe_analysis.site.site_files import write_site
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_shell import SiteFrame
from report_made import HOSTILE

pytestmark = [pytest.mark.slow, pytest.mark.skipif(BINARY is None or not hasattr(os, "fork"), reason="needs Chromium")]
PAGES = ("index.html", "explore.html", "about.html", "country/ru.html", "service/signal.html",
         f"network/ru-as{NAMED}.html", "event/2025-03-11-ru-telegram.html", "event/2025-03-11-ru-signal.html")
SIZES = [(390, False), (390, True), (1400, False), (1400, True)]
PICTURES = os.environ.get("SCREENSHOTS", "")
_CHOOSE = "(() => {{ const one = document.getElementById('choose-{}'); one.value = '{}'; "\
          "one.dispatchEvent(new Event('change')); }})()"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    data = gather_site(write_analysis(folder / "analysis", STORY), now=NOW, operators={
        NAMED: HOSTILE.replace("\ud800", "")})
    write_site(folder / "public", list_orders(data, SiteWish(head=SiteFrame(name="Test", address="", lab=False),
                                                             png=False)))
    return folder / "public"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_quiet_and_fits(browser: Browser, site: Path, page: str) -> None:
    for width, dark in SIZES:
        browser.show_as(width=width, dark=dark)
        browser.open(site / page)
        assert browser.complaints() == []
        script = [(site / "explore.js").as_uri()] if page == "explore.html" else []
        assert browser.requests() == [(site / page).as_uri(), *script]
        assert browser.run("document.documentElement.scrollWidth") <= width, "nothing hangs over the edge"
        assert browser.run("document.querySelectorAll('img, iframe').length") == 0
        if PICTURES:
            browser.draw(Path(PICTURES, f"{page.replace('/', '-')}-{width}-{'dark' if dark else 'light'}.png"))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_keeps_nobody_out(browser: Browser, site: Path, page: str) -> None:
    script = read_axe()
    for width, dark in SIZES:
        browser.show_as(width=width, dark=dark)
        browser.open(site / page)
        assert find_violations(browser, script) == [], (width, dark)


def test_links_lead_from_page_to_page_in_a_folder(browser: Browser, site: Path) -> None:
    browser.show_as(width=390, dark=False)
    browser.open(site / "index.html")
    target = browser.run("document.querySelector('.card.confirmed a').href")
    assert target == (site / "event/2025-03-11-ru-telegram.html").as_uri()
    browser.open(site / "event/2025-03-11-ru-telegram.html")
    lost = browser.run("[...document.querySelectorAll('.says a')]"
                       ".filter(a => !document.getElementById(a.hash.slice(1))).length")
    assert lost == 0
    assert browser.run("document.querySelector('.event-chart').getBoundingClientRect().height") > 300
    assert browser.run("document.querySelectorAll('.event-chart .band.onset').length") == 1


def test_the_explorer_draws_what_is_chosen(browser: Browser, site: Path) -> None:
    browser.show_as(width=1400, dark=False)
    browser.open(site / "explore.html")
    browser.run(_CHOOSE.format("cc", "RU"))
    browser.run(_CHOOSE.format("service", "telegram"))
    assert browser.run("document.getElementById('told').textContent").startswith("648 of 2808")
    assert browser.run("document.querySelectorAll('#plot rect.blocked').length") == 3
    browser.run(_CHOOSE.format("asn", str(NAMED)))
    assert browser.run("document.getElementById('told').textContent").startswith("432 of 1872")
    browser.run(_CHOOSE.format("service", "signal"))
    assert browser.run("document.querySelectorAll('#plot rect.blocked').length") == 0
    assert browser.run("document.querySelectorAll('#rows tr').length") == 13
    browser.run(_CHOOSE.format("step", "7"))
    assert browser.run("document.querySelectorAll('#rows tr').length") == 2
    assert browser.complaints() == []
    assert browser.requests() == [(site / name).as_uri() for name in ("explore.html", "explore.js")]


def test_pictures_stand_alone(browser: Browser, site: Path) -> None:
    for picture in site.rglob("*.svg"):
        browser.open(picture)
        assert browser.complaints() == []
        assert browser.requests() == [picture.as_uri()]
