"""Every kind of page in real Chromium behind the web server that an operator gets: its policy refuses nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import requests

from chromium import BINARY, Browser, chromium
from made_site import NAMED, NOW, STORY, write_analysis
from operator_folder import init, make_operator_folder
from pages_made import PAGES
from probe_analysis.fleet_health.fleet_health import describe_fleet
from probe_analysis.fleet_health.health_page import make_health_page
from probe_analysis.site.make_site import SiteWish, list_orders
from probe_analysis.site.site_files import write_site
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_shell import SiteFrame
from probe_operate.services.operator_choices import read_choices
from probe_operate.services.web_server import make_web_configuration
from upload_world import NGINX, free_ports, running_nginx

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (BINARY and NGINX and hasattr(os, "fork")),
                                                   reason="needs Chromium and nginx")]
SITE_PAGES = ("", "index.html", "explore.html", "about.html", "country/ru.html", "service/signal.html",
              f"network/ru-as{NAMED}.html", "event/2025-03-11-ru-telegram.html")
OTHERS = {f"{name.replace(' ', '-')}.html": make for name, make in PAGES.items()}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server, with a site in its folder and the other pages beside it."""
    work = tmp_path_factory.mktemp("web")
    folder = make_operator_folder(work / "op")
    said = ("--operator", "Example", "--contact", "a@example.org", "--reviewed", "Board")
    assert init(folder.root, *said).exit_code == 0
    site = folder.public / "site"
    shutil.rmtree(site, ignore_errors=True)
    data = gather_site(write_analysis(work / "analysis", STORY), now=NOW, operators={})
    frame = SiteFrame(name="Test", address="", lab=False)
    write_site(site, list_orders(data, SiteWish(head=frame, png=False)))
    for name, make in OTHERS.items():
        made = make(Path(work, name.removesuffix(".html")))
        shutil.copyfile(made, site / name)
    (site / "health.html").write_text(make_health_page(describe_fleet([], now=NOW, lab=False)), encoding="utf-8")
    ports = dict(zip(("web_port", "health_port", "helper_port", "metrics_port", "inbox_port"), free_ports(5),
                     strict=True))
    choices = msgspec.structs.replace(read_choices(folder), **ports)
    (work / "runtime").mkdir()
    text = make_web_configuration(choices, folder, runtime=str(work / "runtime"), credentials=str(folder.keys))
    with running_nginx(text, work / "nginx.conf"):
        yield f"http://127.0.0.1:{choices.web_port}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("page", [*SITE_PAGES, "join", "health.html", *OTHERS])
def test_nothing_is_refused(url: str, browser: Browser, page: str) -> None:
    assert "Content-Security-Policy" in requests.get(f"{url}/{page}", timeout=5).headers
    browser.open(f"{url}/{page}")
    assert browser.complaints() == []
    scripts = [f"{url}/explore.js"] if page == "explore.html" else []
    assert browser.requests() == [f"{url}/{page}", *scripts]


def test_the_explorer_runs(url: str, browser: Browser) -> None:
    browser.open(f"{url}/explore.html")
    assert browser.run("document.getElementById('told').textContent").startswith("0 of")
