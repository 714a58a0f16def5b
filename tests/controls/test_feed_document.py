"""The form of a control feed: what is read, and that nothing else is, whatever the bytes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds_made import MADE, entry, failing, feed
from probe.controls.feeds.feed_board import FeedBoard
from probe.controls.feeds.feed_document import (
    MAX_BYTES,
    MAX_ENTRIES,
    Feed,
    FeedEntry,
    FeedError,
    FeedPage,
    read_feed,
    write_feed,
)
from probe.core.endpoints import Endpoint
from probe.core.observations import ControlAnswer
from probe.core.places import Place

GOOD: dict[str, Any] = json.loads(write_feed(feed(entry(), failing("https://b.example/"))))


def refused(raw: bytes) -> str:
    try:
        read_feed(raw)
    except FeedError as error:
        return str(error)
    return ""


def with_entry(**changes: Any) -> bytes:
    return json.dumps({**GOOD, "entries": [{**GOOD["entries"][0], **changes}]}).encode()


def with_place(**changes: Any) -> bytes:
    return with_entry(places=[{**GOOD["entries"][0]["places"][0], **changes}])


def test_what_is_written_is_read_again() -> None:
    made = feed(entry(), failing("https://b.example/"))
    raw = write_feed(made)
    assert read_feed(raw) == made
    assert len(raw.splitlines()) == 4, "one entry a line, so that versions of it can be compared"
    assert read_feed(json.dumps({**GOOD, "more": 1}).encode()) == made, "what a later program adds does no harm"


@pytest.mark.parametrize(("raw", "why"), [
    (b"", "no control feed"), (b"[]", "no control feed"), (b"\xff\xfe", "no control feed"), (b"{", "no control feed"),
    (b"[" * 100_000, "no control feed"), (b" " * (MAX_BYTES + 1), "larger than"),
    (json.dumps({**GOOD, "format": 2}).encode(), "install a newer one"),
    *((json.dumps({**GOOD, name: value}).encode(), name) for name, value in {
        "asn": 0, "cc": "de", "name": "../x", "entries": [7], "catalogue": "x\n"}.items()),
    (json.dumps({**GOOD, "cc": "ZZ"}).encode(), "cc"), (json.dumps({**GOOD, "name": "-"}).encode(), "name"),
    (json.dumps({**GOOD, "made": "2026-11-25T12:00:00"}).encode(), "zone"),
    (json.dumps({**GOOD, "begun": "2026-11-25T12:00:01Z"}).encode(), "before it was begun"),
    (json.dumps({**GOOD, "begun": "2026-11-23T12:00:01Z"}).encode(), "before it was begun"),
    (json.dumps({**GOOD, "made": "9999-12-31T23:59:59Z"}).encode(), "before it was begun"),
    (json.dumps({**GOOD, "entries": [GOOD["entries"][0]] * 2}).encode(), "twice"),
    (json.dumps({**GOOD, "entries": [{"input": f"a{n}", "at": 0, "state": "ok"} for n in range(MAX_ENTRIES + 1)]}
                ).encode(), "entries"),
    (with_entry(at=-1), "at"), (with_entry(at=86_401), "at"), (with_entry(state="up"), "state"),
    (with_entry(input="a b"), "input"), (with_entry(addresses=["1"] * 33), "addresses"),
    (with_entry(dns_failure="unknown_failure: my router 192.0.2.7"), "dns_failure"),
    (with_entry(page={"title": "a\x1b[2J"}), "title"), (with_entry(page={"status": 1000}), "status"),
    (with_entry(page={"headers": ["a b"]}), "headers"), (with_entry(page={"met": "perhaps"}), "met"),
    (with_place(port=0), "port"), (with_place(key="ab"), "key"), (with_place(ja4="x" * 36), "ja4"),
    (with_place(tls="Reset!"), "tls"),
])
def test_what_is_no_feed_is_refused_in_words(raw: bytes, why: str) -> None:
    assert why in refused(raw)


def test_nothing_is_written_that_nobody_could_read() -> None:
    with pytest.raises(FeedError, match="twice"):
        write_feed(feed(entry(), entry()))
    with pytest.raises(FeedError, match="title"):
        write_feed(feed(FeedEntry(input="https://a.example/", at=0, state="ok",
                                  page=FeedPage(title="\n"))))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from(["", "ok", "fails", "2026-11-25T12:00:00Z", "93.184.0.1", "::", "127.0.0.1", "DE"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8)


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """A good feed in which a few values are others."""
    found = json.loads(json.dumps(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        spot: Any = found
        while isinstance(spot, dict | list) and spot:
            key = draw(st.sampled_from(sorted(spot))) if isinstance(spot, dict) else draw(st.integers(0, len(spot) - 1))
            if not isinstance(spot[key], dict | list) or not spot[key] or draw(st.booleans()):
                spot[key] = draw(VALUES)
                break
            spot = spot[key]
    return json.dumps(found).encode()


@given(bent() | st.binary(max_size=200))
def test_whatever_comes_is_a_feed_or_refused_and_a_feed_can_be_consulted(raw: bytes) -> None:
    try:
        found = read_feed(raw)
    except FeedError:
        return
    for one in found.entries:
        consulted(found, one)


def consulted(found: Feed, one: FeedEntry) -> ControlAnswer:
    endpoint = Endpoint(target_id="t", service="s", role="web", tier=1, input=one.input, protocol="http", host="h",
                        port=443)
    return FeedBoard(feeds=(found,)).consult(found.control_id, endpoint, now=MADE, t_s=1.0,
                                             failed=MADE - timedelta(hours=2))


def test_an_address_that_no_service_has_is_passed_over() -> None:
    raw = with_entry(addresses=["93.184.0.1", "127.0.0.1", "192.168.1.1", "x", "near"], places=[
        {"ip": ip, "port": 443, "tcp": ""} for ip in ("93.184.0.1", "10.0.0.1", "::1", "x")])
    told = consulted(read_feed(raw), read_feed(raw).entries[0])
    assert told.addresses == ("93.184.0.1",)
    assert told.tcp == ((Place("93.184.0.1", 443), ""),)


def test_an_entry_tells_when_it_was_measured() -> None:
    made = feed(entry(at=120), made=datetime(2026, 11, 25, 12, 30, tzinfo=UTC))
    told = FeedBoard(feeds=(made,)).consult("feed-de-1", Endpoint(
        target_id="t", service="s", role="web", tier=1, input=made.entries[0].input, protocol="http", host="h",
        port=443), now=made.begun + timedelta(seconds=500), t_s=1.0)
    assert (told.source, told.age_s, told.asn, told.cc) == ("feed", 380, 64510, "DE")
