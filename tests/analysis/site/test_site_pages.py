"""The pages of a small site: facts first, suspicions told as such, feeds and events that programs can read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path

import feedparser
import jsonschema
import pytest

from made_site import DAYS, FEW, NAMED, NOW, STORY, at, log_row, write_analysis
from probe.judge.common.planned_looks import find_wilson_interval
from probe.store.files.atomic import StoreError
from probe_analysis.look.look_sentences import describe_state
from probe_analysis.site.event_states import find_state, make_look
from probe_analysis.site.make_site import SiteWish, list_orders
from probe_analysis.site.site_files import STATE_FILE, PageOrder, write_site
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_shell import SiteFrame
from probe_analysis.site.site_values import SiteData
from report_made import HOSTILE, Page

FRAME = SiteFrame(name="Test site", address="https://site.example/x/", lab=False)
WISH = SiteWish(head=FRAME, png=False)
FACT, DOUBT, OVER, BACK = (f"event/{key}.html" for key in (
    "2025-03-11-ru-telegram", "2025-03-11-ru-signal", "2025-03-03-ru-signal", "2025-03-11-de-signal"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_analysis(tmp_path_factory.mktemp("analysis"), STORY)


@pytest.fixture(scope="module")
def data(folder: Path) -> SiteData:
    return gather_site(folder, now=NOW, operators={NAMED: "Example Telecom"})


@pytest.fixture(scope="module")
def files(data: SiteData) -> Mapping[str, bytes]:
    return {name: content for order in list_orders(data, WISH) for name, content in order.make().items()}


def words(files: Mapping[str, bytes], name: str) -> str:
    return Page(_close_voids(files[name].decode())).words


def _close_voids(text: str) -> str:
    return re.sub(r"<(meta|link)\b([^>]*)>", r"<\1\2/>", text)


def cards(files: Mapping[str, bytes], name: str) -> list[tuple[str, str]]:
    """(link, class of the card) in the order of the page."""
    found: list[tuple[str, str]] = []
    for tag, attributes in Page(_close_voids(files[name].decode())).elements:
        if tag == "li" and (attributes.get("class") or "").startswith("card"):
            found.append(("", str(attributes["class"])))
        elif tag == "a" and found and not found[-1][0]:
            found[-1] = (str(attributes["href"]), found[-1][1])
    return found


def test_what_is_blocked_now_stands_first_and_a_suspicion_looks_like_none(files: Mapping[str, bytes]) -> None:
    assert cards(files, "index.html") == [
        (FACT, "card confirmed fact"), (DOUBT, "card suspected doubt"), (OVER, "card ended fact"),
        (BACK, "card withdrawn doubt")]


def test_sentences_are_those_of_a_look(data: SiteData, files: Mapping[str, bytes]) -> None:
    for event in data.events:
        look = make_look(data, event)
        said = describe_state(look, look.sources[0], event.finding)
        assert said[1:] in words(files, f"event/{event.key}.html")
        assert said[1:] in words(files, "index.html")
        assert ("suspicion" in said) == (event.finding.status != "confirmed")


def test_a_suspicion_is_never_to_be_printed(files: Mapping[str, bytes]) -> None:
    assert "<blockquote>" in files[FACT].decode()
    for name in (DOUBT, BACK):
        assert "<blockquote>" not in files[name].decode()
    assert 'class="lead doubt"' in files[DOUBT].decode()


def test_each_country_service_network_and_event_has_its_page(files: Mapping[str, bytes]) -> None:
    pages = {name for name in files if name.endswith(".html")}
    assert pages == {"index.html", "about.html", "corrections.html", "explore.html", "country/ru.html",
                     "country/de.html", "service/telegram.html", "service/signal.html", f"network/ru-as{NAMED}.html",
                     "network/de-as64511.html", FACT, DOUBT, OVER, BACK}
    assert cards(files, "service/telegram.html") == [(f"../{FACT}", "card confirmed fact")]
    assert [link for link, _ in cards(files, f"network/ru-as{NAMED}.html")] == [f"../{FACT}", f"../{OVER}"]
    assert "Example Telecom" in words(files, FACT)


def test_no_link_of_the_site_is_broken(files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        if name.endswith(".html"):
            page = Page(_close_voids(content.decode()))
            anchors = {found for _, attributes in page.elements if (found := attributes.get("id"))}
            for tag, attributes in page.elements:
                if tag in ("a", "link") and (link := attributes["href"]):
                    target, _, anchor = link.partition("#")
                    whole = (Path("/") / name).parent / target
                    there = str(whole.resolve()).lstrip("/") if target else name
                    assert there in files, (name, link)
                    assert not anchor or there != name or anchor in anchors, (name, link)


def test_a_network_of_few_probes_is_in_no_file(files: Mapping[str, bytes]) -> None:
    assert [name for name, content in files.items() if str(FEW).encode() in content or str(FEW) in name] == []


def test_pages_fetch_nothing_and_run_what_they_name(files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        if name.endswith(".html"):
            text = unescape(content.decode())
            assert "default-src 'none'" in text
            assert not re.search(r'(?:src|href)="(?:https?:)?//', text), name
            assert ("script-src" in text) == (name == "explore.html")
            assert not re.search(r"\son\w+=|javascript:", text), name
            assert re.findall(r"<script.*?>", text) == ['<script src="explore.js" defer>'] * (name == "explore.html")


def test_every_chart_has_its_numbers(files: Mapping[str, bytes]) -> None:
    charts = {name.removesuffix(".svg") for name in files if name.endswith(".svg")}
    assert {"country/ru", "service/signal", f"network/ru-as{NAMED}", FACT.removesuffix(".html")} <= charts
    assert all(f"{name}.csv" in files for name in charts)
    rows = files["country/ru.csv"].decode().splitlines()
    assert "Telegram,2025-03-12,0,216,0,0,0,0" in rows, "nine verdicts an hour"


@pytest.mark.parametrize(("blocked", "n", "low", "high"), [(0, 10, 0.0, 0.278), (5, 10, 0.237, 0.763),
                                                           (10, 10, 0.722, 1.0), (81, 263, 0.255, 0.366)])
def test_intervals_are_wilsons(blocked: int, n: int, low: float, high: float) -> None:
    assert find_wilson_interval(blocked, n) == pytest.approx((low, high), abs=0.001)


def test_a_chart_shows_when_it_began_and_ended(files: Mapping[str, bytes]) -> None:
    fact, over = files[FACT.replace(".html", ".svg")].decode(), files[OVER.replace(".html", ".svg")].decode()
    assert (fact.count("band onset"), fact.count("band end")) == (1, 0)
    assert (over.count("band onset"), over.count("band end")) == (1, 1)


def test_the_networks_of_what_goes_on_are_counted_as_the_event_is(files: Mapping[str, bytes]) -> None:
    """The log keeps what it told last: the event had 432 blocked runs by now, its only network 60."""
    told = json.loads(files["event/2025-03-11-ru-telegram.json"])
    assert [(one["n"], one["blocked"]) for one in told["networks"]] == [(told["n"], told["blocked"])] == [(432, 432)]
    over = json.loads(files["event/2025-03-03-ru-signal.json"])
    assert (over["n"], over["networks"][0]["n"]) == (60, 60), "what is over stands as it was told"


def test_events_are_as_their_schema_says(files: Mapping[str, bytes]) -> None:
    schema = json.loads(files["events.schema.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    told = json.loads(files["events.json"])
    jsonschema.Draft202012Validator(schema).validate(told)
    events = {one["key"]: one for one in told["events"]}
    assert {key: (one["state"], one["established"]) for key, one in events.items()} == {
        "2025-03-11-ru-telegram": ("confirmed", True), "2025-03-11-ru-signal": ("suspected", False),
        "2025-03-11-de-signal": ("withdrawn", False), "2025-03-03-ru-signal": ("ended", True)}
    assert events["2025-03-11-ru-signal"]["networks"] == []
    assert events["2025-03-11-ru-signal"]["networks_not_named"] == 1
    assert json.loads(files["event/2025-03-11-ru-telegram.json"]) == events["2025-03-11-ru-telegram"]


@pytest.mark.parametrize("stem", ["all", "country/ru", "country/ru/signal", "country/ru/telegram",
                                  "country/de/telegram", "service/signal"])
def test_feeds_can_be_read(files: Mapping[str, bytes], stem: str) -> None:
    atom = feedparser.parse(files[f"{stem}.atom"])
    assert not atom.bozo
    assert atom.version == "atom10"
    feed = json.loads(files[f"{stem}.feed.json"])
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [(item["id"], item["title"]) for item in feed["items"]] == [(one.id, one.title) for one in atom.entries]
    assert all(item["url"].removeprefix(FRAME.address) in files for item in feed["items"])
    assert atom.feed.id
    assert atom.feed.updated_parsed
    assert len({one.id for one in atom.entries}) == len(atom.entries)


def test_a_feed_tells_the_end_and_the_withdrawal_as_well(files: Mapping[str, bytes]) -> None:
    titles = [one.title for one in feedparser.parse(files["all.atom"]).entries]
    assert sorted(title.split(":")[0] for title in titles) == ["Ended", "New", "New", "New", "New", "Withdrawn"]
    assert [title.split(":")[0] for title in titles if "suspicion" in title] == ["New"]
    pair = feedparser.parse(files["country/ru/signal.atom"]).entries
    assert [one.title.split(":")[0] for one in pair] == ["New", "Ended", "New"]
    assert feedparser.parse(files["country/de/telegram.atom"]).entries == [], "it is there before there is news"


def test_staleness_is_said(folder: Path) -> None:
    later = gather_site(folder, now=NOW + timedelta(days=5), operators={})
    states = {event.key: find_state(later, event) for event in later.events}
    assert states["2025-03-11-ru-telegram"] == "stale"
    assert states["2025-03-11-ru-signal"] == "stale"


def test_what_is_blocked_without_an_event_is_not_kept_quiet(tmp_path: Path, files: Mapping[str, bytes]) -> None:
    sign = "no event of it is open"
    assert not any(sign in words(files, name) for name in files if name.endswith(".html"))
    data = gather_site(write_analysis(tmp_path, []), now=NOW, operators={})
    quiet = {name: content for order in list_orders(data, WISH) for name, content in order.make().items()}
    told = {name for name in quiet if name.endswith(".html") and sign in words(quiet, name)}
    assert told == {"index.html", "country/ru.html", "service/telegram.html", f"network/ru-as{NAMED}.html"}
    assert f"{sign}: Telegram in" in words(quiet, "index.html")
    assert f"{sign}: RU." in words(quiet, "service/telegram.html")


# files

def write(out: Path, data: SiteData, wish: SiteWish = WISH) -> tuple[int, int]:
    done = write_site(out, list_orders(data, wish))
    return done.made, done.files


def test_only_what_changed_is_made(tmp_path: Path, folder: Path, data: SiteData) -> None:
    out = tmp_path / "public"
    made, _ = write(out, data)
    assert made > 20
    assert write(out, data) == (0, 0)
    later = gather_site(folder, now=NOW + timedelta(hours=1), operators={NAMED: "Example Telecom"})
    assert {order.name for order in list_orders(later, WISH)} == {order.name for order in list_orders(data, WISH)}
    assert 0 < write(out, later)[0] < made / 2
    (out / "country" / "ru.svg").unlink()
    assert write(out, later) == (1, 1), "what is gone is made again"
    whole = tmp_path / "anew"
    write(whole, later)
    for path in whole.rglob("*"):
        if path.is_file() and path.name != STATE_FILE and path.suffix != ".png":
            assert path.read_bytes() == (out / path.relative_to(whole)).read_bytes(), path


_LIST_DIGESTS = """
import sys
from pathlib import Path
from made_site import NOW
from probe_analysis.site.make_site import SiteWish, list_orders
from probe_analysis.site.site_gather import gather_site
from probe_analysis.site.site_shell import SiteFrame

