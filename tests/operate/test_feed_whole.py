"""A feed of the whole catalogue: that it fits, what goes where it does not, and that what is not in it is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from feeds_made import KEY, feed, place
from observations import HOST, TIMEOUT, endpoint, expecting
from probe.catalogue.load import load_catalogue
from probe.controls.feeds.feed_board import FeedBoard
from probe.controls.feeds.feed_document import (
    MAX_BYTES,
    MAX_ENTRIES,
    FeedEntry,
    FeedError,
    FeedPage,
    read_feed,
    write_feed,
)
from probe.core.endpoints import Endpoint
from probe.session.context_making import MANY_ADDRESSES
from probe_operate.feeds.feed_fit import fit_feed
from probe_operate.feeds.feed_learning import make_feed
from probe_operate.feeds.feed_left_out import BY_PLACE, CONTROL, NO_NAME, NO_TURN, list_left_out
from test_feed_learn import ALL, FRAME_OF, catalogue, measured, net

JA4 = "t13d1812h1_85036bcba153_d41ae481755e"
WHOLE = load_catalogue(None, search=False)
ASKED = tuple(e for e in WHOLE.endpoints if e.status == "active" and "{" not in e.input)
ADDRESSES = (*(f"193.184.100.{n}" for n in range(MANY_ADDRESSES)),
             *(f"2a03:2880:f1ff:83:face:b00c:0:25d{n}" for n in range(MANY_ADDRESSES // 2)))
"""As many of one name as a run looks at, in their longest form."""
ORDINARY = FeedPage(status=200, title="Log in or sign up - " * 4, bytes=100_000, met="yes",
                    location="https://www.example.com/" * 3,
                    headers=tuple(f"x-some-header-name-{n}" for n in range(30)))
"""More than services say of themselves."""
FULL = FeedPage(status=200, title="\U0001f600" * 500, bytes=1 << 40, location="\u0444" * 500, met="yes",
                headers=tuple(f"{n:02}{'x' * 62}" for n in range(40)))
"""All that a server may say."""


def entry(of: Endpoint, page: FeedPage) -> FeedEntry:
    places = tuple(place(ip, of.port or 443, key=KEY, ja4=JA4, app="proven") for ip in ADDRESSES)
    return FeedEntry(input=of.input, at=86_400, state="ok", proof="http", addresses=ADDRESSES, places=places, page=page)


def test_a_feed_of_the_whole_catalogue_takes_half_of_what_readers_allow_at_most() -> None:
    assert 500 < len(ASKED) < MAX_ENTRIES / 4, "room for a catalogue that grows"
    made = feed(*(entry(one, ORDINARY) for one in ASKED))
    assert fit_feed(made) == (made, ())
    assert len(write_feed(made)) < MAX_BYTES / 2


def test_what_servers_say_of_themselves_goes_before_the_feed_does() -> None:
    more = tuple(replace(one, input=f"{one.input}?{n}") for n in (1, 2) for one in ASKED)
    loud, quiet = more[:-20], more[-20:]
    made = feed(*(entry(one, FULL) for one in loud), *(entry(one, ORDINARY) for one in quiet))
    with pytest.raises(FeedError, match="larger than"):
        write_feed(made)
    found, bare = fit_feed(made)
    assert bare == tuple(one.input for one in loud)
    assert read_feed(write_feed(found)) == found
    assert [one.page for one in found.entries] == [None] * len(loud) + [ORDINARY] * len(quiet)
    assert [msgspec.structs.replace(one, page=None) for one in made.entries] == [
        msgspec.structs.replace(one, page=None) for one in found.entries], "and nothing else does"
    told = FeedBoard(feeds=(found,)).consult(found.control_id, loud[0], now=found.made, t_s=1.0)
    assert told.http_failure is None, "nothing is known of the page then, not that it fails"


def test_whatever_servers_say_a_feed_of_this_catalogue_can_be_read() -> None:
    made = feed(*(entry(one, FULL) for one in ASKED))
    assert len(write_feed(fit_feed(made)[0])) <= MAX_BYTES


# ---- what is not in it

def reasons(*members: Endpoint, tier: int = 3, known: tuple[Endpoint, ...] = (), **world: Any) -> dict[str, str]:
    """Input -> why it is not in the feed of a run that measured `members` out of `known`."""
    result, _ = measured(net(**world), *members)
    listed = catalogue(*(known or members))
    made = make_feed(result, listed, FRAME_OF)
    found = list_left_out(result, listed, made, tier=tier)
    told = {one.input for one in made.entries}
    assert not told & {url for urls in found.values() for url in urls}
    return {url: why for why, urls in found.items() for url in urls}


def test_every_endpoint_that_is_not_in_it_has_its_reason() -> None:
    well, late = endpoint(), endpoint("https://late.example/", target_id="late.web.main")
    closed = expecting(f"tcpconnect://{HOST}:81", status=("closed",), target_id="c.control.81")
    placed = endpoint("https://store.example/{cc}/app", target_id="a.store.ios")
    unbuilt = endpoint("udp://media.example:10000", protocol="udp", target_id="a.call.media")
    asleep = endpoint("https://deep.example/", target_id="deep.web.main", tier=3)
    dead = endpoint("https://old.example/", target_id="old.web.main", status="dead")
    assert reasons(well, known=(well, late, closed, placed, unbuilt, asleep, dead), tier=2) == {
        late.input: NO_TURN, closed.input: CONTROL, placed.input: BY_PLACE,
        unbuilt.input: "No reply is known that a server gives without a session."}


def test_a_name_that_nobody_gives_an_address_is_told_apart_from_one_that_had_no_turn() -> None:
    well = endpoint("https://93.184.0.1/", host="93.184.0.1", address="93.184.0.1", target_id="well.web.main")
    lost = endpoint()
    assert reasons(well, lost, dns=dict.fromkeys(ALL, TIMEOUT)) == {lost.input: NO_NAME}


def test_what_takes_more_consent_or_a_library_says_so() -> None:
    shy, heavy = endpoint(f"stun://{HOST}:3478", protocol="stun"), endpoint(f"quichandshake://{HOST}:443",
                                                                           protocol="quic")
    result, _ = measured(net())
    low = replace(result, run=replace(result.run, vantage=replace(result.run.vantage, consent_level=1)))
    made = make_feed(result, catalogue(endpoint()), FRAME_OF)
    assert list_left_out(low, catalogue(shy), made, tier=3) == {"needs consent level 2": (shy.input,)}
    (why,) = list_left_out(result, catalogue(heavy), made, tier=3, lacking=frozenset({"aioquic"}))
    assert why.startswith("needs aioquic")
