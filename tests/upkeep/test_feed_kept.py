"""Fetching control feeds from mirrors, good ones and hostile ones; which may follow which, and how the last is kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from feeds_made import MADE, entry, failing, feed, put_feed
from in_order import in_order
from loopback import requests_on, serving
from probe.config.settings import FeedSettings, HelperSettings, Settings
from probe.controls.feeds.feed_document import Feed, FeedError, write_feed
from probe.store.files.atomic import StoreError
from probe.upkeep.updates.feed_updates import (
    EVERY_S,
    RETRY_S,
    FeedSource,
    describe_feed_state,
    is_feed_due,
    is_feed_fresh,
    list_feed_sources,
    load_board,
    read_feed_states,
    read_kept_feed,
    read_looks,
    refresh_feed,
)
from probe.upkeep.updates.minisign import parse_public_key
from signed import OTHERS, OURS

NOW = MADE + timedelta(minutes=10)
OLD, NEW = feed(made=MADE - timedelta(minutes=30)), feed()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "state"


def source(*urls: str | Path) -> FeedSource:
    return FeedSource(urls=tuple(map(str, urls)), key=parse_public_key(OURS.public_line))


def where(folder: Path, name: str) -> Path:
    (folder / name).mkdir(exist_ok=True)
    return folder / name


@contextmanager
def served(raw: bytes, signature: bytes) -> Iterator[tuple[str, list[str]]]:
    """The URL of a feed on loopback, and what is asked there."""
    asked: list[str] = []

    def behave(conn: socket.socket) -> None:
        path = next(requests_on(conn), b"GET / ").split(b" ")[1].decode()
        asked.append(path)
        body = signature if path.endswith(".minisig") else raw
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with serving(behave) as server:
        yield f"http://127.0.0.1:{server.port}/de-1.json", asked


# ---- keeping

def test_a_good_feed_is_kept_and_verified_anew(tmp_path: Path, home: Path) -> None:
    here = source(put_feed(tmp_path, NEW))
    assert read_kept_feed(here, home) is None
    assert refresh_feed(here, now=NOW, folder=home).feed == NEW
    kept = read_kept_feed(here, home)
    assert kept is not None
    assert (kept.feed, kept.age_s(NOW), is_feed_fresh(kept, NOW)) == (NEW, 600, True)
    assert read_looks(here, home).failed == ""
    (file,) = home.glob("feed-*.signed")
    file.write_bytes(file.read_bytes().replace(b'"ok"', b'"ko"'))
    with pytest.raises(FeedError, match="altered"):
        read_kept_feed(here, home)
    assert refresh_feed(here, now=NOW, folder=home).feed == NEW, "a damaged one has no say"


def test_of_a_feed_that_was_fetched_already_the_signature_alone_is_asked_for(home: Path) -> None:
    raw = write_feed(NEW)
    with served(raw, OURS.sign(raw)) as (url, asked):
        for _ in range(2):
            assert refresh_feed(source(url), now=NOW, folder=home).feed == NEW
    assert asked == ["/de-1.json.minisig", "/de-1.json", "/de-1.json.minisig"]


def test_a_pair_that_does_not_fit_is_asked_for_again(home: Path) -> None:
    """Somebody came while the mirror's files were replaced."""
    raw, old, times = write_feed(NEW), write_feed(OLD), [0]

    def behave(conn: socket.socket) -> None:
        path = next(requests_on(conn), b"GET / ").split(b" ")[1]
        times[0] += 1
        body = OURS.sign(raw) if path.endswith(b".minisig") else old if times[0] == 2 else raw
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with serving(behave) as server:
        assert refresh_feed(source(f"http://127.0.0.1:{server.port}/f"), now=NOW, folder=home).feed == NEW
    assert times == [4]


@pytest.mark.parametrize(("change", "why"), [
    ("altered", "altered"), ("others", "signed by the key"), ("unsigned", "cannot be read"),
    ("list", "no control feed"), ("cut", "altered"),
])
def test_what_is_not_as_its_maker_signed_it_is_refused(tmp_path: Path, home: Path, change: str, why: str) -> None:
    here = source(put_feed(tmp_path, OLD))
    refresh_feed(here, now=NOW, folder=home)
    path = put_feed(tmp_path, NEW, signer=OTHERS if change == "others" else OURS)
    raw = path.read_bytes()
    if change == "altered":
        path.write_bytes(raw.replace(b'"ok"', b'"fails"'))
    elif change == "unsigned":
        path.with_name(path.name + ".minisig").unlink()
    elif change == "list":
        path.write_bytes(b"{}")
        path.with_name(path.name + ".minisig").write_bytes(OURS.sign(b"{}"))
    elif change == "cut":
        path.write_bytes(raw[:-10])
    with pytest.raises(FeedError, match=why):
        refresh_feed(here, now=NOW, folder=home)
    kept = read_kept_feed(here, home)
    assert kept is not None
    assert kept.feed == OLD, "the last good one stays"
    assert why in read_looks(here, home).failed


@pytest.mark.parametrize(("second", "why"), [
    (feed(made=MADE - timedelta(seconds=1)), "replays an old one"), (feed(failing()), "says something else"),
    (feed(name="us-1", made=MADE + timedelta(minutes=1)), "is of the vantage us-1"),
    (feed(made=MADE + timedelta(days=2)), "in the future"),
])
def test_nobody_is_led_back_or_elsewhere(tmp_path: Path, home: Path, second: Feed, why: str) -> None:
    path = put_feed(tmp_path, NEW, name="f.json")
    refresh_feed(source(path), now=NOW, folder=home)
    put_feed(tmp_path, second, name="f.json")
    with pytest.raises(FeedError, match=why):
        refresh_feed(source(path), now=NOW, folder=home)
    kept = read_kept_feed(source(path), home)
    assert kept is not None
    assert kept.feed == NEW


