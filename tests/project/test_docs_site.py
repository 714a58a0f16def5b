"""The site of documents: it builds without a warning, holds what it should, and asks nobody for anything."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import docs_site
import probe
from chromium import BINARY, Browser, chromium
from probe.store.schema import TABLES
from project_root import ROOT
from site_links import read_page

INTERFACE = {"probe": ("open_results", "open_example"),
             "probe_analysis.open_results.Results": (), "probe_analysis.results_charts.ResultCharts": (),
             "probe_analysis.results_charts.Chart": ()}
"""What others may call: a module with its functions, or a class, of which every public member is meant."""


def test_every_page_has_a_place_in_the_navigation() -> None:
    named = docs_site.list_pages(docs_site.read_config())
    there = [str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(named) == sorted(there), "zensical.toml holds the navigation"


def test_every_column_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "codebook.md").read_text(encoding="utf-8")
    columns = [column.name for table in TABLES.values() for column in table.columns]
    assert [name for name in columns if f"| `{name}` |" not in text] == []


def test_public_functions_of_the_package_are_those_of_the_reference() -> None:
    public = {name for name, value in vars(probe).items() if inspect.isfunction(value) and not name.startswith("_")}
    assert public == set(INTERFACE["probe"])
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    wanted = [f"probe.{name}" for name in public] + [name for name in INTERFACE if name != "probe"]
    assert [name for name in wanted if f"\n::: {name}\n" not in f"{text}\n"] == []


@pytest.mark.parametrize(("body", "problem"), [
    ("<a href='gone.html'>", "no such file"), ("<a href='#gone'>", "no such anchor"),
    ("<a href='b.html#gone'>", "no such anchor"), ("<a href='b.html#there'>", ""), ("<a href='b.html'>", ""),
    ("<script src='https://host.example/x.js'></script>", "fetches"), ("<img src='//host.example/x.png'>", "fetches"),
    ("<link rel=stylesheet href='http://host.example/x.css'>", "fetches"), ("<a href='https://host.example/'>", ""),
    ("<img src='data:image/png;base64,'>", ""), ("<a href='/b.html'>", ""), ("<img src='gone.svg'>", "no such file"),
])
def test_what_is_wrong_with_a_page_is_found(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "a.html").write_text(f"<html>{body}</html>", encoding="utf-8")
    (tmp_path / "b.html").write_text("<h2 id='there'>There</h2>", encoding="utf-8")
    found = list(docs_site.check(tmp_path))
    assert len(found) == bool(problem)
    assert all(problem in line for line in found)


# ---- the site itself

@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("zensical")
    folder = tmp_path_factory.mktemp("built") / "site"
    docs_site.build(folder)
    return folder


@pytest.mark.slow
def test_it_builds_strictly_and_holds_the_public_interface(site: Path) -> None:
    anchors = read_page(site / "api.html").anchors
    for name, functions in INTERFACE.items():
        module, _, last = name.rpartition(".")
        owner = getattr(__import__(module, fromlist=[last]), last) if module else None
        members = functions or [each for each in vars(owner) if not each.startswith("_")]
        assert [f"{name}.{each}" for each in members if f"{name}.{each}" not in anchors] == []


@pytest.mark.slow
def test_a_dead_link_stops_the_build(tmp_path: Path) -> None:
    pytest.importorskip("zensical")
    (tmp_path / "docs").mkdir()
    (tmp_path / "probe").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Home\n\n[gone](gone.md)\n", encoding="utf-8")
    (tmp_path / docs_site.CONFIG).write_text('[project]\nsite_name = "x"\nnav = [{"Home" = "index.md"}]\n'
                                             "[project.theme]\nfont = false\n", encoding="utf-8")
    with pytest.raises(docs_site.SiteError, match=r"index\.md:3"):
        docs_site.build(tmp_path / "site", tmp_path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--allow-file-access-from-files") as found:
        yield found


@pytest.mark.slow
@pytest.mark.skipif(BINARY is None or not hasattr(os, "fork"), reason="needs Chromium")
@pytest.mark.parametrize("page", [
    "index", *(pytest.param(page, marks=pytest.mark.long) for page in ("api", "results"))])
@pytest.mark.parametrize(("width", "dark"), [(400, True), (1300, False)])
def test_a_browser_asks_nobody(browser: Browser, site: Path, page: str, width: int, dark: bool) -> None:
    browser.show_as(width=width, dark=dark)
    browser.open(site / f"{page}.html")
    assert [url for url in browser.requests() if not url.startswith(("file:", "data:", "blob:"))] == []
    wide = browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, "nothing hangs over the page's edge"
