"""Every public page says that the project is on trial while something is left that only people can do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from made_site import NOW, STORY, write_analysis
from pages_made import PAGES
from probe_analysis.pages.language import ReportLanguage
from probe_analysis.site.make_site import SiteWish, list_orders
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_shell import SiteFrame
from readiness_made import OPEN, write_readiness

DONE = ("done", 'day = 2027-01-05\nby = "A. Reviewer"\nproof = "https://example.org/review"\n')
STEPS = {True: (DONE, OPEN), False: (DONE, DONE)}
SHOWN = {code: ReportLanguage(code)("page.trial") for code in ("en", "fa")}


@pytest.mark.parametrize("on_trial", [True, False])
@pytest.mark.parametrize("kind", ["report", "fleet", "look", "report in Persian"])
def test_report_and_look(kind: str, on_trial: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_readiness(monkeypatch, tmp_path, *STEPS[on_trial])
    make: Callable[[Path], Path] = PAGES[kind]
    word = SHOWN["fa" if "Persian" in kind else "en"]
    assert (word in make(tmp_path).read_text(encoding="utf-8")) is on_trial


@pytest.mark.parametrize("on_trial", [True, False])
def test_each_page_of_a_site(on_trial: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_readiness(monkeypatch, tmp_path, *STEPS[on_trial])
    data = gather_site(write_analysis(tmp_path / "analysis", STORY), now=NOW, operators={})
    wish = SiteWish(head=SiteFrame(name="Test", address="", lab=False), png=False)
    pages = {name: content for order in list_orders(data, wish) for name, content in order.make().items()
             if name.endswith(".html")}
    assert len(pages) > 5
    assert {name for name, content in pages.items() if (SHOWN["en"].encode() in content) is not on_trial} == set()


def test_a_site_is_made_anew_once_all_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = gather_site(write_analysis(tmp_path / "analysis", STORY), now=NOW, operators={})
    wish = SiteWish(head=SiteFrame(name="Test", address="", lab=False), png=False)
    digests = []
    for on_trial in (True, False):
        write_readiness(monkeypatch, tmp_path, *STEPS[on_trial])
        digests.append({order.name: order.digest for order in list_orders(data, wish)})
    assert not {name for name in digests[0] if digests[0][name] == digests[1][name]}