def test_mirrors_are_asked_until_one_is_fresh(tmp_path: Path, home: Path) -> None:
    stale = put_feed(where(tmp_path, "a"), feed(made=MADE - timedelta(hours=4)))
    good = put_feed(where(tmp_path, "b"), NEW)
    unasked = put_feed(where(tmp_path, "c"), feed(made=MADE + timedelta(minutes=1)))
    here = source(tmp_path / "nowhere.json", stale, good, unasked)
    assert refresh_feed(here, now=NOW, folder=home).feed == NEW
    assert read_looks(here, home).source == str(good)
    good.write_bytes(b"altered")
    lagging = source(tmp_path / "nowhere.json", stale, good)
    assert refresh_feed(source(stale, good), now=NOW, folder=tmp_path / "s").feed.made == MADE - timedelta(hours=4)
    with pytest.raises(FeedError, match="nowhere"):
        refresh_feed(source(tmp_path / "nowhere.json"), now=NOW, folder=home)
    assert refresh_feed(lagging, now=NOW + timedelta(hours=9), folder=tmp_path / "t").feed.name == "de-1"


def test_a_mirror_that_never_answers_leaves_time_for_the_others(tmp_path: Path, home: Path) -> None:
    good = put_feed(tmp_path, NEW)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/f.json"
        assert refresh_feed(source(url, good), now=NOW, timeout_s=1.0, folder=home).feed == NEW


def test_an_open_server_elsewhere_is_never_asked(home: Path) -> None:
    with pytest.raises(FeedError, match="not encrypted"):
        refresh_feed(source("http://feeds.example.org/f.json"), now=NOW, folder=home)


def test_a_state_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(StoreError):
        refresh_feed(source(put_feed(tmp_path, NEW)), now=NOW, folder=tmp_path / "state")


def test_it_is_looked_for_when_it_is_time(tmp_path: Path, home: Path) -> None:
    here = source(put_feed(tmp_path, NEW))
    assert is_feed_due(here, now=NOW, folder=home)
    refresh_feed(here, now=NOW, folder=home)
    after = NEW.made + timedelta(seconds=EVERY_S)
    assert not is_feed_due(here, now=after - timedelta(seconds=1), folder=home)
    assert is_feed_due(here, now=after, folder=home)
    refresh_feed(here, now=after, folder=home)  # the same one
    assert not is_feed_due(here, now=after + timedelta(seconds=RETRY_S - 1), folder=home)
    assert is_feed_due(here, now=after + timedelta(seconds=RETRY_S), folder=home)
    assert is_feed_due(here, now=NOW - timedelta(days=3), folder=home), "the clock was set back"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(raw=st.binary(max_size=400))
def test_whatever_lies_where_a_feed_is_kept_is_refused(tmp_path: Path, raw: bytes) -> None:
    here = source("x")
    (tmp_path / f"feed-{here.slot}.signed").write_bytes(raw)
    (tmp_path / f"feed-{here.slot}.json").write_bytes(raw)
    with pytest.raises(FeedError):
        read_kept_feed(here, tmp_path)
    read_looks(here, tmp_path)


# ---- what a run gets of it

def configured(*paths: Path, **changes: object) -> Settings:
    tables = tuple(FeedSettings(urls=(str(path),), key=OURS.public_line) for path in paths)
    return Settings(feed=tables, **changes)  # type: ignore[arg-type]


def test_of_one_name_the_newer_feed_counts_and_helpers_are_known(tmp_path: Path, home: Path) -> None:
    one, two = put_feed(where(tmp_path, "a"), OLD), put_feed(where(tmp_path, "b"), NEW)
    other = put_feed(tmp_path, feed(name="us-1", asn=64520, cc="US"))
    settings = configured(one, two, other, tmp_path / "none",
                          helper=(HelperSettings(id="h", url="https://h/", asn=7, cc="nl"),))
    for here in list_feed_sources(settings)[:3]:
        refresh_feed(here, now=NOW, folder=home)
    found = read_feed_states(settings, home)
    assert [bool(s.trouble) for s in found] == [False, False, False, True]
    made = load_board(settings, found)
    assert made is not None
    assert (set(made.ids), made.helpers, made.vantages) == ({"feed-de-1", "feed-us-1"}, ((7, "NL"),), 3)
    assert {f.made for f in made.feeds if f.name == "de-1"} == {NEW.made}
    assert load_board(settings, found[3:]) is None


def test_how_it_stands_is_said_in_words(tmp_path: Path, home: Path) -> None:
    settings = configured(put_feed(tmp_path, feed(entry(), failing("https://b.example/"))))
    (here,) = list_feed_sources(settings)
    refresh_feed(here, now=NOW, folder=home)
    (one,) = read_feed_states(settings, home)
    assert in_order(describe_feed_state(one, NOW), "de-1", "AS64510", "DE", "10 minutes", "2 endpoints")
    assert "too old" in describe_feed_state(one, NOW + timedelta(hours=2))
    assert "counts for nothing" in describe_feed_state(one, NOW - timedelta(days=1))


def test_a_key_that_is_none_is_told_with_its_place() -> None:
    with pytest.raises(FeedError, match=r"feed.* 1: key"):
        list_feed_sources(Settings(feed=(FeedSettings(urls=("x",), key="RW"),)))