data = gather_site(Path(sys.argv[1]), now=NOW, operators={})
wish = SiteWish(head=SiteFrame(name="Test site", address="", lab=False), png=False)
print(*(f"{order.name}={order.digest}" for order in list_orders(data, wish)), sep="\\n")
"""


def test_another_process_knows_what_was_made_before(folder: Path) -> None:
    """A set in what a page is made from is written in another order by each process: all pages were made each hour."""
    told = []
    for seed in ("1", "2"):
        done = subprocess.run([sys.executable, "-c", _LIST_DIGESTS, str(folder)], check=True, capture_output=True,
                              text=True, env={**os.environ, "PYTHONHASHSEED": seed,
                                              "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
        told.append(done.stdout.split("\n"))
    assert len(told[0]) > 20
    assert told[0] == told[1]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, data: SiteData) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="is no site"):
        write(tmp_path, data)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a//b", "C:x", "a\\..\\x"])
def test_a_state_that_lies_removes_nothing_outside(tmp_path: Path, name: str) -> None:
    victim, out = tmp_path / "x", tmp_path / "public"
    victim.write_text("x")
    out.mkdir()
    (out / STATE_FILE).write_text(json.dumps({"format": 1, "pages": {"p": ["", [name]]}}))
    write_site(out, [PageOrder(name="q", digest="1", make=lambda: {"q.html": b"q"})])
    assert victim.exists()
    assert (out / "q.html").read_bytes() == b"q"


def test_what_nobody_makes_any_more_goes(tmp_path: Path) -> None:
    def order(name: str) -> PageOrder:
        return PageOrder(name=name, digest="1", make=lambda: {f"{name}.html": b"x"})

    write_site(tmp_path / "p", [order("a"), order("b")])
    assert write_site(tmp_path / "p", [order("b")]).removed == 1
    assert not (tmp_path / "p" / "a.html").exists()


# hostile strings

def test_hostile_strings_are_text(tmp_path: Path) -> None:
    name = HOSTILE.replace("\ud800", "")
    row = log_row("a", service=name, mechanism=name, roles=[name], endpoints=[name])
    folder = write_analysis(tmp_path, [row, {**log_row("b"), "place": "../../x"}, {"event_id": "c"}])
    data = gather_site(folder, now=NOW, operators={NAMED: name})
    assert data.unread == 2
    data = replace(data, titles={"telegram": name, "signal": name})
    for order in list_orders(data, replace(WISH, head=replace(FRAME, name=name))):
        for path, content in order.make().items():
            assert ".." not in path
            if path.endswith((".html", ".svg")):
                assert b"<img" not in content, path
                assert b"<script>alert" not in content, path
                assert b"\x1b" not in content, path
            if path.endswith(".html"):
                Page(_close_voids(content.decode()))
            if path.endswith(".atom"):
                assert not feedparser.parse(content).bozo


def test_made_up_data_say_so_on_every_page(tmp_path: Path) -> None:
    folder = write_analysis(tmp_path, [{**log_row("a"), "lab": True}, log_row("b")], lab=True)
    data = gather_site(folder, now=at(24 * DAYS), operators={})
    assert len(data.events) == 1
    wish = SiteWish(head=SiteFrame(name="x", address="", lab=data.lab), png=False)
    for order in list_orders(data, wish):
        assert all(b"Made-up data." in content for path, content in order.make().items() if path.endswith(".html"))


@pytest.mark.parametrize("lab", [False, True])
def test_a_sentence_that_may_be_copied_says_that_it_is_of_the_laboratory(tmp_path: Path, lab: bool) -> None:
    """Titles and summaries of feeds, what others show of a link, and sentences for programs leave the page's banner
    behind; and nothing is offered to be printed."""
    folder = write_analysis(tmp_path, [{**log_row("a"), "lab": lab}], lab=lab)
    data = gather_site(folder, now=at(24 * DAYS), operators={})
    wish = SiteWish(head=SiteFrame(name="x", address="", lab=data.lab), png=False)
    made = {path: content for order in list_orders(data, wish) for path, content in order.make().items()}
    (event,) = data.events
    (page,) = [content.decode() for path, content in made.items() if path == f"event/{event.key}.html"]
    assert ("To be printed" in page) is not lab
    entries = [entry for path, content in made.items() if path.endswith(".atom")
               for entry in feedparser.parse(content).entries]
    told = [*(text for entry in entries for text in (entry.title, entry.summary)),
            *(one["sentence"] for one in json.loads(made["events.json"])["events"]),
            *(one for text in made if text.endswith(".html") and "event/" in text
              for one in re.findall(r'<meta[^>]*content="([^"]*not reachable[^"]*)"', made[text].decode()))]
    assert entries
    assert {"laboratory" in text for text in told} == {lab}
